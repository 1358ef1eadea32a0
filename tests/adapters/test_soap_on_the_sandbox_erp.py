"""The soap adapter keeps the promises of the ports on a hostile ERP over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from profiles_by_hand import soap

from connector import errors
from connector.sandbox.erp import start_erp
from connector.sandbox.seed import seed_erp
from connector.values import (
    Absent,
    Ambiguous,
    Change,
    Done,
    InDoubt,
    NotSent,
    Refused,
    Seen,
    Stale,
    Tombstone,
    Unauthorized,
    Unavailable,
)


@pytest.fixture
def erp(tmp_path):
    with start_erp(tmp_path / "erp.db") as running:
        seed_erp(tmp_path / "erp.db")
        yield running


@pytest.fixture
def target(erp):
    system = soap(f"{erp.url}/soap")
    yield system
    system.close()


@pytest.fixture
def customer(target):
    [done] = target.send("customer", [change({"Name": "Ada", "Email": "ada@example.org"})])
    return done.key


def change(payload, reference="t-1", **other):
    before = datetime.now(UTC) + timedelta(minutes=5)
    return Change(
        **(
            {
                "id": 1,
                "action": "create",
                "reference": reference,
                "payload": payload,
                "send_before": before,
            }
            | other
        )
    )


def order(customer, reference="t-1", **other):
    line = {
        "Kind": "shipping",
        "Description": "Größe & <M> 🙂",
        "Quantity": "1",
        "NetAmount": Decimal("10.00"),
        "TaxAmount": "1.90",
    }
    payload = {
        "ExternalRef": reference,
        "ShopNumber": "17",
        "CustomerNo": customer,
        "OrderDate": "2026-11-10",
        "Currency": "EUR",
        "Status": "open",
        "BillTo": {"Name": "Ada"},
        "Lines": {"Line": [line]},
    }
    return change(payload, reference, **other)


def test_what_was_sent_is_found_by_its_reference(target, customer):
    """Doubt can be settled: find answers every reference, whole."""
    [done] = target.send("order", [order(customer)])
    found = target.find("order", ["t-1", "t-2"])

    assert isinstance(done, Done)
    assert done.total == Decimal("11.90")
    assert found["t-1"].key == done.key
    assert found["t-1"].there["status"] == "open"
    assert found["t-1"].steps_left == ()
    assert isinstance(found["t-2"], Absent)


def test_one_outcome_per_change_in_order(target, customer):
    """A refused change does not shift its neighbours' outcomes."""
    outcomes = target.send(
        "order", [order(customer), order("C-404", "t-2"), order(customer, "t-3")]
    )

    assert [type(o) for o in outcomes] == [Done, Refused, Done]
    assert outcomes[1].code == "unknown_customer"


def test_two_documents_with_our_reference_are_told_as_ambiguous(target, customer):
    """Nobody takes the first of two hits."""
    target.send("order", [order(customer), order(customer)])

    assert len(target.find("order", ["t-1"])["t-1"].keys) == 2
    assert isinstance(target.find("order", ["t-1"])["t-1"], Ambiguous)


def test_get_tells_what_is_absent(target, customer):
    """Every key has an answer."""
    [done] = target.send("order", [order(customer)])
    found = target.get("order", [done.key, "SO-404"])

    assert isinstance(found[done.key], Seen)
    assert isinstance(found["SO-404"], Absent)


def test_match_returns_candidates_by_natural_key(target, customer):
    """Each value gets the documents that may carry it."""
    found = target.match("customer", "email", ["ADA@example.org", "bob@example.org"])

    assert [seen.key for seen in found["ADA@example.org"]] == [customer]
    assert found["bob@example.org"] == ()


def test_an_update_with_a_stale_version_writes_nothing(target, customer):
    """The version token is compared by the ERP."""
    [done] = target.send("order", [order(customer)])
    update = change({"Note": "x"}, action="update", key=done.key, version="99")

    assert target.send("order", [update]) == [Stale()]


def test_a_field_that_became_empty_is_cleared(target, customer):
    """Left out it would stay as it was, unnoticed for ever."""
    [done] = target.send("order", [order(customer)])
    for note in ("call first", None):
        target.send("order", [change({"Note": note}, action="update", key=done.key)])

    assert target.get("order", [done.key])[done.key].there["note"] in ("", None)


def test_a_field_that_no_update_can_carry_is_refused(target):
    """A change that would silently not arrive is refused before anything is sent."""
    update = change({"Currency": "CHF"}, action="update", key="SO-1")

    assert target.send("order", [update]) == [Refused(code="not_updatable", at="Currency")]


def test_an_unknown_field_is_refused_before_sending(target, erp, customer):
    """The field is named, and no call is made."""
    before = len(erp.journal())
    bad = order(customer)
    bad.payload["BillTo"] = {"Nmae": "Ada"}

    assert target.send("order", [bad]) == [Refused(code="unknown_field", at="Order.BillTo.Nmae")]
    assert len(erp.journal()) == before


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("commit_then_cut", InDoubt),
        ("garbage", InDoubt),
        ("half_reply", InDoubt),
        ("accepted_html", InDoubt),
        ("text_before", InDoubt),
        ("unavailable", Unavailable),
    ],
)
def test_a_fault_of_the_erp_has_its_outcome(target, erp, customer, fault, outcome):
    """What may have happened is in doubt; what surely did not is told so."""
    erp.faults([{"fault": fault, "ops": ["CreateSalesOrder"]}])
    [told] = target.send("order", [order(customer)])
    erp.faults([])

    assert isinstance(told, outcome)
    there = target.find("order", ["t-1"])["t-1"]
    assert isinstance(there, Seen) == (outcome is InDoubt)


def test_a_hanging_call_ends_at_its_deadline_in_doubt(erp, target, customer):
    """The total deadline holds, and the order that exists is found."""
    erp.faults([{"fault": "commit_then_hang", "ops": ["CreateSalesOrder"], "seconds": 20}])
    hasty = soap(f"{erp.url}/soap", timeout=timedelta(seconds=0.3))

    assert hasty.send("order", [order(customer)]) == [InDoubt(why="timeout")]
    assert isinstance(hasty.find("order", ["t-1"])["t-1"], Seen)
    hasty.close()


def test_a_second_step_that_fails_leaves_a_document_with_a_step_left(target, erp, customer):
    """Half done is told as done with a step left; resuming does just that step."""
    erp.faults([{"fault": "unavailable", "ops": ["ReleaseSalesOrder"], "count": 1}])
    [half] = target.send("order", [order(customer)])
    seen = target.find("order", ["t-1"])["t-1"]
    [whole] = target.send("order", [order(customer, key=half.key, steps=half.steps_left)])

    assert half.steps_left == seen.steps_left == ("confirm",)
    assert whole.steps_left == target.find("order", ["t-1"])["t-1"].steps_left == ()


def test_a_second_step_in_doubt_tells_the_document_that_exists(target, erp, customer):
    """The number is never lost behind a later doubt."""
    erp.faults([{"fault": "commit_then_cut", "ops": ["ReleaseSalesOrder"], "count": 1}])
    [doubt] = target.send("order", [order(customer)])

    assert isinstance(doubt, InDoubt)
    assert doubt.key == target.find("order", ["t-1"])["t-1"].key


def test_wrong_credentials_are_told_as_such(erp, customer):
    """A write says unauthorized, a read raises it."""
    stranger = soap(f"{erp.url}/soap")
    stranger._at.dialect._auth = stranger._at.dialect._auth.model_copy(update={"user": "x"})

    assert isinstance(stranger.send("order", [order(customer)])[0], Unauthorized)
    with pytest.raises(errors.Unauthorized):
        stranger.find("order", ["t-1"])
    stranger.close()


def test_nothing_is_written_after_send_before(target, erp, customer):
    """S3: too late is not sent, and the ERP has seen no call."""
    before = len(erp.journal())
    late = order(customer, send_before=datetime.now(UTC) + timedelta(seconds=1))

    assert target.send("order", [late]) == [NotSent(why="too_late")]
    assert len(erp.journal()) == before


def test_the_probe_tells_company_and_clock(target):
    """Identity is read from the system itself."""
    found = target.check()

    assert set(found.identity) == {"company", "account"}
    assert abs(found.skew) < timedelta(seconds=5)
    assert found.problems == ()


def test_a_clock_that_is_wrong_is_a_complaint(target, erp):
    """An hour of skew would move every cursor."""
    erp.clock(3600)

    assert "clock" in target.check().problems[0]


def test_a_scan_gives_every_order_and_resumes_from_any_page(target, customer):
    """No row is lost between a page's cursor and the next page."""
    sent = target.send("order", [order(customer, f"t-{n}") for n in range(5)])
    pages = list(target.pages("order", None, start=None, until=None))
    resumed = list(target.pages("order", pages[0].cursor, start=None, until=None))

    keys = [item.key for page in pages for item in page.items]
    assert sorted(keys) == sorted(done.key for done in sent)
    assert [i.key for p in resumed for i in p.items] == keys[len(pages[0].items) :]
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]


def test_a_raw_slice_decodes_to_the_payload_that_get_shows(target, customer):
    """Lists stay lists and absent members stay absent when a slice is parsed alone."""
    [done] = target.send("order", [order(customer)])
    [page] = target.pages("order", None, start=None, until=None)
    payload = target.decode("order", page.items[0].raw)

    assert payload == target.get("order", [done.key])[done.key].item
    assert payload["Lines"]["Line"][0]["Description"] == "Größe & <M> 🙂"


def test_a_missing_key_is_a_tombstone(target, customer):
    """read answers each key."""
    [done] = target.send("order", [order(customer)])
    found = list(target.read("order", [done.key, "SO-404"]))

    assert found[0].key == done.key
    assert found[1] == Tombstone(key="SO-404")
