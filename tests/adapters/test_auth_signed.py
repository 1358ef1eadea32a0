"""Calls signed by WS-Security or by computed headers, before fakes that check the signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from answering import ADDED, ORDER, Fake, fault, profile_of, sent, system, wsdl_beside
from lxml import etree

from connector import errors
from connector.errors import ConfigError
from connector.values import Done, Unauthorized

SOAP = """\
profile: p
version: "1"
protocol: soap
services:
  desk: {wsdl: sessions.wsdl, endpoint: "{{ conn.url }}"}
"""


@pytest.fixture
def erp(tmp_path):
    opened = []

    def open_with(answer, auth, profile=SOAP, order=ORDER):
        wsdl_beside(tmp_path, "sessions.wsdl")
        compiled = profile_of(tmp_path, profile=profile, order=order)
        opened.append(fake := Fake(answer))
        opened.append(made := system(compiled, fake.url, auth))
        return made, fake

    yield open_with
    for one in reversed(opened):
        one.close()


# ── WS-Security ─────────────────────────────────────────────────────────────────────────────────


class Guard:
    """Verifies the UsernameToken as the standard says: fresh, known, and never seen before."""

    def __init__(self):
        self.nonces, self.stamps = set(), 0

    def __call__(self, request):
        token = etree.fromstring(request.body).find("{*}Header/{*}Security/{*}UsernameToken")
        nonce = base64.b64decode(token.findtext("{*}Nonce"))
        created, given = token.findtext("{*}Created"), token.find("{*}Password")
        age = datetime.now(UTC) - datetime.fromisoformat(created)
        right = "pw-canary"
        if given.get("Type").endswith("#PasswordDigest"):
            made = hashlib.sha1(nonce + created.encode() + right.encode()).digest()
            right = base64.b64encode(made).decode()
        known = token.findtext("{*}Username") == "desk" and given.text == right
        if not known or nonce in self.nonces or abs(age) > timedelta(seconds=30):
            return fault("wsse:FailedAuthentication")
        self.nonces.add(nonce)
        self.stamps += token.getparent().find("{*}Timestamp/{*}Expires") is not None
        return ADDED


WSSE = {"type": "wsse", "user": "desk", "password": "pw-canary"}


@pytest.mark.parametrize("send", ["text", "digest"])
@pytest.mark.parametrize("timestamp", ["true", "false"])
def test_every_message_carries_a_token_of_its_own(erp, send, timestamp):
    """A nonce is good once; the timestamp stands there only if it is asked for."""
    guard = Guard()
    target, _ = erp(guard, WSSE | {"send": send, "timestamp": timestamp})

    assert [sent(target), sent(target)] == [Done(key="7")] * 2
    assert len(guard.nonces) == 2
    assert guard.stamps == (2 if timestamp == "true" else 0)


@pytest.mark.parametrize("send", ["text", "digest"])
def test_a_wrong_password_is_unauthorized_and_shown_nowhere(erp, caplog, send):
    """The standard's own fault: it precedes all work, and no rule is needed."""
    caplog.set_level(logging.DEBUG)
    target, _ = erp(Guard(), WSSE | {"password": "another-canary", "send": send})

    outcome = sent(target)

    assert outcome == Unauthorized(why="wsse.FailedAuthentication")
    assert "canary" not in f"{outcome} {caplog.text} {target.__dict__}"


def test_the_token_stands_beside_the_profiles_own_blocks(erp):
    """One header, both blocks."""
    seen = []

    def answer(request):
        header = etree.fromstring(request.body).findall("{*}Header")
        seen.append([etree.QName(one).localname for head in header for one in head])
        assert len(header) == 1
        return ADDED

    target, _ = erp(answer, WSSE, profile=SOAP + "headers: {'{urn:x}Tenant': a < b}\n")

    assert sent(target) == Done(key="7")
    assert seen == [["Tenant", "Security"]]


# ── computed headers ────────────────────────────────────────────────────────────────────────────

TBA = """\
vars:
  nonce: = nonce | cut(20)
  at: = now | epoch
  who: "{{ conn.auth.account }}&{{ conn.auth.consumer_key }}&{{ conn.auth.token }}"
  key: "{{ conn.auth.consumer_secret }}&{{ conn.auth.token_secret }}"
  base: "{{ vars.who }}&{{ vars.nonce }}&{{ vars.at }}"
headers:
  "{urn:core}tokenPassport":
    account: = conn.auth.account
    consumerKey: = conn.auth.consumer_key
    token: = conn.auth.token
    nonce: = vars.nonce
    timestamp: = vars.at
    signature: = vars.base | hmac_sha256(vars.key) | b64
"""
KEYS = {"account": "123", "consumer_key": "ck", "consumer_secret": "cs-canary"}
KEYS |= {"token": "tk", "token_secret": "ts-canary"}


def passport(request):
    """NetSuite's token-based authentication: a signature over five of the six members."""
    found = etree.fromstring(request.body).find("{*}Header/{*}tokenPassport")
    said = {etree.QName(one).localname: one.text for one in found}
    names = ("account", "consumerKey", "token", "nonce", "timestamp")
    text = "&".join(said[name] for name in names)
    made = hmac.new(b"cs-canary&ts-canary", text.encode(), "sha256").digest()
    fresh = abs(int(said["timestamp"]) - time.time()) < 30 and len(said["nonce"]) == 20
    right = said["signature"] == base64.b64encode(made).decode()
    return ADDED if right and fresh else fault("Server.InvalidSignature")


def test_a_token_passport_is_written_in_yaml_alone(erp):
    """Signed afresh for each call; a wrong secret is refused."""
    rules = "errors: [{when: = fault.code is search('InvalidSignature'), outcome: unauthorized}]\n"
    target, fake = erp(passport, {"type": "body", **KEYS}, profile=SOAP + TBA + rules)
    assert [sent(target), sent(target)] == [Done(key="7")] * 2
    nonces = {etree.fromstring(one.body).findtext(".//{*}nonce") for one in fake.asked}
    assert len(nonces) == 2

    wrong = {"type": "body", **KEYS, "token_secret": "another"}
    target, _ = erp(passport, wrong, profile=SOAP + TBA + rules)
    assert isinstance(sent(target), Unauthorized)


HMAC = """\
profile: p
version: "1"
protocol: rest
base: "{{ conn.url }}/api"
vars: {at: = now | epoch, key: = conn.auth.secret}
query: {tenant: = conn.auth.tenant}
headers:
  X-Time: = vars.at
  X-Signature:
    $with:
      - request.body | sha256 | hex as body
      - request.method ~ request.path ~ request.query ~ vars.at ~ body as signed
    $value: = signed | hmac_sha256(vars.key) | hex
"""
REST_ORDER = """\
entity: order
key: = id
read: {number: = id}
write: {ref: = reference}
actions:
  create: {method: POST, path: /orders, query: {dry: "0"}, key: = reply.id}
  get: {method: GET, path: "/orders/{{ key }}"}
"""


def signature(request):
    """Verify as such APIs do: over the very request, with the time in it."""
    parts, at = urlsplit(request.path), request.headers["X-Time"]
    body = hashlib.sha256(request.body).hexdigest()
    text = f"{request.method}{parts.path}{parts.query}{at}{body}"
    made = hmac.new(b"key-canary", text.encode(), "sha256").hexdigest()
    fresh = abs(int(at) - time.time()) < 30 and parse_qs(parts.query)["tenant"] == ["t 1"]
    if not (fresh and hmac.compare_digest(made, request.headers["X-Signature"])):
        return 401, [], b"{}"
    return 200, [], b'{"id": "7"}'


def test_a_request_is_signed_as_it_goes_out(erp):
    """Method, path, query and body, reads and writes; another key is unauthorized."""
    auth = {"type": "body", "secret": "key-canary", "tenant": "t 1"}
    target, _ = erp(signature, auth, HMAC, REST_ORDER)
    assert sent(target) == Done(key="7")
    assert [one.key for one in target.read("order", ["7"])] == ["7"]

    target, _ = erp(signature, auth | {"secret": "other"}, HMAC, REST_ORDER)
    assert isinstance(sent(target), Unauthorized)


def test_a_key_in_the_query_goes_with_every_call(erp):
    """Beside what the call asks, and shown nowhere."""

    def answer(request):
        known = parse_qs(urlsplit(request.path).query).get("api_key") == ["k&y-canary"]
        return (200, [], b'{"id": "7"}') if known else (401, [], b"{}")

    auth = {"type": "query", "name": "api_key", "key": "k&y-canary"}
    rest = 'profile: p\nversion: "1"\nprotocol: rest\nbase: "{{ conn.url }}"\n'
    target, _ = erp(answer, auth, rest, REST_ORDER)
    assert [one.key for one in target.read("order", ["7"])] == ["7"]

    target, _ = erp(answer, auth | {"key": "other-canary"}, rest, REST_ORDER)
    with pytest.raises(errors.Unauthorized) as told:
        list(target.read("order", ["7"]))
    assert "canary" not in repr(told.value)


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ("headers: {a: = nonc}\n", "names `nonc`, which is not there"),
        ("vars: {a: = vars.b}\n", "reads `b`, which is not there"),
        ("query: {a: b}\n", "`query` is for REST"),
        ("headers: {a: = now | hmac_sha265('k')}\n", "did you mean `hmac_sha256`"),
        ("headers: {a: = now | hmac_sha256}\n", "gives `hmac_sha256` the wrong values"),
        ("args: {a: = request.body}\n", "names `request`, which is not there"),
    ],
)
def test_a_mistake_in_what_is_laid_over_calls_is_told_at_load(tmp_path, top, message):
    """With its place, like every other."""
    wsdl_beside(tmp_path, "sessions.wsdl")
    with pytest.raises(ConfigError, match=message):
        profile_of(tmp_path, profile=SOAP + top, order=ORDER)
