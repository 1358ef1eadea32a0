"""Many records in one SOAP call, written in YAML: each has its own outcome, whatever comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from answering import Fake, call_in, enveloped, profile_of, system, wsdl_beside

from connector.values import Change, Done, InDoubt, Refused

SOAP = """\
profile: p
version: "1"
protocol: soap
services:
  desk: {wsdl: facade.wsdl, endpoint: "{{ conn.url }}"}
capabilities: {bulk: {order: "10"}, bulk_atomic: "ATOMIC"}
errors:
  - {when: = fault.text is search('invalid'), outcome: refused, code: invalid}
  - {when: = reply is search('^duplicate'), outcome: exists}
  - {when: = reply is search('^bad'), outcome: refused, code: bad}
"""
ORDER = """\
entity: order
read: {number: = Ref}
write: {Ref: = reference, Qty: = doc.total}
actions:
  create:
    op: AddList
    args: {Record: = rows}
    key: = item.Id
    bulk: {row: = payload, answers: = reply.Response, error: = item.ErrorALIGN}
"""
BY_REF = ", id: = reference, answer: = item.Ref"


@pytest.fixture
def desk(tmp_path):
    opened = []

    def open_with(answer, *, align=BY_REF, atomic="false", **other):
        wsdl_beside(tmp_path, "facade.wsdl")
        profile = profile_of(
            tmp_path, profile=SOAP.replace("ATOMIC", atomic), order=ORDER.replace("ALIGN", align)
        )
        opened.append(fake := Fake(answer))
        opened.append(made := system(profile, fake.url, {"type": "none"}, **other))
        return made, fake

    yield open_with
    for one in reversed(opened):
        one.close()


def refs(request):
    return [one.findtext("{*}Ref") for one in call_in(request.body)]


def answered(*rows):
    made = "".join(
        "<t:Response>" + "".join(f"<t:{k}>{v}</t:{k}>" for k, v in row.items()) + "</t:Response>"
        for row in rows
    )
    return enveloped(f'<t:AddListResult xmlns:t="urn:facade">{made}</t:AddListResult>')


def sent(target, *references):
    until = datetime.now(UTC) + timedelta(minutes=1)
    changes = [
        Change(
            id=n,
            action="create",
            reference=ref,
            payload={"Ref": ref, "Qty": "1"},
            send_before=until,
        )
        for n, ref in enumerate(references)
    ]
    return target.send("order", changes)


def each(request):
    return answered(*({"Ref": r, "Id": f"id-{r}"} for r in reversed(refs(request))))


def test_one_call_carries_all_and_answers_find_their_record(desk):
    """By the reference that each names, in whatever order."""
    target, fake = desk(each)

    assert sent(target, "A", "B", "C") == [Done(key=f"id-{r}") for r in "ABC"]
    assert [refs(one) for one in fake.asked] == [["A", "B", "C"]]


def test_answers_in_order_are_taken_by_their_place_and_only_if_all_are_there(desk):
    """NetSuite names nothing: two answers to three records are three doubts."""
    target, _ = desk(lambda r: answered(*({"Id": f"id-{x}"} for x in refs(r))), align="")
    assert sent(target, "A", "B") == [Done(key="id-A"), Done(key="id-B")]

    target, _ = desk(lambda r: answered(*({"Id": f"id-{x}"} for x in refs(r)[1:])), align="")
    assert {type(one) for one in sent(target, "A", "B", "C")} == {InDoubt}


def test_a_bad_record_is_refused_alone_and_an_unanswered_one_is_a_doubt(desk):
    """Its neighbours are booked."""
    target, _ = desk(
        lambda _: answered({"Ref": "A", "Id": "1"}, {"Ref": "B", "Error": "bad quantity"})
    )

    booked, refused, silent = sent(target, "A", "B", "C")

    assert booked == Done(key="1")
    assert (type(refused), refused.code) == (Refused, "bad")
    assert isinstance(silent, InDoubt)


def test_a_bulk_that_is_all_or_nothing_is_halved_after_a_definite_refusal(desk):
    """NAV's CreateMultiple: the one bad record is found, and the others are booked."""

    def answer(request):
        if "BAD" in refs(request):
            told = "<faultcode>e:Client</faultcode><faultstring>invalid</faultstring>"
            return enveloped(f"<e:Fault>{told}</e:Fault>", 500)
        return each(request)

    target, fake = desk(answer, atomic="true")
    outcomes = sent(target, "A", "BAD", "B", "C")

    assert [type(one) for one in outcomes] == [Done, Refused, Done, Done]
    assert len(fake.asked) == 5

    target, fake = desk(answer, atomic="false")
    assert {type(one) for one in sent(target, "A", "BAD")} == {Refused}
    assert len(fake.asked) == 1


def test_a_bulk_without_reply_is_a_doubt_of_each_and_is_not_halved(desk):
    """Nobody knows what was booked: nothing is sent again."""
    target, fake = desk(lambda _: (200, [], b""), atomic="true")

    assert [type(one) for one in sent(target, "A", "B")] == [InDoubt, InDoubt]
    assert len(fake.asked) == 1


def test_a_record_that_the_schema_refuses_is_refused_alone(desk):
    """Nothing was sent, so the others are sent without it."""
    target, fake = desk(each)

    outcomes = sent(target, "A", "B" * 21, "C")

    assert outcomes[1] == Refused(code="too_long", at="Record[0].Ref")
    assert [outcomes[0], outcomes[2]] == [Done(key="id-A"), Done(key="id-C")]
    assert sorted(ref for one in fake.asked for ref in refs(one)) == ["A", "C"]
