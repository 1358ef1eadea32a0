"""`connector record`: what people see of single records, and the moves that they make."""

from __future__ import annotations

import getpass
from typing import Any

import pytest

from connector.cli.desk import person
from connector.sandbox import edit


def erp(desk: Any, sql: str, *args: object) -> None:
    """Change the ERP's books by hand."""
    with desk.company.clerk() as store, store.begin() as db:
        db.execute(sql, args)


def doubtful(desk: Any) -> str:
    """An order whose create was executed, and its answer cut."""
    number = desk.company.order()
    desk.company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    desk.company.sync()
    assert desk.company.standing("order", number) == "in_doubt"
    return str(number)


def there(desk: Any) -> str:
    """The number of the ERP's one order."""
    [book] = desk.company.books()
    return str(book["order_no"])


# ── seeing ──────────────────────────────────────────────────────────────────────────────────────


def test_records_are_listed_by_state_and_reason(desk: Any) -> None:
    """Only those asked for, in the words that people use."""
    number = desk.company.order()
    desk.company.settle()
    assert [r["key"] for r in desk("record", "list", "--entity", "order", "--json").json] == [
        number
    ]
    assert desk("record", "list", "--state", "held", "--json").json == []
    for option, word, near in (
        ("--flow", "ordres", "orders"),
        ("--reason", "reviwe", "review"),
        ("--entity", "ordr", "order"),
    ):
        said = desk("record", "list", option, word)
        assert (said.code, f"did you mean `{near}`?" in said.err) == (2, True)
    assert "done (sent)" in desk("record", "list", "--flow", "orders").out


def test_a_dead_letter_is_listed_as_one(desk: Any) -> None:
    """Refused as often as we may ask: people call that a dead letter, and so do we."""
    desk.company.config(attempts={"pattern": ["1s"], "most": "1"})
    number = desk.company.order()
    desk.company.erp.faults([{"fault": "fault", "code": "invalid", "ops": ["CreateSalesOrder"]}])
    desk.company.settle(rounds=2)
    said = desk("record", "list", "--state", "dead_letter")
    assert f"dead letter ({desk.company.record('order', number)['reason']})" in said.out


def test_content_is_shown_only_when_asked_for(desk: Any) -> None:
    """Names and addresses are personal data."""
    number = desk.company.order()
    desk.company.settle()
    plain, full = (desk("record", "show", "order", number, *more) for more in ([], ["--content"]))
    assert "Okonkwo" not in plain.out
    assert "Okonkwo" in full.out


def test_an_unknown_record_is_said_to_be_none(desk: Any) -> None:
    """With a stable code, and 1."""
    said = desk("record", "show", "order", "77")
    assert (said.code, "error[no_such_record]" in said.err) == (1, True)


# ── doubt ───────────────────────────────────────────────────────────────────────────────────────


def test_a_person_says_that_it_is_there(desk: Any) -> None:
    """The doubt ends as found, the link is made, and nothing is created a second time."""
    number = doubtful(desk)
    said = desk("record", "resolve", "order", number, "--exists", there(desk))
    assert said.code == 0
    desk.company.settle()
    assert len(desk.company.books()) == 1
    assert desk.company.standing("order", number).startswith("done")


def test_a_person_says_that_it_is_not_there(desk: Any) -> None:
    """The doubt ends as absent, and it is created anew: once."""
    number = doubtful(desk)
    erp(desk, "DELETE FROM orders")
    desk("record", "resolve", "order", number, "--absent")
    desk.company.settle()
    assert desk.company.references() == [f"DE-{number}"]


def test_a_wrong_answer_never_becomes_a_second_order(desk: Any) -> None:
    """An id that is not there is held with the question, not created."""
    number = doubtful(desk)
    desk("record", "resolve", "order", number, "--exists", "SO-999999")
    desk.company.settle()
    assert desk.company.standing("order", number) == "held(gone_at_target)"
    assert len(desk.company.books()) == 1
    desk("record", "resolve", "order", number, "--exists", there(desk))
    desk.company.settle()
    assert desk.company.standing("order", number).startswith("done")


def test_an_id_that_is_another_orders_is_refused(desk: Any) -> None:
    """Two orders of the shop never share one of the ERP."""
    desk.company.order()
    desk.company.settle()
    taken = there(desk)
    number = doubtful(desk)
    said = desk("record", "resolve", "order", number, "--exists", taken)
    assert (said.code, "error[not_allowed]" in said.err) == (1, True)
    assert desk.company.standing("order", number) == "in_doubt"


def test_every_move_of_a_person_bears_his_name(desk: Any) -> None:
    """The event's actor is who sat there, and the attempt was closed by him."""
    number = doubtful(desk)
    desk("record", "resolve", "order", number, there(desk))
    events = desk.company.rows("SELECT actor, detail FROM event WHERE move = 'answered'")
    assert [(e["actor"], e["detail"]) for e in events] == [(person().name, f"exists {there(desk)}")]
    assert person().name == getpass.getuser()
    closed = desk.company.rows("SELECT closed_by FROM attempt WHERE outcome = 'found'")
    assert [row["closed_by"] for row in closed] == [person().name]


@pytest.mark.parametrize("command", ["retry", "release"])
def test_doubt_ends_by_an_answer_only(desk: Any, command: str) -> None:
    """R4: neither a retry nor a release gets past an open intent."""
    number = doubtful(desk)
    said = desk("record", command, "order", number)
    assert "error[not_allowed]" in said.err
    assert desk.company.standing("order", number) == "in_doubt"


# ── on what he saw ──────────────────────────────────────────────────────────────────────────────


def test_a_decision_on_an_older_state_is_refused(desk: Any) -> None:
    """R16: the seq seen is not the seq that stands there."""
    number = doubtful(desk)
    said = desk("record", "resolve", "order", number, "--absent", "--seq", "7")
    assert (said.code, "error[seq_moved]" in said.err) == (1, True)
    assert desk.company.standing("order", number) == "in_doubt"


def test_what_is_done_can_neither_be_released_nor_resolved(desk: Any) -> None:
    """The refusal names where it stands."""
    number = desk.company.order()
    desk.company.settle()
    for words in (["release"], ["retry"], ["resolve", "--absent"], ["resolve", "--side", "source"]):
        said = desk("record", words[0], "order", number, *words[1:])
        assert f"order {number} is done (sent)" in said.err


def test_a_resolve_needs_exactly_one_answer(desk: Any) -> None:
    """None and two are usage errors."""
    for words in ([], ["--absent", "--exists", "X"]):
        assert desk("record", "resolve", "order", "1", *words).code == 2


def test_a_refund_cannot_be_released_into_nowhere(desk: Any) -> None:
    """No flow of this company delivers refunds."""
    number = desk.company.order()
    desk.company.settle()
    edit.refund_order(desk.company.shop_file, int(number), "1.00", "broken")
    desk.company.pass_(2)
    desk.company.settle(rounds=2)
    [key] = [key for entity, key in desk.company.states() if entity == "refund"]
    said = desk("record", "release", "refund", key)
    assert (said.code, f"no flow delivers refund {key}" in said.err) == (1, True)


# ── held ────────────────────────────────────────────────────────────────────────────────────────


def test_a_retry_sends_what_was_refused(desk: Any) -> None:
    """Attempts begin at 0 again."""
    desk.company.config(attempts={"pattern": ["1s"], "most": "1"})
    number = desk.company.order()
    desk.company.erp.faults([{"fault": "fault", "code": "invalid", "ops": ["CreateSalesOrder"]}])
    desk.company.settle(rounds=2)
    assert desk.company.standing("order", number) == "held(refused)"
    desk.company.erp.faults([])
    desk("record", "retry", "order", number)
    assert desk.company.record("order", number)["attempts"] == 0
    desk.company.settle()
    assert desk.company.references() == [f"DE-{number}"]


def test_a_retry_reads_again_what_was_unreadable(desk: Any) -> None:
    """Although the shop shows no newer version: a mended row is seen, and delivered."""
    number = desk.company.order()
    desk.company.shop_sql("UPDATE orders SET body = json_set(body, '$.currency', 'nonsense')")
    desk.company.settle(rounds=1)
    assert desk.company.standing("order", number) == "held(unreadable)"
    desk.company.shop_sql("UPDATE orders SET body = json_set(body, '$.currency', 'EUR')")
    desk.company.settle(rounds=2)
    said = desk("record", "retry", "order", number)
    assert "it goes on with: connector flow sync orders" in said.out
    desk.company.settle()
    assert desk.company.references() == [f"DE-{number}"]


def test_a_difference_of_money_is_accepted_by_release(desk: Any) -> None:
    """It ends as sent; nothing is sent again."""
    number = desk.company.order()
    desk.company.settle()
    desk.company.stop()
    with desk.company.app.ledger.begin() as db:
        db.exec_driver_sql(
            "UPDATE record SET state = 'held', reason = 'money' WHERE entity='order'"
        )
    calls = len(desk.company.calls())
    desk("record", "release", "order", number)
    assert desk.company.standing("order", number) == "done(sent)"
    assert len(desk.company.calls()) == calls


def test_release_ends_what_is_locked_there(desk: Any) -> None:
    """A person made the change in the ERP by hand; we take his word and send nothing."""
    number = desk.company.order()
    desk.company.settle()
    shipped = "json_set(data, '$.Status', 'shipped'), version = version + 1"
    erp(desk, f"UPDATE orders SET data = {shipped}")
    desk.company.change(number, customer_note="later")
    desk.company.settle(rounds=3)
    assert desk.company.standing("order", number) == "held(locked)"
    desk("record", "release", "order", number)
    desk.company.settle()
    assert desk.company.standing("order", number) == "done(same)"


def test_a_duplicate_is_resolved_by_naming_the_one_that_stays(desk: Any) -> None:
    """It is linked, and goes on."""
    number = doubtful(desk)
    erp(desk, "INSERT INTO orders SELECT no || 'b', reference, released, version, created,"
              " changed, grand_total, data FROM orders")  # fmt: skip
    desk.company.settle(rounds=2)
    assert desk.company.standing("order", number) == "held(duplicate)"
    kept = min(book["order_no"] for book in desk.company.books())
    desk("record", "resolve", "order", number, str(kept))
    desk.company.settle()
    [link] = desk.company.rows("SELECT target_key, made_by FROM link WHERE entity = 'order'")
    assert (link["target_key"], link["made_by"]) == (kept, person().name)
    assert desk.company.standing("order", number).startswith("done")


def test_what_is_gone_there_may_rest(desk: Any) -> None:
    """Its order was deleted in the ERP, and a person says that this is right."""
    number = desk.company.order()
    desk.company.settle()
    erp(desk, "DELETE FROM orders")
    desk.company.change(number, customer_note="later")
    desk.company.settle(rounds=3)
    assert desk.company.standing("order", number) == "held(gone_at_target)"
    desk("record", "resolve", "order", number, "--absent")
    desk.company.settle(rounds=2)
    assert desk.company.standing("order", number) == "done(gone)"
    assert desk.company.books() == []


def test_a_key_that_never_was_is_laid_to_rest(desk: Any) -> None:
    """A mistyped --only leaves a record without document: released, it waits for nobody."""
    desk("flow", "sync", "orders", "--only", "99999")
    assert desk.company.standing("order", "99999") == "held(review)"
    desk("record", "release", "order", "99999")
    assert desk.company.standing("order", "99999") == "done(gone)"
