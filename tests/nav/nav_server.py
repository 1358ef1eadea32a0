"""A NAV of our own making: page services over real HTTP, with its ways; it shares no code."""

from __future__ import annotations

import base64
import re
import threading
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SPACE = "urn:microsoft-dynamics-schemas/page/"
PAGES = {"SalesOrder": "salesorder", "Customer": "customer", "ItemCard": "itemcard"}
CODES = {"No", "External_Document_No", "Search_Name", "Sell_to_Customer_No", "Location_Code",
         "Currency_Code", "Payment_Method_Code"}  # fmt: skip
STALE = "NavNCLConcurrencyException"
DIALOG = "NavNCLDialogException"
TEXTS = {  # by the language of the service's user
    STALE: ("Another user has modified it.", "Ein anderer Benutzer hat den Datensatz geändert."),
    "RecordNotFound": ("The record does not exist.", "Der Datensatz ist nicht vorhanden."),
}  # fmt: skip


class Fault(Exception):
    """A fault of NAV's own: the whole call was undone."""

    def __init__(self, kind, text):
        super().__init__(kind)
        self.kind, self.text = kind, text


class Nav:
    """One company's books; the knobs are public."""

    def __init__(self):
        self.pages = {page: {} for page in PAGES}
        self.german, self.shuffled, self.rules = False, False, []
        self.calls = []
        self.stamp = 0
        self.lock = threading.Lock()

    def text(self, kind):
        return TEXTS[kind][self.german]

    def call(self, page, operation, given):
        """One operation; gives the members of its result."""
        with self.lock:
            self.calls.append(f"{page}.{operation}")
            return getattr(self, operation)(page, given)

    def Read(self, page, given):  # noqa: N802
        """The record of a number, which is a filter."""
        found = self.filtered(page, [("No", given["No"])])
        return {page: found[0]} if found else {}

    def ReadMultiple(self, page, given):  # noqa: N802
        """Up to setSize records behind the one whose Key is the bookmark."""
        filters = given["filter"] if isinstance(given["filter"], list) else [given["filter"]]
        rows = self.filtered(page, [(f["Field"], f.get("Criteria") or "") for f in filters])
        if mark := given.get("bookmarkKey"):
            rows = rows[next(n for n, r in enumerate(rows, 1) if r["Key"] == mark) :]
        rows = rows[: int(given["setSize"])]
        return {"ReadMultiple_Result": {page: rows}} if rows else {"ReadMultiple_Result": None}

    def Create(self, page, given):  # noqa: N802
        """A new record, numbered by NAV."""
        return {page: self.add(page, **given[page])}

    def Update(self, page, given):  # noqa: N802
        """A change of the record that Key names, if it is still that."""
        change = dict(given[page])
        key = change.pop("Key", "")
        row = next((r for r in self.pages[page].values() if r["Key"].split(";")[0] ==
                    key.split(";")[0]), None)  # fmt: skip
        if row is None:
            raise Fault("NavRecordNotFoundException", self.text("RecordNotFound"))
        if row["Key"] != key:
            raise Fault(STALE, self.text(STALE))
        lines = change.pop("SalesLines", None)
        if lines:  # without a Key of their own they are new ones
            made = lines["Sales_Order_Line"]
            row["SalesLines"]["Sales_Order_Line"] += made if isinstance(made, list) else [made]
        row.update(self.coded(change))
        return {page: self.stamped(page, row)}

    # ── records ─────────────────────────────────────────────────────────────────────────────────

    def add(self, page, **row):
        """A record: header checked, lines priced, numbered."""
        row = self.coded(row)
        if page == "SalesOrder":
            self.checked(row)
        number = row.get("No") or f"{page[:1]}{len(self.pages[page]) + 1001}"
        self.pages[page][number] = {"Key": "", **row, "No": number}
        return self.stamped(page, self.pages[page][number])

    def checked(self, row):
        """Customer and items must be there; amounts are NAV's own."""
        if row.get("Sell_to_Customer_No") not in self.pages["Customer"]:
            raise Fault(DIALOG, "The Customer does not exist.")
        lines = (row.get("SalesLines") or {}).get("Sales_Order_Line") or []
        lines = lines if isinstance(lines, list) else [lines]
        for line in lines:
            if line["Type"] == "Item" and line["No"].upper() not in self.pages["ItemCard"]:
                raise Fault(DIALOG, "The Item does not exist.")
        cent = Decimal("0.01")
        nets = [(Decimal(x["Quantity"]) * Decimal(x["Unit_Price"])).quantize(cent, ROUND_HALF_UP)
                for x in lines]  # fmt: skip
        total = sum(
            (n + (n * Decimal("0.19")).quantize(cent, ROUND_HALF_UP) for n in nets), Decimal(0)
        )
        row["SalesLines"] = {"Sales_Order_Line": [
            {"Key": f"L;{n}", **x, "Line_Amount": str(net), "Total_Amount_Incl_VAT": str(total)}
            for n, (x, net) in enumerate(zip(lines, nets, strict=True))]}  # fmt: skip
        row.setdefault("Status", "Open")

    def stamped(self, page, row):
        """A new Key with every change."""
        self.stamp += 1
        row["Key"] = f"{page}-{row['No']};{self.stamp}"
        row["Last_Date_Modified"] = date.today().isoformat()  # noqa: DTZ011 - NAV's own day
        return row

    def coded(self, row):
        """Code fields are stored in capitals."""
        return {k: v.upper() if k in CODES and isinstance(v, str) else v for k, v in row.items()}

    def filtered(self, page, filters):
        rows = sorted(self.pages[page].values(), key=lambda r: r["No"])
        return [r for r in rows if all(fits(str(r.get(f) or ""), c) for f, c in filters)]


def fits(value, criteria):
    """A filter of NAV: quoted text, a range, several by |, capitals ignored after @."""
    if not criteria:
        return True
    fold = criteria.startswith("@")
    criteria = criteria.removeprefix("@")
    if criteria.startswith("'"):
        wanted = criteria[1:-1].replace("''", "'")
        return value.upper() == wanted.upper() if fold else value in (wanted, wanted.upper())
    if match := re.fullmatch(r"(\d\d)/(\d\d)/(\d\d)\.\.", criteria):
        return value >= f"20{match[3]}-{match[1]}-{match[2]}"
    if ".." in criteria:
        low, _, high = criteria.partition("..")
        return low <= value <= (high or "~")
    return value in criteria.upper().split("|")


def read(element):
    """An element as text or dict; members of one name become a list."""
    if not len(element):
        return element.text or ""
    found = {}
    for child in element:
        name, told = etree.QName(child).localname, read(child)
        held = found.get(name)
        found[name] = (
            told if name not in found else [*held, told] if isinstance(held, list) else [held, told]
        )
    return found


def written(name, value, shuffled):
    if isinstance(value, list):
        return "".join(written(name, one, shuffled) for one in value)
    if isinstance(value, dict):
        rows = list(value.items())
        rows = rows[::-1] if shuffled else rows
        return f"<{name}>{''.join(written(k, v, shuffled) for k, v in rows)}</{name}>"
    return "" if value is None else f"<{name}>{escape(str(value))}</{name}>"


class Handler(BaseHTTPRequestHandler):
    """Reads a call, does it, answers as a rule says."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """One call."""
        nav = self.server.nav
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != self.server.wanted:
            return self.say(401, "")
        page = self.path.rpartition("/")[2]
        call = etree.fromstring(body)[0][0]
        operation = etree.QName(call).localname
        rule = next((r for r in nav.rules if r[0] == f"{page}.{operation}"), None)
        if rule:
            nav.rules.remove(rule)
        try:
            if rule and isinstance(rule[1], Fault):
                raise rule[1]
            told = nav.call(page, operation, read(call) or {})
        except Fault as fault:
            return self.say(500, self.fault(fault))
        if rule and rule[1] == "cut":
            self.close_connection = True
            return self.connection.close()
        inner = "".join(written(k, v, nav.shuffled) for k, v in told.items())
        space = SPACE + PAGES[page]
        return self.say(200, f'<{operation}_Result xmlns="{space}">{inner}</{operation}_Result>')

    def fault(self, fault):
        kind = f"a:Microsoft.Dynamics.Nav.Types.Exceptions.{fault.kind}"
        code = f'<faultcode xmlns:a="urn:microsoft-dynamics-schemas/error">{kind}</faultcode>'
        text = f'<faultstring xml:lang="en-US">{escape(fault.text)}</faultstring>'
        detail = "<detail><string>x</string></detail>"
        return f'<s:Fault xmlns:s="{SOAP}">{code}{text}{detail}</s:Fault>'

    def say(self, status, inner):
        text = f'<Soap:Envelope xmlns:Soap="{SOAP}"><Soap:Body>{inner}</Soap:Body></Soap:Envelope>'
        body = text.encode() if inner else b""
        self.send_response(status)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


class Server:
    """The server on loopback, for the time of a `with`."""

    def __init__(self, nav, user="svc", password="secret"):
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.nav = nav
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._http.wanted = f"Basic {pair}"
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/NAV/WS/CRONUS"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
