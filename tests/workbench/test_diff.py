"""`map diff`: what another version of a mapping makes of the same samples."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from workbench.conftest import Bench, order_document


def newer(bench: Bench) -> Path:
    """A copy of the profile in a folder of another name."""
    folder = bench.folder / "acme-1.1"
    shutil.copytree(bench.acme, folder)
    return folder


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "order.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_equal_mappings_differ_in_nothing(bench: Bench) -> None:
    """And it is said how many samples that was tried on."""
    said = bench("map", "diff", "mappings/acme", str(newer(bench)))
    assert (said.code, said.out) == (0, "2 samples, 0 leaves differ\n")


def test_what_changes_is_told_leaf_by_leaf(bench: Bench) -> None:
    """In payload and message; old and new; ends with 1."""
    folder = newer(bench)
    change(folder, "Note: = doc.note | cut(10)", "Note: = doc.note | upper")
    said = bench("map", "diff", "mappings/acme", str(folder), "--json")
    rows = {(r["what"], r["at"], r["old"], r["new"]) for r in said.json["changed"]}
    assert said.code == 1
    assert rows == {
        ("payload", "Note", "danke", "DANKE"),
        ("message", "body.Save.Header.Note", "danke", "DANKE"),
    }


def test_a_document_that_is_read_otherwise_is_told(bench: Bench) -> None:
    """A table row, and a field that cannot be read any more."""
    folder = newer(bench)
    change(folder, "new: confirmed", "new: fulfilled")
    [row] = bench("map", "diff", "mappings/acme", str(folder), "--json").json["changed"]
    assert (row["sample"], row["what"], row["at"]) == ("order.get.xml", "document", "status")
    change(folder, "new: fulfilled, ", "")
    rows = bench("map", "diff", "mappings/acme", str(folder), "--json").json["changed"]
    assert ("status", "confirmed", "fault: unmapped") in {
        (r["at"], r["old"], r["new"]) for r in rows
    }


def test_more_samples_show_more(bench: Bench) -> None:
    """A folder of recorded ones."""
    folder = newer(bench)
    change(folder, "cut(10)", "cut(3)")
    (bench.acme / "samples" / "order.json").write_text(json.dumps(order_document(note="ok")))
    (folder / "samples" / "order.json").write_text(json.dumps(order_document(note="ok")))
    assert bench("map", "diff", "mappings/acme", str(folder)).code == 0
    more = bench.folder / "recorded"
    more.mkdir()
    (more / "order_1.json").write_text(json.dumps(order_document()))
    said = bench("map", "diff", "mappings/acme", str(folder), "--samples", str(more), "--json")
    assert {row["sample"] for row in said.json["changed"]} == {"order_1.json"}


def test_a_site_is_compared_with_its_base(bench: Bench) -> None:
    """What it overrides is what differs."""
    site = bench.folder / "mappings" / "site"
    site.mkdir()
    (site / "order.yaml").write_text("extends: acme\nentity: order\nwrite: {Note: mine}\n")
    said = bench("map", "diff", "mappings/acme", "mappings/site", "--json")
    assert {row["new"] for row in said.json["changed"]} == {"mine"}


def test_a_wrong_mapping_is_not_compared(bench: Bench) -> None:
    """Its problems are the answer."""
    folder = newer(bench)
    change(folder, "tables:", "tabels:")
    said = bench("map", "diff", "mappings/acme", str(folder))
    assert (said.code, "did you mean `tables`?" in said.err) == (2, True)
