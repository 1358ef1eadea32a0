"""Our SOAP adapter and a YAML profile against stacks that we did not write."""

from __future__ import annotations

import itertools
import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from stacks import HERE

from adapters.soap import Settings, Soap
from connector.documents import Order, document_of
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.problems import Problems
from connector.values import Absent, Change, Done, Gone, InDoubt, Refused, Stale, Tombstone

PEERS = {
    "php-document": ("php", "document", "peer"),
    "php-document-1.2": ("php", "document", "peer_soap12"),
    "php-rpc": ("php", "rpc", "peer_rpc"),
    "php-encoded": ("php", "encoded", "peer_encoded"),
    "node-document": ("node", "document", "peer"),
    "node-document-1.2": ("node", "document", "peer_soap12"),
    "node-rpc": ("node", "rpc", "peer_rpc"),
}
NUMBERS = itertools.count(1)
NOTE = "Grüße & <Küsse> 王小明 🫖"


class RealClock:
    """The machine's clocks."""

    def now(self):
        return datetime.now(UTC)

    def boottime(self):
        return time.monotonic()


class Peer:
    """One stack in one style, through our adapter."""

    def __init__(self, url, profile):
        problems = Problems()
        raw = load_profile(profile, [HERE / "mappings"], problems)
        self.compiled = compile_profile(raw, problems)
        problems.raise_if_any()
        self.conn = {"url": url, "zone": "Europe/Berlin"}
        place = {
            "conn": self.conn,
            "zone": ZoneInfo("Europe/Berlin"),
            "timeout": timedelta(seconds=10),
            "lag": timedelta(0),
            "slot": lambda send_before=None: nullcontext(),
            "clock": RealClock(),
        }
        self.system = Soap(self.compiled.profile, Settings(auth={"type": "none"}), **place)
        self.close = self.system.close

    def order(self, lines=("A-1", "A-2"), **more):
        """A document with a reference of its own, and the payload of it."""
        reference = f"R-{next(NUMBERS)}"
        goods = [
            {"key": str(n), "sku": sku, "name": NOTE, "quantity": "1.5", "net": "10.10", "tax": "0"}
            for n, sku in enumerate(lines, 1)
        ]
        given = {"number": reference, "status": "confirmed", "currency": "EUR", "lines": goods}
        given |= {"placed_at": "2026-11-20T23:30:00+00:00", "total": "20.20", "note": NOTE} | more
        names = {"conn": self.conn, "reference": reference, "there": str}
        payload = self.compiled.writers["order"].payload(document_of(Order, given), **names)
        return reference, payload

    def send(self, action, payload, reference="", **more):
        before = datetime.now(UTC) + timedelta(minutes=1)
        change = Change(
            id=1, action=action, reference=reference, payload=payload, send_before=before, **more
        )
        return self.system.send("order", [change])[0]

    def created(self, **more):
        reference, payload = self.order(**more)
        outcome = self.send("create", payload, reference)
        assert isinstance(outcome, Done), outcome
        return reference, outcome

    def read(self, key):
        """The document as our reader makes it of what the peer gives."""
        [item] = self.system.read("order", [key])
        payload = self.system.decode("order", item.raw)
        return self.compiled.readers["order"].document(payload)


@pytest.fixture(params=list(PEERS))
def peer(request, peers):
    """Each stack in each of its styles."""
    stack, style, profile = PEERS[request.param]
    with closing(Peer(f"{peers(stack)}/{style}", profile)) as one:
        yield one


@pytest.mark.parametrize("lines", [(), ("A-1",), ("A-1", "A-2", "A-3")])
def test_what_was_created_is_read_back_equal(peer, lines):
    """No, one and several lines; text of every script; amounts to the last digit."""
    reference, done = peer.created(lines=lines)
    there = peer.read(done.key)

    assert (there.number, there.note, there.total) == (reference, NOTE, Decimal("20.20"))
    assert there.placed_at == datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert [(line.sku, line.name, line.quantity, line.net) for line in there.lines] == [
        (sku, NOTE, Decimal("1.5"), Decimal("10.10")) for sku in lines
    ]


def test_an_order_is_found_by_its_reference_and_by_its_key(peer):
    """One that is not there is absent, and not an object without members."""
    reference, done = peer.created()
    found = peer.system.find("order", [reference, "R-none"])
    got = peer.system.get("order", [done.key, "O-none"])

    assert (found[reference].key, found[reference].version) == (done.key, done.version)
    assert isinstance(found["R-none"], Absent)
    assert got[done.key].there["note"] == NOTE
    assert isinstance(got["O-none"], Absent)
    assert list(peer.system.read("order", ["O-none"])) == [Tombstone(key="O-none")]


def test_an_update_changes_one_field_and_the_version(peer):
    """The rest stands as it stood."""
    reference, done = peer.created()
    updated = peer.send("update", {"Note": "a < b"}, reference, key=done.key, version=done.version)
    there = peer.read(done.key)

    assert (updated.key, updated.version) == (done.key, "2")
    assert (there.note, len(there.lines)) == ("a < b", 2)


def test_a_fault_is_read_by_its_detail(peer):
    """Refused, stale and gone, as the profile's rules say of the fault's detail."""
    reference, payload = peer.order(lines=("unknown",))
    refused = peer.send("create", payload, reference)
    _, done = peer.created()
    stale = peer.send("update", {"Note": "x"}, key=done.key, version="7")
    gone = peer.send("update", {"Note": "x"}, key="O-none", version="1")

    assert refused == Refused(code="unknown_item", at="create")
    assert (stale, gone) == (Stale(), Gone())
    assert isinstance(peer.system.find("order", [reference])[reference], Absent)


@pytest.mark.parametrize("end", ["die", "crash"])
def test_a_peer_that_breaks_after_the_work_leaves_doubt_and_the_order_is_found(peer, end):
    """An empty reply, a cut connection, a fault of the server's own: never a refusal."""
    reference, payload = peer.order(note=end)
    outcome = peer.send("create", payload, reference)
    found = peer.system.find("order", [reference])[reference]

    assert isinstance(outcome, InDoubt), outcome
    assert found.there["note"] == end


def test_a_list_is_walked_whole(peer):
    """Over several pages of two, none missed, none twice."""
    made = {peer.created(lines=("A-1",))[1].key for _ in range(3)}
    pages = list(peer.system.pages("order", None, start=None, until=None))
    keys = [item.key for page in pages for item in page.items]

    assert made <= set(keys)
    assert len(keys) == len(set(keys))
    assert pages[-1].complete


def test_warnings_before_the_envelope_of_a_committed_order(peers):
    """PHP with display_errors on: the order is there, the envelope behind the HTML says so."""
    with closing(Peer(f"{peers('php')}/document", "peer")) as peer:
        reference, payload = peer.order(note="warn")
        outcome = peer.send("create", payload, reference)
        found = peer.system.find("order", [reference])[reference]

    assert isinstance(outcome, InDoubt), outcome
    assert found.there["note"] == "warn"


def test_the_wsdls_lie_beside_the_test():
    """Each of them is served by at least one stack."""
    served = {style for _, style, _ in PEERS.values()}
    assert served == {path.stem for path in Path(HERE / "wsdl").glob("*.wsdl")}
