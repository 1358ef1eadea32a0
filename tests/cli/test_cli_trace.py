"""`connector trace` and `connector status`: what happened, how it stands, what is next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.cli.trace import next_step
from connector.ledger.schema import HELD
from connector.sandbox import edit

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def doubtful(desk: Any) -> str:
    """An order whose create was executed, and its answer cut."""
    number = desk.company.order()
    desk.company.erp.faults([{"fault": "commit_then_cut", "ops": ["CreateSalesOrder"], "count": 1}])
    desk.company.sync()
    return str(number)


def test_a_trace_tells_of_the_doubt_and_its_end(desk: Any) -> None:
    """Every state, the attempt with its outcome, our reference, the ERP's number and total."""
    number = doubtful(desk)
    desk.company.settle()
    [told] = desk("trace", "order", number, "--json").json
    moves = [event["move"] for event in told["events"]]
    assert moves[0] == "stage new"
    assert {"doubt", "found"} <= set(moves)
    tried = told["attempts"][0]
    [book] = desk.company.books()
    [link] = told["links"]
    assert (tried["action"], tried["outcome"], tried["target_key"]) == (
        "create", "found", book["order_no"],
    )  # fmt: skip
    assert (link["reference"], link["target_key"]) == (f"DE-{number}", book["order_no"])
    assert told["next"] == "nothing, until it changes at the source"


def test_a_record_is_traced_by_each_of_its_names(desk: Any) -> None:
    """The source's key, the target's, our reference, the number that people know it by."""
    numbered(desk, "'W-' ~ id")
    key = desk.company.order()
    desk.company.settle()
    [book] = desk.company.books()
    for name, fits in (
        (key, "key"), (book["order_no"], "target_key"),
        (f"DE-W-{key}", "reference"), (f"W-{key}", "document"),
    ):  # fmt: skip
        [told] = desk("trace", "order", name, "--json").json
        assert (told["record"]["key"], told["record"]["fits"]) == (key, fits)
        assert f"order {key} of flow orders: done" in desk("trace", "order", name).out
    assert desk("trace", "order", "W-").code != 0


def test_where_a_name_means_several_they_are_listed(desk: Any) -> None:
    """None is picked for the person; each is named with the command that tells of it alone."""
    numbered(desk, "'7'")
    keys = [desk.company.order(), desk.company.order()]
    desk.company.settle()
    said = desk("trace", "order", "7").out
    assert said.startswith("several are meant by it")
    assert "next:" not in said
    for key in keys:
        assert f"connector trace order {key}\n" in said
    assert len(desk("trace", "order", "7", "--json").json) == 2


def test_a_key_goes_before_a_number(desk: Any) -> None:
    """The command that a list names must tell of that one; the others are told beside it."""
    first = desk.company.order()
    numbered(desk, f"'{first}'")
    second = desk.company.order()
    desk.company.settle()
    said = desk("trace", "order", first).out
    assert said.startswith(f"order {first} of flow orders")
    assert "also meant by it\nkey" in said
    assert f"connector trace order {second}\n" in said


def test_what_a_part_of_a_document_is_called_is_no_name_of_the_document(desk: Any) -> None:
    """A site's own `number` beside the order's: its words are no name, and find nobody."""
    numbered(desk, "'W-' ~ id", "  custom: {number: \"= 'ada@example'\"}\n")
    key = desk.company.order()
    desk.company.settle()
    shown = desk("record", "show", "order", key, "--content").out
    assert "'custom': {'number': 'ada@example'}" in shown
    said = desk("trace", "order", "ada@example", "--json")
    assert said.code != 0
    assert key not in said.out


def numbered(desk: Any, expression: str, more: str = "") -> None:
    """From now on the shop's orders have numbers that are not their keys."""
    folder = desk.company.folder / "mappings" / "numbered"
    folder.mkdir(parents=True)
    (folder / "profile.yaml").write_text("profile: numbered\nextends: woocommerce\n")
    order = f'entity: order\nextends: woocommerce\nread:\n  number: "= {expression}"\n{more}'
    (folder / "order.yaml").write_text(order)
    desk.company.config(mappings=["mappings"])
    desk.company.connection("shop", profile="numbered")


def test_a_trace_names_the_mapping_that_made_each_attempt(desk: Any) -> None:
    """Its digest: people see the beginning, scripts the whole."""
    number = doubtful(desk)
    [told] = desk("trace", "order", number, "--json").json
    digest = told["attempts"][0]["write_digest"]
    lines = desk("trace", "order", number).out.splitlines()
    row = lines[lines.index("attempts") + 2]
    assert len(digest) > 12
    assert digest[:12] in row
    assert digest not in row


def test_a_trace_of_an_open_doubt_says_when_the_target_is_asked(desk: Any) -> None:
    """And from when on "not there" counts."""
    number = doubtful(desk)
    said = desk("trace", "order", number)
    assert "asks erp whether it happened; not there counts from" in said.out
    assert "open" in said.out


def test_a_trace_shows_the_children(desk: Any) -> None:
    """Refunds of the order, each with its own state."""
    number = desk.company.order()
    desk.company.settle()
    refund(desk, number)
    desk.company.settle(rounds=2)
    [told] = desk("trace", "order", number, "--json").json
    assert [child["reason"] for child in told["children"]] == ["review"]


def refund(desk: Any, number: str) -> None:
    """The shop gives a part of the money back."""
    desk.company.pass_(1)
    edit.refund_order(desk.company.shop_file, int(number), "1.00", "Kulanz")


def test_a_trace_says_nothing_personal(desk: Any) -> None:
    """Keys and codes only, in text and in JSON."""
    number = doubtful(desk)
    for words in ([], ["--json"]):
        said = desk("trace", "order", number, *words)
        assert said.code == 0
        for canary in ("Ada", "Okonkwo", "Weg 1", "ada@example", "please ring"):
            assert canary not in said.out + said.err


@pytest.mark.parametrize("reason", [r for r in HELD if r != "blocked"])
def test_whoever_is_held_is_told_what_cures_it(reason: str) -> None:
    """Each reason has its sentence, with the record's own key in the command."""
    row = {"state": "held", "reason": reason, "entity": "order", "key": "7", "due_at": NOW}
    assert "ENTITY" not in next_step(row, (), NOW)


@pytest.mark.parametrize(
    ("state", "due", "says"),
    [
        ("prepared", timedelta(0), "the next run takes it"),
        ("prepared", timedelta(hours=1), "a run from 2026-12-01 01:00"),
        ("running", timedelta(0), "it is in hand"),
        ("done", timedelta(0), "nothing, until it changes"),
    ],
)
def test_every_state_has_a_next_step(state: str, due: timedelta, says: str) -> None:
    """In one sentence."""
    row = {"state": state, "reason": None, "due_at": NOW + due, "flow": "f", "target": "erp"}
    assert next_step(row, (), NOW).startswith(says)


def test_a_status_of_a_company_in_order_waits_for_nobody(desk: Any) -> None:
    """It ends with 0 and says so."""
    desk.company.order()
    desk.company.settle()
    said = desk("status")
    assert said.code == 0
    assert "nothing waits for a person" in said.out
    assert "company SANDBOX" in said.out


def test_a_status_names_what_needs_a_person_with_its_command(desk: Any) -> None:
    """Copied, pasted, done; it ends with 1."""
    number = desk.company.order()
    desk.company.settle()
    refund(desk, number)
    desk.company.settle(rounds=2)
    said = desk("status", "--json")
    [asked] = said.json["needs_a_person"]
    assert (said.code, asked["reason"]) == (1, "review")
    assert asked["command"].startswith(f"connector record show refund {number}/")


def test_a_status_counts_by_flow(desk: Any) -> None:
    """What is done, in doubt, and how fresh the reading is."""
    number = doubtful(desk)
    told = desk("status", "--json").json
    orders = next(flow for flow in told["flows"] if flow["flow"] == "orders")
    assert (orders["in_doubt"], orders["prepared"], orders["held"]) == (1, 0, {})
    assert orders["read_at"] is not None
    assert number


def test_a_doubt_that_grows_old_needs_a_person(desk: Any) -> None:
    """S11: it has no limit of attempts, only an age at which it is told."""
    number = doubtful(desk)
    desk.company.pass_(2 * 3600)
    [asked] = desk("status", "--json").json["needs_a_person"]
    assert (asked["key"], asked["command"]) == (number, f"connector trace order {number}")


def test_an_entity_that_there_is_not_is_told_the_nearest(desk: Any) -> None:
    """`orders` for `order`: not the key is wrong."""
    key = str(desk.company.order())
    desk.company.settle()
    for command in (["trace"], ["record", "show"]):
        said = desk(*command, "orders", key)
        assert "did you mean `order`?" in said.err
        assert "the source's own id" in desk(*command, "order", "no-such").err


def test_a_file_that_cannot_be_written_is_told(desk: Any) -> None:
    """By its name, with what to do; not as a bug of ours."""
    for words in (["flow", "plan", "orders", "--out"], ["link", "export", "products", "-o"]):
        desk("link", "scan", "products")
        said = desk(*words, "/not/there/file")
        assert (said.code, "/not/there/file cannot be used: No such file" in said.err) == (2, True)
