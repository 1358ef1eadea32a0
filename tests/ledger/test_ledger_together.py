"""What is written for a whole page at once is guarded row by row, on both databases."""

import pytest
from ledger_rows import NOW, SECOND, a_link, a_record, an_attempt, an_intent, columns_of
from msgspec.structs import replace
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from connector.ledger import attempts, links
from connector.ledger.attempts import Settlement
from connector.ledger.links import Facts
from connector.ledger.schema import attempt, event, link


@pytest.fixture
def db(ledger):
    with ledger.begin() as db:
        yield db


def in_hand(db, count):
    """Records in our hand with fence 1."""
    keys = [f"t{n}" for n in range(count)]
    return [a_record(db, key=key, state="running", fence=1) for key in keys]


def went_well(db, ids, **fields):
    """Each of *ids* with its open intent, and the outcome that its create went well."""
    made = [an_attempt(db, id_, fence=1) for id_ in ids]
    found = attempts.standing(db, made)
    settled = []
    for number, one in enumerate(made):
        facts = Facts(target_key=f"E{number}", total="1.00", base_source=b"{}")
        given = {"outcome": "done", "move": "sent", "reason": "sent", "due_at": NOW, "attempts": 0,
                 "acked_seq": 1, "target_key": f"E{number}", "facts": facts}  # fmt: skip
        settled.append((found[one], Settlement(**(given | fields))))
    return settled


def counted(db, table, *where):
    return db.scalar(select(func.count()).select_from(table).where(*where))


def test_of_a_page_of_intents_each_one_is_refused_alone(db):
    """R3, R4: another's fence, a pair in doubt and a link each stop their own create only."""
    good, late, doubled, linked, twin = in_hand(db, 5)
    an_attempt(db, a_record(db, key="other"), serial_key="in doubt")
    a_link(db, "t3", "E1")
    page = [
        an_intent(good, serial_key="pair"),
        an_intent(late, serial_key="l", fence=0),
        an_intent(doubled, serial_key="in doubt"),
        an_intent(linked, serial_key="k"),
        an_intent(twin, serial_key="pair"),
    ]

    opened = attempts.open_all(db, page, NOW)

    assert list(opened) == [good]
    assert db.scalar(select(attempt.c.record).where(attempt.c.id == opened[good])) == good


def test_outcomes_that_all_went_well_are_written_whole(db):
    """Every intent is closed, every link made, every record moved with one event."""
    ids = in_hand(db, 3)

    assert attempts.close(db, went_well(db, ids), NOW + SECOND) == 3

    assert {columns_of(db, i, "state", "reason", "acked_seq", "owner") for i in ids} == {
        ("done", "sent", 1, None)
    }
    assert counted(db, attempt, attempt.c.outcome == "done", attempt.c.closed_by == "engine") == 3
    assert sorted(db.scalars(select(link.c.target_key))) == ["E0", "E1", "E2"]
    assert counted(db, event, event.c.move == "sent", event.c.actor == "engine") == 3


def test_one_record_in_another_hand_is_left_there_and_the_others_are_written(db):
    """R3: its own intent is closed and its link made, and nothing else of it is touched."""
    ids = in_hand(db, 3)
    settled = went_well(db, ids)
    db.exec_driver_sql(f"UPDATE record SET fence = 2 WHERE id = {ids[1]}")

    assert attempts.close(db, settled, NOW + SECOND) == 2

    assert [columns_of(db, i, "state")[0] for i in ids] == ["done", "running", "done"]
    assert counted(db, link) == counted(db, attempt, attempt.c.outcome == "done") == 3
    assert counted(db, event, event.c.move == "sent") == 2


def test_an_intent_that_was_closed_meanwhile_is_told_as_a_late_reply(db):
    """It closes nothing and moves nobody; its id is a fact, and the page around is written."""
    ids = in_hand(db, 2)
    settled = went_well(db, ids)
    closed = f"UPDATE attempt SET outcome = 'absent', finished_at = 1 WHERE record = {ids[0]}"
    db.exec_driver_sql(closed)

    assert attempts.close(db, settled, NOW + SECOND) == 1

    assert [columns_of(db, i, "state")[0] for i in ids] == ["running", "done"]
    assert counted(db, event, event.c.move == "late reply") == 1
    assert sorted(db.scalars(select(link.c.target_key))) == ["E0", "E1"]


def test_one_id_answered_for_two_orders_is_held_for_one_of_them(db):
    """D3: the page around them is written, and nobody shares a link."""
    ids = in_hand(db, 3)
    settled = went_well(db, ids)
    shared = replace(settled[1][1].facts, target_key="E0")
    settled[1] = (settled[1][0], replace(settled[1][1], facts=shared))

    assert attempts.close(db, settled, NOW + SECOND) == 3

    assert [columns_of(db, i, "state")[0] for i in ids] == ["done", "held", "done"]
    assert sorted(db.scalars(select(link.c.target_key))) == ["E0", "E2"]


def linked(db, ids, **columns):
    """The links of *ids*, under the ids that their calls answer with."""
    keys = [columns_of(db, id_, "key")[0] for id_ in ids]
    return [
        a_link(db, key, f"E{n}", **({"base_known": False, "total": "9.00"} | columns))
        for n, key in enumerate(keys)
    ]


def test_changes_that_all_went_well_bring_their_links_up_to_date(db):
    """Each under the id that was known; what the reply does not tell stays as it was."""
    ids = in_hand(db, 4)
    links_ = linked(db, ids[1:3])  # E0 and E1 are those of the second and the third
    settled = went_well(db, ids)
    facts = [None, "E0", "E1", None]
    for n, known in enumerate(facts):
        told = Facts(target_key=known or f"N{n}", version="2", total=None if n == 1 else "1.00")
        settled[n] = (settled[n][0], replace(settled[n][1], facts=told, target_key=told.target_key))

    assert attempts.close(db, settled, NOW + SECOND) == 4

    rows = select(link.c.target_key, link.c.target_version, link.c.total, link.c.base_known)
    assert sorted(db.execute(rows.where(link.c.id.in_(links_))).all()) == [
        ("E0", "2", "9.00", True),
        ("E1", "2", "1.00", True),
    ]
    assert {columns_of(db, i, "state", "acked_seq", "owner") for i in ids} == {("done", 1, None)}
    assert counted(db, link) == counted(db, event, event.c.move == "sent") == 4


def test_a_change_under_an_id_that_is_anothers_is_no_link(db):
    """D3: ours was its alias; the page around it is written."""
    ids = in_hand(db, 2)
    linked(db, ids, role="alias")
    a_link(db, "the first", "E1")
    settled = went_well(db, ids)

    assert attempts.close(db, settled, NOW + SECOND) == 2

    assert [columns_of(db, i, "state", "reason") for i in ids] == [
        ("done", "sent"),
        ("held", "duplicate"),
    ]
    known = select(link.c.base_known).where(link.c.role == "alias").order_by(link.c.id)
    assert list(db.scalars(known)) == [True, False]


def test_an_alias_and_its_first_in_one_page_are_told_apart(db):
    """D3: whichever answers last; only the order that the id is of was changed there."""
    ids = in_hand(db, 2)
    a_link(db, "t0", "E0", role="alias")
    a_link(db, "t1", "E0")
    settled = [
        (at, replace(s, target_key="E0", facts=replace(s.facts, target_key="E0")))
        for at, s in went_well(db, ids)
    ]

    assert attempts.close(db, settled, NOW + SECOND) == 2

    assert [columns_of(db, i, "state", "reason") for i in ids] == [
        ("held", "duplicate"),
        ("done", "sent"),
    ]


def test_an_id_that_is_anothers_is_seen_beside_one_of_another_entity(db):
    """D3: the links of a page are looked up as those of one entity, if they are."""
    ids = [a_record(db, key="c", entity="customer", state="running", fence=1), *in_hand(db, 1)]
    a_link(db, "c", "E0", entity="customer")
    a_link(db, "t0", "E1", role="alias")
    a_link(db, "the first", "E1")

    assert attempts.close(db, went_well(db, ids), NOW + SECOND) == 2

    assert [columns_of(db, i, "state", "reason") for i in ids] == [
        ("done", "sent"),
        ("held", "duplicate"),
    ]


def test_a_link_that_went_meanwhile_is_made_anew(db):
    """An id is a fact: nothing is acknowledged without its link."""
    ids = in_hand(db, 2)
    linked(db, ids)
    settled = went_well(db, ids)
    db.execute(delete(link).where(link.c.target_key == "E0"))

    assert attempts.close(db, settled, NOW + SECOND) == 2

    assert sorted(db.scalars(select(link.c.target_key))) == ["E0", "E1"]


def test_another_id_for_a_linked_pair_is_refused(db):
    """D3: neither does the link take it, nor is there a second one."""
    ids = in_hand(db, 1)
    linked(db, ids)
    [(at, _)] = went_well(db, ids)
    with pytest.raises(IntegrityError), db.begin_nested():
        links.put(db, at, Facts(target_key="E9"), NOW, "engine")
    assert list(db.scalars(select(link.c.target_key))) == ["E0"]


def test_what_an_outcome_does_not_tell_stays_known_of_its_intent(db):
    """The id under which it answered before is not forgotten by "it is not there"."""
    [id_] = in_hand(db, 1)
    at = attempts.standing(db, [an_attempt(db, id_, fence=1, code="exists", target_key="E9")])
    absent = Settlement(outcome="absent", move="later", due_at=NOW)

    assert attempts.close(db, [(one, absent) for one in at.values()], NOW) == 1

    assert db.execute(select(attempt.c.code, attempt.c.target_key)).one() == ("exists", "E9")


def test_which_links_are_meant_is_said_in_the_text_of_a_statement():
    """Bound, it would make SQLite prepare the statement anew for each row of a page."""
    assert "link.role != 'part'" in str(select(link.c.id).where(links.own_link()))


def test_what_is_accepted_becomes_the_base_of_its_own_link_alone(db):
    """Nothing differs, or a person said so: what we want is what is there."""
    ids = in_hand(db, 2)
    linked(db, ids)
    at, _ = went_well(db, ids)[0]

    links.accept(db, at, b'{"note":"agreed"}')

    rows = db.execute(select(link.c.base_source, link.c.base_known).order_by(link.c.id)).all()
    assert rows == [(b'{"note":"agreed"}', True), (None, False)]
