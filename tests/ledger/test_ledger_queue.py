"""The record row is the queue: what is claimed, in which order, and who gives it back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ledger_rows import NOW, SECOND, a_link, a_record, an_attempt, an_event, an_intent, columns_of
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from connector.ledger import attempts, history, links, records
from connector.ledger.schema import attempt, record
from connector.ledger.store import Ledger
from connector.values import Ref

LEASE = NOW + timedelta(minutes=2)


def claim(db, most=10, owner="us", now=NOW):
    """The keys that are claimed, in order."""
    work = records.claim(db, "orders", owner=owner, now=now, lease=LEASE, most=most)
    return [one.key for one in work]


def impatient(db):
    """Whoever waits for a lock gives up."""
    db.execute(text("SET LOCAL lock_timeout = '100ms'"))


def test_what_is_due_is_claimed_oldest_first_live_before_backfill(db):
    """A backfill of a million never delays today's orders."""
    a_record(db, key="back", lane="backfill", due_at=NOW - 9 * SECOND)
    a_record(db, key="old", due_at=NOW - 5 * SECOND)
    a_record(db, key="new", due_at=NOW)
    a_record(db, key="twin", due_at=NOW)

    assert claim(db, most=3) == ["old", "new", "twin"]
    assert claim(db) == ["back"]
    assert claim(db) == []


@pytest.mark.parametrize(("live", "back"), [(30, 2), (19, 2), (18, 2), (15, 5), (0, 20)])
def test_a_tenth_of_a_full_hand_is_the_backfills(db, live, back):
    """O3: with more live records than a hand holds it moves on all the same; each is taken once."""
    for _ in range(30):
        a_record(db, lane="backfill", due_at=NOW - SECOND)
    for n in range(live):
        a_record(db, key=f"live{n:02}")
    taken = claim(db, most=20)
    assert len(taken) == len(set(taken)) == 20
    assert [key[:4] for key in taken].count("live") == 20 - back


def test_a_claim_is_fenced_and_leased(db):
    """Owner, fence and the end of the lease are written with it."""
    id_ = a_record(db, fence=4)
    claim(db)

    assert columns_of(db, id_, "state", "owner", "fence", "due_at") == ("running", "us", 5, LEASE)


@pytest.mark.parametrize(
    "columns",
    [
        {"due_at": NOW + SECOND},
        {"state": "held"},
        {"state": "done"},
        {"state": "in_doubt"},
        {"state": "running"},
        {"flow": "others"},
        {"doc": None},
    ],
)
def test_what_is_not_due_is_not_claimed(db, columns):
    """Later, elsewhere, held, done, in another hand, or never readable."""
    a_record(db, **columns)

    assert claim(db) == []


@pytest.mark.parametrize("outcome", [None, "done"])
@pytest.mark.parametrize("state", ["running", "in_doubt", "held", "prepared"])
def test_a_pair_is_claimed_by_one_record_at_a_time(db, outcome, state):
    """R7: an order that is sent or in doubt keeps its refund waiting, without an attempt burnt."""
    order = a_record(db, key="order", serial_key="s", state=state, flow="first")
    finished = None if outcome is None else NOW
    an_attempt(db, order, outcome=outcome, finished_at=finished)
    a_record(db, key="refund", serial_key="s")
    free = outcome == "done" and state != "running"

    assert claim(db) == (["refund"] if free else [])


def test_a_claim_tells_what_the_ledger_knows_of_the_link(db):
    """One query: no delivery asks for it record by record."""
    a_record(db, key="1")
    a_link(db, "1", "SO-1", target_version="7", reference="ref-1", base_source=b"{}")
    [work] = records.claim(db, "orders", owner="us", now=NOW, lease=LEASE, most=1)

    assert (work.target_key, work.target_version, work.link_reference) == ("SO-1", "7", "ref-1")
    assert work.base_known is True


def test_a_persons_decision_counts_for_the_content_he_saw_alone(db):
    """R16: a newer document is decided anew."""
    a_record(db, key="1", seq=2, decision="release", decided_seq=2)
    a_record(db, key="2", seq=3, decision="release", decided_seq=2)
    work = records.claim(db, "orders", owner="us", now=NOW, lease=LEASE, most=2)

    assert [one.decision for one in work] == ["release", None]


@pytest.mark.parametrize(
    ("due", "owner", "dead", "back"),
    [
        (NOW, "other", False, True),
        (NOW + SECOND, "other", False, False),
        (NOW + SECOND, "other", True, True),
        (NOW + SECOND, "us", True, False),
    ],
)
def test_what_the_dead_held_lapses(db, due, owner, dead, back):
    """Its lease is over, or its owner is proven dead; our own stays ours."""
    id_ = a_record(db, state="running", owner=owner, due_at=due, fence=3)
    doubt = a_record(db, state="running", owner=owner, due_at=due)
    an_attempt(db, doubt)

    assert records.lapse(db, NOW, owner="us", dead=dead) == (2 if back else 0)
    assert columns_of(db, id_, "state", "fence") == ("prepared" if back else "running", 3)
    assert columns_of(db, doubt, "state") == ("in_doubt" if back else "running",)


def test_a_blocked_record_is_swept_when_all_its_blockers_are_linked(db):
    """D1: level-triggered, and not by a part of what it waits for."""
    on = "customer:7\nproduct:9"
    id_ = a_record(db, state="held", reason="blocked", blocked_on=on)
    an_event(db, id_)
    a_link(db, "7", "C-7", entity="customer")
    assert records.sweep(db, "orders", NOW) == 0
    assert records.unblocked_flows(db) == set()

    a_link(db, "9", "I-9", entity="product")
    assert records.unblocked_flows(db) == {"orders"}
    assert records.sweep(db, "orders", NOW) == 1
    assert records.unblocked_flows(db) == set()
    assert columns_of(db, id_, "state", "due_at", "blocked_on") == ("prepared", NOW, None)


def test_a_blocked_record_is_judged_again_when_its_blocker_dies_later(db):
    """D1: once, and not over and over for one that was dead already."""
    blocker = a_record(db, entity="customer", key="7", state="held", reason="refused")
    an_event(db, blocker)
    id_ = a_record(db, state="held", reason="blocked", blocked_on="customer:7")
    an_event(db, id_)
    assert records.sweep(db, "orders", NOW) == 0

    an_event(db, blocker)
    assert records.sweep(db, "orders", NOW) == 1


def test_what_blocked_records_wait_for_is_demanded_once(db):
    """Of one entity, sorted, whoever waits for it."""
    for _ in range(2):
        a_record(db, state="held", reason="blocked", blocked_on="customer:7\nproduct:9")
    a_record(db, state="held", reason="blocked", blocked_on="customer:5")

    assert records.demands(db, "shop", "erp", "customer") == ["5", "7"]


def test_what_a_rule_holds_is_shown_once_others_wait_for_it_however_many_wait(db):
    """More than a statement takes values, and an order of more than an index takes text."""
    needed = a_record(db, entity="product", key="7", state="held", reason="rule", flow="products")
    a_record(db, entity="product", key="8", state="held", reason="rule", flow="products")
    on = "\n".join(["product:7", *(f"customer:{n}" for n in range(70_000))])
    a_record(db, state="held", reason="blocked", blocked_on=on)

    assert [r["id"] for r in history.waiting(db, 10, ["products"])] == [needed]


def test_a_blocker_that_is_held_itself_is_dead(db):
    """D1: nothing will link it by itself; one that only waits in its turn is alive."""
    customer = {"entity": "customer", "state": "held"}
    an_event(db, a_record(db, key="7", reason="refused", **customer))
    an_event(db, a_record(db, key="8", reason="blocked", blocked_on="customer:7", **customer))
    refs = {Ref(entity="customer", key=key) for key in ("7", "8", "9")}

    assert records.dead(db, "shop", "erp", refs) == {Ref(entity="customer", key="7")}


def test_an_intent_is_opened_for_who_holds_the_record(db):
    """The attempt is written before the call, and open."""
    id_ = a_record(db, state="running", fence=1, serial_key="s")
    opened = attempts.open_all(db, [an_intent(id_)], NOW)
    row = db.execute(select(attempt.c.id, attempt.c.outcome, attempt.c.started_at)).one()

    assert opened == {id_: row.id}
    assert (row.outcome, row.started_at) == (None, None)


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        ({"fence": 2}, {}),
        ({"state": "prepared"}, {}),
        ({"state": "in_doubt"}, {}),
    ],
)
def test_an_intent_of_a_lost_hand_gets_no_row(db, columns, fields):
    """R3: the fence is in the statement that writes it."""
    id_ = a_record(db, **({"state": "running", "fence": 1, "serial_key": "s"} | columns))

    assert attempts.open_all(db, [an_intent(id_, **fields)], NOW) == {}


def test_an_intent_beside_an_open_one_gets_no_row(db):
    """R4, R7: whoever's it is, of the same pair."""
    id_ = a_record(db, state="running", fence=1, serial_key="s")
    an_attempt(db, a_record(db, serial_key="s"))

    assert attempts.open_all(db, [an_intent(id_)], NOW) == {}
    assert len(db.execute(select(attempt.c.id)).all()) == 1


@pytest.mark.parametrize(("role", "creates", "opened"), [
    ("identity", True, False),
    ("alias", True, False),
    ("part", True, True),
    ("identity", False, True),
])  # fmt: skip
def test_a_create_beside_a_link_gets_no_row(db, role, creates, opened):
    """S1: what is linked is updated, never created again."""
    id_ = a_record(db, key="1", state="running", fence=1, serial_key="s")
    a_link(db, "1", "SO-1", role=role)

    assert bool(attempts.open_all(db, [an_intent(id_, creates=creates)], NOW)) == opened


def test_two_workers_never_claim_the_same_record(database):
    """PostgreSQL: what one has locked, the other passes over instead of waiting."""
    ledger = Ledger(database())
    with ledger.engine.begin() as db:
        for key in ("1", "2"):
            a_record(db, key=key)
    with ledger.engine.begin() as one, ledger.engine.begin() as two:
        impatient(two)
        assert (claim(one, most=1), claim(two, owner="them")) == (["1"], ["2"])
    ledger.close()


def test_two_workers_never_open_two_intents_of_a_pair(database):
    """PostgreSQL: the second waits for the first to commit, and then gets no row."""
    ledger = Ledger(database())
    with ledger.engine.begin() as db:
        ids = [a_record(db, state="running", fence=1, serial_key="s") for _ in range(2)]
    with ledger.engine.begin() as one:
        assert attempts.open_all(one, [an_intent(ids[0])], NOW)
        with pytest.raises(OperationalError, match="lock timeout"):
            open_impatiently(ledger, ids[1])
    assert open_impatiently(ledger, ids[1]) == {}
    ledger.close()


def open_impatiently(ledger, id_):
    """The second worker."""
    with ledger.engine.begin() as db:
        impatient(db)
        return attempts.open_all(db, [an_intent(id_)], NOW)


def test_a_lease_that_lapsed_takes_the_outcome_of_its_late_owner(db):
    """R3: his fence is not the record's any more, so nothing moves."""
    id_ = a_record(db)
    claim(db)
    records.lapse(db, LEASE, owner="them", dead=False)
    claim(db, owner="them", now=LEASE)
    stale = update(record).where(record.c.id == id_, record.c.fence == 1).values(needs="late")

    assert db.execute(stale).rowcount == 0


def test_more_blocked_records_than_a_statement_names_are_swept(db, monkeypatch):
    """Each is judged by its own blockers, of whatever entity and pair."""
    monkeypatch.setattr(links, "PAGE", 2)
    ids = {}
    for key in "12345":
        on = f"customer:{key}\nproduct:9"
        ids[key] = a_record(db, state="held", reason="blocked", blocked_on=on)
    elsewhere = {"state": "held", "reason": "blocked", "blocked_on": "product:9"}
    ids["elsewhere"] = a_record(db, target="other", **elsewhere)
    dead = a_record(db, entity="customer", key="4", state="held", reason="refused")
    for id_ in (*ids.values(), dead):
        an_event(db, id_)
    for key in "135":
        a_link(db, key, f"C-{key}", entity="customer")
    a_link(db, "9", "I-9", entity="product")

    assert records.sweep(db, "orders", NOW) == 4
    left = {key for key, id_ in ids.items() if columns_of(db, id_, "state") == ("held",)}
    assert left == {"2", "elsewhere"}


def test_claiming_sorts_nothing_of_what_waits(empty):
    """A backfill of a million is claimed page by page, and no page costs the whole of it."""
    ledger = Ledger(f"sqlite:///{empty}")
    with ledger.engine.connect() as db:
        asked = records._due(narrowed=False).compile(dialect=db.dialect)
        given = tuple(0 for _ in asked.positiontup)
        plan = [row[-1] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", given)]
    ledger.close()

    assert any("ix_record_due" in step for step in plan)
    assert not [step for step in plan if "TEMP B-TREE" in step]
