"""Looking up and writing by actions alone: a scripted dialect stands for any protocol."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from profiles_by_hand import RealClock, equals, erp_order, erp_profile, path, place, soap

from adapters import probes, sources, targets
from adapters.dialect import Connection, Query, Slice
from adapters.http import Http, Reply
from adapters.listing import clocked
from adapters.replies import Answer
from adapters.rest import RestDialect, Settings
from connector import errors
from connector.errors import Bug, ConnectorError, FieldErrors, FieldFault
from connector.profile import Action, Entity, ErrorRule, Profile, Step
from connector.values import Absent, Ambiguous, Change, Done, InDoubt, Refused, Seen

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)


class Script:
    """A dialect that answers each step by its name."""

    def __init__(self, **replies):
        self.replies, self.asked = replies, []

    def call(self, query):
        self.asked.append(query)
        http = Reply(status=200, headers={}, body=b"", began=NOW, took=timedelta(seconds=1))
        return Answer(http=http, reply=self.replies.get(query.step.name))


def step(name, **other):
    return Action(name=name, steps=(Step(name=name),), **other)


def order(**other):
    actions = {
        "find": step("find", batch=10, items=path("reply.rows"), reference=path("item.ref")),
        "get": step("get", item=path("reply.row")),
        "match.email": step("match", batch=10, items=path("reply.rows")),
    }
    given = {"name": "order", "key": path("id"), "actions": actions | other.pop("actions", {})}
    return Entity(**(given | other))


def connected(entity, script, **other):
    profile = Profile(
        name="p",
        version="1",
        protocol="x",
        folder=None,
        entities={"order": entity},
        **other,
    )
    return Connection(
        profile=profile,
        conn={},
        zone=ZoneInfo("UTC"),
        lag=timedelta(0),
        clock=RealClock(),
        dialect=script,
    )


def change(**other):
    before = datetime.now(UTC) + timedelta(minutes=5)
    given = {"id": 1, "action": "create", "reference": "r", "payload": {}, "send_before": before}
    return Change(**(given | other))


def creating(*steps):
    return order(actions={"create": Action(name="create", steps=steps)})


def test_a_reply_without_its_list_is_not_an_empty_list():
    """Silence is never taken for absence: that would double an order."""
    at = connected(order(), Script(find={"rows": None}))

    with pytest.raises(errors.Unavailable):
        targets.find(at, "order", ["r"])


def test_an_item_without_a_key_is_no_answer():
    """It may be the very document that we look for."""
    at = connected(order(), Script(find={"rows": [{"ref": "r", "id": None}]}))

    with pytest.raises(errors.Unavailable):
        targets.find(at, "order", ["r"])


def test_a_document_that_says_nothing_is_not_there():
    """PHP and node-soap answer an unknown key with an element whose members are all empty."""
    empty = {"id": None, "ref": "", "lines": {"line": []}}
    at = connected(order(), Script(get={"row": empty}, find={"rows": [empty]}))

    assert isinstance(targets.get(at, "order", ["1"])["1"], Absent)
    assert isinstance(targets.find(at, "order", ["r"])["r"], Absent)


@pytest.mark.parametrize("row", [{"id": "2"}, {"ref": "r"}])
def test_a_reply_about_another_document_does_not_say_that_ours_is_gone(row):
    """A tombstone is said by silence about all, never by talk of another."""
    script = Script(get={})
    script.slices = lambda action, answer: [Slice(raw=b"", payload=row)]
    at = connected(order(), script)

    with pytest.raises(errors.Unavailable):
        list(sources.read(at, "order", ["1"]))


def test_one_document_told_twice_is_one():
    """Ambiguous is said of documents, not of rows."""
    at = connected(order(), Script(find={"rows": [{"ref": "r", "id": 1}] * 2}))

    assert targets.find(at, "order", ["r"])["r"].key == "1"


@pytest.mark.parametrize(("folding", "kind"), [("none", Absent), ("case", Seen)])
def test_references_are_equal_under_the_declared_folding_only(folding, kind):
    """R8: an ERP that folds case finds another shop's order."""
    at = connected(order(), Script(find={"rows": [{"ref": "R-1", "id": 1}]}))
    folded = replace(at.profile.capabilities, reference_folding=folding)
    at = replace(at, profile=replace(at.profile, capabilities=folded))

    assert isinstance(targets.find(at, "order", ["r-1"])["r-1"], kind)


def test_a_find_that_tells_the_number_only_is_completed_by_get():
    """Found is not finished: the engine needs the content."""
    verified = step("find", found=path("reply.id"), verify=equals("reply.ref", "r"))
    script = Script(find={"id": 7, "ref": "r"}, get={"row": {"id": 7, "note": "x"}})
    at = connected(order(actions={"find": verified}), script)

    assert targets.find(at, "order", ["r"])["r"].item["note"] == "x"


def test_a_find_that_cannot_compare_is_a_mistake_of_the_profile():
    """Without `reference` or `verify` any hit would be believed."""
    blind = order(actions={"find": step("find", items=path("reply.rows"))})

    with pytest.raises(Bug):
        targets.find(connected(blind, Script()), "order", ["r"])


def test_an_item_that_cannot_be_read_in_our_terms_counts_as_locked():
    """Nothing is written over what we do not understand."""

    def unreadable(item):
        raise FieldErrors((FieldFault("status", "unmapped", "add a row"),))

    at = connected(order(there=unreadable), Script(find={"rows": [{"ref": "r", "id": 1}]}))

    assert targets.find(at, "order", ["r"])["r"].locked


def test_a_candidate_that_fits_no_value_is_given_to_all():
    """The engine's own comparison decides; the adapter hides nothing."""
    rows = [{"id": 1, "email": "A@x"}, {"id": 2, "email": None}]
    at = connected(order(there=lambda item: item), Script(match={"rows": rows}))
    found = targets.match(at, "order", "email", ["a@x", "b@x"])

    assert {v: [s.key for s in seen] for v, seen in found.items()} == {
        "a@x": ["1", "2"],
        "b@x": ["2"],
    }


@pytest.mark.parametrize("reply", [{}, {"id": None}, {"id": ""}, {"id": 0}])
def test_a_create_whose_reply_tells_no_number_is_in_doubt(reply):
    """Something was made, and nobody knows what."""
    at = connected(creating(Step(name="make", key=path("reply.id"))), Script(make=reply))

    assert targets.send(at, "order", change()) == InDoubt(why="no_key")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"id": 1, "ok": True}, Done(key="1")),
        ({"id": 1, "ok": False}, Done(key="1", steps_left=("confirm",))),
        (None, InDoubt(why="not_read_back", key="1")),
    ],
)
def test_a_step_whose_reply_says_nothing_is_read_back(row, expected):
    """S6: it is believed only when the document shows it."""
    steps = (
        Step(name="make", key=path("reply.id")),
        Step(name="confirm", done_when=path("there.ok")),
    )
    script = Script(make={"id": 1}, confirm={}, get={"row": row} if row else None)
    entity = replace(creating(*steps), there=lambda item: item)

    assert targets.send(connected(entity, script), "order", change()) == expected


@pytest.mark.parametrize(
    ("row", "code", "expected"),
    [
        ({"id": "1", "ok": True}, "no", Done(key="1")),
        ({"id": "1", "ok": False}, "no", Done(key="1", steps_left=("c",), warnings=("c.no",))),
        ({"id": "1", "ok": False}, "", Done(key="1", steps_left=("c",))),
    ],
)
def test_what_the_document_shows_is_believed_over_a_reply_that_says_nothing(row, code, expected):
    """NuSOAP gives the same reply for success and failure; a code stays a warning."""
    rules = (
        ErrorRule(when=path("reply.id"), outcome="done"),
        ErrorRule(when=equals("reply.code", ""), outcome="in_doubt"),
        ErrorRule(when=None, outcome="refused", code=path("reply.code")),
    )
    steps = (Step(name="m", key=path("reply.id")), Step(name="c", done_when=path("there.ok")))
    get = Action(name="get", steps=(Step(name="get"),), item=path("reply"))
    entity = replace(creating(*steps), there=lambda item: item, errors=rules)
    entity = replace(entity, actions={**entity.actions, "get": get})
    script = Script(m={"id": 1}, c={"code": code}, get=row)

    assert targets.send(connected(entity, script), "order", change()) == expected


def test_several_that_the_system_cannot_tell_apart_are_ambiguous():
    """Find says so; get cannot be answered."""
    rules = (ErrorRule(when=equals("reply.code", "several"), outcome="exists"),)
    find = Action(name="find", steps=(Step(name="find"),), item=path("reply.row"), verify=bool)
    entity = order(errors=rules, actions={"find": find})
    at = connected(entity, Script(find={"code": "several"}, get={"code": "several"}))

    assert targets.find(at, "order", ["r"])["r"] == Ambiguous(keys=())
    with pytest.raises(errors.Unavailable):
        targets.get(at, "order", ["1"])


def test_a_payload_that_cannot_be_rendered_is_refused_with_its_field():
    """Surely not executed: nothing was sent."""

    def broken(names):
        raise FieldErrors((FieldFault("write.total", "missing", "add it"),))

    at = connected(creating(Step(name="make", when=broken)), Script())

    assert targets.send(at, "order", change()) == Refused(code="missing", at="write.total")
    assert at.dialect.asked == []


def test_resuming_does_only_the_steps_that_are_left():
    """A create is not sent again for the sake of its second step."""
    steps = (
        Step(name="make", key=path("reply.id")),
        Step(name="confirm", version=path("reply.v")),
    )
    script = Script(confirm={"v": "2"})
    at = connected(creating(*steps), script)
    told = targets.send(at, "order", change(key="1", steps=("confirm",)))

    assert told == Done(key="1", version="2")
    assert [query.step.name for query in script.asked] == ["confirm"]


def test_an_action_that_the_profile_lacks_is_refused():
    """send raises nothing."""
    told = targets.send(connected(order(), Script()), "order", change(action="merge"))

    assert told == Refused(code="no_action", at="merge")


def test_an_identity_that_cannot_be_read_is_a_complaint_with_a_cure():
    """Without it a test company could stand for production."""
    at = connected(order(), Script(), identity={"company": path("info.name")})

    assert "right" in probes.check(at).problems[0]


def test_why_a_system_lets_nobody_probe_it_is_told_in_its_words():
    """An answer to a question about no record names no person."""
    rule = ErrorRule(when=lambda _: True, outcome="unavailable", message=path("reply.why"))
    script = Script(info={"why": "module off"})
    at = connected(order(), script, probe={"info": step("info")}, errors=(rule,))
    with pytest.raises(errors.Unavailable, match="module off"):
        probes.check(at)


def test_the_sources_clock_is_that_of_the_request_not_of_the_reply():
    """A query that took a minute saw the rows of a minute ago."""
    headers = {"date": "Tue, 10 Nov 2026 12:00:00 GMT"}
    http = Reply(status=200, headers=headers, body=b"", began=NOW, took=timedelta(seconds=50))

    assert clocked(http, (), None).asked == NOW - timedelta(seconds=50)


def test_an_operation_that_the_contract_lacks_is_told_when_the_adapter_is_made():
    """And not when the first order waits for it."""
    wrong = Action(name="create", steps=(Step(name="make", op="MakeSalesOrder"),))
    profile = erp_profile(erp_order(actions={"create": wrong}))

    with pytest.raises(ConnectorError, match="MakeSalesOrder"):
        soap("http://127.0.0.1:1", profile)


def test_lists_in_a_query_travel_as_comma_lists_and_blanks_not_at_all(monkeypatch):
    """An OAuth signature over arrays fails in the shop."""
    urls = []
    monkeypatch.setattr(Http, "call", lambda self, request, **_: urls.append(request.url))
    monkeypatch.setattr("adapters.rest._answer", lambda reply, listing: None)
    here = place("http://x")
    auth = {"type": "basic", "user": "u", "password": "p"}
    http = Http(slot=here["slot"], clock=here["clock"], timeout=here["timeout"])
    profile = connected(order(), None, base=lambda n: "http://x/api").profile
    wanted = {"status": ["a", "b"], "force": True, "since": None}
    asked = Step(name="s", path=lambda n: "/o rders", query=lambda n: wanted)
    query = Query(entity="order", step=asked, names={})
    RestDialect(profile, Settings(auth=auth), http, here).call(query)

    assert urlsplit(urls[0]).path == "/api/o%20rders"
    assert parse_qs(urlsplit(urls[0]).query) == {"status": ["a,b"], "force": ["true"]}
