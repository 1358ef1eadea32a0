"""The bench server: a shop (REST) and an ERP (SOAP) in one fast process, keeping all in memory.

It answers what is asked with little work and counts; it validates nothing.  `GET /stats` tells how
many orders came, how many of them twice, their sum, all SOAP calls, the most at one time, the
rejected ones, and since it was asked last: when the first order came (seconds of the machine's
monotonic clock) and how long until the last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, urlsplit

from benchmarks import shop_data

Done = Callable[[bytes, bytes], None]
NS = "urn:sandbox:erp:v1"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_OPERATION = re.compile(rb"Body[^>]*>\s*<(?:[\w.-]+:)?(\w+)")
_REFERENCE = re.compile(rb"ExternalRef>([^<]+)<")
_NUMBER = re.compile(rb"OrderNo>([^<]+)<")
_SHOWN = re.compile(rb"<(?:[\w.-]+:)?(ExternalRef|ShopNumber|Status|Currency|Note)>([^<]*)<")
_SKU = re.compile(rb"Sku>([^<]+)<")
_AMOUNT = re.compile(rb"<(?:[\w.-]+:)?(?:Net|Tax)Amount>(-?\d+)(?:\.(\d\d))?<")


class Shop:
    """The shop's listing and single documents."""

    def __init__(self, rows: Sequence[shop_data.Row], born: datetime) -> None:
        self._rows, self._born = rows, born
        self._times = [] if isinstance(rows, shop_data.Many) else [row.at for row in rows]

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[bytes, str]:
        """Give a body and extra headers."""
        *_, what, key = ["", *path.rstrip("/").split("/")]
        if key == "orders":
            return self._page(query)
        if what == "orders":
            return self._rows[int(key) - 1000].raw, ""
        if what == "customers":
            return shop_data.customer(int(key), self._born), ""
        if what == "products":
            return shop_data.product(int(key), self._born), ""
        return b'{"environment":{"site_url":"http://bench.test","store_id":"bench"}}', ""

    def _page(self, query: dict[str, list[str]]) -> tuple[bytes, str]:
        begin, end = 0, len(self._rows)
        if after := query.get("modified_after") or query.get("after"):
            begin = self._before(_time(after[0]), inclusive=True)
        if before := query.get("modified_before") or query.get("before"):
            end = self._before(_time(before[0]), inclusive=False)
        size, page = int(query["per_page"][0]), int(query.get("page", ["1"])[0])
        total = max(0, end - begin)
        first = begin + (page - 1) * size
        rows = self._rows[first : min(first + size, end)]
        extra = f"X-WP-Total: {total}\r\nX-WP-TotalPages: {-(-total // size)}\r\n"
        return b"[" + b",".join(row.raw for row in rows) + b"]", extra

    def _before(self, moment: datetime, *, inclusive: bool) -> int:
        if isinstance(self._rows, shop_data.Many):
            return self._rows.before(moment, inclusive=inclusive)
        return (bisect_right if inclusive else bisect_left)(self._times, moment)


class Erp:
    """The ERP's books and the count of what was done to them.

    *keeps*: also what a reading of an order shows, which costs it some time and memory.
    """

    def __init__(self, *, keeps: bool = False) -> None:
        self._orders: dict[bytes, str] = {}
        self._shown: dict[bytes, str] | None = {} if keeps else None
        self._customers: dict[bytes, str] = {}
        self.calls: dict[str, int] = {}
        self.duplicates = self.cents = self.serving = self.peak = self.rejected = 0
        self._began: float | None = None
        self._ended = 0.0

    def answer(self, body: bytes) -> bytes:
        """Do one operation; give its reply."""
        found = _OPERATION.search(body)
        operation = found[1].decode() if found else ""
        self.calls[operation] = self.calls.get(operation, 0) + 1
        match operation:
            case "CreateSalesOrder":
                inner = self._create_order(body)
            case "CreateCustomer":
                inner = self._create_customer(body)
            case "FindSalesOrders":
                inner = self._find_orders(body)
            case "GetSalesOrders":
                inner = self._show(_NUMBER.findall(body))
            case "UpdateSalesOrder":
                no = _NUMBER.findall(body)[0].decode()
                inner = f"<Result><No>{no}</No><Version>2</Version></Result>"
            case "FindCustomers":
                inner = _found(body, self._customers, "Customer", "CustomerNo")
            case "FindItems":
                inner = "".join(_item(sku.decode()) for sku in _SKU.findall(body))
            case _:
                inner = (
                    "<CompanyCode>bench</CompanyCode><Company>Bench</Company><Account>b</Account>"
                )
        return (
            '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
            f'<{operation}Response xmlns="{NS}">{inner}</{operation}Response>'
            "</soap:Body></soap:Envelope>"
        ).encode()

    def _find_orders(self, body: bytes) -> str:
        if self._shown is None:
            return _found(body, self._orders, "Order", "OrderNo")
        known = map(self._orders.get, _REFERENCE.findall(body))
        return self._show(no.encode() for no in known if no)

    def _show(self, numbers: Iterable[bytes]) -> str:
        shown = self._shown or {}
        return "".join(f"<Order>{shown[no]}</Order>" for no in numbers if no in shown)

    def stats(self) -> dict[str, object]:
        """Tell what came, and begin to time anew."""
        began, self._began = self._began, None
        return {"orders": len(self._orders), "duplicates": self.duplicates, "cents": self.cents,
                "calls": self.calls, "peak": self.peak, "rejected": self.rejected,
                "began": began, "span": self._ended - (began or self._ended)}  # fmt: skip

    def _create_order(self, body: bytes) -> str:
        self._ended = time.monotonic()
        self._began = self._began or self._ended
        total = sum(int(a) * 100 + int(b or 0) for a, b in _AMOUNT.findall(body))
        self.duplicates += not _new(self._orders, body, "O")
        self.cents += total
        if self._shown is not None:
            no, said = f"O{len(self._orders)}", _SHOWN.findall(body)
            told = "".join(f"<{n.decode()}>{v.decode()}</{n.decode()}>" for n, v in said)
            told = f"<OrderNo>{no}</OrderNo><Version>1</Version>{told}"
            amount = f"{total // 100}.{total % 100:02d}"
            self._shown[no.encode()] = f"{told}<GrandTotal>{amount}</GrandTotal>"
        result = f"<No>O{len(self._orders)}</No><Version>1</Version>"
        return f"<Result>{result}<GrandTotal>{total // 100}.{total % 100:02d}</GrandTotal></Result>"

    def _create_customer(self, body: bytes) -> str:
        _new(self._customers, body, "C")
        return f"<Result><No>C{len(self._customers)}</No><Version>1</Version></Result>"


def _new(known: dict[bytes, str], body: bytes, letter: str) -> bool:
    found = _REFERENCE.search(body)
    reference = found[1] if found else b""
    new = reference not in known
    known.setdefault(reference, f"{letter}{len(known) + 1}")
    return new


def _found(body: bytes, known: dict[bytes, str], what: str, number: str) -> str:
    return "".join(
        f"<{what}><{number}>{known[ref]}</{number}><Version>1</Version>"
        f"<ExternalRef>{ref.decode()}</ExternalRef></{what}>"
        for ref in _REFERENCE.findall(body)
        if ref in known
    )


def _item(sku: str) -> str:
    return f"<Item><ItemNo>I-{sku}</ItemNo><Version>1</Version><Sku>{sku}</Sku></Item>"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Desk:
    """Does *slots* calls at once (0: any number), each for *latency* seconds.

    Half as many more wait for their turn; the rest is told 429 and not done.
    """

    def __init__(self, erp: Erp, latency: float, slots: int) -> None:
        self.erp, self._latency, self._slots = erp, latency, slots
        self._waiting: deque[tuple[bytes, Done]] = deque()

    def take(self, body: bytes, done: Done) -> None:
        """Do a call, now or in its turn; *done* gets its status and reply."""
        erp = self.erp
        if not self._slots or erp.serving < self._slots:
            erp.serving += 1
            erp.peak = max(erp.peak, erp.serving)
            asyncio.get_running_loop().call_later(self._latency, self._over, erp.answer(body), done)
        elif len(self._waiting) < self._slots // 2:
            self._waiting.append((body, done))
        else:
            erp.rejected += 1
            done(b"429 Too Many Requests", b"busy")

    def _over(self, reply: bytes, done: Done) -> None:
        self.erp.serving -= 1
        done(b"200 OK", reply)
        if self._waiting:
            self.take(*self._waiting.popleft())


class Wire(asyncio.Protocol):
    """One connection: requests come whole or in pieces, replies go in order."""

    def __init__(self, shop: Shop, desk: Desk) -> None:
        self._shop, self._desk = shop, desk
        self._buffer = b""
        self._out: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._out = transport if isinstance(transport, asyncio.Transport) else None

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            head, body = self._buffer[:end], self._buffer[end + 4 : whole]
            self._buffer = self._buffer[whole:]
            self._serve(head, body)

    def _serve(self, head: bytes, body: bytes) -> None:
        method, target, *_ = head.split(b" ", 2)
        if method == b"POST":
            self._desk.take(body, self._finish)
        elif target.startswith(b"/stats"):
            self._write(json.dumps(self._desk.erp.stats()).encode(), "application/json")
        else:
            parts = urlsplit(target.decode())
            found, extra = self._shop.answer(parts.path, parse_qs(parts.query))
            self._write(found, "application/json", extra)

    def _finish(self, status: bytes, reply: bytes) -> None:
        self._write(reply, "text/xml; charset=utf-8", status=status)

    def _write(self, body: bytes, kind: str, extra: str = "", *, status: bytes = b"200 OK") -> None:
        now = format_datetime(datetime.now(UTC), usegmt=True)
        head = (
            f"HTTP/1.1 {status.decode()}\r\nDate: {now}\r\n"
            f"Content-Type: {kind}\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
        )
        if self._out is not None:
            self._out.write(head.encode() + body)


async def serve(shop: Shop, desk: Desk, host: str) -> None:
    """Serve on a free port of *host*; say which on stdout."""
    server = await asyncio.get_running_loop().create_server(lambda: Wire(shop, desk), host, 0)
    print(f"url=http://{host}:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """`python -m benchmarks.server`: serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--first", required=True, help="when the first order is placed (ISO, UTC)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0, help="of the ERP, in milliseconds")
    parser.add_argument("--slots", type=int, default=0, help="calls that the ERP does at once")
    parser.add_argument("--keeps", action="store_true", help="the ERP shows what it was sent")
    parser.add_argument("--many", action="store_true", help="make each order when it is read")
    parser.add_argument("--host", default="127.0.0.1")
    args = parser.parse_args()
    first = datetime.fromisoformat(args.first)
    make = shop_data.Many if args.many else shop_data.orders
    rows = make(args.orders, seed=args.seed, first=first)
    desk = Desk(Erp(keeps=args.many or args.keeps), args.latency / 1000, args.slots)
    asyncio.run(serve(Shop(rows, first), desk, args.host))


if __name__ == "__main__":
    main()
