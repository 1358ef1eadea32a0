"""`connector check`: everything that is wrong, before anything goes wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from test_cli_flow import everything

from connector.cli.outlook import minted_example, outlook
from connector.flow.flows import Flow
from connector.profile import Capabilities
from connector.testing.rig import order_flow

BORN = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_company_in_order_is_found_so(desk: Any) -> None:
    """Both systems say who they are; each flow says what its first run would do; it ends with 0."""
    said = desk("check", "--json")
    assert said.code == 0
    met = {one["connection"]: one for one in said.json["connections"]}
    assert met["erp"]["identity"]["company"] == "SANDBOX"
    assert abs(met["erp"]["skew"]) < 2
    assert {look["flow"]: look["warnings"] for look in said.json["flows"]} == {
        "products": [], "customers": [], "orders": [],
    }  # fmt: skip


def test_a_check_changes_nothing(desk: Any) -> None:
    """Not even what the ledger knows of the systems."""
    desk.company.stop()
    before = everything(desk.company.folder)
    desk("check")
    assert everything(desk.company.folder) == before


def test_offline_asks_no_system(desk: Any) -> None:
    """Configuration and mappings only."""
    desk.company.shop.close()
    said = desk("check", "--offline", "--json")
    assert (said.code, said.json["connections"]) == (0, [])


def test_all_that_is_wrong_is_told_at_once(desk: Any) -> None:
    """A parameter nobody knows and a secret that is not set: one report, exit code 2."""
    desk.company.config(connections={"shop": {"auth": {"password": "${NOT_SET}"}},
                                     "erp": {"with": {"warehous": "1"}}})  # fmt: skip
    said = desk("check")
    assert said.code == 2
    assert "${NOT_SET} is not set" in said.err
    assert "the profile has no parameter `warehous`" in said.err


def test_a_system_that_is_away_ends_with_4(desk: Any) -> None:
    """The other one is told all the same."""
    desk.company.erp.faults([{"fault": "unavailable"}])
    said = desk("check")
    assert said.code == 4
    assert "erp (sandbox_erp): needs attention\n  ! error[unavailable]" in said.out
    assert "shop (woocommerce): ok" in said.out


def test_wrong_credentials_end_with_4(desk: Any) -> None:
    """unauthorized, and the secret is not in it."""
    env = desk.company.folder / ".env"
    env.write_text(env.read_text().replace("ERP_PASSWORD=sandbox", "ERP_PASSWORD=canary-secret"))
    said = desk("check")
    assert (said.code, "error[unauthorized]" in said.out) == (4, True)
    assert "canary-secret" not in said.out + said.err


def test_basic_over_plain_http_is_told_as_such(desk: Any) -> None:
    """The shop answers as if the key were unknown; it would take the same one over https."""
    desk.company.connection("shop", auth={"type": "basic"})
    said = desk("check")
    assert said.code == 4
    assert (
        "over plain http it takes no `basic`: write https:// in `url`, or `type: oauth1`"
        in said.out
    )
    [met] = [m for m in desk("check", "--json").json["connections"] if m["connection"] == "shop"]
    [line] = [
        number
        for number, text in enumerate(
            (desk.company.folder / "config.yaml").read_text().split("\n"), 1
        )
        if desk.company.shop.url in text
    ]
    assert met["error"]["cure"].startswith(f"{desk.company.folder / 'config.yaml'}:{line}: ")


def test_wrong_credentials_are_not_told_as_the_wrong_way(desk: Any) -> None:
    """Signed with a wrong secret over plain http: that is the secret's fault."""
    desk.company.connection("shop", auth={"password": "wrong"})
    assert "over plain http" not in desk("check").out


def test_another_company_than_expected_ends_with_3(desk: Any) -> None:
    """`identity: {expect: …}` of the configuration."""
    desk.company.connection("erp", identity={"expect": "ACME GmbH"})
    assert desk("check").code == 3


def test_another_company_than_the_ledger_knows_ends_with_3(desk: Any) -> None:
    """The test company was swapped for production behind one address."""
    desk.company.order()
    desk.company.sync()
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute("UPDATE meta SET value = 'OTHER' WHERE name = 'company_code'")
    said = desk("check")
    assert (said.code, "another system than the ledger knows: company" in said.out) == (3, True)


def test_a_profile_is_examined_alone(desk: Any) -> None:
    """Its entities with what can be done to them; a wrong one with every problem."""
    said = desk("check", "sandbox_erp", "--json")
    orders = next(e for e in said.json["entities"] if e["entity"] == "order")
    assert (said.code, orders["write"]) == (0, True)
    assert desk("check", "sandbox_er").code == 2


# ── what a first run would do ───────────────────────────────────────────────────────────────────


def flow(**changes: Any) -> Flow:
    """An orders flow with *changes*."""
    return replace(order_flow(), **changes)


def warnings(one: Flow, **others: Flow) -> str:
    """Everything that is warned of."""
    return "\n".join(outlook(one, {one.name: one, **others}, BORN, BORN).warnings)


def test_where_neither_key_nor_find_exists_it_is_at_most_once_plus_a_person() -> None:
    """S12: `check` says so; a target that knows our key needs no find."""
    assert "at most once plus a person" in warnings(flow(finds=False))
    keyed = Capabilities(identity="upsert")
    assert warnings(flow(finds=False, capabilities=keyed)) == ""


def test_a_reference_that_does_not_fit_is_warned_of() -> None:
    """Too long, or of characters that the target does not take."""
    assert warnings(flow(reference=lambda _: "SHOP-1")) == ""
    assert "does not fit" in warnings(flow(reference=lambda _: "SHOP 1"))
    assert "does not fit" in warnings(flow(reference=lambda _: "S" * 41))
    assert minted_example(flow(reference=lambda _: "S" * 41)) == "S" * 41


@pytest.mark.parametrize(("entity", "tail"), [("payment", "payment"), ("refund", "1")])
def test_what_comes_with_an_order_continues_its_reference(entity: str, tail: str) -> None:
    """And is told when it does not fit, though the order's own does."""
    child = flow(name="children", entity=entity, mode="on_demand")
    for length, fits in ((40, True), (9, False)):
        allowed = replace(child.capabilities, reference_length=length)
        one = replace(child, capabilities=allowed)
        parent = flow(reference=lambda _: "SHOP-1", children={entity: one})
        told = outlook(one, {"orders": parent, "children": one}, BORN, BORN)
        assert f"is like SHOP-1/{tail}," in "\n".join(told.says)
        assert ("does not fit" not in "\n".join(told.warnings)) is (fits or tail == "1")


def test_a_write_that_names_what_no_flow_carries_is_warned_of() -> None:
    """Such orders would wait for ever."""
    one = order_flow()
    assert one.writer is not None
    one.writer.references = frozenset({"customer"})  # type: ignore[misc]
    assert "no flow carries customer" in warnings(one)
    assert warnings(one, customers=replace(one, name="customers", entity="customer")) == ""


def test_a_match_that_the_target_cannot_be_asked_for_is_warned_of() -> None:
    """What is not looked for would be created again beside what is there."""
    asked = flow(match=("email", "sku"), matches=frozenset({"sku"}))
    assert "cannot be asked for a order by email" in warnings(asked)
    assert "by sku" not in warnings(asked)


def test_a_settle_shorter_than_a_call_is_warned_of() -> None:
    """A call given up may still be executed."""
    assert "shorter than the timeout" in warnings(flow(settle=timedelta(seconds=1)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"mode": "link_only", "match": ("sku",), "matches": frozenset({"sku"})},
            "creates no order; looks for each by sku first",
        ),
        ({"mode": "on_demand"}, "creates a order when another document needs it"),
        ({"start": BORN}, "creates every order born since 2026-11-01 00:00 UTC"),
        (
            {"start": BORN - timedelta(1)},
            "creates every order born since 2026-10-31 00:00 UTC; "
            "what was born before the ledger is looked for first",
        ),
    ],
)
def test_each_mode_says_what_its_first_run_does(changes: dict[str, Any], says: str) -> None:
    """In a line."""
    assert outlook(flow(**changes), {}, BORN, BORN).says[0] == says


@pytest.mark.parametrize(
    ("only", "says"),
    [
        ({"status": ["confirmedd"]}, "did you mean `confirmed`?"),
        ({"statuss": ["confirmed"]}, "did you mean `status`?"),
        ({"status": ["open"]}, "values here are: awaiting_payment, cancelled, confirmed"),
    ],
)
def test_a_filter_that_no_order_can_pass_is_a_mistake(desk: Any, only: Any, says: str) -> None:
    """Else every order would be filtered, and nobody would be told."""
    desk.company.flow("orders", only=only)
    told = desk("check", "--offline")
    assert told.code == 2
    assert says in told.err


def test_a_stock_flow_creates_nothing_and_needs_no_attention(desk: Any) -> None:
    """It has neither reference nor doubt that a person must settle."""
    desk.company.config(flows={"stock": {"entity": "stock", "from": "erp", "to": "shop"}})
    told = desk("check", "--offline")
    assert told.code == 0, told.out + told.err
    assert "stock: ok\n  creates nothing" in told.out
