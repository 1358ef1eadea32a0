"""One document that cannot be dealt with stops itself, and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from meanwhile import stage, when
from sqlalchemy import select, update

from connector.errors import FieldErrors, FieldFault
from connector.flow.flows import AttemptRules
from connector.ledger import persons
from connector.ledger.persons import Person
from connector.ledger.schema import attempt, record
from connector.testing.rig import Killed, Rig, ToyWriter, order
from connector.values import Change, Done, Outcome, Ref


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A rig whose find is proven, so that many orders go at once."""
    rig = Rig(tmp_path)
    rig.memory[0].put("order", "0", order("0"))
    rig.cycle()
    rig.cycle()
    yield rig
    rig.kill()


def put(rig: Rig, *numbers: str, **more: Any) -> None:
    """Orders in the shop."""
    for number in numbers:
        rig.memory[0].put("order", number, order(number, **more))


def fails_for(number: str) -> Callable[[Any], Any]:
    """A rule that cannot be made for one document."""

    def rule(given: Any) -> Any:
        doc = given["doc"] if isinstance(given, dict) else given
        if doc.number == number:
            raise FieldErrors((FieldFault("rule", "missing", "mend the rule"),))
        return f"R-{doc.number}"

    return rule


def test_a_stored_document_of_an_older_version_is_held_alone(rig: Rig) -> None:
    """After an upgrade a document that no longer loads waits to be read again; the rest goes."""
    put(rig, "1", "2")
    stage(rig)
    with rig.start().begin() as db:
        db.execute(update(record).where(record.c.key == "1").values(doc=b'{"number":["x"]}'))
    rig.cycle()
    assert rig.states() == {
        "0": ("done", "sent"), "1": ("held", "unreadable"), "2": ("done", "sent"),
    }  # fmt: skip


def test_a_guest_rule_that_fails_for_one_order_holds_it_alone(rig: Rig) -> None:
    """The flow's rule for guests is a rule of ours: held(rule), with the field and the cure."""
    rig.flow(guests=fails_for("1"))
    put(rig, "1", "2")
    rig.cycle()
    assert rig.states()["1"] == ("held", "rule")
    assert rig.states()["2"] == ("done", "sent")


@pytest.mark.parametrize("rule", ["reference", "only"])
def test_a_rule_of_the_flow_that_fails_for_one_order_holds_it_alone(rig: Rig, rule: str) -> None:
    """A `reference:` or `only:` that cannot be made for one order lets the page be staged."""
    rig.flow(**{rule: fails_for("1")})
    put(rig, "1", "2")
    rig.cycle()
    assert rig.states()["1"] == ("held", "rule")
    assert rig.states()["2"] == ("done", "sent")


def test_a_record_without_reference_is_never_sent_even_if_released(rig: Rig) -> None:
    """What cannot be found again is not created."""
    rig.flow(reference=fails_for("1"))
    put(rig, "1")
    rig.cycle()
    _release(rig, "order", "1")
    rig.cycle()
    assert len(rig.books()) == 1
    assert rig.states()["1"] == ("held", "rule")


def test_a_reference_that_the_write_builds_itself_holds_its_order_alone(rig: Rig) -> None:
    """`there` of something that the document does not name is a fault of the mapping."""

    class Builds(ToyWriter):
        def payload(self, doc: Any, *, there: Any, **more: Any) -> Any:
            if doc.number == "1":
                there(Ref(entity="product", key="built"))
            return super().payload(doc, there=there, **more)

    rig.flow(writer=Builds())
    put(rig, "1", "2")
    rig.cycle()
    assert rig.states()["1"] == ("held", "rule")
    assert rig.states()["2"] == ("done", "sent")


def test_a_released_refund_is_not_sent_as_an_order(rig: Rig) -> None:
    """Refunds wait until they are delivered as refunds, whatever is released."""
    put(rig, "1", refunds=[{"key": "7", "amount": "1.00"}])
    rig.cycle()
    _release(rig, "refund", "1/7")
    rig.cycle()
    assert len(rig.books()) == 2
    assert rig.states()["1/7"] == ("held", "review")


def _release(rig: Rig, entity: str, key: str) -> None:
    with rig.start().begin() as db:
        seen = persons.shown(db, entity, key)
        persons.release(db, seen, Person(name="test", now=rig.clock.now()))


def test_an_order_that_leaves_the_filter_while_it_is_sent_is_a_change_to_deliver(rig: Rig) -> None:
    """R10: filters guard the first delivery only, also when it is under way."""
    rig.flow(only=lambda doc: doc.note != "out")
    put(rig, "1", note="a")

    def leave() -> None:
        put(rig, "1", note="out")
        stage(rig)

    with when("started.before_send", leave):
        rig.cycle()
    rig.cycle()
    assert ("t-shop-order-1", "confirmed", "out") in rig.books()
    assert rig.states()["1"] == ("done", "sent")


def test_an_order_that_leaves_the_filter_before_it_is_sent_is_filtered(rig: Rig) -> None:
    """A record in hand, without a call yet, that is filtered meanwhile, is not delivered."""
    rig.flow(only=lambda doc: doc.note != "out")
    rig.memory[1].fault = lambda _: "away"
    put(rig, "1", note="a")

    def leave() -> None:
        put(rig, "1", note="out")
        stage(rig)

    with when("started.before_send", leave):
        rig.cycle()
    rig.memory[1].fault = lambda _: None
    rig.settle(rounds=3)
    assert len(rig.books()) == 1
    assert rig.states()["1"] == ("done", "filtered")


def test_a_number_that_another_order_has_already_holds_its_order_alone(rig: Rig) -> None:
    """A target that answers with somebody else's number stops that order, not its group."""
    put(rig, "1", "2", "3")
    _, erp = rig.memory
    taken = rig.links()["0"]
    original = erp._send

    def send(entity: str, change: Change) -> Outcome:
        done = original(entity, change)
        return Done(key=taken) if change.reference.endswith("-2") else done

    erp._send = send  # type: ignore[method-assign]
    rig.cycle()
    assert rig.states()["2"] == ("held", "duplicate")
    assert rig.states()["1"] == rig.states()["3"] == ("done", "sent")


def test_another_number_for_a_linked_order_is_told_and_not_taken(rig: Rig) -> None:
    """An update that answers with another number than the linked one asks a person."""
    put(rig, "0", "1", note="new")
    _, erp = rig.memory
    original = erp._send

    def send(entity: str, change: Change) -> Outcome:
        done = original(entity, change)
        return Done(key="O99") if change.reference.endswith("-0") else done

    erp._send = send  # type: ignore[method-assign]
    rig.cycle()
    assert rig.states()["0"] == ("held", "duplicate")
    assert rig.states()["1"] == ("done", "sent")


def test_an_order_that_kills_the_worker_every_time_is_given_up_alone(rig: Rig) -> None:
    """R12: crashes count for calls that surely had begun; at the limit it waits for a person."""
    rig.flow(attempts=AttemptRules(most=3), slots=1)

    def deadly(change: Change) -> str | None:
        if change.reference.endswith("-1"):
            raise Killed
        return None

    rig.memory[1].fault = deadly
    put(rig, "1", "2", "3")
    for _ in range(14):
        rig.run_until_killed()
        rig.clock.pass_(timedelta(minutes=5))
    rig.memory[1].fault = lambda _: None
    rig.settle()
    assert rig.states()["1"] == ("held", "gave_up")
    assert {rig.states()[n][0] for n in ("2", "3")} == {"done"}
    assert len(rig.books()) == 3


@pytest.mark.parametrize("finds", [True, False])
def test_a_change_that_kills_the_worker_every_time_is_given_up_alone(rig: Rig, finds: bool) -> None:
    """R12: that its document is found there is no reason to change it again for ever."""
    rig.flow(attempts=AttemptRules(most=3), slots=2, finds=finds, gets=finds)
    put(rig, "1", "2")
    rig.cycle()
    rig.cycle()
    died = _change_that_kills(rig, "1", "2")
    assert died == (4 if finds else 3)  # of a page of what can be found it is not known who began
    assert rig.states()["0"] == ("held", "gave_up")
    assert {rig.states()[n][0] for n in ("1", "2")} == {"done"}, rig.states()
    assert [note for _, _, note in rig.books()] == [None, "fine", "fine"]


def _change_that_kills(rig: Rig, *others: str) -> int:
    """Change order 0 to what kills, and *others* to what does not; how many die of it."""

    def deadly(change: Change) -> str | None:
        if change.payload.get("note") == "killer":
            raise Killed
        return None

    rig.memory[1].fault = deadly
    put(rig, "0", note="killer")
    put(rig, *others, note="fine")
    died = 0
    for _ in range(14):
        died += rig.run_until_killed()
        rig.clock.pass_(timedelta(minutes=5))
    return died


@pytest.mark.parametrize("deaths", [2, 14])
def test_what_killed_is_sent_once_it_has_been_corrected(rig: Rig, deaths: int) -> None:
    """R12: attempts count per payload, whether the correction comes in the doubt or after it."""
    rig.flow(attempts=AttemptRules(most=3), slots=1)
    rig.memory[1].fault = lambda change: kill(change.payload.get("note"))

    def kill(note: object) -> None:
        if note in ("killer", "killer too"):
            raise Killed

    put(rig, "0", note="killer")
    for _ in range(deaths):
        rig.run_until_killed()
        rig.clock.pass_(timedelta(minutes=5))
    put(rig, "0", note="killer too")  # which has as many attempts as the first had
    stage(rig)
    for _ in range(3):
        assert rig.run_until_killed()
        rig.clock.pass_(timedelta(minutes=5))
    put(rig, "0", note="fine")
    rig.settle()
    assert rig.states()["0"] == ("done", "sent")


@pytest.mark.parametrize("finds", [True, False])
def test_who_dies_with_the_killer_is_not_given_up_with_it(rig: Rig, finds: bool) -> None:
    """R12: who may have killed goes alone in the end; those that only went along are delivered."""
    rig.flow(attempts=AttemptRules(most=4), slots=4, finds=finds, gets=finds)
    others = ("1", "2", "3", "4", "5")
    put(rig, *others)
    rig.cycle()
    rig.cycle()

    def deadly(_: Change) -> str | None:
        """The killer comes first: where it is on its way, nobody comes through."""
        with rig.start().engine.connect() as db:
            killer = select(record.c.id).where(record.c.key == "0").scalar_subquery()
            out = select(attempt.c.id).where(
                attempt.c.record == killer, attempt.c.outcome.is_(None)
            )
            if db.execute(out).first():
                raise Killed
        return None

    rig.memory[1].fault = deadly
    put(rig, "0", *others, note="changed")
    for _ in range(20):
        rig.run_until_killed()
        rig.clock.pass_(timedelta(minutes=5))
    rig.settle()
    assert rig.states()["0"] == ("held", "gave_up")
    assert [note for _, _, note in rig.books()] == [None, *["changed"] * 5]


def test_what_cannot_be_found_again_is_sent_in_no_larger_a_page_than_the_slots(rig: Rig) -> None:
    """S2: a crash leaves no more questions for a person than calls that were on the wire."""
    rig.flow(finds=False, slots=2)
    put(rig, "1", "2", "3", "4", "5")
    rig.kill_at("started.before_send")
    assert rig.run_until_killed()
    with rig.start().engine.connect() as db:
        rows = db.execute(select(attempt.c.started_at).where(attempt.c.outcome.is_(None))).all()
    assert len(rows) == 2
    assert all(row.started_at is not None for row in rows)
