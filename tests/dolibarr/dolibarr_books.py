"""What Dolibarr's services do, kept in memory: the rules of its orders, customers and products."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from dolibarr_money import OK, Money, no
from nusoap import Fatal, Told

SERVICES = {
    "server_order": {"getOrder", "createOrder", "updateOrder", "validOrder",
                     "getOrdersForThirdParty"},
    "server_thirdparty": {"getThirdParty", "createThirdParty", "updateThirdParty",
                          "getListOfThirdParties"},
    "server_productorservice": {"getProductOrService", "createProductOrService",
                                "updateProductOrService", "getListOfProductsOrServices"},
    "server_invoice": {"getInvoice", "createInvoice"},
    "server_payment": {"createPayment"},
    "server_other": {"getVersions"},
}  # fmt: skip
# what createOrder reads of its input without looking whether it is there
READ = ("date_due", "note_private", "note_public", "billed", "project_id", "cond_reglement_id",
        "demand_reason_id")  # fmt: skip
READ_OF_LINES = ("desc", "price", "total_net", "total_vat", "total", "date_start", "date_end")


def php_number(given):
    """What PHP makes of text: the digits that it begins with."""
    found = re.match(r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", str(given or ""))
    return Decimal(found[0]) if found else Decimal(0)


def rounded(number, places):
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


class Dolibarr(Money):
    """One company's books; the knobs are public."""

    def __init__(self):
        self.key, self.login, self.password, self.rights = "k", "ws", "secret", True
        self.display_errors = False
        self.three_byte = True
        self.confirms = True  # False: validOrder does nothing, and says what it always says
        self.reads_more = ()  # members that a newer Dolibarr reads and our contract lacks
        self.unique = False  # a unique extrafield carries the reference
        self.rows = {"order": {}, "thirdparty": {}, "product": {}}
        self.requests, self.calls, self.rules = [], [], []
        super().__init__()
        self._lock = threading.Lock()

    # ── what the server asks ────────────────────────────────────────────────────────────────────

    def operations(self, service):
        """The operations of a service."""
        return SERVICES.get(service, set())

    def strike(self, name):
        """The first rule for this call, used up."""
        for rule in self.rules:
            if rule[0] == name:
                self.rules.remove(rule)
                return rule[1]
        return ""

    def call(self, name, given):
        """Do one call: arguments by position."""
        if not given or not isinstance(given[0], dict):
            raise Fatal  # no authentication: PHP dies
        with self._lock:
            self.calls.append(name)
            refused = self._refusal(given[0])
            return getattr(self, f"_{name}")(refused, *given[1:])

    def _refusal(self, auth):
        if auth.get("dolibarrkey") != self.key:
            return no("BAD_VALUE_FOR_SECURITY_KEY", "key does not match")
        if auth.get("entity") and not str(auth["entity"]).isdigit():
            return no("BAD_PARAMETERS", "The entity parameter must be empty or numeric")
        told = (auth.get("login"), auth.get("password"), auth.get("entity") or "1")
        if told != (self.login, self.password, "1"):
            return no("BAD_CREDENTIALS", "Bad value for login or password")
        return None

    def _find(self, entity, id_, ref, ref_ext):
        if sum(bool(one) for one in (id_, ref, ref_ext)) > 1:
            return no("BAD_PARAMETERS", "id, ref and ref_ext cannot be both provided"), []
        by = [("id", id_), ("ref", ref), ("ref_ext", ref_ext)]
        name, wanted = next(((n, v) for n, v in by if v), ("id", ""))
        found = [row for row in self.rows[entity].values() if row[name] == wanted]
        if not found:
            return no("NOT_FOUND", f"Object not found for id={id_} nor ref={ref}"), []
        return OK, found

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def _getOrder(self, refused, id_="", ref="", ref_ext=""):  # noqa: N802
        if refused is None and not self.rights:
            refused = no("PERMISSION_DENIED", "User does not have permission for this request")
        result, found = (refused, []) if refused else self._find("order", id_, ref, ref_ext)
        return Told({"result": result, "order": self._shown(found[0]) if found else None})

    def _getOrdersForThirdParty(self, refused, socid=""):  # noqa: N802
        rows = [self._shown(row) for row in self.rows["order"].values()
                if socid == "all" or row["thirdparty_id"] == socid]  # fmt: skip
        for row in rows:  # another set of members than getOrder's
            row["socid"] = row.pop("thirdparty_id")
            row["lines"] = [{**one, "tva_tx": one["vat_rate"]} for one in row["lines"]]
            row["demand_reason_code"] = ""
        return Told({"result": refused or OK, "orders": [] if refused else rows})

    def _shown(self, row):
        lines = [{"id": str(n), "desc": one["desc"], "qty": one["qty"], "price": None,
                  "unitprice": one["unitprice"], "vat_rate": one["vat_rate"],
                  "product_id": one["product_id"], "product_type": one["type"],
                  "total_net": one["net"], "total_vat": one["vat"]}
                 for n, one in enumerate(row["lines"], 1)]  # fmt: skip
        shown = {k: v for k, v in row.items() if k != "lines"}
        return {**shown, "lines": lines}

    def _createOrder(self, refused, order=None):  # noqa: N802
        told = self._made(order or {}) if refused is None else (refused, None, [], False)
        result, row, warnings, failed = told
        parts = {"result": result, "id": row and row["id"], "ref": row and row["ref"]}
        self.warned = warnings if self.display_errors else []
        return Told(parts, self.warned, failed)

    def _made(self, order):
        lines = (order.get("lines") or {}).get("line") or []
        lines = lines if isinstance(lines, list) else [lines]
        wrong = self._wrong(order, lines)
        if wrong:
            return wrong
        number = str(len(self.rows["order"]) + 1)
        made = [self._line(one) for one in lines]
        net, vat = (sum((Decimal(o[k]) for o in made), Decimal(0)) for k in ("net", "vat"))
        local = datetime.now(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%dT%H:%M:%SZ")
        row = {
            "id": number, "ref": f"(PROV{number})", "ref_ext": order.get("ref_ext") or "",
            "thirdparty_id": order["thirdparty_id"], "status": "0", "billed": "0",
            "total_net": f"{net:.8f}", "total_vat": f"{vat:.8f}", "total": f"{net + vat:.8f}",
            "date": order["date"][:10], "date_creation": local,
            "date_modification": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "note_private": order.get("note_private") or "",
            "note_public": order.get("note_public") or "", "lines": made,
        }  # fmt: skip
        self.rows["order"][number] = row
        if str(order.get("status")) == "1":
            self._valid(row)
        missing = [k for k in (*READ, *self.reads_more) if k not in order]
        missing += [k for one in lines for k in READ_OF_LINES if k not in one]
        return OK, row, [f'Undefined array key "{k}"' for k in missing], False

    def _wrong(self, order, lines):
        taken = {row["ref_ext"] for row in self.rows["order"].values()}
        texts = [order.get("note_public"), *(one.get("desc") for one in lines)]
        wide = [self.three_byte and any(c > "\uffff" for c in text or "") for text in texts]
        key = "uk_commande_extrafields_shoporderno"
        wrong = {
            "ErrorWrongParameters": not order.get("thirdparty_id"),
            "a foreign key constraint fails (`llx_commande`)": order.get("thirdparty_id")
            not in self.rows["thirdparty"],
            "Incorrect date value: '' for column `date_commande`": not re.match(
                r"\d{4}-\d\d-\d\d", order.get("date") or ""
            ),
            "Data too long for column 'ref_ext' at row 1": len(order.get("ref_ext") or "") > 255,
            f"Duplicate entry 'x' for key '{key}'": self.unique and order.get("ref_ext") in taken,
            "Incorrect string value for column `note_public`": wide[0],
            "Incorrect string value for column `description`": any(wide[1:]),
        }
        label = next((label for label, holds in wrong.items() if holds), None)
        in_lines = label is not None and "description" in label
        return label and (no("KO", label), None, [], in_lines)

    def _line(self, one):
        qty, price = php_number(one.get("qty")), rounded(php_number(one.get("unitprice")), 5)
        net, rate = rounded(qty * price, 2), php_number(one.get("vat_rate"))
        vat = (
            rounded(qty * price * (1 + rate / 100), 2) - net
        )  # as calcul_price_total: all less net
        return {"type": one.get("type") or "0", "desc": one.get("desc") or "", "qty": f"{qty:f}",
                "unitprice": f"{price.normalize():f}", "vat_rate": f"{rate:.4f}",
                "product_id": one.get("product_id") or "0", "net": f"{net:.8f}",
                "vat": f"{vat:.8f}"}  # fmt: skip

    def _valid(self, row, warehouse=""):
        if row["status"] != "0":
            return
        row["status"], row["ref"] = "1", f"SO2611-{int(row['id']):04}"
        for one in row["lines"]:
            product = self.rows["product"].get(one["product_id"])
            if warehouse not in (None, "", "0") and product is not None:
                left = Decimal(product["stock_real"]) - Decimal(one["qty"])
                product["stock_real"] = f"{left.normalize():f}"

    def _validOrder(self, refused, id_="", warehouse=""):  # noqa: N802
        row = self.rows["order"].get(id_)
        if refused is None and row is not None and self.confirms:
            self._valid(row, warehouse)
        return Told({"result": refused or OK})  # NuSOAP writes it empty, whatever it is

    def _updateOrder(self, refused, order=None):  # noqa: N802
        order = order or {}
        result, found = (refused, []) if refused else self._find(
            "order", order.get("id"), order.get("ref"), order.get("ref_ext"))  # fmt: skip
        for row in found[:1]:
            status = order.get("status")
            if status is not None:
                row["status"] = "0" if status == "" else status  # '' reopens it
        shown = found[0] if found else {"id": None, "ref": None, "ref_ext": None}
        told = {name: shown[name] for name in ("id", "ref", "ref_ext")}
        return Told({"result": result, **told})

    # ── customers ───────────────────────────────────────────────────────────────────────────────

    PARTY = ("ref", "ref_ext", "status", "client", "customer_code", "address", "zip", "town",
             "country_code", "phone", "email", "vat_number", "note_public")  # fmt: skip

    def _getThirdParty(self, refused, id_="", ref="", ref_ext=""):  # noqa: N802
        result, found = (refused, []) if refused else self._find("thirdparty", id_, ref, ref_ext)
        if len(found) > 1:
            result, found = no("DUPLICATE_FOUND", "Object found several times"), []
        return Told({"result": result, "thirdparty": found[0] if found else None})

    def _createThirdParty(self, refused, party=None):  # noqa: N802
        party = party or {}
        if refused is None and not party.get("ref"):
            refused = no("KO", "Name is mandatory.")
        if refused:
            return Told({"result": refused, "id": None, "ref": None})
        row = self.add("thirdparty", **{name: party.get(name) or "" for name in self.PARTY})
        return Told({"result": OK, "id": row["id"], "ref": row["ref"]})

    def _updateThirdParty(self, refused, party=None):  # noqa: N802
        return Told(self._written("thirdparty", refused, party or {}, self.PARTY))

    def _getListOfThirdParties(self, refused, chosen=None):  # noqa: N802
        names = ("id", "ref", "ref_ext", "address", "zip", "town", "phone")
        rows = [{n: r[n] for n in names} for r in self.rows["thirdparty"].values()]
        return Told({"result": refused or OK, "thirdparties": [] if refused else rows})

    def _written(self, entity, refused, given, names):
        """An update: what is not sent is wiped."""
        result, found = (refused, []) if refused else self._find(entity, given.get("id"), "", "")
        for row in found:
            row.update({name: given.get(name) or "" for name in names if name != "ref"})
        return {"result": result, "id": found[0]["id"] if found else None}

    # ── products ────────────────────────────────────────────────────────────────────────────────

    PRODUCT = ("ref", "ref_ext", "type", "label", "description", "status_tosell", "status_tobuy",
               "price_net", "price", "price_base_type", "vat_rate", "barcode")  # fmt: skip

    def _getProductOrService(self, refused, id_="", ref="", ref_ext="", lang=""):  # noqa: N802
        result, found = (refused, []) if refused else self._find("product", id_, ref, ref_ext)
        row = {**found[0], "images": []} if found else None
        return Told({"result": result, "product": row})

    def _createProductOrService(self, refused, product=None):  # noqa: N802
        product = product or {}
        if refused is None and product.get("ref") in {
            r["ref"] for r in self.rows["product"].values()
        }:
            refused = no("KO", "ErrorProductAlreadyExists")
        if refused:
            return Told({"result": refused, "id": None})
        names = {name: product.get(name) or "" for name in self.PRODUCT}
        return Told({"result": OK, "id": self.add("product", **names)["id"]})

    def _updateProductOrService(self, refused, product=None):  # noqa: N802
        """Stock is added and at once taken away again; a label that is not sent is lost."""
        told = self._written("product", refused, product or {}, self.PRODUCT)
        row = self.rows["product"].get(told["id"] or "")
        if row is not None:
            row["label"] = row["label"] or "MISSING LABEL"
        return Told(told)

    def _getListOfProductsOrServices(self, refused, chosen=None):  # noqa: N802
        names = ("id", "ref", "ref_ext")
        kind = (chosen or {}).get("type")
        found = [r for r in self.rows["product"].values() if kind in (None, r["type"] or "0")]
        rows = [{n: r[n] for n in names} for r in found]
        return Told({"result": refused or OK, "products": [] if refused else rows})

    def _getVersions(self, refused):  # noqa: N802
        told = {"dolibarr": "24.0.0", "os": "Linux", "php": "8.2", "webserver": "nginx"}
        return Told({"result": refused or OK, **(told if refused is None else dict.fromkeys(told))})

    # ── its clerks ──────────────────────────────────────────────────────────────────────────────

    def add(self, entity, **row):
        """A new row in the books."""
        blank = {"thirdparty": self.PARTY, "product": (*self.PRODUCT, "stock_real")}.get(entity, ())
        number = str(len(self.rows[entity]) + 1)
        self.rows[entity][number] = {**dict.fromkeys(blank, ""), **row, "id": number}
        return self.rows[entity][number]
