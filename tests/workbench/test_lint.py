"""`map lint`: every mistake at once, each with file, line and cure, without a system."""

from __future__ import annotations

import shutil

import pytest
from workbench.conftest import Bench

from connector.places import mappings_folder


def found(bench: Bench, *args: str) -> list[tuple[str, int, str, str]]:
    """File, line, message and cure of each problem of `acme`."""
    said = bench("map", "lint", *args, "--json")
    rows = said.json["acme"]["problems"]
    assert said.code == (2 if rows else 0)
    return [(r["file"].split("/")[-1], r["line"], r["message"], r["cure"]) for r in rows]


def test_a_right_profile_is_ok_and_nothing_is_untried(bench: Bench) -> None:
    """No configuration, no network, no note."""
    said = bench("map", "lint")
    assert (said.code, said.out) == (0, "acme: ok\n")


@pytest.mark.parametrize(
    ("old", "new", "at", "says", "cure"),
    [
        ("tables:", "tabels:", "tabels", "unknown key `tabels`", "did you mean `tables`?"),
        ("  Customer:", "  Custmer:", "Custmer:", "no element `Custmer`", "mean `Customer`?"),
        ("  Day: = doc.placed_at | date(conn.zone)\n", "", "write:", "needs `Day`", "add `Day:`"),
        ("Kind: freight", "Kind: post", "Kind: post", "(not_listed)", "one of: freight, goods"),
        ('Quantity: "1"', 'Quantity: "one"', '"one"', "(not_decimal)", "another type"),
        ("cut(10)", "cutt(10)", "cutt(10)", "uses filter `cutt`", "did you mean `cut`?"),
        ('"@company"', '"@compny"', "@compny", "no attribute `compny`", "mean `@company`?"),
        ("op: Read", "op: Raed", "op: Raed", "no operation Raed", "Read"),
        ("= Reference", "= Refrence", "Refrence", "samples/order.get.xml: number", "not there"),
        ("done: fulfilled", "newer: fulfilled", "", "", ""),
        ("new: confirmed", "open: confirmed", "State | table", "status: unmapped", "add a row"),
        ("key: = No", "key: = Nr", "key: = Nr", "no_member", "`Nr` is not there"),
        ("Note: = doc.note | cut(10)", "Note: {a: b}", "Note:", "`Note` is text", "one value"),
        ('Header: = payload', "Header: x", "Header: x", "(not_a_tree)", "declares members"),
        ("reply.Order", "reply.Ordr", "Ordr", "no `Ordr` is answered", "mean `Order`?"),
        ("key: = reply.No", "key: = reply.Noo", "Noo", "no `Noo` is answered", "mean `No`?"),
        ("reply.Order\n", "reply.Order\n    reference: = item.Refrence | upper\n", "Refrence",
         "`item.Refrence`: no `Refrence` is answered", "mean `Reference`?"),
        ("tables:", "errors:\n  - {when: = reply.Ord, outcome: refused}\ntables:", "Ord,",
         "no `Ord` is answered", "mean `Order`?"),
        ("args: {Header: = payload}", "args: {Header: {$over: = payload, Note: x}}", "", "", ""),
        ("args: {Header: = payload}", "args: {Header: {$over: = payload, Noet: x}}", "$over",
         "no element `Noet`", "mean `Note`?"),
        ("Header: = payload", "Header: {$over: = payload, Customer: $drop}", "$over",
         "needs `Customer`", "add `Customer:`"),
        ("  Reference: = ref", "  $type: a:Hedder\n  Reference: = ref", "$type", "no type", "WSDL"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_where_it_stands(
    bench: Bench, old: str, new: str, at: str, says: str, cure: str
) -> None:
    """One mistake, one problem, at the line that holds it."""
    bench.spoil(old, new)
    rows = found(bench)
    if not says:
        assert rows == []
        return
    [row] = [r for r in rows if says in r[2]]
    assert (row[0], cure in row[3]) == ("order.yaml", True), row
    near = bench.line(at)
    assert row[1] in (near, near - 1, near + 1), (row, near)


def test_an_error_rule_of_the_profile_names_what_some_reply_has(bench: Bench) -> None:
    """A rule that can never hold refuses nothing."""
    rule = "  - {when: = reply.No == '0' or reply.Orderr, outcome: refused}\n"
    bench.spoil("profile: acme\n", f"profile: acme\nerrors:\n{rule}", "profile.yaml")
    [row] = found(bench)
    assert row[0] == "profile.yaml"
    assert "no `Orderr` is answered" in row[2]


def test_all_mistakes_are_told_at_once(bench: Bench) -> None:
    """A misspelt key does not hide a wrong element, nor that a path that fails."""
    bench.spoil("tables:", "tabels:")
    bench.spoil("  Customer:", "  Custmer:")
    bench.spoil("= Reference", "= Refrence")
    messages = " ".join(row[2] for row in found(bench))
    for part in ("tabels", "Custmer", "needs `Customer`", "number: no_member"):
        assert part in messages


def test_a_list_where_the_contract_has_one_value(bench: Bench) -> None:
    """`$each` needs a list in the contract."""
    bench.spoil("Note: = doc.note | cut(10)", "Note: {$each: doc.lines as l, $value: = l.name}")
    assert "no list" in found(bench)[0][2]


def test_a_derived_type_brings_its_own_members(bench: Bench) -> None:
    """With `$type` its elements are known, and needed."""
    bench.spoil("  Reference: = ref", "  $type: a:ExportHeader\n  Reference: = ref")
    assert ["`Customs`" in row[2] for row in found(bench)] == [True]
    bench.spoil("  Reference: = ref", "  Customs: x\n  Reference: = ref")
    assert found(bench) == []


def test_what_is_missing_is_allowed_where_the_action_fills_it(bench: Bench) -> None:
    """`missing: nil` writes every declared member."""
    bench.spoil("  Day: = doc.placed_at | date(conn.zone)\n", "")
    bench.spoil("    args: {Header", "    missing: nil\n    args: {Header")
    assert found(bench) == []


def test_a_way_back_through_a_table_needs_one_row(bench: Bench) -> None:
    """Two rows to one value lead back to none."""
    bench.spoil("done: fulfilled", "done: confirmed")
    assert found(bench) == []
    bench.spoil("Note: = doc.note | cut(10)", "Note: = doc.status | table_back('state')")
    [row] = found(bench)
    assert "several rows to `confirmed`: new, done" in row[2]


def test_a_shop_s_payload_beside_a_target_is_what_will_be_written(bench: Bench) -> None:
    """A target's own reading is not tried on it; a source's is, whoever else can read it."""
    shop = mappings_folder() / "woocommerce" / "samples" / "order.json"
    (bench.acme / "samples" / "order_two.json").write_text(shop.read_text())
    assert found(bench) == []
    copy = bench.folder / "mappings" / "shop"
    shutil.copytree(mappings_folder() / "woocommerce", copy)
    (copy / "profile.yaml").write_text(
        (copy / "profile.yaml").read_text().replace("profile: woocommerce", "profile: shop")
    )
    order = (copy / "order.yaml").read_text().replace("= number", "= numbr")
    (copy / "order.yaml").write_text(order)
    rows = bench("map", "lint", "mappings/shop", "--json").json["shop"]["problems"]
    assert any("number: no_member" in row["message"] for row in rows)


def test_a_profile_without_samples_says_what_is_untried(bench: Bench) -> None:
    """A note, no failure."""
    (bench.acme / "samples" / "order.get.xml").unlink()
    said = bench("map", "lint", "mappings/acme")
    assert (said.code, "note: acme: order: no sample" in said.out) == (0, True)


def test_an_override_of_what_the_base_changed_is_told(bench: Bench) -> None:
    """`needs` says what it was written for; the base says what it changed since."""
    site = bench.folder / "mappings" / "site"
    site.mkdir()
    (site / "order.yaml").write_text(
        "extends: acme\nentity: order\nneeds: acme >= 1.0, < 2\n"
        "write:\n  Note: = doc.number\n  Line.goods.Item: = l.sku\n"
    )
    assert bench("map", "lint", "mappings/site").code == 0
    bench.spoil('version: "1.0"', 'version: "1.1"\nchanges: {"1.1": [order.write.Note]}',
                "profile.yaml")  # fmt: skip
    said = bench("map", "lint", "mappings/site")
    assert said.code == 1
    assert "order.yaml:5" in said.out
    assert "acme 1.1 changed write.Note, which you override" in said.out
    assert "map diff" in said.out


def test_a_profile_that_is_nowhere_names_those_that_are(bench: Bench) -> None:
    """Its report is one problem."""
    said = bench("map", "lint", "acne")
    assert said.code == 2
    assert "no profile `acne`" in said.out


def test_nothing_to_judge_is_a_usage_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder holds no profile."""
    (bench.folder / "empty").mkdir()
    monkeypatch.chdir(bench.folder / "empty")
    said = bench("map", "lint")
    assert (said.code, "there is no profile here" in said.err) == (2, True)


def test_show_prints_the_merged_file_with_origins(bench: Bench) -> None:
    """It is the same YAML again, and each leaf names its file and line."""
    site = bench.folder / "mappings" / "site"
    site.mkdir()
    (site / "order.yaml").write_text(
        'extends: acme\nentity: order\nwrite:\n  Note: "= doc.note | cut(5) # 1"\n'
    )
    said = bench("map", "show", "mappings/site", "order")
    assert said.code == 0
    [note] = [line for line in said.out.splitlines() if "Note:" in line]
    assert note.split() == ["Note:", '"=', "doc.note", "|", "cut(5)", "#", '1"', "#",
                            "site/order.yaml:4"]  # fmt: skip
    [day] = [line for line in said.out.splitlines() if "Day:" in line]
    assert day.endswith(f"# acme/order.yaml:{bench.line('Day:')}")


def test_what_show_prints_is_the_profile(bench: Bench) -> None:
    """Saved under its name it compiles to the same thing."""
    before = bench("map", "show", "mappings/acme", "order", "--json").json
    said = bench("map", "show", "mappings/acme", "order")
    (bench.acme / "order.yaml").write_text(said.out)
    after = bench("map", "show", "mappings/acme", "order", "--json").json
    assert [(r["path"], r["value"]) for r in before] == [(r["path"], r["value"]) for r in after]


def test_show_knows_profile_yaml_and_refuses_the_rest(bench: Bench) -> None:
    """With the nearest name."""
    assert "protocol: soap" in bench("map", "show", "mappings/acme", "profile").out
    said = bench("map", "show", "mappings/acme", "ordre")
    assert (said.code, "did you mean `order`?" in said.err) == (2, True)


def test_a_site_of_one_file_is_found_below_mappings(bench: Bench) -> None:
    """Without a profile.yaml of its own."""
    shutil.rmtree(bench.acme)
    site = bench.folder / "mappings" / "site"
    site.mkdir()
    (site / "order.yaml").write_text("extends: sandbox_erp\nentity: order\nwrite: {Note: x}\n")
    assert bench("map", "lint").out == "site: ok\n"
