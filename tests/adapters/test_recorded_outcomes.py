"""What real systems answered, replayed over real HTTP: each has its outcome (skipped without)."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from one_reply import answered, change

from connector import errors
from connector.values import (
    Absent,
    Ambiguous,
    Done,
    Exists,
    Gone,
    InDoubt,
    Refused,
    Seen,
    Tombstone,
)

BESIDE = Path(__file__).parents[2].with_name("shared") / "samples"
SAMPLES = BESIDE if BESIDE.is_dir() else Path("/work/shared/samples")
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recorded answers here")

WRITES = {
    "createOrder": Done,
    "createOrder_all_nil": Done,
    "createOrder_one_line": Done,
    "createOrder_no_lines": Done,
    "createOrder_display_errors_on": Done,
    "createOrder_duplicate_ref_ext": Done,
    "createOrder_bad_product": Done,
    "norights_createOrder": Done,
    "createOrder_bad_thirdparty": Refused,
    "createOrder_no_thirdparty": Refused,
    "createOrder_no_date": Refused,
    "create_long_ref_ext": Refused,
    "createOrder_unique_extrafield_2": Exists,
    "createOrder_emoji_202_html": InDoubt,
    "createOrder_status1_202_html": InDoubt,
    "createOrder_concurrent_error": InDoubt,
    "createOrder_status1_concurrent_error": InDoubt,
    "createOrder_status1_empty_result_code": InDoubt,
    "createThirdParty": Done,
    "createThirdParty_noname": Refused,
    "createProductOrService": Done,
    "createProductOrService_dup": Exists,
    "createInvoice": Done,
}
LOOKS = {
    "getOrder": Seen,
    "getOrder_by_id": Seen,
    "getOrder_no_lines": Seen,
    "getOrder_one_line": Seen,
    "getOrder_validated": Seen,
    "latin1": Seen,
    "wrong_namespace": Seen,
    "part_order_swapped": Absent,
    "getThirdParty": Ambiguous,
    "getThirdParty_ok": Seen,
    "getProductOrService": Seen,
    "getProductOrService_unknown": Absent,
    "getProductOrService_two_keys": errors.Unavailable,
    "getInvoice": Absent,  # of createInvoiceFromOrder: without a reference
    "getInvoice_ref_ext": Seen,
    "err_bad_key": errors.Unauthorized,
    "err_bad_login": errors.Unauthorized,
    "err_bad_password": errors.Unauthorized,
    "err_no_rights_get": errors.Unauthorized,
    "err_entity_abc": errors.Unavailable,
    "fault_not_xml": errors.Unavailable,
    "fault_malformed_xml": errors.Unavailable,
    "no_auth": errors.Unavailable,
}
ENTITIES = {
    "Order": "order",
    "ThirdParty": "customer",
    "ProductOrService": "product",
    "Invoice": "invoice",
}


def recorded(name):
    """Status, kind and body of an exchange with Dolibarr, and the entity it is about."""
    raw = (SAMPLES / "dolibarr" / f"{name}.response.xml").read_bytes()
    notes = SAMPLES / "dolibarr" / f"{name}.http.txt"
    said = notes.read_text() if notes.exists() else ""
    status = re.search(r"^HTTP (\d+)", said, re.MULTILINE)
    kind = re.search(r"^HTTP .*?^Content-Type: (.*?)$", said, re.MULTILINE | re.DOTALL)
    guess = 500 if not raw or b"Fault" in raw else 202 if raw.startswith(b"This") else 200
    word = re.search(rb"(?:get|create)(Order|ThirdParty|ProductOrService|Invoice)Response", raw)
    entity = ENTITIES[word[1].decode()] if word else "order"
    headers = [("Content-Type", kind[1] if kind else "text/xml; charset=UTF-8")]
    return entity, int(status[1]) if status else guess, headers, raw


@pytest.mark.parametrize("name", WRITES)
def test_dolibarrs_reply_to_a_write(name):
    """Done, refused, exists or doubt, as the recorded run turned out to be."""
    entity, *reply = recorded(name)
    with answered("dolibarr", *reply) as to:
        told = to.send(entity, [change({"ref_ext": "r"})])[0]
    assert isinstance(told, WRITES[name]), told


@pytest.mark.parametrize("name", LOOKS)
def test_dolibarrs_reply_to_a_look_up(name):
    """There, not there, several, or no answer; every line is read."""
    entity, *reply = recorded(name)
    ref = re.search(rb"<ref_ext[^>]*>([^<]+)", reply[2])
    reference, expected = ref[1].decode() if ref else "r", LOOKS[name]
    raised = pytest.raises(expected) if issubclass(expected, Exception) else nullcontext()
    with answered("dolibarr", *reply) as to, raised:
        found = to.find(entity, [reference])[reference]
        assert isinstance(found, expected), found
        count = re.search(rb'<lines [^>]*arrayType="[^"]*\[(\d+)\]"', reply[2])
        if count and expected is Seen:
            assert len(found.item["lines"]["line"]) == int(count[1])


def test_dolibarrs_reply_to_a_payment():
    """It tells a number of the payment's own, by which nothing can be asked."""
    _, *reply = recorded("createPayment")
    with answered("dolibarr", *reply) as to:
        told = to.send("payment", [change({"amount": "23.80"}, key="3", steps=("pay",))])[0]
    assert told == Done(key="3")


@pytest.mark.parametrize("name", ["validOrder", "validOrder_again", "validOrder_unknown"])
def test_dolibarr_says_nothing_of_a_confirmation(name):
    """Its reply alone is never a success; the order cannot be read back here, so it is doubt."""
    _, *reply = recorded(name)
    with answered("dolibarr", *reply, validate=True) as to:
        told = to.send("order", [change({}, key="7", steps=("confirm",))])[0]
    assert told == InDoubt(why="not_read_back", key="7")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("updateOrder_cancel", Done(key="1")),
        ("updateOrder_unknown", Gone()),
    ],
)
def test_dolibarrs_reply_to_an_update(name, expected):
    """An order that is not there is gone."""
    _, *reply = recorded(name)
    with answered("dolibarr", *reply) as to:
        told = to.send("order", [change({"status": "-1"}, action="update", key="1")])[0]
    assert told == expected


SHOP = {
    "error_unknown_id": Tombstone(key="7"),
    "error_no_route": errors.Unavailable,
    "error_bad_key_basic": errors.Unauthorized,
    "error_bad_key_oauth": errors.Unauthorized,
    "error_bad_secret_basic": errors.Unauthorized,
    "error_no_auth": errors.Unauthorized,
    "error_oauth_nonce_replay": errors.Unauthorized,
    "error_oauth_old_timestamp": errors.Unauthorized,
    "error_invalid_param": errors.Unavailable,
    "error_refund_too_much": errors.Unavailable,
}


@pytest.mark.parametrize("name", SHOP)
def test_the_shops_reply_to_a_read(name):
    """Only "no such id" says that an order is gone; a shop that is switched off says nothing."""
    meta = json.loads((SAMPLES / "woocommerce" / f"{name}.meta.json").read_text())
    raw = (SAMPLES / "woocommerce" / f"{name}.json").read_bytes()
    headers, expected = [("Content-Type", "application/json")], SHOP[name]
    gone = isinstance(expected, Tombstone)
    with (
        answered("woocommerce", meta["status"], headers, raw) as to,
        nullcontext() if gone else pytest.raises(expected),
    ):
        assert list(to.read("order", ["7"])) == [expected]
