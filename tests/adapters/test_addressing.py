"""WS-Addressing, where a service demands it: whither, what is asked, an id for each message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from answering import Fake, enveloped, profile_of, system, wsdl_beside
from lxml import etree

from connector.values import Change, Done

WSA = "{http://www.w3.org/2005/08/addressing}"
PROFILE = """\
profile: p
version: "1"
protocol: soap
services:
  desk: {wsdl: body_auth.wsdl, endpoint: "{{ conn.url }}/desk?a=1&b=2", addressing: "true"}
"""
ORDER = """\
entity: order
key: = id
read: {number: = ref_ext}
write: {ref_ext: = reference}
actions:
  create: {op: createOrder, args: {authentication: {login: x}, order: = payload}, key: = reply.id}
"""
HEADED = PROFILE + "headers: {'{urn:mine}Shop': de}\n"


def sent(tmp_path, profile, auth, count=1):
    """The headers of so many creates, each by name."""
    wsdl_beside(tmp_path, "body_auth.wsdl")
    compiled = profile_of(tmp_path, profile=profile, order=ORDER)
    reply = enveloped("<createOrderResponse><id>7</id></createOrderResponse>")
    fake = Fake(lambda _: reply)
    made = system(compiled, fake.url, auth)
    until = datetime.now(UTC) + timedelta(minutes=1)
    payload = {"ref_ext": "R-1"}
    change = Change(id=1, action="create", reference="R-1", payload=payload, send_before=until)
    try:
        for _ in range(count):
            [done] = made.send("order", [change])
            assert isinstance(done, Done)
    finally:
        made.close()
        fake.close()
    headers = [etree.fromstring(r.body).find("{*}Header") for r in fake.asked]
    return fake.url, [{one.tag: one for one in header} for header in headers]


@pytest.mark.parametrize("auth", [{"type": "none"}, {"type": "wsse", "user": "u", "password": "p"}])
@pytest.mark.parametrize("profile", [PROFILE, HEADED])
def test_a_message_says_whither_and_what_it_asks(tmp_path, profile, auth):
    """Beside blocks of the profile and the credentials of WS-Security."""
    url, [header] = sent(tmp_path, profile, auth)
    assert header[f"{WSA}To"].text == f"{url}/desk?a=1&b=2"
    assert header[f"{WSA}Action"].text.endswith("createOrder")
    assert ("{urn:mine}Shop" in header) is (profile is HEADED)
    assert any(tag.endswith("}Security") for tag in header) is (auth["type"] == "wsse")


def test_no_two_messages_have_one_id(tmp_path):
    """A server that sees one twice may drop it, or answer as it did before."""
    _, headers = sent(tmp_path, PROFILE, {"type": "none"}, count=2)
    ids = {header[f"{WSA}MessageID"].text for header in headers}
    assert len(ids) == 2
    assert all(one.startswith("urn:uuid:") for one in ids)


def test_none_is_sent_where_the_profile_does_not_say_so(tmp_path):
    """A service without it may refuse a header that it must understand."""
    _, [header] = sent(tmp_path, HEADED.replace(', addressing: "true"', ""), {"type": "none"})
    assert [tag for tag in header if tag.startswith(WSA)] == []
