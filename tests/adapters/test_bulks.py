"""Many changes in one call: each answer finds its change, and what is not answered is a doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from profiles_by_hand import RealClock, equals, path

from adapters import bulks
from adapters.dialect import Connection
from adapters.http import Broke, Reply
from adapters.replies import Answer
from connector.errors import FieldErrors, FieldFault
from connector.profile import Action, Bulk, Capabilities, Entity, ErrorRule, Profile, Step
from connector.values import Change, Done, Gone, InDoubt, Refused, Unavailable

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
BAD = "rotten"


class Shop:
    """A dialect that answers a bulk with what *answer* makes of its rows, and counts calls."""

    def __init__(self, answer, status=200):
        self.answer, self.status, self.calls = answer, status, []

    def call(self, query):
        rows = list(query.names["rows"])
        self.calls.append((query.names["group"], [row["id"] for row in rows]))
        reply = self.answer(rows)
        if isinstance(reply, Exception):
            raise reply
        status, reply = reply if isinstance(reply, tuple) else (self.status, reply)
        http = Reply(status=status, headers={}, body=b"", began=NOW, took=timedelta(seconds=1))
        return Answer(http=http, reply=reply)


def row(names):
    """A row; a rotten value cannot be rendered."""
    if names["payload"].get("n") == "unrenderable":
        raise FieldErrors((FieldFault("n", "not_a_number", "write a number"),))
    return {"id": names["key"], **names["payload"]}


def connected(shop, *, most=10, aligned=True, **capabilities):
    """An entity whose `update` is a bulk."""
    ids = {"id": path("key"), "answer": path("item.id")} if aligned else {}
    bulk = Bulk(row=row, answers=path("reply.rows"), error=path("item.error"), **ids)
    update = Action(name="update", steps=(Step(name="update"),), bulk=bulk)
    refused = ErrorRule(when=None, outcome="refused", code=path("reply.code"))
    rules = (ErrorRule(when=equals("reply.code", "gone"), outcome="gone"), refused)
    profile = Profile(
        name="p", version="1", protocol="x", folder=None, errors=rules,
        entities={"stock": Entity(name="stock", actions={"update": update})},
        capabilities=Capabilities(bulk={"stock": most}, **capabilities),
    )  # fmt: skip
    return Connection(
        profile=profile, conn={}, zone=ZoneInfo("UTC"), lag=timedelta(0), clock=RealClock(),
        dialect=shop,
    )  # fmt: skip


def sent(shop, keys="abcd", payload=None, **how):
    """The outcomes of a bulk of these keys, by key."""
    before = datetime.now(UTC) + timedelta(minutes=5)
    changes = [
        Change(id=n, action="update", reference=k, key=k, send_before=before,
               payload=(payload or {}).get(k, {"n": "1"}))
        for n, k in enumerate(keys)
    ]  # fmt: skip
    return dict(zip(keys, bulks.send(connected(shop, **how), "stock", changes), strict=True))


def told(*rows):
    return {"rows": [{"id": r["id"]} for r in rows]}


def test_answers_find_their_changes_whatever_their_order():
    """They are aligned by the id that each names, never by their place."""

    def backwards(rows):
        answers = [{"id": r["id"]} for r in rows]
        answers[1]["error"] = {"code": "too_much"}
        return {"rows": answers[::-1]}

    outcomes = sent(Shop(backwards))
    assert outcomes["b"] == Refused(code="too_much")
    assert all(isinstance(outcomes[k], Done) and outcomes[k].key == k for k in "acd")


@pytest.mark.parametrize(("key", "expected"), [("a", Gone()), (None, Refused(code="not_found"))])
def test_only_what_was_there_is_gone(key, expected):
    """What is to be made is refused: something that it names is not there."""
    shop = Shop(lambda rows: {"rows": [{"error": {"code": "gone"}}]})
    due = datetime.now(UTC) + timedelta(minutes=5)
    change = Change(id=1, action="update", reference="r", key=key, send_before=due, payload={})
    assert bulks.send(connected(shop, aligned=False), "stock", [change]) == [expected]


@pytest.mark.parametrize(
    "answer",
    [
        lambda rows: told(*rows[:1], *rows[2:]),
        lambda rows: told(*rows, rows[1]),
        lambda rows: {"rows": [*told(*rows[:1], *rows[2:])["rows"], {"id": None}, {}, "b"]},
    ],
)
def test_what_is_not_answered_exactly_once_is_in_doubt(answer):
    """Nobody guesses which answer was meant; its neighbours are done."""
    outcomes = sent(Shop(answer))
    assert isinstance(outcomes["b"], InDoubt)
    assert [type(outcomes[k]) for k in "acd"] == [Done, Done, Done]


@pytest.mark.parametrize("reply", [{}, {"rows": None}, {"rows": "all"}, {"rows": []}])
def test_a_success_that_tells_of_nobody_leaves_all_in_doubt(reply):
    """A reply that says nothing is no success."""
    outcomes = sent(Shop(lambda _: reply))
    assert {type(outcome) for outcome in outcomes.values()} == {InDoubt}


def test_without_ids_answers_are_taken_in_order_and_only_if_there_are_as_many():
    """One too few, and nobody knows whose it was."""
    in_order = sent(Shop(lambda rows: told(*rows)), aligned=False)
    assert {type(outcome) for outcome in in_order.values()} == {Done}

    short = sent(Shop(lambda rows: told(*rows[:3])), aligned=False)
    assert {type(outcome) for outcome in short.values()} == {InDoubt}


def test_what_cannot_be_rendered_is_refused_alone_and_never_sent():
    """It holds its neighbours up neither before nor behind it."""
    shop = Shop(lambda rows: told(*rows))
    outcomes = sent(shop, payload={"b": {"n": "unrenderable"}})
    assert outcomes["b"] == Refused(code="not_a_number", at="n")
    assert shop.calls == [(None, ["a", "c", "d"])]


def test_no_call_carries_more_than_the_system_takes():
    """However many come at once."""
    shop = Shop(lambda rows: told(*rows))
    outcomes = sent(shop, "abcdefg", most=3)
    assert [len(keys) for _, keys in shop.calls] == [3, 3, 1]
    assert {type(outcome) for outcome in outcomes.values()} == {Done}


def test_a_bulk_declared_atomic_is_halved_until_the_bad_one_is_found():
    """Only that one is refused."""

    def atomic(rows):
        return (422, {"code": BAD}) if any(r["id"] == "c" for r in rows) else told(*rows)

    outcomes = sent(Shop(atomic), "abcdefgh", bulk_atomic=True)
    assert outcomes.pop("c") == Refused(code=BAD)
    assert {type(outcome) for outcome in outcomes.values()} == {Done}


def test_a_bulk_that_is_not_atomic_is_not_repeated_after_a_refusal():
    """Nobody knows how far it came."""
    shop = Shop(lambda _: (422, {"code": BAD}))
    assert set(sent(shop).values()) == {Refused(code=BAD)}
    assert len(shop.calls) == 1


def test_a_bulk_that_is_too_large_is_halved():
    """413 is said before anything is done."""
    shop = Shop(lambda rows: (413, {"code": "large"}) if len(rows) > 2 else told(*rows))
    assert {type(outcome) for outcome in sent(shop).values()} == {Done}


@pytest.mark.parametrize(("was_sent", "expected"), [(True, InDoubt), (False, Unavailable)])
def test_without_a_reply_no_change_is_repeated(was_sent, expected):
    """S9: after a timeout every change is its own doubt; before the first byte none is."""
    shop = Shop(lambda _: Broke("timeout", sent=was_sent))
    outcomes = sent(shop)
    assert {type(outcome) for outcome in outcomes.values()} == {expected}
    assert len(shop.calls) == 1
