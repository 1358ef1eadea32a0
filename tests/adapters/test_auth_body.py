"""Credentials in the body of every call: laid over it last, by the profile's `args`."""

from __future__ import annotations

import logging
import textwrap
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from answering import Fake, call_in, enveloped, profile_of, system, wsdl_beside
from lxml import etree

from adapters.soap.rehearse import rehearse
from connector import errors
from connector.errors import ConfigError
from connector.values import Change, Done, Unauthorized

RIGHT = {"type": "body", "user": "desk", "password": "pw-canary", "key": "app-canary"}
WRONG = RIGHT | {"key": "app-canary-2"}
PROFILE = """\
profile: p
version: "1"
protocol: soap
auth: body
services:
  desk: {wsdl: body_auth.wsdl, endpoint: "{{ conn.url }}/desk"}
args:
  authentication:
    appkey: = conn.auth.key
    login: = conn.auth.user
    password: = conn.auth.password
    entity: "1"
errors:
  - {when: = reply.result.result_code == 'BAD_CREDENTIALS', outcome: unauthorized}
  - {when: = reply.result.result_code == 'OK', outcome: done}
"""
ORDER = """\
entity: order
key: = id
read: {number: = ref_ext}
write: {ref_ext: = reference}
actions:
  create: {op: createOrder, args: {order: = payload}, key: = reply.id}
  get: {op: getOrder, args: {id: = key}, item: = reply.order}
"""


def desk(request):
    """Answer only those who say in the body who they are, as PHP ERPs do: 200 and a code."""
    call = call_in(request.body)
    said = {one.tag: one.text for one in call.find("authentication")}
    known = {"appkey": "app-canary", "login": "desk", "password": "pw-canary", "entity": "1"}
    code = "OK" if said == known else "BAD_CREDENTIALS"
    result = f"<result><result_code>{code}</result_code></result>"
    order = f"<order><id>7</id><ref_ext>{call.findtext('order/ref_ext')}</ref_ext></order>"
    name = f"{etree.QName(call).localname}Response"
    return enveloped(f"<{name}>{result}{order}<id>7</id></{name}>")


@pytest.fixture
def erp(tmp_path):
    opened = []

    def open_with(auth, profile=PROFILE, order=ORDER):
        wsdl_beside(tmp_path, "body_auth.wsdl")
        compiled = profile_of(tmp_path, profile=profile, order=order)
        opened.append(fake := Fake(desk))
        opened.append(made := system(compiled, fake.url, auth))
        return made, fake

    yield open_with
    for one in opened:
        one.close()


def create():
    until = datetime.now(UTC) + timedelta(minutes=1)
    payload = {"ref_ext": "R-1"}
    return Change(id=1, action="create", reference="R-1", payload=payload, send_before=until)


def test_the_right_credentials_create_and_read_an_order(erp):
    """Every call carries them, a write as well as a read."""
    target, fake = erp(RIGHT)

    assert target.send("order", [create()]) == [Done(key="7")]
    assert target.get("order", ["7"])["7"].key == "7"
    assert [call_in(one.body).findtext("order/ref_ext") for one in fake.asked] == ["R-1", None]


def test_wrong_credentials_are_unauthorized_and_shown_nowhere(erp, caplog):
    """Neither outcome nor error nor log carries them, at any level."""
    caplog.set_level(logging.DEBUG)
    target, _ = erp(WRONG)

    (refused,) = target.send("order", [create()])
    with pytest.raises(errors.Unauthorized) as told:
        target.get("order", ["7"])

    assert isinstance(refused, Unauthorized)
    assert "canary" not in f"{refused} {told.value!r} {caplog.text} {target.__dict__}"


def test_a_payload_cannot_take_the_place_of_the_credentials(erp):
    """They are laid over it last: what is stored never decides who we are."""
    args = "args: {order: = payload, authentication: {login: mallory, entity: '2'}}"
    target, _ = erp(RIGHT, order=ORDER.replace("args: {order: = payload}", args))

    assert target.send("order", [create()]) == [Done(key="7")]


@pytest.mark.parametrize("place", ["write: {ref_ext: = ", "args: {id: = "])
def test_what_is_stored_or_shown_cannot_name_credentials(erp, place):
    """`write` and actions are rendered into payloads, which the ledger keeps: refused at load."""
    wrong = ORDER.replace(place, f"{place}conn.auth.key or ")

    with pytest.raises(ConfigError, match="reads `auth`, which is not there"):
        erp(RIGHT, order=wrong)


def test_a_service_of_its_own_form_takes_args_of_its_own(erp):
    """One service wants them here, another there."""
    top, _, rest = PROFILE.partition("args:\n")
    inner, _, rules = rest.partition("errors:\n")
    inner = textwrap.indent(inner, "    ")
    desk = f'wsdl: body_auth.wsdl\n    endpoint: "{{{{ conn.url }}}}/desk"\n    args:\n{inner}'
    services = f"services:\n  desk:\n    {desk}errors:\n{rules}"
    target, _ = erp(RIGHT, profile=top.partition("services:\n")[0] + services)

    assert target.send("order", [create()]) == [Done(key="7")]


def test_a_preview_shows_where_they_go_and_not_what_they_are(tmp_path):
    """It is rehearsed without them: what is not known cannot be shown."""
    wsdl_beside(tmp_path, "body_auth.wsdl")
    profile = profile_of(tmp_path, profile=PROFILE, order=ORDER)
    action = profile.entities["order"].actions["create"]
    stage = rehearse(profile, {"url": "http://erp.example"}, ZoneInfo("UTC"))

    sent = stage.message("order", action, action.steps[0], {"payload": {"ref_ext": "R-1"}})

    said = [one.text for one in call_in(sent.body).find("authentication")]
    assert said == ["***", "***", "***", "1"]


def test_args_belong_to_soap(tmp_path):
    """A key that would do nothing is a mistake."""
    rest = "profile: p\nversion: '1'\nprotocol: rest\nargs: {a: = conn.auth.key}\n"

    with pytest.raises(ConfigError, match="`args` is for SOAP"):
        profile_of(tmp_path, profile=rest)
