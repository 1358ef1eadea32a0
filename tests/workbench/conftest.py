"""A profile of our own for the workbench, right in everything, and ways to spoil it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector import cli

HERE = Path(__file__).parent
PROFILE = """\
profile: acme
version: "1.0"
protocol: soap
parameters:
  url: {type: url, needed: "true", meaning: its address}
services:
  acme: {wsdl: acme.wsdl, endpoint: "{{ conn.url }}/soap"}
"""
ORDER = """\
entity: order
key: = No
actions:
  get:
    op: Read
    args: {No: = key}
    items: = reply.Order
  create:
    op: Save
    args: {Header: = payload}
    key: = reply.No
read:
  number: = Reference
  status: = State | table('state')
  total: = Total
write:
  "@company": "7"
  Reference: = reference
  Customer: = doc.customer | there
  Day: = doc.placed_at | date(conn.zone)
  Note: = doc.note | cut(10)
  Line:
    $concat:
      goods:
        $each: doc.lines as l
        Kind: goods
        Item: = l.product | there
        Quantity: = l.quantity
        Price: = l | unit_net(5)
      freight:
        $each: doc.shipping_lines as s
        Kind: freight
        Quantity: "1"
        Price: = s.net
tables:
  state: {new: confirmed, done: fulfilled, else: error}
"""
READ = """\
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>
<ReadResponse xmlns="urn:acme"><Order><No>9</No><Reference>DE-1</Reference>
<State>new</State><Total>11.90</Total></Order></ReadResponse></soap:Body></soap:Envelope>
"""


def order_document(**changes: Any) -> dict[str, Any]:
    """An order of ours, as `dump` writes it."""
    line = {"key": "1", "product": {"entity": "product", "key": "8"}, "sku": "A-8", "name": "Seife"}
    line |= {
        "quantity": "2",
        "net": "10.00",
        "tax": "1.90",
        "taxes": [{"rate": "19", "tax": "1.90"}],
    }
    return {
        "number": "1",
        "status": "confirmed",
        "placed_at": "2026-01-31T23:30:00Z",
        "currency": "EUR",
        "customer": {"entity": "customer", "key": "3"},
        "note": "danke",
        "lines": [line],
        "shipping_lines": [{"key": "2", "name": "Paket", "net": "0.00", "tax": "0.00"}],
        "total": "11.90",
        "total_tax": "1.90",
        **changes,
    }


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Bench:
    """A folder of profiles, and the command line in it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    @property
    def acme(self) -> Path:
        return self.folder / "mappings" / "acme"

    def spoil(self, old: str, new: str, file: str = "order.yaml") -> None:
        """Change a text that stands in a file once."""
        path = self.acme / file
        text = path.read_text()
        assert text.count(old) == 1, old
        path.write_text(text.replace(old, new))

    def line(self, text: str, file: str = "order.yaml") -> int:
        """The first line that holds *text*."""
        lines = (self.acme / file).read_text().splitlines()
        return next(n for n, line in enumerate(lines, 1) if text in line)

    def __call__(self, *args: str) -> Said:
        self._capsys.readouterr()
        code = cli.run(list(args))
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)


@pytest.fixture
def bench(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """The right profile, in an empty folder without a configuration."""
    made = Bench(tmp_path, capsys)
    samples = made.acme / "samples"
    samples.mkdir(parents=True)
    (made.acme / "profile.yaml").write_text(PROFILE)
    (made.acme / "order.yaml").write_text(ORDER)
    (samples / "order.get.xml").write_text(READ)
    (samples / "order.json").write_text(json.dumps(order_document()))
    shutil.copy(HERE / "acme.wsdl", made.acme)
    monkeypatch.chdir(tmp_path)
    return made
