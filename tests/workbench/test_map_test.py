"""`map test`: cases beside a mapping, run on the code that delivers; differences are clear."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from workbench.conftest import Bench, order_document

from connector.places import mappings_folder

EXAMPLES = Path("/work/shared/examples")
SAVED = """\
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<SaveResponse xmlns="urn:acme"><No>77</No></SaveResponse></soap:Body></soap:Envelope>
"""


def add(bench: Bench, text: str) -> None:
    """Add cases to the order's file."""
    path = bench.acme / "order.yaml"
    path.write_text(path.read_text() + "tests:\n" + text)
    (bench.acme / "samples" / "order.create.xml").write_text(SAVED)


def differences(bench: Bench) -> list[tuple[str, str, str]]:
    said = bench("map", "test", "--json")
    assert said.json["problems"] == []
    [case] = said.json["cases"]
    found = [(d["at"], d["expected"], d["got"]) for d in case["differences"]]
    assert said.code == (1 if found else 0)
    return found


def test_a_case_may_expect_document_payload_message_and_outcome(bench: Bench) -> None:
    """All in one case, of one file."""
    add(bench, """\
  - given: samples/order.json
    reference: DE-1
    there: {customer: C-3, product 8: I-8}
    reply: samples/order.create.xml
    expect:
      number: "1"
      lines[0].net: "10.00"
      lines[0].list_net: $nil
      write.Customer: C-3
      write.Line[0]: {Item: I-8, Price: "5.00000"}
      call.method: POST
      call.url: https://system.example/soap
      call.body.Save.Header.Reference: DE-1
      call.body.Save.Header.@company: "7"
      call.body.Save.Header.Day: 2026-02-01
    outcome: done
""")  # fmt: skip
    assert differences(bench) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("expect: {number: '2'}", ("number", "2", "1")),
        ("expect: {paid_at: '1'}", ("paid_at", "1", "(nothing)")),
        ("expect: {note: $nil}", ("note", "(nothing)", "danke")),
        ("expect: {write.Line: [{Kind: goods}]}", ("write.Line", "1 items", "2 items")),
        ("expect:\n      write.Line[1].Kind: post", ("write.Line[1].Kind", "post", "freight")),
        ("expect: {call.body.Save.Header.Note: x}", ("call.body.Save.Header.Note", "x", "danke")),
        ("outcome: done", ("outcome", "done", "in_doubt")),
        ("reply: samples/order.create.xml\n    outcome: stale", ("outcome", "stale", "done")),
        (
            "reply: [samples/order.create.xml, samples/order.create.xml]\n    outcome: done",
            ("reply", "all are read", "1 are not"),
        ),
        (
            "expect: {'call[7].body.Save.Header.Note': $nil}",
            ("call[7].body.Save.Header.Note", "(nothing)", "(not called)"),
        ),
        ("faults: {write.Note: missing}", ("fault write.Note", "missing", "(nothing)")),
    ],
)
def test_each_difference_says_what_and_how(
    bench: Bench, line: str, expected: tuple[str, str, str]
) -> None:
    """Where, what was expected, what came."""
    add(bench, f"  - given: samples/order.json\n    {line}\n")
    assert differences(bench) == [expected]


def test_a_difference_of_the_payload_names_the_yaml_that_made_it(bench: Bench) -> None:
    """File, line and expression."""
    add(bench, "  - {given: samples/order.json, expect: {write.Note: other}}\n")
    said = bench("map", "test")
    assert said.code == 1
    assert f"order.yaml:{bench.line('Note:')} `= doc.note | cut(10)`" in said.out
    assert "1 cases, 1 differ" in said.out


def test_a_field_that_cannot_be_made_is_expected_or_a_difference(bench: Bench) -> None:
    """A case about a bad document says which field and code."""
    bad = bench.acme / "samples" / "order_nobody.json"
    [line] = order_document()["lines"]
    bad.write_text(json.dumps(order_document(customer=None, lines=[line | {"product": None}])))
    add(bench, "  - {given: samples/order_nobody.json, outcome: done}\n")
    assert differences(bench) == [("fault write.Line[0].Item", "(nothing)", "no_reference")]
    bench.spoil("outcome: done}", "faults: {'write.Line[0].Item': no_reference}}")
    assert differences(bench) == []


def test_parameters_of_a_case_win(bench: Bench) -> None:
    """Over connection.yaml, over what is made up."""
    bench.spoil("meaning: its address}", "meaning: its address}\n  plant: {type: text, meaning: x}",
                "profile.yaml")  # fmt: skip
    bench.spoil("Note: = doc.note | cut(10)", "Note: = conn.plant")
    (bench.acme / "samples" / "connection.yaml").write_text("plant: A\n")
    add(bench, "  - {given: samples/order.json, conn: {plant: B}, expect: {write.Note: B}}\n")
    assert differences(bench) == []
    bench.spoil("conn: {plant: B}, expect: {write.Note: B}", "expect: {write.Note: A}")
    assert differences(bench) == []


@pytest.mark.parametrize(
    ("along", "customer"), [("", "-"), ("    along: [Customer]\n", "3"), ("    along: all\n", "3")]
)
def test_an_update_of_a_case_carries_what_an_update_may(
    bench: Bench, along: str, customer: str
) -> None:
    """As the connector does: the fields of `can`, and those that go along."""
    header = "{Note: = payload.Note, Customer: = payload.Customer | default('-')}"
    update = f"  update:\n    can: [Note]\n    op: Save\n    args: {{Header: {header}}}\n"
    update += f"    key: = reply.No\n{along}"
    bench.spoil("  create:\n", f"{update}  create:\n")
    add(bench, "  - {given: samples/order.json, action: update, expect: {call.body.Save.Header:"
               f" {{Note: danke, Customer: '{customer}'}}}}}}\n")  # fmt: skip
    assert differences(bench) == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{given: samples/none.json}", "there is no samples/none.json"),
        ("{given: samples/order.json, expct: {}}", "did you mean `expect`?"),
        ("{expect: {number: '1'}}", "has no `given`"),
        ("{given: samples/order.json}", "expects nothing"),
        ("{given: samples/order.json, expect: {number: '1'}, code: x}", "without `outcome`"),
        ("{given: samples/order.json, outcome: in_doubt, http: '500'}", "without `reply`"),
        ("{given: samples/order.json, faults: {a: b}, outcome: done}", "is not sent"),
        ("{given: samples/order.json, expect: {notee: $nil}}", "did you mean `note`?"),
        ("{given: samples/order.json, expect: {'write.Line[0].Pricee': $nil}}", "mean `Price`?"),
        ("{given: samples/order.json, expect: {'write.Line[0]': {Itm: $nil}}}", "mean `Item`?"),
        ("{given: samples/order.json, expect: {call.body.Save.Heder.Note: $nil}}", "`Header`?"),
        ("{given: samples/order.json, there: {custmer: x}, outcome: done}", "mean `customer`?"),
        ("{given: samples/order.json, outcome: don}", "did you mean `done`?"),
        ("{given: order.yaml, outcome: done}", "is not one JSON payload"),
        (
            "{given: samples/order.json, from: sandbox_erp, outcome: done}",
            "sandbox_erp reads no order",
        ),
    ],
)
def test_a_wrong_case_is_a_problem_at_its_line(bench: Bench, row: str, says: str) -> None:
    """It never counts as passed."""
    add(bench, f"  - {row}\n")
    said = bench("map", "test")
    assert (said.code, says in said.out) == (2, True), said.out
    assert f"order.yaml:{bench.line('  - {')}" in said.out


def test_a_shop_s_payload_is_known_by_its_form(bench: Bench) -> None:
    """A target's case may begin with what the shop gives."""
    shop = (mappings_folder() / "woocommerce" / "samples" / "order.json").read_text()
    (bench.acme / "samples" / "order_shop.json").write_text(shop)
    add(bench, "  - {given: samples/order_shop.json, expect: {write.Day: 2026-03-02}}\n")
    assert differences(bench) == []


def test_cases_of_the_base_are_not_those_of_a_site(bench: Bench) -> None:
    """A site changes what its base says; its own cases speak for it."""
    add(bench, "  - {given: samples/order.json, expect: {write.Note: danke}}\n")
    site = bench.folder / "mappings" / "site"
    site.mkdir()
    (site / "order.yaml").write_text("extends: acme\nentity: order\nwrite: {Note: other}\n")
    assert bench("map", "test", "mappings/site").out == "0 cases, 0 differ\n"


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no examples here")
def test_a_site_s_case_of_the_example_is_understood(bench: Bench) -> None:
    """Its form is the one that we read."""
    text = (EXAMPLES / "acme_erp_order.yaml").read_text()
    cases = text[text.index("tests:") :].replace("write.project_id", "write.Note")
    shop = json.loads((mappings_folder() / "woocommerce/samples/order.json").read_text())
    (bench.acme / "samples" / "order_with_ideal.json").write_text(json.dumps(shop))
    add(bench, cases.removeprefix("tests:\n"))
    assert [one[0] for one in differences(bench)] == ["write.Note", "write.lines.line[0].desc"]
