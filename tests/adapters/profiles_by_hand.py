"""Profiles built without YAML: plain callables stand for templates."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.rest import Rest
from adapters.rest import Settings as RestSettings
from adapters.soap import Settings as SoapSettings
from adapters.soap import Soap
from connector.errors import FieldErrors, FieldFault
from connector.profile import Action, Capabilities, Entity, ErrorRule, Profile, Service, Step, Walk

WSDL = Path(__file__).parents[2] / "mappings" / "sandbox_erp" / "wsdl" / "erp.wsdl"


class RealClock:
    """The machine's clocks."""

    def now(self):
        return datetime.now(UTC)

    def boottime(self):
        return time.monotonic()


@contextlib.contextmanager
def free_slot(send_before=None):
    """A slot that is always free."""
    yield


def place(url, **other):
    """Where an adapter under test works."""
    here = {
        "conn": {"url": url, "release": True},
        "zone": ZoneInfo("Europe/Berlin"),
        "timeout": timedelta(seconds=5),
        "lag": timedelta(seconds=0),
        "slot": free_slot,
        "clock": RealClock(),
    }
    return here | other


def path(text):
    """Compile a dotted path; a missing member is a fault, as in a real template."""
    parts = text.split(".")

    def render(names):
        found = names
        for part in parts:
            if found is None:
                return None
            try:
                found = found[part]
            except (KeyError, TypeError, IndexError):
                raise FieldErrors((FieldFault(text, "missing", "add it"),)) from None
        return found

    return render


def equals(text, value):
    """Compile `path == value`."""
    found = path(text)
    return lambda names: found(names) == value


def erp_rules():
    code = path("fault.detail.BusinessError.Code")

    def business(word):
        return equals("fault.detail.BusinessError.Code", word)

    return (
        ErrorRule(when=business("stale"), outcome="stale"),
        ErrorRule(when=business("not_found"), outcome="gone"),
        ErrorRule(when=None, outcome="refused", code=code),
    )


def erp_order(**other):
    """Orders of the sandbox ERP."""
    actions = {
        "find": Action(
            name="find",
            batch=100,
            steps=(
                Step(
                    name="find",
                    op="FindSalesOrders",
                    args=lambda n: {"ExternalRef": list(n["references"])},
                ),
            ),
            items=path("reply.Order"),
            reference=path("item.ExternalRef"),
        ),
        "get": Action(
            name="get",
            batch=100,
            steps=(
                Step(name="get", op="GetSalesOrders", args=lambda n: {"OrderNo": list(n["keys"])}),
            ),
            items=path("reply.Order"),
        ),
        "list": Action(
            name="list",
            steps=(
                Step(
                    name="list",
                    op="ListSalesOrders",
                    args=lambda n: {
                        "ChangedSince": n["since"],
                        "ChangedUntil": n["until"],
                        "PageNumber": n["page"],
                        "PageSize": n["size"],
                    },
                ),
            ),
            items=path("reply.Order"),
        ),
        "create": Action(
            name="create",
            steps=(
                Step(
                    name="draft",
                    op="CreateSalesOrder",
                    args=lambda n: {"Order": n["payload"]},
                    key=path("reply.Result.No"),
                    version=path("reply.Result.Version"),
                    total=path("reply.Result.GrandTotal"),
                ),
                Step(
                    name="confirm",
                    op="ReleaseSalesOrder",
                    when=path("conn.release"),
                    args=lambda n: {"OrderNo": n["key"]},
                    version=path("reply.Result.Version"),
                    done_when=path("there.released"),
                ),
            ),
        ),
        "update": Action(
            name="update",
            can=frozenset({"Status", "Note", "BillTo", "Lines"}),
            steps=(
                Step(
                    name="update",
                    op="UpdateSalesOrder",
                    args=lambda n: {
                        "OrderNo": n["key"],
                        "Version": n["version"],
                        "Order": n["payload"],
                    },
                    version=path("reply.Result.Version"),
                ),
            ),
        ),
    }
    given = {
        "name": "order",
        "actions": actions,
        "errors": erp_rules(),
        "key": path("OrderNo"),
        "version": path("Version"),
        "there": lambda item: {
            "status": item["Status"],
            "total": item["GrandTotal"],
            "released": item["Released"] == "true",
            "note": item["Note"],
        },
        "locked": lambda n: n["status"] == "shipped",
        "walk": Walk(type="page", size=2),
    }
    return Entity(**(given | other))


def erp_customer():
    """Customers of the sandbox ERP."""
    return Entity(
        name="customer",
        errors=erp_rules(),
        key=path("CustomerNo"),
        version=path("Version"),
        there=lambda item: {"email": item["Email"], "name": item["Name"]},
        actions={
            "match.email": Action(
                name="match.email",
                batch=100,
                steps=(
                    Step(
                        name="match",
                        op="FindCustomers",
                        args=lambda n: {"Email": list(n["values"])},
                    ),
                ),
                items=path("reply.Customer"),
            ),
            "create": Action(
                name="create",
                steps=(
                    Step(
                        name="create",
                        op="CreateCustomer",
                        args=lambda n: {"Customer": n["payload"]},
                        key=path("reply.Result.No"),
                    ),
                ),
            ),
        },
    )


def erp_profile(*entities, **other):
    """The sandbox ERP."""
    given = {
        "name": "sandbox_erp",
        "version": "1",
        "protocol": "soap",
        "folder": WSDL.parent,
        "entities": {e.name: e for e in entities or (erp_order(), erp_customer())},
        "services": {"erp": Service(wsdl=WSDL, endpoint=path("conn.url"))},
        "capabilities": Capabilities(refuses_with=frozenset({503})),
        "probe": {
            "info": Action(
                name="info", steps=(Step(name="info", op="GetSystemInfo", args=lambda n: {}),)
            )
        },
        "identity": {"company": path("info.Company"), "account": path("info.Account")},
    }
    return Profile(**(given | other))


def soap(url, profile=None, **other):
    """The soap adapter for the sandbox ERP at *url*."""
    auth = {"type": "basic", "user": "sandbox", "password": "sandbox"}
    return Soap(profile or erp_profile(), SoapSettings(auth=auth), **place(url, **other))


def shop_query(names):
    return {
        "modified_after": names["since"],
        "modified_before": names["until"],
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": names["order"],
        "per_page": names["size"],
        "page": names["page"],
        "status": "any",
    }


def shop_profile(walk=None, **other):
    """A WooCommerce-like shop: its orders."""
    order = Entity(
        name="order",
        key=path("id"),
        version=path("date_modified_gmt"),
        gone=equals("status", "trash"),
        walk=walk or Walk(type="watermark", size=10),
        actions={
            "list": Action(
                name="list",
                steps=(
                    Step(name="list", method="GET", path=lambda n: "/orders", query=shop_query),
                ),
            ),
            "get": Action(
                name="get",
                steps=(Step(name="get", method="GET", path=lambda n: f"/orders/{n['key']}"),),
            ),
            "trash": Action(
                name="trash",
                steps=(Step(name="trash", method="DELETE", path=lambda n: f"/orders/{n['key']}"),),
            ),
            "update": Action(
                name="update",
                steps=(
                    Step(
                        name="update",
                        method="PUT",
                        path=lambda n: f"/orders/{n['key']}",
                        key=path("reply.id"),
                        version=path("reply.date_modified_gmt"),
                        total=path("reply.total"),
                    ),
                ),
            ),
        },
    )
    given = {
        "name": "shop",
        "version": "1",
        "protocol": "rest",
        "folder": WSDL.parent,
        "entities": {"order": order},
        "base": lambda n: f"{n['conn']['url']}/wp-json/wc/v3",
        "errors": (
            ErrorRule(when=equals("http.status", 404), outcome="gone"),
            ErrorRule(when=None, outcome="refused", code=path("reply.code")),
        ),
    }
    return Profile(**(given | other))


def rest(url, profile=None, auth=None, **other):
    """The rest adapter for a shop at *url*."""
    auth = auth or {"type": "oauth1", "user": "ck_sandbox", "password": "cs_sandbox"}
    return Rest(profile or shop_profile(), RestSettings(auth=auth), **place(url, **other))
