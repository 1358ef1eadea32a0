"""What the code must not break, the database refuses: states, reasons, counts, uniqueness."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext

import pytest
from ledger_rows import NOW, a_link, a_record, an_attempt
from sqlalchemy import CheckConstraint, insert, update
from sqlalchemy.exc import IntegrityError

from connector.ledger import schema

RECORD = [
    ("ck_record_state", {"state": "lost"}),
    ("ck_record_reason", {"state": "held", "reason": "because"}),
    ("ck_record_reason", {"state": "held", "reason": None}),
    ("ck_record_reason", {"state": "held", "reason": "sent"}),
    ("ck_record_reason", {"state": "done", "reason": "rule"}),
    ("ck_record_reason", {"state": "done", "reason": None}),
    ("ck_record_owner", {"state": "running", "owner": None}),
    ("ck_record_owner", {"state": "prepared", "owner": "somebody"}),
    ("ck_record_seq", {"acked_seq": 2}),
    ("ck_record_seq", {"acked_seq": -1}),
    ("ck_record_seq", {"seq": 0}),
    ("ck_record_done_is_acknowledged", {"state": "done", "reason": "sent", "acked_seq": 0}),
    ("ck_record_done_is_acknowledged", {"state": "done", "reason": "same", "acked_seq": 0}),
    ("ck_record_done_is_acknowledged", {"state": "done", "reason": "adopted", "acked_seq": 0}),
    ("ck_record_blocked_on", {"state": "held", "reason": "blocked", "blocked_on": None}),
    ("ck_record_blocked_on", {"state": "held", "reason": "rule", "blocked_on": "customer:1"}),
    ("ck_record_lane", {"lane": "fast"}),
]
ATTEMPT = [
    ("ck_attempt_outcome", {"outcome": "maybe", "finished_at": NOW}),
    ("ck_attempt_op_class", {"op_class": "magic"}),
    ("ck_attempt_finished", {"outcome": "done"}),
    ("ck_attempt_finished", {"finished_at": NOW}),
]
LINK = [("ck_link_role", {"role": "friend"})]
SIGHT = {"flow": "f", "side": "source", "key": "1", "by": "sku", "value": "", "traits": ""}
PAIR = {"flow": "f", "source_key": "1", "target_key": "A", "verdict": "sure", "reason": ""}
LINKING = [
    ("ck_sighting_side", insert(schema.sighting).values(SIGHT | {"side": "left"})),
    ("ck_candidate_verdict", insert(schema.candidate).values(PAIR | {"verdict": "maybe"})),
]
FILL = {"flow": "f", "since": NOW, "until": NOW, "statuses": "[]", "begun_at": NOW}
FILLS = [
    ("ck_backfill_rate", {"per_minute": 0}),
    ("ck_backfill_accepted", {"accepted_at": NOW, "shown_at": NOW, "walked": True}),
    ("ck_backfill_shown", {"accepted_at": NOW, "accepted_by": "me"}),
    ("ck_backfill_walked", {"shown_at": NOW}),
]
ASKED = {"flow": "f", "state": "asked", "actor": "cli", "asked_at": NOW}
RUNS = [
    ("ck_run_state", insert(schema.run).values(ASKED | {"state": "forgotten"})),
    ("ck_run_task", insert(schema.run).values(ASKED | {"task": "sing"})),
    ("ck_run_ended", insert(schema.run).values(ASKED | {"state": "ended"})),
    ("ck_run_ended", insert(schema.run).values(ASKED | {"ended_at": NOW})),
]
STANDING = [
    ("ck_standing_failing", insert(schema.standing).values(name="erp", failures=1)),
    ("ck_standing_failing", insert(schema.standing).values(name="erp", failing_since=NOW)),
    ("ck_standing_probe", insert(schema.standing).values(name="erp", probe_at=NOW)),
    ("ck_standing_away", insert(schema.standing).values(name="erp", away_from=NOW)),
    ("ck_standing_away", insert(schema.standing).values(name="erp", back_at=NOW)),
    ("ck_standing_paused", insert(schema.standing).values(name="erp", paused_at=NOW)),
    ("ck_standing_paused", insert(schema.standing).values(name="erp", paused_by="me")),
]
HINTS = [
    (
        "ck_hint_n",
        insert(schema.hint).values(flow="f", key="1", n=0, due_at=NOW, since=NOW),
    )
]
BRAKE = {"flow": "f", "name": "first", "engaged_at": NOW}
BRAKES = [
    ("ck_brake_name", insert(schema.brake).values(BRAKE | {"name": "hand"})),
    ("ck_brake_approved", insert(schema.brake).values(BRAKE | {"approved_at": NOW})),
    ("ck_brake_approved", insert(schema.brake).values(BRAKE | {"approved_by": "me"})),
]
READ = {"flow": "f", "state": "braked", "begun_at": NOW, "items": 1, "zeroed": 0, "changed": 0}
READ |= {"absent": 0, "why": "", "affected": "[]", "digest": "d"}
STOCKTAKES = [
    ("ck_stocktake_state", insert(schema.stocktake).values(READ | {"state": "forgotten"})),
    ("ck_stocktake_approved", insert(schema.stocktake).values(READ | {"state": "approved"})),
    ("ck_stocktake_approved", insert(schema.stocktake).values(READ | {"approved_at": NOW})),
]
SHARE = {"connection": "erp", "owner": "me", "slots": -1, "until": NOW}
SHARES = [("ck_share_slots", insert(schema.share).values(SHARE))]
# role, source key, target key: what stands beside what, and whether the database lets it.
BESIDE = [
    ("identity", "1", "A", "identity", "2", "B", True),
    ("identity", "1", "A", "identity", "1", "B", False),
    ("identity", "1", "A", "identity", "2", "A", False),
    ("identity", "1", "A", "alias", "2", "A", True),
    ("alias", "1", "A", "alias", "2", "A", True),
    ("alias", "1", "A", "alias", "1", "B", False),
    ("identity", "1", "A", "alias", "1", "B", False),
    ("part", "1", "A", "part", "1", "B", True),
    ("part", "1", "A", "part", "2", "A", True),
    ("part", "1", "A", "part", "1", "A", False),
    ("identity", "1", "A", "part", "1", "A", True),
]


# The check of reasons implies the one of states, and PostgreSQL goes by the alphabet.
FIRST = {"ck_record_state": "ck_record_reason"}


@contextmanager
def is_refused(db, by=""):
    """The statement inside is refused, by the constraint *by* where the database names it."""
    with pytest.raises(IntegrityError) as told, db.begin_nested():
        yield
    assert by in str(told.value.orig) or FIRST[by] in str(told.value.orig)


def test_a_record_that_breaks_an_invariant_is_refused(db):
    """Whoever writes it, by whatever way."""
    for check, columns in RECORD:
        with is_refused(db, check):
            a_record(db, **columns)


def test_an_attempt_that_breaks_an_invariant_is_refused(db):
    """An outcome is of the closed list and has its time."""
    of = a_record(db)
    for check, columns in ATTEMPT:
        with is_refused(db, check):
            an_attempt(db, of, **columns)


def test_a_link_that_breaks_an_invariant_is_refused(db):
    """Its role is one of three."""
    for check, columns in LINK:
        with is_refused(db, check):
            a_link(db, "1", "A", **columns)


@pytest.mark.parametrize(
    "wrong", [LINKING, STOCKTAKES, RUNS, SHARES, STANDING, HINTS, BRAKES], ids=lambda one: one[0][0]
)
def test_a_row_that_breaks_an_invariant_of_its_table_is_refused(db, wrong):
    """Closed lists, and what goes together: an end and its time, an approval and its person."""
    for check, statement in wrong:
        with is_refused(db, check):
            db.execute(statement)


def test_a_backfill_that_breaks_an_invariant_is_refused(db):
    """It is accepted by somebody, what was shown, after it was read; its rate is at least 1."""
    for check, columns in FILLS:
        with is_refused(db, check):
            db.execute(insert(schema.backfill).values(FILL | columns))


def test_a_brake_waits_once_at_a_time(db):
    """A second one of its name would be approved unseen."""
    db.execute(insert(schema.brake).values(BRAKE))
    with is_refused(db):
        db.execute(insert(schema.brake).values(BRAKE))


def test_every_check_of_the_schema_is_provoked():
    """A constraint that no test breaks might as well not be there."""
    checks = {
        str(c.name)
        for table in schema.meta.tables.values()
        for c in table.constraints
        if isinstance(c, CheckConstraint)
    }
    everything = [
        *RECORD,
        *ATTEMPT,
        *LINK,
        *LINKING,
        *RUNS,
        *SHARES,
        *FILLS,
        *STANDING,
        *HINTS,
        *BRAKES,
    ]
    everything += STOCKTAKES
    assert checks == {name for name, _ in everything}


def test_every_reason_of_the_lists_is_accepted(db):
    """The lists are closed, not empty."""
    for reason in schema.HELD:
        a_record(db, state="held", reason=reason, blocked_on="x:1" if reason == "blocked" else None)
    for reason in schema.DONE:
        a_record(db, state="done", reason=reason, acked_seq=1)


def test_a_record_cannot_slip_into_done_by_an_update(db):
    """R2: a newer version is wanted than the one acknowledged, so nothing is done."""
    id_ = a_record(db, state="running", seq=2, acked_seq=1)
    done = {"state": "done", "reason": "sent", "owner": None}
    with is_refused(db, "ck_record_done_is_acknowledged"):
        db.execute(update(schema.record).where(schema.record.c.id == id_).values(done))


def test_a_second_open_intent_of_a_pair_is_refused(db):
    """R4, R7: even another record of the same root order has to wait."""
    order, refund = a_record(db, serial_key="s"), a_record(db, serial_key="s")
    an_attempt(db, order)
    with is_refused(db):
        an_attempt(db, refund)


def test_a_closed_intent_leaves_room_for_the_next(db):
    """Only an open one is a doubt; another pair's is no obstacle either."""
    order, other = a_record(db), a_record(db)
    an_attempt(db, order, outcome="unavailable", finished_at=NOW)
    an_attempt(db, order)
    an_attempt(db, other)


def test_one_key_has_one_record_in_a_flow(db):
    """The record row is the queue: a second one would be sent a second time."""
    a_record(db, key="1", reference="a")
    with is_refused(db):
        a_record(db, key="1", reference="b")


def test_a_reference_is_nobody_elses(db):
    """R8: another flow to the same target cannot bear it; another target's is its own affair."""
    a_record(db, reference="t-1")
    a_record(db, reference="t-1", target="crm")
    with is_refused(db):
        a_record(db, reference="t-1", flow="other")


def test_links_are_unique_as_their_role_demands(db):
    """Identity both ways, alias many to one, parts one to many."""
    for place, (role, a, b, beside, c, d, accepted) in enumerate(BESIDE):
        pair = {"source": f"shop{place}"}
        a_link(db, a, b, role=role, **pair)
        with nullcontext() if accepted else is_refused(db):
            a_link(db, c, d, role=beside, **pair)


def test_an_attempt_needs_its_record(db):
    """Nothing is tried for nobody; on SQLite too, where that is a setting."""
    of = a_record(db)
    with is_refused(db):
        an_attempt(db, of, record=of + 1000)


def test_one_record_claims_a_natural_key(db):
    """D2: the second creator of one customer has to wait."""
    row = {"target": "erp", "entity": "customer", "match_key": "email:a", "made_at": NOW}
    db.execute(insert(schema.claim).values(row | {"record": a_record(db)}))
    with is_refused(db):
        db.execute(insert(schema.claim).values(row | {"record": a_record(db)}))


def test_an_error_of_the_database_tells_no_content(db):
    """Parameters are documents: names and addresses do not leave in a message."""
    with pytest.raises(IntegrityError) as told, db.begin_nested():
        a_record(db, subject="canary", state="lost")

    assert "canary" not in f"{told.value} {told.value.orig}"
    assert "ck_record" in str(told.value)
