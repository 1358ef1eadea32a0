"""A reading that is improbable waits for a person, whole (P6)."""

from __future__ import annotations

import pytest

from connector import cli
from connector.errors import Braked
from connector.sandbox import erp_stock
from connector.sandbox.seed import seed_erp, skus

MANY = 40


@pytest.fixture
def hundred(shelves):
    """A hundred articles in the ERP, five of them in the shop, all of them read once."""
    company = shelves.company
    seed_erp(company.erp_file, items=[*skus(5), *(f"X-{n}" for n in range(95))])
    company.flow("stock", brakes={"zeroed": "10%", "changed": "30%"})
    shelves.sync()
    return shelves


def count_all(shelves, pieces, items=MANY, first=1):
    """A clerk counts some articles."""
    with shelves.company.clerk() as store:
        for n in range(first, first + items):
            erp_stock.count(store, f"I-{n:04d}", str(pieces))


def braked(shelves):
    """The message of the brakes, and that nothing was written."""
    before = shelves.writes()
    with pytest.raises(Braked) as told:
        shelves.sync()
    assert shelves.writes() == before
    return told.value


def approve(shelves, told):
    """A person approves what the message names."""
    name = told.cure.split()[-1]
    shelves.company.stop()
    return cli.run(["approve", name, "--config", str(shelves.company.folder / "config.yaml")])


def test_an_empty_reading_is_not_believed(hundred):
    """Where there was any."""
    with hundred.company.clerk() as store, store.begin() as db:
        db.execute("DELETE FROM items")
    assert "no article of 100 is there any more" in str(braked(hundred))
    assert hundred.shop() == 1000


def test_an_empty_reading_that_a_person_approves_is_used(hundred):
    """Each article is then asked for by itself: a question for each, and no level of zero."""
    with hundred.company.clerk() as store, store.begin() as db:
        db.execute("DELETE FROM items")
    assert approve(hundred, braked(hundred)) == 0
    hundred.sync()
    hundred.sync()
    standings = {s for (kind, _), s in hundred.company.states().items() if kind == "stock"}
    assert standings == {("held", "review")}
    assert hundred.shop() == 1000


@pytest.mark.parametrize(("items", "waits"), [(10, False), (11, True)])
def test_more_than_the_share_without_stock_waits(hundred, items, waits):
    """Ten per cent of a hundred."""
    count_all(hundred, 0, items)
    if waits:
        assert "11 of 100 articles without stock" in str(braked(hundred))
        assert hundred.shop() == 1000
    else:
        hundred.sync()
        assert hundred.shop() == 0


def test_the_share_is_of_a_rolling_day(hundred):
    """Ten in the morning, one at noon; the day after, one more is one."""
    count_all(hundred, 0, 10)
    hundred.sync()
    count_all(hundred, 0, 1, first=20)
    braked(hundred)
    hundred.company.pass_(25 * 3600)
    hundred.sync()


def test_more_than_the_share_of_changes_waits(hundred):
    """Whatever they change to; and nothing is confirmed by a reading that waits."""
    confirmed = hundred.company.rows("SELECT at FROM confirmed WHERE flow = 'stock'")
    count_all(hundred, 999)
    assert "40 of 100 articles changed" in str(braked(hundred))
    assert hundred.company.rows("SELECT at FROM confirmed WHERE flow = 'stock'") == confirmed != []


def test_ten_articles_always_may_change(shelves):
    """All five of five: a small shop is no mass."""
    shelves.sync()
    for n in range(1, 6):
        shelves.count(0, f"I-000{n}")
    shelves.sync()
    assert shelves.shop() == 0


def test_articles_that_are_missing_wait_as_those_without_stock(hundred):
    """Absence is not an instruction; in masses it is not even believed."""
    with hundred.company.clerk() as store, store.begin() as db:
        db.execute("DELETE FROM items WHERE no > 'I-0080'")
    assert "20 of 100 articles missing" in str(braked(hundred))


def test_one_article_that_is_gone_is_a_question_and_no_zero(hundred):
    """It was asked for by itself; the shop's level stays."""
    with hundred.company.clerk() as store, store.begin() as db:
        db.execute("DELETE FROM items WHERE no = 'I-0001'")
    hundred.sync()
    assert hundred.company.standing("stock", "I-0001") == "held(review)"
    assert hundred.shop() == 1000


def test_what_a_person_approves_goes_on_once(hundred):
    """With the next reading, and counts no more for the day."""
    count_all(hundred, 0)
    told = braked(hundred)
    assert approve(hundred, told) == 0
    hundred.sync()
    assert hundred.shop() == 0

    count_all(hundred, 5)
    braked(hundred)


def test_an_approval_is_for_what_was_shown(hundred):
    """R16: more than that is another question, and the old answer is none to it."""
    count_all(hundred, 0)
    told = braked(hundred)
    count_all(hundred, 0, 20, first=60)
    again = braked(hundred)
    assert again.cure != told.cure
    assert approve(hundred, told) != 0

    approve(hundred, again)
    count_all(hundred, 0, 15, first=81)
    braked(hundred)


def test_the_same_reading_waits_under_one_number(hundred):
    """Every fifteen minutes the same question, not a new one."""
    count_all(hundred, 0)
    assert braked(hundred).cure == braked(hundred).cure
    assert len(hundred.company.rows("SELECT * FROM stocktake")) == 1


def test_a_warehouse_that_nobody_has_is_a_mistake(hundred):
    """A typing error would empty the shop; there is nothing to approve."""
    hundred.company.flow("stock", warehouses=["mian"])
    wrong = braked(hundred)
    assert ("mian" in str(wrong), wrong.code) == (True, "config")
    assert hundred.shop() == 1000


def test_what_is_due_between_readings_is_judged_too(hundred):
    """An ERP that has gone wild empties no shop by the back door."""
    company = hundred.company
    with company.app.ledger.begin() as db:
        db.exec_driver_sql(
            "UPDATE record SET state = 'prepared', reason = NULL, due_at = 1 WHERE flow = 'stock'"
        )
    count_all(hundred, 0)
    with pytest.raises(Braked, match="40 of 100 articles without stock"):
        company.app.catch_up(company.app.flows["stock"])
    assert hundred.shop() == 1000


def test_while_a_reading_waits_nothing_of_it_is_due(hundred):
    """Neither in the ledger nor for the sweep between runs."""
    count_all(hundred, 0)
    braked(hundred)
    company = hundred.company
    company.app.catch_up(company.app.flows["stock"])
    assert hundred.shop() == 1000
    assert b'"1000"' in company.record("stock", "I-0001")["doc"]
