"""`connector link`: who is whom on both sides; nothing is created, and a person accepts."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from company import Killed

from connector.app import reopened
from connector.ledger import linking
from connector.sandbox import edit, erp_books, shop_catalog
from connector.sandbox.seed import seed_erp, skus


def there(desk: Any, email: str, name: str = "Ada Okonkwo") -> str:
    """A customer that the ERP's own clerk entered; the number."""
    with desk.company.clerk() as store:
        made = erp_books.create_customer(store, {"Name": name, "Email": email})
    return str(made["No"])


def links(desk: Any, entity: str) -> set[tuple[str, str]]:
    """The pairs that are linked."""
    rows = desk.company.rows("SELECT entity, source_key, target_key FROM link")
    return {(r["source_key"], r["target_key"]) for r in rows if r["entity"] == entity}


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_scan_creates_nothing_and_accepting_links_the_sure_ones(desk: Any) -> None:
    """Every product of the shop is the item with its SKU; nothing is written in either system."""
    told = desk("link", "scan", "products", "--json")
    assert told.code == 0, told.err
    assert told.json["sure"] == told.json["source_seen"] > 0
    assert links(desk, "product") == set()
    assert not desk.company.calls("Create")
    assert desk("link", "accept", "products").code == 0
    assert len(links(desk, "product")) == told.json["sure"]
    again = desk("link", "scan", "products", "--again", "--json").json
    assert (again["sure"], again["linked"]) == (0, told.json["sure"])


def varied(company: Any) -> str:
    """A product with a variation in the shop, and the item that it is in the ERP; its number."""
    with edit.desk(company.shop_file) as shop:
        parent = shop_catalog.create(shop, {"name": "Shirt", "type": "variable"})["id"]
        shop_catalog.create(shop, {"name": "S", "sku": "SHIRT-S"}, parent=parent)
    seed_erp(company.erp_file, items=[*skus(5), "SHIRT-S"])
    return str(parent)


def test_a_scan_sees_variations(desk: Any) -> None:
    """They are in no list of products; their products have no SKU, and are of the shop alone."""
    varied(desk.company)
    desk.company.pass_(5)
    told = desk("link", "scan", "products", "--json").json
    assert (told["sure"], told["source_only"], told["target_only"]) == (6, 1, 0)


def test_a_variation_that_a_scan_found_is_written_under_its_product(desk: Any) -> None:
    """Seen as a target, it is known as `match` knows it: by its product and itself."""
    parent = varied(desk.company)
    flow = {"entity": "product", "from": "erp", "to": "shop", "mode": "sync"}
    desk.company.config(flows={"catalogue": flow})
    desk.company.stop()
    assert desk("link", "scan", "catalogue", "--json").json["sure"] == 6
    desk("link", "accept", "catalogue")
    found = {there for here, there in links(desk, "product") if here == "I-0006"}
    assert {key.partition("/")[0] for key in found} == {parent}

    desk.company.pass_(5)
    desk.company.sync("catalogue")
    with edit.desk(desk.company.shop_file) as shop:
        row = shop.store.row("SELECT id FROM products WHERE sku = 'SHIRT-S'")
        assert shop_catalog.read(shop, row["id"])["regular_price"] == "10.00"


def test_what_a_person_must_look_at_is_told_apart(desk: Any) -> None:
    """An e-mail alone is weak, two with it collide, and what stands on one side only is counted."""
    sure, weak, torn, alone = (
        str(desk.company.customer(f"{name}@example.test"))
        for name in ("sure", "weak", "torn", "alone")
    )
    same = there(desk, "SURE@example.test ")
    other = there(desk, "weak@example.test", "Somebody Else")
    twins = {there(desk, "torn@example.test") for _ in range(2)}
    told = desk("link", "scan", "customers", "--json")
    assert told.code == 1, told.err
    counts = {name: told.json[name] for name in ("sure", "weak", "collision", "source_only")}
    assert counts == {"sure": 1, "weak": 1, "collision": 2, "source_only": 1}
    doubtful = {(d["source_key"], d["target_key"]): d["verdict"] for d in told.json["doubtful"]}
    assert doubtful == {(weak, other): "weak"} | {(torn, twin): "collision" for twin in twins}
    assert desk("link", "accept", "customers").code == 0
    assert links(desk, "customer") == {(sure, same)}
    assert alone not in {ours for ours, _ in links(desk, "customer")}


def test_two_of_ours_are_never_one_of_theirs(desk: Any) -> None:
    """The second customer of a household stays for a person."""
    for _ in range(2):
        desk.company.customer(f"ada{_}@example.test", company="Ada Ltd")
    desk.company.shop_sql("UPDATE customers SET body = json_set(body, '$.email', 'a@example.test')")
    there(desk, "a@example.test")
    told = desk("link", "scan", "customers", "--json").json
    assert (told["sure"], told["collision"]) == (0, 2)


def test_a_person_decides_in_a_csv(desk: Any, tmp_path: Path) -> None:
    """What he takes is linked in his name; keys and reasons travel, no e-mails."""
    ours = str(desk.company.customer("weak@example.test"))
    theirs = there(desk, "weak@example.test", "Somebody Else")
    desk("link", "scan", "customers")
    file = tmp_path / "links.csv"
    assert desk("link", "export", "customers", "-o", str(file)).code == 0
    [row] = [r for r in table(file) if r["verdict"] == "weak"]
    assert (row["source_key"], row["target_key"], row["take"]) == (ours, theirs, "")
    assert "example.test" not in file.read_text()
    file.write_text(f"source_key;target_key;take\n{ours};{theirs};Yes\n")
    assert desk("link", "import", "customers", str(file), "--json").json["linked"] == 1
    assert links(desk, "customer") == {(ours, theirs)}
    [made] = desk.company.rows("SELECT made_by, base_known FROM link")
    assert made["made_by"] != "engine"
    assert not made["base_known"]
    assert desk("link", "import", "customers", str(file), "--json").json["already"] == 1


def test_a_csv_is_taken_wholly_or_refused_with_every_line(desk: Any, tmp_path: Path) -> None:
    """Typing mistakes link nobody, and are told at once with their lines."""
    ours = str(desk.company.customer("ada@example.test"))
    theirs = there(desk, "ada@example.test")
    desk("link", "scan", "customers")
    file = tmp_path / "links.csv"
    lines = f"{ours},{theirs},yes\n{ours},X,yes\n1,2,maybe\n99999,C-X,yes\n"
    file.write_text(f"source_key,target_key,take\n{lines}")
    said = desk("link", "import", "customers", str(file))
    assert "links.csv:5: the scan saw no customer 99999 in shop" in said.err
    assert "links.csv:5: the scan saw no customer C-X in erp" in said.err
    assert said.code == 2
    assert "links.csv:3" in said.err
    assert "links.csv:4" in said.err
    file.write_text(f"source_key,target_key,take\n{ours},{theirs},yes\n99999,C-X,yes\n")
    said = desk("link", "import", "customers", str(file))
    assert "links.csv:3: the scan saw no customer 99999 in shop" in said.err
    assert links(desk, "customer") == set()


def test_a_row_that_is_short_or_empty_is_no_bug(desk: Any, tmp_path: Path) -> None:
    """A spreadsheet drops empty cells at the end, and adds lines of none."""
    desk.company.customer("ada@example.test")
    desk("link", "scan", "customers")
    file = tmp_path / "links.csv"
    file.write_text("take,source_key,target_key\nyes\n,,\n\n")
    said = desk("link", "import", "customers", str(file))
    assert said.code == 2
    assert "links.csv:2" in said.err
    assert "links.csv:3" not in said.err


def test_a_scan_that_was_killed_goes_on_where_it_was(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop's list is not walked again, and the result is the whole one."""
    desk.company.customer("ada@example.test")
    there(desk, "ada@example.test")
    with monkeypatch.context() as patched:
        see = linking.see

        def dies(db: Any, flow: str, side: str, *more: Any, **named: Any) -> None:
            if side == "target":
                raise Killed("at the target's first page")
            see(db, flow, "source", *more, **named)

        patched.setattr(linking, "see", dies)
        with pytest.raises(Killed):
            desk("link", "scan", "customers")
    assert "was not scanned to its end" in desk("link", "accept", "customers").err
    walked = len(desk.company.calls("", desk.company.shop))
    said = desk("link", "scan", "customers", "--json")
    assert "goes on where it was" in said.err
    assert said.json["sure"] == 1
    later = desk.company.calls("", desk.company.shop)[walked:]
    assert not [c for c in later if "customers" in str(c["op"])]


@pytest.mark.parametrize("accepted", [False, True])
def test_an_old_start_looks_first_until_its_linking_is_accepted(desk: Any, accepted: bool) -> None:
    """S1: a flow that began before the ledger may create without a look once a person said so."""
    desk.company.flow("orders", start="2020-01-01T00:00:00Z")
    desk.company.order()
    desk.company.settle()  # finding is proven with the first one
    if accepted:
        assert desk("link", "accept", "orders").code == 0
    desk.company.pass_(60)
    before = len(desk.company.calls("FindSalesOrders"))
    new = desk.company.order()
    desk.company.pass_(5)
    desk.company.sync()
    assert desk.company.standing("order", new) == "done(sent)"
    assert (len(desk.company.calls("FindSalesOrders")) == before) is accepted


def test_a_flow_without_match_has_nothing_to_scan(desk: Any) -> None:
    """And says what to add."""
    said = desk("link", "scan", "orders")
    assert said.code == 2
    assert "add `match:`" in said.err


def test_an_acceptance_is_known_when_the_configuration_is_read_anew(desk: Any) -> None:
    """S1: a reload forgets no acceptance, and takes none for granted."""
    app = desk.company.app
    assert not reopened(app).flows["products"].accepted
    assert desk("link", "scan", "products").code == 0
    assert desk("link", "accept", "products").code == 0
    again = reopened(app)
    assert again.flows["products"].accepted
    assert not again.flows["customers"].accepted
