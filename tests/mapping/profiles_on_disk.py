"""Profiles written to a temporary folder, for tests of loading."""

from __future__ import annotations

from pathlib import Path

PROFILE = """\
profile: base
version: "1.3"
protocol: rest
parameters:
  fee: {type: text, default: "9", meaning: x}
"""
ORDER = """\
entity: order
key: = id
read:
  number: = id
  status: = state | table('state')
  placed_at: = at
  currency: = cur
  total: = sum
write:
  ref: = reference
  note: = doc.note
  list:
    part:
      $concat:
        goods:
          $each: doc.lines as l
          name: = l.name
          net: = l.net
tables:
  state: {new: confirmed, else: error}
"""
SITE = "extends: base\nentity: order\n"


def write(folder: Path, **files: str) -> Path:
    """Write `name__file` = text as folder/name/file.yaml; returns the folder."""
    for name, text in files.items():
        profile, _, stem = name.partition("__")
        path = folder / profile / f"{stem}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
