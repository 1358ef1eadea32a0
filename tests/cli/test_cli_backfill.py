"""`connector flow backfill`: looked for, shown, accepted, created; at a rate, after a kill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from company import ADA, Killed

from connector import points
from connector.backfilling import Backfilling
from connector.errors import Braked
from connector.ledger import backfills
from connector.sandbox import edit

BORN = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # the night in which Berlin's clocks jump ahead
BOB = ADA | {"first_name": "Bob", "email": "bob@example.test", "postcode": "20095"}
SMALL = "profile: small\nextends: woocommerce\nwalk: {size: '2'}\n"
DAY = timedelta(days=1)
RANGE = ("--from", "2026-03-01T00:00:00+01:00", "--to", "2026-04-01T00:00:00+02:00")


def old(desk: Any, at: datetime = BORN, **more: Any) -> str:
    """An order that was created long ago; its id."""
    number: str = desk.company.order(**more)
    desk.company.shop_sql("UPDATE orders SET created = ? WHERE id = ?", int(at.timestamp()), number)
    return number


def backfill(desk: Any, *more: str) -> Any:
    """Run the command on March."""
    return desk("flow", "backfill", "orders", *RANGE, *more, "--json")


def entered_by_hand(desk: Any, number: str) -> None:
    """The order is in the ERP already, under the reference that we would give it."""
    desk.company.order(sku="SB-0002")
    desk.company.settle()
    with desk.company.clerk() as erp, erp.begin() as db:
        db.execute(
            "UPDATE orders SET no = 'SO-OLD', reference = ?,"
            " data = json_set(data, '$.ExternalRef', ?)",
            (f"DE-{number}", f"DE-{number}"),
        )


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody waits in a test: where there is waiting, the test's clock moves."""
    monkeypatch.setattr("connector.cli.backfill._rest", lambda *_: None)
    yield
    points.on_reach = points._nothing


def test_the_filter_and_the_forecast_are_shown_first(desk: Any) -> None:
    """Before anything is read: range, status, number, and how long it takes at the rate."""
    for _ in range(3):
        old(desk)
    said = desk(
        "flow", "backfill", "orders", *RANGE, "--limit-rate", "2/min", "--status", "confirmed"
    )
    lines = said.out.splitlines()
    assert lines[0].startswith("orders of shop created from 2026-03-01 00:00:00")
    assert "status confirmed" in lines[1]
    assert lines[3].startswith("3 were created then")
    assert lines[3].endswith("creating all of them takes 2 min at 2/min")


def test_first_it_only_looks(desk: Any) -> None:
    """What is there is linked, what is not is counted with its sum; nothing and nobody is made."""
    there, missing = old(desk), old(desk, billing=BOB)
    entered_by_hand(desk, there)
    calls = len(desk.company.calls())
    said = backfill(desk)
    assert said.code == 1
    assert {k: said.json[k] for k in ("read", "there", "to_create", "created")} == {
        "read": 2, "there": 1, "to_create": 1, "created": 0,
    }  # fmt: skip
    assert said.json["amount"] == {"EUR": desk.company.record("order", missing)["total"]}
    made = {str(call["op"]) for call in desk.company.calls()[calls:]}
    assert not [op for op in made if op.startswith(("Create", "Update", "Release"))]
    assert len(desk.company.customers()) == 1
    assert desk.company.standing("order", there) == "done(adopted)"
    assert desk.company.standing("order", missing) == "held(review)"


def test_what_is_given_back_of_an_old_order_is_a_persons_affair(desk: Any) -> None:
    """Whether before its backfill or long after: it is never silent, nor booked on a guess."""
    refunds = {"entity": "refund", "from": "shop", "to": "erp", "mode": "on_demand"}
    desk.company.config(flows={"refunds": refunds})
    number = old(desk)
    edit.refund_order(desk.company.shop_file, int(number), "1.00", "broken")
    backfill(desk)
    backfill(desk, "--yes")
    desk.company.pass_(5)
    edit.refund_order(desk.company.shop_file, int(number), "0.50", "broken")
    desk.company.settle()
    assert desk.company.references() == [f"DE-{number}"]
    found = [state for (e, _), state in desk.company.states().items() if e == "refund"]
    assert found == [("held", "review")] * 2


def test_a_plan_that_was_not_shown_cannot_be_accepted(desk: Any) -> None:
    """--yes on the first run is refused, and creates nothing."""
    old(desk)
    said = backfill(desk, "--yes")
    assert (said.code, '"not_allowed"' in said.err) == (1, True)
    assert desk.company.references() == []


def test_before_a_flow_begins_its_plan_is_still_one_and_the_same(desk: Any) -> None:
    """Without --to the range ends now: the run that accepts means the range that was shown."""
    desk.company.flow("orders", start=(desk.company.clock.now() + DAY).isoformat())
    words = ("flow", "backfill", "orders", *RANGE[:2], "--json")
    first = old(desk, billing=BOB)
    shown = desk(*words)
    assert (shown.json["whole"], shown.json["to_create"]) == (True, 1)
    desk.company.pass_(3600)
    old(desk, desk.company.clock.now() - timedelta(minutes=30))  # not in what was shown
    said = desk(*words, "--yes")
    assert (said.code, said.json["created"], said.json["to"]) == (0, 1, shown.json["to"]), said
    assert desk.company.references() == [f"DE-{first}"]
    fresh = desk(*words)  # what was shown is through: this one ends now
    assert (fresh.json["to_create"], fresh.json["to"] > said.json["to"]) == (1, True)


def test_what_was_accepted_is_created_once(desk: Any) -> None:
    """With its guest; what was there stays alone; by whom it was accepted stands in the ledger."""
    there, missing = old(desk), old(desk, billing=BOB)
    entered_by_hand(desk, there)
    backfill(desk)
    said = backfill(desk, "--yes")
    assert (said.code, said.json["created"], said.json["ended"]) == (0, 1, True), said.json
    assert desk.company.references() == sorted([f"DE-{there}", f"DE-{missing}"])
    assert len(desk.company.customers()) == 2
    [row] = desk.company.rows("SELECT accepted_by FROM backfill")
    assert row["accepted_by"]
    again = backfill(desk)
    assert (again.code, again.json["there"], again.json["created"]) == (0, 1, 1)
    assert len(desk.company.references()) == 2


def test_only_what_was_created_then_is_read(desk: Any) -> None:
    """From the first second to before the last, whatever the shop's zone is; later is live's."""
    first = datetime(2026, 2, 28, 23, tzinfo=UTC)  # midnight in Berlin
    end = datetime(2026, 3, 31, 22, tzinfo=UTC)  # midnight in Berlin, in summer
    within = [old(desk, first), old(desk, end - timedelta(seconds=1))]
    for at in (first - timedelta(seconds=1), end):
        old(desk, at)
    live = desk.company.order()
    said = backfill(desk)
    assert (said.json["expected"], said.json["read"], said.json["to_create"]) == (2, 2, 2)
    waiting = desk.company.rows(
        "SELECT key FROM record WHERE lane = 'backfill' AND entity = 'order'"
    )
    assert sorted(row["key"] for row in waiting) == within
    assert desk.company.references() == [f"DE-{live}"]  # its own run came in between


def test_a_status_takes_the_place_of_the_filter(desk: Any) -> None:
    """Others are read and left; a word that is none is refused with the nearest."""
    wanted, other = old(desk), old(desk, status="pending")
    assert backfill(desk, "--status", "confirmed").json["to_create"] == 1
    assert desk.company.standing("order", wanted) == "held(review)"
    assert desk.company.standing("order", other) == "done(filtered)"
    assert "did you mean `confirmed`" in backfill(desk, "--status", "confirmd").err


def test_a_live_change_neither_creates_nor_loses_an_old_order(desk: Any) -> None:
    """P8: it stays a backfill's, and what the person did not see is not accepted with it (R16)."""
    seen, changed = old(desk), old(desk)
    backfill(desk)
    desk.company.change(changed, customer_note="later")
    desk.company.settle()
    assert desk.company.references() == []
    assert desk.company.standing("order", changed) == "held(review)"
    said = backfill(desk, "--yes")
    assert (said.code, said.json["created"], said.json["to_create"]) == (1, 1, 1)
    assert desk.company.references() == [f"DE-{seen}"]
    backfill(desk)
    assert backfill(desk, "--yes").code == 0
    assert desk.company.references() == sorted([f"DE-{seen}", f"DE-{changed}"])


def test_a_guest_of_an_old_order_holds_no_new_one_up(desk: Any) -> None:
    """Nobody accepted the backfill: the guest is made for the new order alone."""
    old(desk)
    backfill(desk)
    live = desk.company.order()
    desk.company.settle()
    assert desk.company.references() == [f"DE-{live}"]
    assert len(desk.company.customers()) == 1


def test_what_is_the_flows_own_is_no_backfill(desk: Any) -> None:
    """From the flow's start on it creates by itself; the error says so, and the command."""
    desk.company.flow("orders", start=RANGE[1])
    said = backfill(desk)
    assert said.code == 2
    assert "the start of orders: what was created since is its own" in said.err
    assert "connector flow sync orders" in said.err


def test_an_order_that_is_over_is_not_created(desk: Any) -> None:
    """Cancelled before it was ever sent."""
    over = old(desk, status="cancelled")
    said = backfill(desk)
    assert (said.code, said.json["to_create"]) == (0, 0)
    assert desk.company.standing("order", over) == "done(never_delivered)"


def test_more_than_a_page_in_one_second_is_read_whole(desk: Any) -> None:
    """An import gave 250 orders one creation date; some are deleted while they are read."""
    first = int(old(desk))
    desk.company.shop_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 249)"
        " INSERT INTO orders SELECT o.id + n.i, o.status, o.customer, o.created, o.modified, o.body"
        " FROM orders o, n WHERE o.id = ?", first,
    )  # fmt: skip
    pages = []

    def delete(name: str) -> None:
        if name == "page.committed":
            pages.append(name)
            desk.company.shop_sql("DELETE FROM orders WHERE id = ?", first + len(pages))

    points.on_reach = delete
    backfill(desk)
    points.on_reach = points._nothing
    keys = {r["key"] for r in desk.company.rows("SELECT key FROM record WHERE entity = 'order'")}
    with edit.desk(desk.company.shop_file) as shop:
        left = {str(row["id"]) for row in shop.store.rows("SELECT id FROM orders")}
    assert left - keys == set()
    assert len(pages) >= 3


@pytest.mark.parametrize("point", ["page.before_commit", "page.committed", "backfill.step"])
def test_a_kill_while_reading_is_gone_on_with(desk: Any, point: str) -> None:
    """It reads on from its position: no page twice that was committed, none left out."""
    desk.company.mapping("small", {"profile.yaml": SMALL})
    desk.company.connection("shop", profile="small")
    numbers = [old(desk, BORN + timedelta(minutes=n)) for n in range(6)]
    met = []

    def die(name: str) -> None:
        met.append(name)
        if met.count(point) == 2:
            raise Killed(point)

    points.on_reach = die
    with pytest.raises(Killed):
        backfill(desk)
    points.on_reach = points._nothing
    said = backfill(desk)
    assert said.json["to_create"] == len(numbers)
    backfill(desk, "--yes")
    assert desk.company.references() == sorted(f"DE-{n}" for n in numbers)


@pytest.mark.parametrize("point", ["backfill.step", "reply.before_outcome", "intent.none_sent"])
def test_a_kill_while_creating_doubles_nothing(desk: Any, point: str) -> None:
    """It goes on without a new acceptance."""
    numbers = [old(desk) for _ in range(3)]
    backfill(desk)

    def die(name: str) -> None:
        if name == point:
            raise Killed(point)

    points.on_reach = die
    with pytest.raises(Killed):
        backfill(desk, "--yes", "--limit-rate", "1/min")
    points.on_reach = points._nothing
    for _ in range(12):
        desk.company.pass_(70)
        if backfill(desk, "--limit-rate", "100/min").json["ended"]:
            break
    assert desk.company.references() == sorted(f"DE-{n}" for n in numbers)


def test_no_minute_has_more_than_the_rate(desk: Any) -> None:
    """Three a minute, looked at every second; a pause is not made up for."""
    for _ in range(9):
        old(desk)
    backfill(desk)
    app = desk.company.app
    with app.ledger.begin() as db:
        [row] = desk.company.rows("SELECT id FROM backfill")
        at = backfills.get(db, row["id"])
        backfills.accept(db, at.id, "test", app.clock.now())
        wanted = backfills.Range(flow="orders", since=at.since, until=at.until, per_minute=3)
        backfills.begin_or_resume(db, wanted, app.clock.now())
    job, made = Backfilling(at.id), []
    for second in range(0, 400, 10):
        job.step(app, app.flows["orders"])
        made.append((second, len(desk.company.references())))
        desk.company.pass_(10 if second != 30 else 200)
    begun = [row["written_at"] for row in desk.company.rows(
        "SELECT a.written_at FROM attempt a JOIN record r ON r.id = a.record"
        " WHERE r.entity = 'order' ORDER BY a.id")]  # fmt: skip
    assert len(begun) == 9
    minute = 59_000_000
    assert max(sum(t <= other < t + minute for other in begun) for t in begun) <= 3


def test_a_source_that_cannot_list_by_creation_says_so(desk: Any) -> None:
    """With the action that its profile lacks."""
    desk.company.mapping("plain", {
        "profile.yaml": "profile: plain\nextends: woocommerce\n",
        "order.yaml": "entity: order\nextends: woocommerce\nactions: {born: $drop}\n",
    })  # fmt: skip
    desk.company.connection("shop", profile="plain")
    said = desk("flow", "backfill", "orders", *RANGE)
    assert said.code == 1
    assert "error[not_allowed]: shop cannot list its orders by their creation" in said.err
    assert "`born`" in said.err


def test_a_flow_that_creates_nothing_of_itself_has_no_backfill(desk: Any) -> None:
    """Its documents come with those that need them."""
    said = desk("flow", "backfill", "customers", *RANGE)
    assert "error[not_allowed]: customers does not create of itself" in said.err


def test_an_erp_that_is_away_ends_it_with_4(desk: Any) -> None:
    """And the next run goes on."""
    number = old(desk)
    backfill(desk)
    desk.company.erp.faults([{"fault": "unavailable"}])
    assert backfill(desk, "--yes").code == 4
    desk.company.erp.faults([])
    desk.company.pass_(60)
    assert backfill(desk).code == 0
    assert desk.company.references() == [f"DE-{number}"]


def test_a_brake_that_halts_the_flow_ends_it_and_an_approval_lets_it_go_on(desk: Any) -> None:
    """It does not go round and round in front of a brake: a person is told, and it goes on."""
    for _ in range(4):
        old(desk)
    desk.company.flow("orders", brakes={"same_error": "2"})
    desk.company.connection("erp", limits={"concurrency": "1"})
    backfill(desk)
    refused = {"fault": "fault", "code": "invalid", "ops": ["CreateSalesOrder"]}
    desk.company.erp.faults([refused])
    said = backfill(desk, "--yes")
    assert said.code == 5, said.err
    assert "connector approve" in said.json["braked"]["orders"]
    assert said.json["ended"] is False
    desk.company.erp.faults([])
    [stopped] = desk("approve", "--json").json
    assert desk("approve", stopped["run"]).code == 0
    desk.company.pass_(3600)
    said = backfill(desk)
    assert (said.code, said.json["ended"]) == (0, True), said.json
    assert len(desk.company.references()) == 4


def test_what_live_orders_wait_for_ends_no_backfill(desk: Any) -> None:
    """A backfill has an acceptance of its own: `first` and `per_hour` hold nothing of it."""
    for _ in range(3):
        old(desk)
    desk.company.flow("orders", brakes={"per_hour": "1"})
    for _ in range(3):
        desk.company.order()
    backfill(desk)
    said = backfill(desk, "--yes")
    assert (said.code, said.json["ended"], said.json["created"]) == (0, True, 3), said.json


def test_documents_that_are_others_by_now_are_not_passed_over(desk: Any) -> None:
    """R9: a cloned shop stops it before the page, however often it goes on."""
    number = old(desk)
    backfill(desk)
    app = desk.company.app
    desk.company.shop_sql("UPDATE orders SET created = created + 60 WHERE id = ?", number)
    wanted = backfills.Range(flow="orders", since=BORN - DAY, until=BORN + DAY)
    with app.ledger.begin() as db:
        at = backfills.begin_or_resume(db, wanted, app.clock.now())
        backfills.expect(db, at.id, 1)
    for _ in range(2):
        with pytest.raises(Braked):
            Backfilling(at.id).step(app, app.flows["orders"])
        now = app.ledger.read(backfills.get, at.id)
        assert (now.read, now.walked) == (0, False)
