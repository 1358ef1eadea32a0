"""WSDLs and mappings that are broken and full of canaries, and the ear that hears them sing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.app import open_app
from connector.errors import ConfigError
from connector.places import mappings_folder
from connector.sandbox import erp_stock
from connector.sandbox.seed import seed_erp, skus

CANARY = "qanar"
SECRETS = ("cs_sandbox", "ck_sandbox")
SHIPPED = mappings_folder() / "sandbox_erp"
WSDL = (SHIPPED / "wsdl" / "erp.wsdl").read_text()
IMPORT = '<wsdl:import namespace="qanar" location="http://qanar:cs_sandbox@import.test/?qanar"/>'
EXTENDED = "profile: broken\nextends: sandbox_erp\n"
# Each cannot be used, and says so in its own way
BROKEN_WSDLS = (
    "<a>&qanar; cs_sandbox</a>",
    "<qanar>cs_sandbox</qanar>",
    WSDL.replace("<wsdl:types>", IMPORT + "<wsdl:types>", 1),
    WSDL.replace("<xs:element ", "<xs:qanar>cs_sandbox</xs:qanar><xs:element ", 1),
    WSDL.replace('type="xs:', 'type="qanar:', 1),
    WSDL.replace('message="t:', 'message="t:qanar', 1),
    '<!DOCTYPE a [<!ENTITY q "qanar cs_sandbox">]><a>&q;</a>',
)
# What a careless hand writes into a mapping: (line of an order's mapping)
BROKEN_MAPPINGS = (
    "write: {Note: 'qanar",
    """write: {Note: "= doc.note ~ 'qanar cs_sandbox"}""",
    """write: {Note: "= doc.nota ~ 'qanar cs_sandbox' ~ \\"qanar\\""}""",
    """write: {Note: "qanar {{ doc.nota | default('qanar') }} cs_sandbox"}""",
    """write: {BillTo: "= doc.billing | default('qanar')"}""",
    "errors: [{outcome: qanar}]",
    "actions: {create: {op: CreateSalesOrder, batch: qanar, missing: qanar}}",
    "tables: {status_there: qanar}",
)


def silent(said: Any, words: list[str]) -> None:
    """No canary and no secret."""
    text = said.out + said.err
    assert CANARY not in text.lower(), words
    assert not [secret for secret in SECRETS if secret in text], words


def other(desk: Any, files: dict[str, str]) -> None:
    """Let the ERP's profile be one of the site's own."""
    desk.company.mapping("broken", {"profile.yaml": EXTENDED, **files})
    desk.company.connection("erp", profile="broken")


def wsdl(desk: Any) -> list[str]:
    file = desk.company.folder / "mappings" / "broken" / "broken.wsdl"
    services = f"services: {{erp: {{wsdl: {file}}}}}\n"
    for text in BROKEN_WSDLS:
        other(desk, {"profile.yaml": EXTENDED + services, "broken.wsdl": text})
        said = desk("check")
        assert "error[wsdl]" in said.out, said
        silent(said, [text])
    return ["flow", "sync", "orders"]


def mapping(desk: Any) -> list[str]:
    for text in BROKEN_MAPPINGS:
        other(desk, {"order.yaml": f"entity: order\nextends: sandbox_erp\n{text}\n"})
        with pytest.raises(ConfigError) as wrong:
            open_app(desk.company.folder / "config.yaml")
        assert "broken/order.yaml:" in str(wrong.value), text
        silent(desk("check", "broken"), [text])
    return ["flow", "sync", "orders"]


def other_user(desk: Any) -> list[str]:
    desk.monkeypatch.setattr("os.geteuid", lambda: 4_000_000)
    return ["flow", "sync", "orders"]


def ledger_away(desk: Any) -> list[str]:
    """The ledger cannot be opened, though it is there."""
    desk.company.stop()
    (desk.company.folder / "ledger.db").unlink()
    (desk.company.folder / "ledger.db").mkdir()
    return ["flow", "sync", "orders"]


def ledger_missing(desk: Any) -> list[str]:
    (desk.company.folder / "ledger.db").unlink()
    return ["record", "list"]


def listen(desk: Any) -> list[str]:
    """Somebody else has the port: it is the shop's."""
    desk.company.config(web={"listen": desk.company.shop.url.removeprefix("http://")})
    return ["run"]


def plan_unusable(desk: Any) -> list[str]:
    desk.company.order(customer_note="qanar sings", billing={"last_name": "Qanar"})
    desk.company.pass_(60)
    file = str(desk.company.folder / "plan.yaml")
    silent(desk("flow", "plan", "orders", "--out", file), [])
    silent(desk("flow", "plan", "orders"), [])
    other(desk, {"order.yaml": "entity: order\nextends: sandbox_erp\nwrite: {Note: qanar}\n"})
    return ["flow", "apply", file]


def paused(desk: Any) -> list[str]:
    desk("pause", "shop", "--reason", "moving")
    return ["flow", "audit", "orders"]


def closed(desk: Any) -> list[str]:
    here = desk.company.clock.now().astimezone(ZoneInfo("Europe/Berlin"))
    begin, end = here - timedelta(hours=1), here + timedelta(hours=1)
    desk.company.connection("shop", closed=[f"daily {begin:%H:%M}-{end:%H:%M}"])
    return ["flow", "audit", "orders"]


def flow_moved(desk: Any) -> list[str]:
    desk.company.order(customer_note="qanar sings")
    desk.company.settle()
    desk.company.config(connections={"erp2": {"like": "erp"}})
    desk.company.flow("orders", to="erp2")
    return ["flow", "sync", "orders"]


def ledger_retired(desk: Any) -> list[str]:
    desk.company.stop()
    desk("ledger", "export", str(desk.company.folder / "export.db"))
    return ["flow", "sync", "orders"]


def braked(desk: Any) -> list[str]:
    """The ERP has everything, then nothing."""
    desk.company.config(flows={"stock": {"entity": "stock", "from": "erp", "to": "shop"}})
    items = [*skus(5), *(f"X-{n}" for n in range(20))]
    seed_erp(desk.company.erp_file, items=items)
    desk.company.sync("stock")
    with desk.company.clerk() as store:
        for n in range(1, len(items)):
            erp_stock.count(store, f"I-{n:04d}", "0")
    return ["flow", "sync", "stock"]


OTHERS = (
    *(
        braked,
        flow_moved,
        closed,
        ledger_away,
        ledger_missing,
        ledger_retired,
        listen,
        mapping,
        other_user,
        paused,
        plan_unusable,
        wsdl,
    ),
)
