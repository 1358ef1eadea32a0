"""Staging writes down what is wanted and disturbs nobody (R1, R2, R5, R8 to R10, R12 to R14)."""

from __future__ import annotations

import pytest
from ledger_rows import NOW, SECOND, a_draft, a_link, a_record, an_attempt, columns_of
from sqlalchemy import func, select

from connector.ledger.schema import event, record
from connector.ledger.staging import Staged, hashes, later, stage

LATER = NOW + SECOND
NEW = {"version": "2", "doc": b'{"a":1}', "doc_hash": "d2", "raw_hash": "r2"}
BASE = {"key": "1", "reference": "ref-1", "birth": "born-1", "source_version": "1"}
BASE |= {"doc_hash": "d1", "raw_hash": "r1", "read_digest": "m1", "doc": b"{}"}
IN_HAND = [
    ({"state": "running", "fence": 3}, False),
    ({"state": "running", "fence": 3}, True),
    ({"state": "in_doubt"}, True),
    ({"state": "held", "reason": "doubt"}, True),
    ({"state": "prepared"}, True),
    ({"state": "held", "reason": "undone"}, False),
]
FREE = [
    {"state": "prepared"},
    {"state": "held", "reason": "refused"},
    {"state": "held", "reason": "gave_up"},
    {"state": "held", "reason": "blocked", "blocked_on": "customer:1"},
    {"state": "done", "reason": "sent", "acked_seq": 1},
    {"state": "done", "reason": "filtered"},
]
# staged version and read time, then the draft's: is it newer?
AGE = [
    ("2", 0, "1", 9, False),
    ("1", 0, "2", -9, True),
    ("1", 5, "1", 4, False),
    ("1", 5, "1", 5, True),
    (None, 5, "1", 4, False),
    ("1", 5, None, 6, True),
    ("9", 0, "10", -9, True),
    ("2026-11-23T09:59:59", 0, "2026-11-23T10:00:00", -9, True),
]


def known(db, **columns):
    """The record of order 1, as staged before."""
    return a_record(db, **(BASE | columns))


def restaged(db, **fields):
    """Stage order 1 again."""
    return stage(db, [a_draft("1", **({"read_at": LATER} | fields))], LATER)


def standing(db, id_):
    return columns_of(db, id_, "state", "reason", "owner", "fence", "due_at", "attempts")


def test_a_new_document_is_prepared_with_its_birth_and_reference(db):
    """It is due when its draft says so, and an event tells of it."""
    assert stage(db, [a_draft("1", due_at=LATER)], NOW) == Staged(new=1)
    [id_] = db.scalars(select(record.c.id))

    assert columns_of(db, id_, "state", "seq", "acked_seq", "birth", "reference", "due_at") == (
        "prepared", 1, 0, "born-1", "ref-1", LATER,
    )  # fmt: skip
    assert db.execute(select(event.c.record, event.c.move)).all() == [(id_, "stage new")]


def test_of_a_page_each_document_gets_what_it_says_and_a_change_is_told(db):
    """Together with one that is the same, one in hand, and one that the flow keeps back."""
    drafts = [a_draft(key) for key in "1234"]
    stage(db, drafts, NOW)
    a_record(db, key="5", birth="born-5", source_version="1", state="running", fence=1)
    page = [a_draft("1", read_at=LATER)]
    page += [a_draft(key, **NEW, read_at=LATER) for key in "245"]
    page += [a_draft("3", **NEW, read_at=LATER, verdict="rule", needs="mend it")]

    assert stage(db, page, LATER) == Staged(changed=4, same=1)

    columns = (record.c.state, record.c.reason, record.c.seq, record.c.doc, record.c.read_at)
    rows = db.execute(select(*columns).order_by(record.c.key)).all()
    assert [tuple(row) for row in rows] == [
        ("prepared", None, 1, b"{}", LATER),
        ("prepared", None, 2, NEW["doc"], LATER),
        ("held", "rule", 2, NEW["doc"], LATER),
        ("prepared", None, 2, NEW["doc"], LATER),
        ("running", None, 2, NEW["doc"], LATER),
    ]
    told = select(record.c.key, event.c.state, event.c.seq, event.c.detail).join_from(event, record)
    newer = db.execute(told.where(event.c.move == "stage newer").order_by(record.c.key)).all()
    assert [tuple(row) for row in newer] == [
        ("2", "prepared", 2, None), ("3", "held", 2, "mend it"), ("4", "prepared", 2, None),
        ("5", "running", 2, None),
    ]  # fmt: skip


@pytest.mark.parametrize(("columns", "intent"), IN_HAND)
def test_staging_disturbs_nothing_that_is_in_hand_or_in_doubt(db, columns, intent):
    """R1, R4: it writes what is wanted, and touches neither state, owner, fence nor intent."""
    id_ = known(db, attempts=2, **columns)
    if intent:
        an_attempt(db, id_)
    before = standing(db, id_)
    assert restaged(db, **NEW) == Staged(changed=1)

    assert standing(db, id_) == before
    assert columns_of(db, id_, "seq", "doc_hash", "source_version") == (2, "d2", "2")


@pytest.mark.parametrize("columns", FREE)
def test_a_newer_document_is_due_now_with_its_attempts_fresh(db, columns):
    """R12: what nobody has in hand is prepared again."""
    id_ = known(db, attempts=7, **columns)
    restaged(db, due_at=LATER, **NEW)

    assert standing(db, id_) == ("prepared", None, None, 0, LATER, 0)
    assert columns_of(db, id_, "seq", "blocked_on") == (2, None)


def test_what_was_acknowledged_stays_so(db):
    """R2: staging counts up what is wanted, never what is done."""
    id_ = known(db, state="done", reason="sent", acked_seq=1)
    restaged(db, **NEW)

    assert columns_of(db, id_, "seq", "acked_seq") == (2, 1)


def test_back_to_what_was_delivered_is_a_change_of_what_was_staged(db):
    """R5: A→B→A: the comparison is with B, staged last, although A is what was delivered."""
    id_ = known(db, state="done", reason="sent", acked_seq=1)
    for version, doc_hash in (("2", "d2"), ("3", "d1")):
        restaged(db, version=version, doc_hash=doc_hash, raw_hash=f"r{version}", doc=b"[]")

    assert columns_of(db, id_, "state", "seq", "acked_seq") == ("prepared", 3, 1)


@pytest.mark.parametrize("columns", [*FREE, {"state": "running"}])
def test_an_equal_document_moves_nothing(db, columns):
    """Only what was seen of it is noted: version, bytes and time."""
    id_ = known(db, attempts=3, **columns)
    before, told = standing(db, id_), db.scalar(select(func.count(event.c.id)))
    verdict = {"verdict": "filtered"} if columns.get("reason") == "filtered" else {}
    if verdict:
        db.execute(record.update().values(verdict="filtered"))
    restaged(db, version="2", raw_hash="r2", **verdict)

    assert standing(db, id_) == before
    assert columns_of(db, id_, "seq", "source_version", "raw_hash") == (1, "2", "r2")
    assert db.scalar(select(func.count(event.c.id))) == told


@pytest.mark.parametrize(("version", "read", "then", "began", "newer"), AGE)
def test_an_older_document_never_replaces_a_newer_one(db, version, read, then, began, newer):
    """R13: versions decide; on equal or missing ones the read that began later."""
    id_ = known(db, source_version=version, read_at=NOW + read * SECOND)
    restaged(db, **(NEW | {"version": then, "read_at": NOW + began * SECOND}))

    assert columns_of(db, id_, "doc_hash") == ("d2" if newer else "d1",)


def test_versions_that_count_are_compared_as_numbers():
    """The tenth is later than the ninth; times sort as they stand."""
    assert later("10", "9")
    assert not later("9", "10")
    assert later("2026-02", "2026-01")
    assert not later("v1", "v1")


def test_another_birth_under_a_known_key_is_a_conflict(db):
    """R9: a restored or cloned shop stops the flow, and the old document stays."""
    id_ = known(db, state="done", reason="sent", acked_seq=1)
    staged = restaged(db, birth="another", **NEW)

    assert staged.reborn == ("1",)
    assert columns_of(db, id_, "state", "reason", "birth", "doc_hash", "seq") == (
        "held", "conflict", "born-1", "d1", 1,
    )  # fmt: skip


def test_a_birth_once_known_is_kept(db):
    """R9: a document that does not tell it does not unsay it."""
    id_ = known(db)
    restaged(db, birth=None, **NEW)

    assert columns_of(db, id_, "birth", "seq") == ("born-1", 2)


def test_another_birth_does_not_disturb_what_is_in_hand(db):
    """R9 and R1: the flow stops, the call goes on."""
    id_ = known(db, state="running", fence=3)
    before = standing(db, id_)

    assert restaged(db, birth="another").reborn == ("1",)
    assert standing(db, id_) == before


@pytest.mark.parametrize(
    ("verdict", "linked", "then"),
    [
        ("filtered", False, ("done", "filtered")),
        ("filtered", True, ("prepared", None)),
        ("gone", False, ("done", "filtered")),
        ("gone", True, ("held", "review")),
        ("review", False, ("held", "review")),
        ("unreadable", False, ("held", "unreadable")),
    ],
)
def test_a_filter_guards_the_first_delivery_only(db, verdict, linked, then):
    """R10: what is linked and leaves the filter is a change to deliver."""
    id_ = known(db, state="prepared")
    if linked:
        a_link(db, "1", "SO-1")
    restaged(db, verdict=verdict, **NEW)

    assert columns_of(db, id_, "state", "reason") == then


def test_a_document_that_never_passed_the_filter_is_done(db):
    """R10: nothing is owed for it."""
    stage(db, [a_draft("1", verdict="filtered")], NOW)

    assert db.execute(select(record.c.state, record.c.reason)).all() == [("done", "filtered")]


def test_what_became_unreadable_keeps_its_last_good_document(db):
    """R15: the new bytes are known, the old document stands."""
    id_ = known(db)
    restaged(db, version="2", doc=None, doc_hash=None, raw_hash="r2", verdict="unreadable")

    assert columns_of(db, id_, "state", "reason", "doc", "doc_hash", "raw_hash") == (
        "held", "unreadable", b"{}", "d1", "r2",
    )  # fmt: skip


@pytest.mark.parametrize("reason", ["unreadable", "rule"])
@pytest.mark.parametrize(("digest", "state"), [("m1", "held"), ("m2", "prepared")])
def test_a_held_record_is_judged_again_under_another_mapping(db, reason, digest, state):
    """R14: the same document, read by a new mapping, is due; by the same one it stays held."""
    id_ = known(db, state="held", reason=reason)
    restaged(db, read_digest=digest)

    assert columns_of(db, id_, "state", "seq") == (state, 1)


def test_another_mapping_delivers_nothing_by_itself(db):
    """R14: what is done stays done while the document is the same."""
    id_ = known(db, state="done", reason="sent", acked_seq=1)
    restaged(db, read_digest="m2")

    assert columns_of(db, id_, "state", "seq", "read_digest") == ("done", 1, "m2")


def test_hashes_tell_bytes_and_mapping_of_what_was_staged(db):
    """R14: skipping needs both."""
    known(db)

    assert hashes(db, "orders", "order", ["1", "2"]) == {"1": ("r1", "m1")}


def test_the_second_bearer_of_a_reference_is_held(db):
    """R8, P5: whether the first stands in the ledger or in the same page."""
    a_record(db, key="0", reference="same")
    stage(db, [a_draft(k, reference=r) for k, r in (("1", "same"), ("2", "x"), ("3", "x"))], NOW)
    rows = db.execute(
        select(record.c.key, record.c.state, record.c.reference).order_by(record.c.key)
    )

    assert [tuple(row) for row in rows] == [
        ("0", "prepared", "same"),
        ("1", "held", None),
        ("2", "prepared", "x"),
        ("3", "held", None),
    ]


def test_a_draft_for_new_documents_only_changes_no_known_one(db):
    """A second source of the same document adds what is missing, and nothing else."""
    id_ = known(db)

    assert restaged(db, only_new=True, **NEW) == Staged(same=1)
    assert columns_of(db, id_, "seq", "doc_hash") == (1, "d1")


def test_what_says_that_a_document_is_no_more_makes_no_record_of_an_unknown_one(db):
    """It would only say that there is nothing; one that waits is let go of, its document kept."""
    gone = {"verdict": "gone", "doc": None, "doc_hash": None, "only_known": True}
    assert restaged(db, **gone) == Staged()

    id_ = known(db)
    assert restaged(db, **gone) == Staged(changed=1)
    assert columns_of(db, id_, "state", "reason", "doc_hash") == ("done", "filtered", "d1")
