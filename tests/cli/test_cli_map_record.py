"""`connector map record`: samples of a live system, masked, that the mapping still reads."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from connector.workbench.recording import KEY_FILE


def test_a_recorded_order_names_nobody_and_can_be_read(desk: Any, tmp_path: Path) -> None:
    """From the shop, by key; the mapping reads it as before."""
    number = desk.company.order()
    said = desk("map", "record", "order", number, "--from", "shop", "--to", str(tmp_path / "s"))
    assert (said.code, said.out) == (0, f"{tmp_path}/s/order_1.woocommerce.json\n")
    text = (tmp_path / "s" / "order_1.woocommerce.json").read_text()
    assert [word for word in ("Ada", "Okonkwo", "ada@", "10115", "Weg 1") if word in text] == []
    shown = desk(
        "map", "preview", "order", str(tmp_path / "s" / "order_1.woocommerce.json"), "--json"
    ).json
    rows = {row["field"]: row["value"] for row in shown["document"]}
    assert rows["number"] == number
    assert rows["billing.country"] == "DE"


def test_two_recordings_mask_alike_and_overwrite_nothing(desk: Any, tmp_path: Path) -> None:
    """The secret of the masks stays with the configuration, readable for its owner only."""
    number = desk.company.order()
    words = ("map", "record", "order", number, "--from", "shop", "--to", str(tmp_path / "s"))
    assert (desk(*words).code, desk(*words).code) == (0, 0)
    first, second = ((tmp_path / "s" / f"order_{n}.woocommerce.json").read_text() for n in (1, 2))
    assert first == second
    key = desk.company.folder / KEY_FILE
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_first_of_a_list_are_recorded_from_soap_too(desk: Any, tmp_path: Path) -> None:
    """Without keys: so many as are asked for."""
    away = ("--to", str(tmp_path / "s"), "--json")
    said = desk("map", "record", "product", "--from", "erp", "--most", "2", *away)
    assert [Path(row["file"]).name for row in said.json] == [
        "product_1.sandbox_erp.json",
        "product_2.sandbox_erp.json",
    ]
    payload = json.loads((tmp_path / "s" / "product_1.sandbox_erp.json").read_text())
    assert payload["Currency"] == "EUR"


def test_what_is_not_there_is_told(desk: Any, tmp_path: Path) -> None:
    """Each with its code."""
    away = ("--to", str(tmp_path / "s"))
    none = desk("map", "record", "order", "99999", "--from", "shop", *away)
    assert (none.code, "no_such_record" in none.err) == (1, True)
    assert "did you mean `shop`?" in desk("map", "record", "order", "--from", "shpo", *away).err
    assert "did you mean `order`?" in desk("map", "record", "ordre", "--from", "shop", *away).err
