"""`connector map preview`: what becomes of a payload, and which line of YAML says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.places import mappings_folder


@pytest.fixture
def file(desk: Any, tmp_path: Path) -> Path:
    """An order as the shop answers it, saved."""
    number = desk.company.order()
    [raw] = desk.company.app.system("shop").read("order", [number])
    path = tmp_path / "order.json"
    path.write_bytes(raw.raw)
    return path


def fields(rows: list[dict[str, Any]]) -> dict[str, tuple[object, str]]:
    """Field → its value and where it was made."""
    return {row["field"]: (row["value"], row["made by"]) for row in rows}


def line(place: str, text: str) -> bool:
    """Does *text* stand at *place* (file:line)?"""
    path, _, number = place.rpartition(":")
    return text in Path(path).read_text().splitlines()[int(number) - 1]


def test_a_file_needs_neither_network_nor_ledger(desk: Any, file: Path) -> None:
    """Every field of document and payload comes with the line that made it."""
    desk.company.stop()
    desk.company.shop.close()
    desk.company.erp.close()
    (desk.company.folder / "ledger.db").unlink()
    said = desk("map", "preview", "order", str(file), "--json")
    there = fields(said.json["target"])
    number = json.loads(file.read_text())["number"]
    assert there["ExternalRef"][0] == f"DE-{number}"
    assert there["BillTo.Name"][0] == "Ada Okonkwo"
    assert there["Lines.Line[0].ItemNo"][0] == "(product 1001)"
    assert line(there["ExternalRef"][1], "ExternalRef: = reference")
    assert line(fields(said.json["document"])["currency"][1], "currency:    = currency")


def test_where_ids_are_made_numbers_they_are_shown_as_one(desk: Any, file: Path) -> None:
    """Of an ERP that counts its customers, whose id is not known yet."""
    more = "write:\n  CustomerNo: = doc.customer | there | dec\n"
    order = f"extends: sandbox_erp\nentity: order\n{more}"
    desk.company.mapping("mine", {"profile.yaml": "extends: sandbox_erp\n", "order.yaml": order})
    desk.company.connection("erp", profile="mine")
    said = desk("map", "preview", "order", str(file), "--json").json
    assert fields(said["target"])["CustomerNo"][0] == "0"
    [message, *_] = said["messages"]
    assert ">0</" in message["body"]


def test_a_field_that_no_id_makes_is_told(desk: Any, file: Path) -> None:
    """By its name, as before the first delivery."""
    more = "write:\n  CustomerNo: = (doc.number ~ 'x') | dec\n"
    order = f"extends: sandbox_erp\nentity: order\n{more}"
    desk.company.mapping("mine", {"profile.yaml": "extends: sandbox_erp\n", "order.yaml": order})
    desk.company.connection("erp", profile="mine")
    said = desk("map", "preview", "order", str(file))
    assert (said.code, "CustomerNo: not_a_number" in said.err) == (1, True)


def test_a_key_is_read_from_the_shop(desk: Any, file: Path) -> None:
    """The same document, live."""
    number = json.loads(file.read_text())["number"]
    live = desk("map", "preview", "order", number, "--json").json
    assert live == desk("map", "preview", "order", str(file), "--json").json


def test_people_see_tables(desk: Any, file: Path) -> None:
    """A line break inside a value does not break the table."""
    payload = json.loads(file.read_text())
    payload["customer_note"] = "two\nlines \x1b[31m"
    file.write_text(json.dumps(payload))
    said = desk("map", "preview", "order", str(file))
    assert "two\\nlines \\x1b[31m" in said.out
    assert f"{mappings_folder().name}/" not in said.out
    assert "woocommerce/order.yaml:" in said.out


def test_a_payload_that_cannot_be_read_names_every_field(desk: Any, file: Path) -> None:
    """field, with code and cure, and never the value."""
    payload = json.loads(file.read_text())
    payload |= {"currency": "canary", "date_created_gmt": "canary"}
    file.write_text(json.dumps(payload))
    said = desk("map", "preview", "order", str(file))
    assert (said.code, "error[field]" in said.err) == (1, True)
    assert "currency: not_a_code" in said.err
    assert "placed_at: not_a_time" in said.err
    assert "canary" not in said.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["order", "99999"], 1, "shop has no order 99999"),
        (["refund", "1"], 2, "no flow carries refund"),
        (["order", "1", "--from", "shpo"], 2, "did you mean `shop`?"),
    ],
)
def test_what_cannot_be_previewed_says_why(
    desk: Any, words: list[str], code: int, says: str
) -> None:
    """With the exit code of its kind."""
    said = desk("map", "preview", *words)
    assert (said.code, says in said.err) == (code, True)


def test_a_file_that_is_no_payload_says_so(desk: Any, tmp_path: Path) -> None:
    """A usage error."""
    (tmp_path / "x.json").write_text("{")
    said = desk("map", "preview", "order", str(tmp_path / "x.json"))
    assert (said.code, "x.json is not one JSON payload" in said.err) == (2, True)


def test_a_product_that_is_only_linked_has_no_payload(desk: Any) -> None:
    """Its document is shown alone."""
    said = desk("map", "preview", "product", "1001", "--json")
    assert said.json["target"] == []
    assert fields(said.json["document"])["sku"][0] == "SB-0001"


def test_the_messages_are_as_they_would_go_out(desk: Any, file: Path) -> None:
    """A row a step, its body whole; who we are is not in it."""
    rows = desk("map", "preview", "order", str(file), "--json").json["messages"]
    number = json.loads(file.read_text())["number"]
    assert [row["step"] for row in rows] == ["draft", "confirm"]
    assert rows[0]["url"] == desk.company.settings["connections"]["erp"]["url"]
    assert f"ExternalRef>DE-{number}<" in rows[0]["body"]
    assert "ItemNo>(product)<" in rows[0]["body"]
    assert "Authorization" not in rows[0]["headers"]
    said = desk("map", "preview", "order", str(file)).out
    assert "POST http" in said
    assert "CreateSalesOrder>" in said


def test_a_parameter_from_the_environment_is_masked(desk: Any, file: Path) -> None:
    """What the configuration does not say aloud, a preview does not either."""
    folder = desk.company.folder
    site = folder / "mappings" / "site"
    site.mkdir(parents=True)
    (site / "profile.yaml").write_text(
        "extends: sandbox_erp\nparameters: {plant: {type: text, meaning: x}}\n"
        "services: {erp: {endpoint: '{{ conn.url }}?plant={{ conn.plant }}'}}\n"
    )
    config = folder / "config.yaml"
    text = config.read_text().replace("profile: sandbox_erp", "profile: site")
    text = text.replace("profile: site", "profile: site\n    with: {plant: '${PLANT}'}", 1)
    config.write_text(text.replace("connections:", "mappings: [mappings]\nconnections:", 1))
    env = folder / ".env"
    env.write_text(env.read_text() + "PLANT=canary\n")
    said = desk("map", "preview", "order", str(file), "--json")
    assert said.json["messages"][0]["url"].endswith("?plant=***")
    assert "canary" not in said.out
