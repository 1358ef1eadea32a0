"""Both sandboxes, served on loopback, and small clients that sign and wrap as theirs must."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import ssl
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from lxml import etree

from connector.sandbox.erp import start_erp
from connector.sandbox.server import Running
from connector.sandbox.shop import start_shop

TNS = "urn:sandbox:erp:v1"
ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:sandbox:erp:v1">'
    "<s:Body>{}</s:Body></s:Envelope>"
)
BASIC = "Basic " + base64.b64encode(b"sandbox:sandbox").decode()
ORDER = (
    "<Order><ExternalRef>{ref}</ExternalRef><ShopNumber>7</ShopNumber>"
    "<CustomerNo>{customer}</CustomerNo><OrderDate>2026-11-23</OrderDate><Currency>EUR</Currency>"
    "<Status>open</Status><BillTo><Name>王 🙏</Name></BillTo><Lines><Line><Kind>fee</Kind>"
    "<Description>d</Description><Quantity>1</Quantity><NetAmount>{net}</NetAmount>"
    "<TaxAmount>0.19</TaxAmount></Line></Lines></Order>"
)


@dataclass
class Answer:
    """Status, body and headers of one answer."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def text(self, name: str) -> str | None:
        found = etree.fromstring(self.body).find(f".//{{{TNS}}}{name}")
        return None if found is None else found.text

    def texts(self, name: str) -> list[str | None]:
        return [e.text for e in etree.fromstring(self.body).iterfind(f".//{{{TNS}}}{name}")]


@dataclass
class Wire:
    """One request on its own connection."""

    running: Running
    timeout: float = 5.0
    trust: Path | None = None

    def line(self) -> http.client.HTTPConnection:
        at = {"host": "127.0.0.1", "port": self.running.port, "timeout": self.timeout}
        if self.trust is None:
            return http.client.HTTPConnection(**at)
        return http.client.HTTPSConnection(
            **at, context=ssl.create_default_context(cafile=self.trust)
        )

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        line = self.line()
        try:
            line.request(method, path, body, headers)
            reply = line.getresponse()
            return Answer(reply.status, reply.read(), dict(reply.headers))
        finally:
            line.close()

    def admin(self, path: str, said: object = None) -> Answer:
        body = None if said is None else json.dumps(said).encode()
        return self.send("GET" if body is None else "POST", f"/_sandbox/{path}", body, {})


@dataclass
class ErpClient(Wire):
    """Calls operations with the right envelope."""

    authorization: str = BASIC

    def call(self, op: str, inner: str = "") -> Answer:
        body = ENVELOPE.format(f"<{op}>{inner}</{op}>").encode()
        headers = {"SOAPAction": f'"{TNS}/{op}"', "Authorization": self.authorization}
        return self.send("POST", "/soap", body, headers | {"Content-Type": "text/xml"})

    def create(self, ref: str = "r-1", net: str = "1.00", customer: str = "C-10001") -> Answer:
        return self.call("CreateSalesOrder", ORDER.format(ref=ref, net=net, customer=customer))

    def raw_create(self) -> bytes:
        inner = ORDER.format(ref="r-1", net="1.00", customer="C-10001")
        body = ENVELOPE.format(f"<CreateSalesOrder>{inner}</CreateSalesOrder>").encode()
        head = f"POST /soap HTTP/1.1\r\nHost: x\r\nAuthorization: {BASIC}\r\n"
        head += f"SOAPAction: {TNS}/CreateSalesOrder\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    def find(self, ref: str = "r-1") -> list[str | None]:
        return self.call("FindSalesOrders", f"<ExternalRef>{ref}</ExternalRef>").texts("OrderNo")


@dataclass
class ShopClient(Wire):
    """Signs calls with OAuth 1.0a."""

    key: str = "ck_sandbox"
    secret: str = "cs_sandbox"
    oauth: dict[str, str] = field(default_factory=dict)

    def sign(self, method: str, path: str, query: dict[str, str]) -> dict[str, str]:
        params = query | {
            "oauth_consumer_key": self.key,
            "oauth_timestamp": str(int(time.time())),
            "oauth_nonce": uuid.uuid4().hex,
            "oauth_signature_method": "HMAC-SHA256",
            **self.oauth,
        }
        pairs = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in params.items())
        joined = "&".join(f"{k}={v}" for k, v in pairs)
        parts = (method, self.running.url + path, joined)
        text = "&".join(quote(part, safe="~") for part in parts)
        algorithm = "sha1" if params["oauth_signature_method"] == "HMAC-SHA1" else "sha256"
        seal = hmac.new(f"{self.secret}&".encode(), text.encode(), algorithm).digest()
        return params | {"oauth_signature": base64.b64encode(seal).decode()}

    def call(self, method: str, path: str, said: object = None, **query: object) -> Answer:
        path = f"/wp-json/wc/v3{path}"
        signed = self.sign(method, path, {k: str(v) for k, v in query.items()})
        body = None if said is None else json.dumps(said).encode()
        return self.send(method, f"{path}?{urlencode(signed)}", body, {})

    def get(self, path: str, **query: object) -> Answer:
        return self.call("GET", path, None, **query)

    def order(self, **said: object) -> Any:
        return self.call("POST", "/orders", said).json

    def product(self, **said: object) -> Any:
        return self.call("POST", "/products", said).json


@pytest.fixture
def erp(tmp_path) -> Iterator[ErpClient]:
    """An ERP with one customer, C-10001."""
    with start_erp(tmp_path / "erp.db") as running:
        client = ErpClient(running)
        client.call("CreateCustomer", "<Customer><Name>Lena</Name></Customer>")
        yield client


@pytest.fixture
def shop(tmp_path) -> Iterator[ShopClient]:
    """An empty shop in Berlin's zone."""
    with start_shop(tmp_path / "shop.db") as running:
        yield ShopClient(running)


@pytest.fixture
def erp_client() -> type[ErpClient]:
    """To call an ERP that the test starts itself."""
    return ErpClient


@pytest.fixture
def shop_client() -> type[ShopClient]:
    """To call a shop that the test starts itself."""
    return ShopClient
