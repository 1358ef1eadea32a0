"""What a reply means follows protocol S6: surely not executed, or said by a rule, or in doubt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from profiles_by_hand import equals, path

from adapters.http import Broke, Reply
from adapters.replies import Answer, Fault, code_of, judge, key_of, outcome, outcome_of
from connector.profile import ErrorRule
from connector.values import Gone, InDoubt, Refused, Stale, Unauthorized, Unavailable

ELSE = ErrorRule(when=None, outcome="refused", code=path("reply.code"))
DONE = ErrorRule(when=equals("reply.code", "OK"), outcome="done")
NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


def answer(status, reply=None, *, fault=None, clean=True, **headers):
    http = Reply(
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=b"",
        began=NOW,
        took=timedelta(0),
    )
    return Answer(http=http, reply=reply, fault=fault, clean=clean)


def said(told, *rules, refuses_with=frozenset()):
    return outcome(judge(told, rules, {}, refuses_with))


@pytest.mark.parametrize("status", [404, 405, 413, 415])
def test_a_status_that_precedes_work_is_refused(status):
    """S6: surely not executed, and asking again would not help."""
    assert said(answer(status)) == Refused(code=f"http_{status}")


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_unauthorized_whatever_the_else_rule_says(status):
    """A wrong password refuses no order."""
    assert said(answer(status, {"code": "x"}), ELSE) == Unauthorized(why=f"http_{status}")


@pytest.mark.parametrize("text", ["7", "7.0", "6.2", "Tue, 10 Nov 2026 12:00:07 GMT"])
def test_too_many_requests_waits_as_long_as_the_target_says(text):
    """Retry-After as seconds and as a date, by the target's own clock."""
    told = answer(429, retry_after=text, date="Tue, 10 Nov 2026 12:00:00 GMT")

    assert said(told, ELSE) == Unavailable(wait=timedelta(seconds=7), why="http_429")


@pytest.mark.parametrize(
    ("name", "text"),
    [("ratelimit_reset", "7"), ("x_ratelimit_reset", "1794312007"),
     ("x_rate_limit_reset", "1794312007000")],
)  # fmt: skip
def test_the_headers_of_a_rate_limit_say_the_same(name, text):
    """As seconds left, or as the second itself, in milliseconds too."""
    told = answer(429, **{name: text, "date": "Tue, 10 Nov 2026 12:00:00 GMT"})

    assert said(told, ELSE) == Unavailable(wait=timedelta(seconds=7), why="http_429")


def test_503_is_sure_only_where_the_profile_says_so():
    """A proxy may answer 503 for a call that the ERP still works on."""
    busy = Unavailable(why="http_503", busy=True)
    assert said(answer(503), refuses_with=frozenset({503})) == busy
    assert said(answer(503)) == InDoubt(why="http_503")


@pytest.mark.parametrize("status", [100, 302, 408, 500, 502, 504, 599])
def test_other_failures_are_in_doubt_even_with_an_else_rule(status):
    """A crash page is no refusal, though it be JSON."""
    assert said(answer(status, {"code": "internal_server_error"}), ELSE) == InDoubt(
        why=f"http_{status}"
    )


@pytest.mark.parametrize("status", [400, 409, 422])
def test_else_refuses_a_business_error_by_its_code(status):
    """The target's code is kept, its message is not."""
    assert said(answer(status, {"code": "bad_sku"}), ELSE) == Refused(code="bad_sku")


def test_without_a_rule_a_business_error_is_in_doubt():
    """Refused only where a rule says so."""
    assert said(answer(400, {"code": "bad_sku"})) == InDoubt(why="http_400")


def test_an_explicit_rule_may_decide_a_500():
    """Rules are tried first wherever the reply could be read."""
    rule = ErrorRule(when=equals("reply.code", "refund_too_large"), outcome="refused")

    assert said(answer(500, {"code": "refund_too_large"}), rule) == Refused(code="refused")


def test_rules_do_not_judge_what_could_not_be_read():
    """A proxy's 404 page is no document gone."""
    rule = ErrorRule(when=equals("http.status", 404), outcome="gone")

    assert said(answer(404, None, clean=False), rule) == Refused(code="http_404")
    assert said(answer(404, {"code": "no_id"}), rule) == Gone()


def test_a_success_is_done_unless_the_rules_name_what_done_is():
    """WooCommerce says 200; Dolibarr says 200 and KO."""
    assert said(answer(200, {"code": "KO"})) is None
    assert said(answer(200, {"code": "OK"}), DONE, ELSE) is None
    assert said(answer(200, {"code": "KO"}), DONE, ELSE) == Refused(code="KO")


@pytest.mark.parametrize(
    "told",
    [
        answer(200),
        answer(204),
        answer(202, {"id": 1}),
        answer(200, {"id": 1}, clean=False),
        answer(200, {"code": "KO"}, clean=False),
    ],
    ids=["unreadable", "empty", "accepted", "text around", "refusal with text around"],
)
def test_a_success_that_is_not_whole_is_in_doubt(told):
    """What stands around an answer may come from a crash before the commit, or after."""
    assert isinstance(said(told, ELSE), InDoubt)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(code="soap:Client", text="x"), Refused),
        (Fault(code="soap:Server", text="x"), InDoubt),
        (Fault(code="soap:Server", text="x", declared=True), Refused),
    ],
)
def test_else_refuses_only_faults_about_what_we_sent(fault, expected):
    """A server fault may come after the commit; one that the contract declares is an answer."""
    rule = ErrorRule(when=None, outcome="refused", code=path("fault.code"))

    assert isinstance(said(answer(500, fault=fault), rule), expected)


def test_a_fault_without_rules_is_in_doubt():
    """S6: a client fault counts only where the profile says that it precedes work."""
    assert said(answer(500, fault=Fault(code="soap:Client", text="x"))) == InDoubt(
        why="soap.Client"
    )


def test_the_first_rule_that_holds_decides():
    """An action's rules come first, then its entity's, then the profile's."""
    rules = [
        ErrorRule(when=equals("reply.code", "x"), outcome="gone"),
        ErrorRule(when=equals("reply.code", "x"), outcome="stale"),
    ]
    assert said(answer(400, {"code": "x"}), *rules) == Gone()


def test_a_rule_of_faults_is_asked_where_there_is_one_and_else_passed_over():
    """It holds of no other reply; those beside it are asked all the same."""
    stale = ErrorRule(when=equals("fault.code", "stale"), outcome="stale")
    missing = ErrorRule(when=equals("http.status", 409), outcome="gone")
    assert (stale.of_fault, missing.of_fault) == (True, False)
    assert said(answer(500, fault=Fault(code="stale", text="")), stale, missing) == Stale()
    assert said(answer(409, {}), stale, missing) == Gone()
    assert said(answer(200, {"code": "stale"}), stale, missing) is None


def test_a_sentence_is_no_code():
    """Messages of targets may name people."""
    assert code_of("Customer Ada Lovelace is blocked") == ""
    assert code_of("ada@example.org") == ""
    assert code_of("soap:Client.Locked-7") == "soap.Client.Locked-7"
    assert code_of("x" * 61) == ""


@pytest.mark.parametrize("value", [None, "", " ", 0, "0", True, False, {}, []])
def test_what_names_nothing_is_no_key(value):
    """A link to `0` or `True` would be a document lost."""
    assert key_of(value) is None


def test_a_call_without_reply_is_in_doubt_once_a_byte_was_written():
    """The stage decides, not the kind of failure."""
    assert outcome_of(Broke("cut", sent=True)) == InDoubt(why="cut")
    assert outcome_of(Broke("cut", sent=False)) == Unavailable(why="cut")
