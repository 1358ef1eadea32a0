"""R15 by real processes: SIGKILL while a page is split, by every walk, until the row is known."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta
from operator import itemgetter
from urllib.parse import parse_qs, urlsplit

import pytest
from lists import NOW, clocked
from sqlalchemy import select

import adapters.rest
from connector.clock import SystemClock
from connector.errors import Truncated
from connector.flow.pull import pull, pull_demanded
from connector.flow.wary import DEATHS
from connector.ledger import life
from connector.ledger.schema import meta, quarantine, record
from connector.ledger.store import Ledger
from connector.testing.rig import order, order_flow

POISON = "poison"
COUNT, BAD, SIZE = 11, 7, 4
TRUNCATED = 9  # an exit code
RESTARTS = 12
ENTITY = "entity: order\nkey: = key\nversion: = version\nread: {number: = key}\n"
PAGED = "{method: GET, path: /o, query: {page: = page, size: = size, since: = since}%s}"
ITEMS = ", items: = reply.items"


def rows(note=POISON):
    """Rows by the time of their change; one of them kills."""
    return [
        {
            "key": f"{n}", "version": (NOW - timedelta(minutes=60 - n)).isoformat(),
            **order(f"{n}", note=note if n == BAD else "fine"),
        }
        for n in range(1, COUNT + 1)
    ]  # fmt: skip


def asked(request):
    found = {n: v[0] for n, v in parse_qs(urlsplit(request.path).query).items()}
    return found, int(found.get("size", SIZE))


def cut(found, all_rows):
    """What a page number, an offset or a place asks for."""
    size = int(found.get("size", SIZE))
    if "skip" in found:
        begin = int(found["skip"])
    elif "after" in found:
        begin = int(found["after"])
    else:
        begin = (int(found.get("page", 1)) - 1) * size
    return all_rows[begin : begin + size]


class Shop:
    """A list of rows, by any walk."""

    def __init__(self):
        self.rows, self.calls, self.now = rows(), 0, NOW

    def __call__(self, request):
        self.calls += 1
        found, size = asked(request)
        if request.path.partition("?")[0].endswith("/parts"):
            return self.json([{"note": POISON if f"/{BAD}/" in request.path else "fine"}])
        if request.path.startswith("/api/o/"):
            key = request.path.rpartition("/")[2]
            return self.json(next(row for row in self.rows if row["key"] == key))
        since = found.get("since")
        low = datetime.fromisoformat(since + "+00:00") if since else None
        listed = sorted(self.rows, key=itemgetter("version")) if low else self.rows
        some = [r for r in listed if low is None or datetime.fromisoformat(r["version"]) > low]
        if "until" in found:
            high = datetime.fromisoformat(found["until"] + "+00:00")
            some = [r for r in some if datetime.fromisoformat(r["version"]) < high]
        page = cut(found, some)
        if urlsplit(request.path).path == "/api/plain":
            return self.json(page)
        pages = -(-len(some) // size)
        nxt = page[-1]["key"] if page and page[-1] is not some[-1] else ""
        return self.json({"took": self.calls, "items": page, "pages": pages, "next": nxt})

    def change(self, number, note):
        """A row has another note and is the last that was changed."""
        self.now += timedelta(minutes=5)
        [row] = [row for row in self.rows if row["key"] == f"{number}"]
        row |= order(f"{number}", note=note) | {"version": self.now.isoformat()}
        self.now += timedelta(minutes=5)

    def json(self, tree):
        headers = [("Content-Type", "application/json")]
        return clocked((200, headers, json.dumps(tree).encode()), self.now)


WALKS = {
    "page": ("type: page", PAGED % ITEMS),
    "page, a list by itself": ("type: page", PAGED.replace("/o", "/plain") % ""),
    "offset": ("type: offset", PAGED.replace("page: = page", "skip: = offset") % ITEMS),
    "watermark": ("type: watermark", PAGED % ITEMS + ""),
    "index": ("type: index, pages: = reply.pages", PAGED % ITEMS),
}
PLACES = {
    "cursor": ("type: cursor, from: = reply.next",
               PAGED.replace("page: = page", "after: = bookmark") % ITEMS),
    "bookmark": ("type: bookmark, from: = item.key",
                 PAGED.replace("page: = page", "after: = bookmark") % ITEMS),
    "window": ("type: window", "{method: GET, path: /o, query: {since: = since, until: = until}"
               ", items: = reply.items}"),
}  # fmt: skip


@pytest.fixture
def ledger_url(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    fresh = Ledger(url)
    with fresh.begin() as db:
        meta.create_all(db)
        life.create(db, SystemClock().now())
    fresh.close()
    return url


def deadly(text):
    """Have who parses a reply with *text* in it die of it."""
    parse = adapters.rest._answer

    def answer(reply, *, listing):
        if text.encode() in reply.body:
            os.kill(os.getpid(), signal.SIGKILL)
        return parse(reply, listing=listing)

    adapters.rest._answer = answer


def one_life(url, source, act=pull, poison=POISON):
    """A process that reads once; its exit code, -9 when it was killed."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 70
    try:
        deadly(poison)
        clock, ledger = SystemClock(), Ledger(url)
        ledger.wake(clock.now(), clock.boottime())
        act(source, flow(), ledger, clock)
        ledger.close()
        code = 0
    except Truncated as error:
        os.write(2, f"{error}\n".encode())
        code = TRUNCATED
    finally:
        os._exit(code)


def flow():
    return replace(order_flow(), start=NOW - timedelta(hours=2), lag=timedelta(0))


def lives(url, source, act=pull):
    """Processes one after the other until one ends by itself: how many died, and its exit code."""
    for died in range(RESTARTS):
        code = one_life(url, source, act)
        if code != -signal.SIGKILL:
            return died, code
    return RESTARTS, None


def told(url):
    """Keys staged, and what was set aside: code, place, bytes."""
    ledger = Ledger(url)
    try:
        with ledger.engine.connect() as db:
            keys = set(db.scalars(select(record.c.key).where(record.c.state == "prepared")))
            aside = select(quarantine.c.code, quarantine.c.at, quarantine.c.raw)
            return keys, [tuple(row) for row in db.execute(aside)]
    finally:
        ledger.close()


ALL_BUT_ONE = {f"{n}" for n in range(1, COUNT + 1)} - {f"{BAD}"}


@pytest.mark.parametrize("walk", WALKS)
def test_the_row_that_kills_is_set_aside_and_all_others_are_staged(listing, ledger_url, walk):
    """In ever smaller pages, by a process each; and nobody dies of it a second time."""
    how, rest = WALKS[walk]
    shop = Shop()
    source, _ = listing(f'{how}, size: "{SIZE}"', shop, rest=rest, entity=ENTITY)
    died, code = lives(ledger_url, source)

    assert (died, code) == (2 + DEATHS, 0)  # unseen, in its page, then alone
    keys, [(why, place, raw)] = told(ledger_url)
    assert keys == ALL_BUT_ONE
    assert (why, POISON.encode() in raw, b'"key": "6"' in raw) == ("kills_reader", True, False)
    assert place.startswith("page ")
    shop.change(BAD - 1, "changed")
    assert lives(ledger_url, source) == (0, 0)

    shop.change(BAD, "corrected")
    assert lives(ledger_url, source) == (0, 0)
    assert told(ledger_url)[0] == {f"{n}" for n in range(1, COUNT + 1)}


def test_a_row_below_which_something_kills_is_set_aside_and_all_others_are_staged(
    listing, ledger_url
):
    """It is looked into with its row, and one after the other once somebody died."""
    below = "{method: GET, path: '/o/{{ item.key }}/parts', into: parts}"
    shop = Shop()
    shop.rows = rows(note="fine")
    rest = PAGED.replace("/o", "/plain") % "" + ", below: " + below
    source, _ = listing(f'type: page, size: "{SIZE}"', shop, rest=rest, entity=ENTITY)

    assert lives(ledger_url, source) == (1 + DEATHS, 0)  # unseen, then alone
    keys, [(why, place, raw)] = told(ledger_url)
    assert keys == ALL_BUT_ONE
    assert (why, place) == ("kills_reader", f"below {BAD}")
    assert b'"key": "7"' in raw
    assert lives(ledger_url, source) == (0, 0)


@pytest.mark.parametrize("walk", PLACES)
def test_where_only_the_reply_says_how_to_go_on_the_flow_stops_and_the_process_lives(
    listing, ledger_url, walk
):
    """A walk that cannot ask for less than what kills says so; what stands before it is staged."""
    how, rest = PLACES[walk]
    shop = Shop()
    source, _ = listing(f'{how}, size: "{SIZE}"', shop, rest=rest, entity=ENTITY)
    died, code = lives(ledger_url, source)

    assert died < RESTARTS
    assert code == TRUNCATED
    keys, aside = told(ledger_url)
    assert {f"{n}" for n in range(1, BAD)} <= keys <= ALL_BUT_ONE
    assert aside == []
    assert lives(ledger_url, source) == (0, TRUNCATED)


def test_a_document_that_kills_who_reads_it_by_its_key_is_held(listing, ledger_url):
    """As a webhook or an order asks for it; those that are asked for with it are staged."""
    one = "{method: GET, path: '/o/{{ key }}'}"
    source, _ = listing("type: page", Shop(), rest=PAGED % ITEMS + ", get: " + one, entity=ENTITY)
    wanted = [f"{n}" for n in range(BAD - 2, BAD + 3)]

    def demand(*given):
        pull_demanded(*given, keys=wanted)

    assert lives(ledger_url, source, demand) == (1 + DEATHS, 0)
    ledger = Ledger(ledger_url)
    with ledger.engine.connect() as db:
        rows = db.execute(select(record.c.key, record.c.state, record.c.reason, record.c.needs))
        found = {row.key: (row.state, row.reason, row.needs) for row in rows}
    ledger.close()
    assert found.pop(f"{BAD}") == ("held", "unreadable", "kills_reader")
    assert {key: state for key, (state, *_) in found.items()} == dict.fromkeys(
        set(wanted) - {f"{BAD}"}, "prepared"
    )
