"""`numbers:` of a profile: what is written keeps numbers and text apart, through the ledger."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from mapping.test_loading import order

from connector.ledger.content import pack, unpack
from connector.mapping.compile import compile_profile
from connector.mapping.faults import Fault
from connector.mapping.load import load_profile
from connector.mapping.rendering import Make
from connector.mapping.write import Writer
from connector.problems import Problems

PROFILE = """\
profile: p
version: "1"
protocol: rest
base: "{{ conn.url }}"
"""
ORDER = """\
entity: order
read: {number: = no}
write: {ref: = reference, total: = '8.10' | dec(2), no: "007", rows: [= 8.5, {n: = 3}],
  over: {$over: "= {'n': 4.5, 'm': 1}", m: x}}
"""


def writer_of(folder: Path, more: str) -> Writer:
    """The `write` of a profile that says *more*."""
    (folder / "p").mkdir()
    (folder / "p" / "profile.yaml").write_text(PROFILE + more)
    (folder / "p" / "order.yaml").write_text(ORDER)
    problems = Problems()
    raw = load_profile("p", [folder], problems)
    assert raw is not None
    compiled = compile_profile(raw, problems)
    problems.raise_if_any()
    assert compiled is not None
    return compiled.writers["order"]


def slowly(writer: Writer) -> Writer:
    """The same, by the path that is taken where a field cannot be made."""

    def fails(_: Any) -> Any:
        raise Fault("x", "y")

    make = Make(writer.tree.make.traced, fails)
    return replace(writer, tree=replace(writer.tree, make=make))


@pytest.mark.parametrize(("more", "number"), [("", str), ("numbers: json\n", Decimal)])
@pytest.mark.parametrize("way", [lambda writer: writer, slowly])
def test_a_number_is_told_from_text_through_the_ledger(
    tmp_path: Path, more: str, number: Any, way: Any
) -> None:
    """The payload is stored and sent later: a number comes back as one, text as text."""
    names: dict[str, Any] = {"conn": {}, "reference": "R-1", "there": str}
    made = way(writer_of(tmp_path, more)).payload(order(), **names)
    assert made == {
        "ref": "R-1",
        "total": number("8.10"),
        "no": "007",
        "rows": [number("8.5"), {"n": number("3")}],
        "over": {"n": number("4.5"), "m": "x"},
    }
    assert type(made["total"]) is number
    assert unpack(pack(made)) == made
