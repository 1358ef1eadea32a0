"""How fast Python's own http.client posts orders that are written already: the wire alone."""

from __future__ import annotations

import argparse
import http.client
import json
import threading
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from adapters.soap.contract import Contract
from adapters.soap.writer import envelope
from benchmarks.measure import Measured
from connector.places import mappings_folder

LINE = {
    "Kind": "item", "ItemNo": "I-1", "Description": "Something that is sold", "Quantity": "2",
    "NetAmount": "19.98", "TaxAmount": "3.80", "Tax": [{"Rate": "19", "Amount": "3.80"}],
}  # fmt: skip
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"create"'}


def written(number: int) -> bytes:
    """The message of one order of five lines."""
    wsdl = Path(mappings_folder() / "sandbox_erp/wsdl/erp.wsdl")
    who = {"Name": "Ada", "Street": "Weg 1", "City": "Berlin", "Postcode": "10115", "Country": "DE"}
    order = {
        "ExternalRef": f"RAW-{number}", "ShopNumber": str(number), "CustomerNo": "C-1",
        "OrderDate": "2026-11-10", "Currency": "EUR", "Status": "paid", "BillTo": who,
        "ShipTo": who, "Lines": {"Line": [LINE] * 5},
    }  # fmt: skip
    operation = Contract(wsdl).operation("CreateSalesOrder")
    return envelope(operation, {"Order": order}, missing="omit", zone=ZoneInfo("UTC"))


def post(url: str, body: bytes, turns: count[int], orders: int) -> None:
    """Post until *orders* were posted, on one connection."""
    parts = urlsplit(url)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port)
    while (n := next(turns)) < orders:
        line.request("POST", "/soap", body.replace(b"RAW-0<", b"RAW-%d<" % n), HEADERS)
        line.getresponse().read()
    line.close()


def main() -> None:
    """`python -m benchmarks.client --url URL --orders N --slots N`: print what it took as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--slots", type=int, default=16)
    args = parser.parse_args()
    body, turns = written(0), count()
    threads = [
        threading.Thread(target=post, args=(args.url, body, turns, args.orders))
        for _ in range(args.slots)
    ]
    with Measured() as took:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(json.dumps(took.told()))


if __name__ == "__main__":
    main()
