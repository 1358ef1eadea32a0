"""Tokens and keys over real HTTP: admitted or `unauthorized`, and shown to nobody."""

from __future__ import annotations

import logging
from typing import get_args

import pytest
from answering import profile_of
from profiles_by_hand import erp_profile, place, rest
from pydantic import ValidationError
from raw_peer import request_of

from adapters.rest import Settings as RestSettings
from adapters.soap import Settings as SoapSettings
from adapters.soap import Soap
from connector import errors
from connector.errors import ConfigError
from connector.mapping.keys import AUTH_OF

RIGHT, WRONG = "tok-canary.1", "tok-canary.2"
KINDS = [
    pytest.param(
        lambda key: {"type": "bearer", "token": key}, b"authorization: bearer ", id="bearer"
    ),
    pytest.param(
        lambda key: {"type": "header", "name": "X-Api-Key", "key": key}, b"x-api-key: ", id="header"
    ),
]


def guarded(line, body):
    """Answer *body* to whoever sends the line with the right key, 401 to anybody else."""

    def behave(connection, _):
        while True:
            head = request_of(connection).lower().split(b"\r\n")
            admitted = line + RIGHT.encode() in head
            said = body if admitted else b"{}"
            status = b"200 OK" if admitted else b"401 Unauthorized"
            length = str(len(said)).encode()
            date = b"Date: Tue, 10 Nov 2026 12:00:00 GMT"
            head = b"HTTP/1.1 %b\r\nContent-Length: %b\r\n%b\r\n\r\n" % (status, length, date)
            connection.sendall(head + said)

    return behave


@pytest.fixture
def closing():
    opened = []
    yield lambda system: opened.append(system) or system
    for one in opened:
        one.close()


@pytest.mark.parametrize(("auth", "line"), KINDS)
def test_the_right_key_reads_an_order_over_rest(peer, closing, auth, line):
    """The shop sees the key where it looks for it."""
    shop = peer(guarded(line, b'{"id": 7, "date_modified_gmt": "2026-11-10T12:00:00"}'))
    source = closing(rest(shop.url, auth=auth(RIGHT)))

    assert [one.key for one in source.read("order", ["7"])] == ["7"]


@pytest.mark.parametrize(("auth", "line"), KINDS)
def test_a_wrong_key_is_unauthorized_and_shown_nowhere(peer, closing, caplog, auth, line):
    """Neither the error nor the log carries it, at any level."""
    caplog.set_level(logging.DEBUG)
    source = closing(rest(peer(guarded(line, b"{}")).url, auth=auth(WRONG)))

    with pytest.raises(errors.Unauthorized) as refused:
        list(source.read("order", ["7"]))

    assert "canary" not in f"{refused.value!r} {refused.value} {caplog.text}"


REPLY = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<r:GetSystemInfoResponse xmlns:r="urn:sandbox:erp:v1"><r:Company>ACME</r:Company>
<r:Account>1</r:Account></r:GetSystemInfoResponse></s:Body></s:Envelope>"""


@pytest.mark.parametrize(("auth", "line"), KINDS)
@pytest.mark.parametrize("key", [RIGHT, WRONG])
def test_soap_says_the_same(peer, closing, auth, line, key):
    """One language of credentials for both protocols."""
    url = peer(guarded(line, REPLY)).url
    erp = closing(Soap(erp_profile(), SoapSettings(auth=auth(key)), **place(url)))

    if key == RIGHT:
        assert erp.check().identity["company"] == "ACME"
    else:
        with pytest.raises(errors.Unauthorized):
            erp.check()


@pytest.mark.parametrize("key", ["", "tok canary", "tok-canary\r\nX-Evil: 1", "tök-canary"])
@pytest.mark.parametrize(("auth", "line"), KINDS)
@pytest.mark.parametrize("settings", [RestSettings, SoapSettings])
def test_a_key_that_would_break_the_header_is_refused_unseen(settings, auth, line, key):
    """Before any call, and as the configuration's report gives it: without the key."""
    with pytest.raises(ValidationError) as refused:
        settings.model_validate({"auth": auth(key)})

    (problem,) = refused.value.errors(include_input=False, include_url=False, include_context=False)
    assert "blank" in problem["msg"]
    assert "canary" not in str(problem)


@pytest.mark.parametrize("name", ["Host", "content-length", "SOAPAction", "X Key", "X:Key", ""])
def test_a_header_that_the_wire_needs_carries_no_key(name):
    """It would break every call, one by one, with an error that does not name the cause."""
    with pytest.raises(ValidationError, match="no HTTP header"):
        RestSettings.model_validate({"auth": {"type": "header", "name": name, "key": RIGHT}})


@pytest.mark.parametrize(("protocol", "settings"), [("rest", RestSettings), ("soap", SoapSettings)])
def test_a_profile_admits_the_kinds_that_its_protocol_speaks(tmp_path, protocol, settings):
    """No others: a slip would lock every connection out, or a kind in that nobody speaks."""
    spoken = get_args(settings.model_fields["auth"].annotation)
    kinds = {get_args(one.model_fields["type"].annotation)[0] for one in spoken}
    assert kinds == set(AUTH_OF[protocol])

    top = f"profile: p\nversion: '1'\nprotocol: {protocol}\nauth: "
    assert set(profile_of(tmp_path, profile=f"{top}[{', '.join(kinds)}]\n").auth) == kinds
    with pytest.raises(ConfigError, match=r"profile\.yaml:4: auth.*not one of its words"):
        profile_of(tmp_path, profile=f"{top}basik\n")
