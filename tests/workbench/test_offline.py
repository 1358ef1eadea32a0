"""`check PROFILE --offline`: every message built from samples and judged by the WSDL itself."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from workbench.conftest import Bench, order_document

from adapters.soap.contract import Contract
from adapters.soap.schema import Law
from adapters.soap.writer import envelope

ADAPTERS = Path(__file__).parents[1] / "adapters"


def messages(bench: Bench) -> list[str]:
    said = bench("check", "mappings/acme", "--offline", "--json")
    rows = [f"{r['line']} {r['message']} ({r['cure']})" for r in said.json["problems"]]
    assert said.code == (2 if rows else 0)
    return rows


def test_every_action_is_built_and_judged(bench: Bench) -> None:
    """A row for each step, each message judged by the schema."""
    said = bench("check", "mappings/acme", "--offline", "--json").json
    assert said["problems"] == []
    built = {(r["action"], r["messages"], r["judged by"]) for r in said["built"]}
    assert built == {("get", 1, "schema"), ("create", 1, "schema")}


def test_a_value_that_the_schema_refuses_is_told_and_not_repeated(bench: Bench) -> None:
    """Lint cannot know what an expression gives; the built message shows it."""
    bench.spoil("Customer: = doc.customer | there", "Customer: = doc.customer | there")
    bench.spoil("= doc.note | cut(10)", "= doc.note")
    sample = bench.acme / "samples" / "order.json"
    sample.write_text(json.dumps(order_document(note="canary, canary, canary")))
    [row] = messages(bench)
    assert "order create: Header.Note: too_long" in row
    assert "canary" not in row


def test_a_leaf_that_no_sample_fills_is_told(bench: Bench) -> None:
    """Nobody has seen it work; of a list that no sample has, the list is told once."""
    sample = bench.acme / "samples" / "order.json"
    sample.write_text(json.dumps(order_document(note="", shipping_lines=[])))
    rows = messages(bench)
    empty = [row for row in rows if "is empty in every sample" in row]
    lines = {bench.line("Note:"), bench.line("freight:")}
    assert {int(row.split()[0]) for row in empty} in (lines, {min(lines), max(lines) + 1})
    assert len(empty) == len(rows) == 2


def test_a_second_sample_may_fill_it(bench: Bench) -> None:
    """One sample for each leaf is enough."""
    samples = bench.acme / "samples"
    (samples / "order.json").write_text(json.dumps(order_document(note="")))
    (samples / "order_note.json").write_text(json.dumps(order_document(shipping_lines=[])))
    assert messages(bench) == []


def test_a_write_without_a_sample_is_untried_and_that_is_a_problem(bench: Bench) -> None:
    """What was never built cannot be called right."""
    (bench.acme / "samples" / "order.json").unlink()
    [row] = messages(bench)
    assert "no sample document of order" in row


def test_an_action_without_a_write_was_never_built_and_that_is_a_problem(bench: Bench) -> None:
    """A create at 0 messages is not ok."""
    path = bench.acme / "order.yaml"
    text = path.read_text()
    path.write_text(text[: text.index("write:\n")] + text[text.index("tables:\n") :])
    assert (
        f"{bench.line('create:')} order create was never built: no `write`" in messages(bench)[-1]
    )


def test_a_document_that_cannot_be_written_names_the_expression(bench: Bench) -> None:
    """At the line of the expression that fails."""
    sample = bench.acme / "samples" / "order.json"
    [line] = order_document()["lines"]
    sample.write_text(json.dumps(order_document(lines=[line | {"product": None}])))
    row = next(r for r in messages(bench) if "cannot write" in r)
    at = bench.line("Item: = l.product")
    assert row.startswith(f"{at} cannot write samples/order.json: Line[0].Item: no_reference")


def test_lint_is_part_of_it(bench: Bench) -> None:
    """What lint finds stands in the same report."""
    bench.spoil("tables:", "tabels:")
    assert any("unknown key `tabels`" in row for row in messages(bench))


def test_parameters_come_from_beside_the_samples(bench: Bench) -> None:
    """`connection.yaml` gives them; what it does not give is made up by type."""
    bench.spoil("needed: \"true\", meaning: its address}",
                "needed: \"true\", meaning: its address}\n  plant: {type: text, meaning: x}",
                "profile.yaml")  # fmt: skip
    bench.spoil("Note: = doc.note | cut(10)", "Note: = conn.plant")
    assert messages(bench) == []
    (bench.acme / "samples" / "connection.yaml").write_text("plant: far too long for it\n")
    assert any("too_long" in row for row in messages(bench))


def law(
    file: Path, name: str, args: object, *, loose: bool = False, spoil: tuple[str, str] = ("", "")
) -> list[str]:
    """What the schema has against a message of ours, one text spoilt."""
    contract = Contract(file)
    operation = contract.operation(name)
    made = envelope(operation, args, missing="omit", zone=ZoneInfo("UTC")).decode()
    assert spoil[0] in made
    sent = made.replace(*spoil) if spoil[0] else made
    return [str(f) for f in Law(contract, operation, loose=loose).against(sent.encode())]


ORDER = {
    "id": "7",
    "order": {
        "state": "open",
        "note": "x",
        "lines": {"line": [{"sku": "A", "qty": "2"}]},
        "tags": ["a", "b"],
    },
    "tags": ["c"],
}


def test_section_5_is_judged_by_its_types() -> None:
    """An encoded message of ours is right; a wrong word, number or member is not."""
    file = ADAPTERS / "encoded.wsdl"
    assert law(file, "save", ORDER) == []
    assert law(file, "save", {"id": "7"}) == []
    for spoil in ((">open<", ">opened<"), (">2<", ">two<"), ("<note", "<nota"), (">A<", ">ABCD<")):
        closing = (spoil[0].replace("<", "</"), spoil[1].replace("<", "</"))
        contract = Contract(file)
        operation = contract.operation("save")
        made = envelope(operation, ORDER, missing="omit", zone=ZoneInfo("UTC")).decode()
        sent = made.replace(*spoil).replace(*closing).encode()
        assert Law(contract, operation, loose=False).against(sent) != (), spoil


def test_literal_messages_are_judged_strictly() -> None:
    """Facets, order and what is needed; nil is loose only where the action writes nil."""
    file = ADAPTERS / "dialects.wsdl"
    args = {"Company": {"Name": "x", "Vat": "1", "Since": None, "@code": "3"}}
    assert law(file, "Save", args) == []
    assert law(file, "Save", {"Company": {"Vat": "1"}}) != []
    assert law(file, "Save", {"Company": {"Vat": "1"}}, loose=True) == []
    [told] = law(file, "Save", args, spoil=('code="3"', 'code="canary"'))
    assert "code" in told
    assert "canary" not in told


@pytest.mark.parametrize("folder", ["/work/shared/wsdl"])
def test_the_schemas_of_real_contracts_can_be_put_together(folder: str) -> None:
    """Where real WSDLs are at hand, none of their schemas is beyond libxml2."""
    files = sorted(Path(folder).glob("*/*.wsdl"))
    if not files:
        pytest.skip("no recorded contracts here")
    for file in files:
        contract = Contract(file)
        name = next(iter(contract._binding._operations))
        Law(contract, contract.operation(name), loose=False)


def test_an_attribute_that_is_lacking_is_named(bench: Bench) -> None:
    """By its name, which is the contract's and nobody's secret."""
    wsdl = bench.acme / "acme.wsdl"
    text = wsdl.read_text()
    declared = '<xs:attribute name="company"'
    assert declared in text
    wsdl.write_text(text.replace(declared, f'{declared} use="required"'))
    bench.spoil('  "@company": "7"\n', "")
    [row] = [row for row in messages(bench) if "schema" in row]
    assert "attribute `company` is needed here" in row
