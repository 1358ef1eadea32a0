"""Digest and NTLM over real HTTP: servers that challenge and verify, and one total deadline."""

from __future__ import annotations

import base64
import hashlib
import logging
import threading
from datetime import timedelta

import pytest
import spnego
from answering import ADDED, ORDER, Fake, profile_of, sent, system, wsdl_beside
from requests.utils import parse_dict_header

from connector.values import Done, InDoubt, Unauthorized, Unavailable

SOAP = """\
profile: p
version: "1"
protocol: soap
services:
  desk: {wsdl: sessions.wsdl, endpoint: "{{ conn.url }}/a?b=c"}
"""


@pytest.fixture
def erp(tmp_path):
    opened = []

    def open_with(answer, auth, **other):
        wsdl_beside(tmp_path, "sessions.wsdl")
        compiled = profile_of(tmp_path, profile=SOAP, order=ORDER)
        opened.append(fake := Fake(answer))
        opened.append(made := system(compiled, fake.url, auth, **other))
        return made, fake

    yield open_with
    for one in reversed(opened):
        one.close()


# ── Digest ──────────────────────────────────────────────────────────────────────────────────────


class Digesting:
    """RFC 7616: one realm, a nonce that is good for *uses* calls, counts that only rise."""

    def __init__(self, algorithm="MD5", uses=10**6, others=""):
        self.algorithm, self.uses, self.others = algorithm, uses, others
        self.nonce, self.counts, self.orders, self.refused = 0, set(), 0, 0

    def hash(self, text):
        name = {"MD5": "md5", "SHA-256": "sha256"}[self.algorithm]
        return hashlib.new(name, text.encode()).hexdigest()

    def __call__(self, request):
        told = request.headers.get("Authorization", "")
        if not (told.startswith("Digest ") and self.right(parse_dict_header(told[7:]), request)):
            self.refused += 1
            self.nonce += 1
            self.counts = set()
            challenge = f'Digest realm="erp", qop="auth,auth-int", nonce="n{self.nonce}", '
            challenge += f'opaque="o", algorithm={self.algorithm}'
            return 401, [("WWW-Authenticate", f"{self.others}{challenge}")], b""
        self.orders += 1
        return ADDED

    def right(self, said, request):
        a1 = self.hash("desk:erp:pw-canary")
        a2 = self.hash(f"{request.method}:{request.path}")
        text = f"{a1}:n{self.nonce}:{said['nc']}:{said['cnonce']}:auth:{a2}"
        fresh = said["nc"] not in self.counts and len(self.counts) < self.uses
        self.counts.add(said["nc"])
        known = said["username"] == "desk" and said["uri"] == request.path
        return fresh and known and said["response"] == self.hash(text)


DIGEST = {"type": "digest", "user": "desk", "password": "pw-canary"}


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("others", ["", 'Negotiate, Basic realm="x", '])
def test_a_digest_answers_the_challenge_and_the_next_calls_need_none(erp, algorithm, others):
    """Each call has a count of its own."""
    server = Digesting(algorithm, others=others)
    target, _ = erp(server, DIGEST)

    assert [sent(target) for _ in range(3)] == [Done(key="7")] * 3
    assert (server.orders, server.refused) == (3, 1)


def test_a_challenge_that_is_over_is_answered_anew(erp):
    """The refused call did no work and is made once more."""
    server = Digesting(uses=2)
    target, _ = erp(server, DIGEST)

    assert [sent(target) for _ in range(5)] == [Done(key="7")] * 5
    assert server.orders == 5


def test_a_wrong_password_is_told_after_one_answer(erp, caplog):
    """And shown nowhere."""
    caplog.set_level(logging.DEBUG)
    server = Digesting()
    target, fake = erp(server, DIGEST | {"password": "another-canary"})

    assert sent(target) == Unauthorized(why="http_401")
    assert len(fake.asked) == 2
    assert "canary" not in caplog.text


# ── NTLM ────────────────────────────────────────────────────────────────────────────────────────


class Windows:
    """NTLM by the server side of the same protocol: it proves connections, one by one."""

    def __init__(self):
        self.contexts, self.proven, self.orders, self.legs = {}, set(), 0, []
        self.forget = False

    def __call__(self, request):
        told = request.headers.get("Authorization", "")
        self.legs.append((request.connection, len(request.body) > 0, told[:4]))
        if request.connection in self.proven and not self.forget:
            self.orders += 1
            return ADDED
        self.forget = False
        self.proven.discard(request.connection)
        if not told.startswith("NTLM "):
            return 401, [("WWW-Authenticate", "Negotiate"), ("WWW-Authenticate", "NTLM")], b""
        token = base64.b64decode(told[5:])
        if token[8] == 1:
            self.contexts[request.connection] = spnego.server(protocol="ntlm")
        try:
            answer = self.contexts[request.connection].step(token)
        except spnego.exceptions.SpnegoError:
            return 401, [("WWW-Authenticate", "NTLM")], b""
        if not self.contexts[request.connection].complete:
            challenge = base64.b64encode(answer).decode()
            return 401, [("WWW-Authenticate", f"NTLM {challenge}")], b""
        self.proven.add(request.connection)
        self.orders += 1
        return ADDED


NTLM = {"type": "ntlm", "user": "ACME\\svc-shop", "password": "pw-canary"}


@pytest.fixture
def windows(tmp_path, monkeypatch):
    accounts = tmp_path / "accounts"
    accounts.write_text("ACME:svc-shop:pw-canary\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(accounts))
    return Windows()


def test_ntlm_proves_a_connection_once(erp, windows):
    """The body goes only with the third message; later calls on it need no proof."""
    target, _ = erp(windows, NTLM)

    assert [sent(target) for _ in range(3)] == [Done(key="7")] * 3
    assert windows.orders == 3
    assert [body for _, body, _ in windows.legs] == [False, True, True, True]
    assert len({connection for connection, _, _ in windows.legs}) == 1


def test_a_connection_whose_proof_is_over_is_proven_again(erp, windows):
    """The server asks again: the call was refused, and is made behind a new proof."""
    target, _ = erp(windows, NTLM)
    sent(target)
    windows.forget = True

    assert sent(target) == Done(key="7")
    assert windows.orders == 2


def test_a_wrong_windows_password_is_unauthorized(erp, windows, caplog):
    """After one answer: a locked account stops more than this connector."""
    caplog.set_level(logging.DEBUG)
    target, fake = erp(windows, NTLM | {"password": "another-canary"})

    assert sent(target) == Unauthorized(why="http_401")
    assert windows.orders == 0
    assert len(fake.asked) == 2
    assert "canary" not in caplog.text


def test_a_server_that_offers_no_ntlm_is_unauthorized(erp):
    """The body never left."""
    target, fake = erp(lambda _: (401, [("WWW-Authenticate", "Negotiate")], b""), NTLM)

    assert isinstance(sent(target), Unauthorized)
    assert [one.body for one in fake.asked] == [b""]


def test_a_server_that_asks_nobody_gets_the_call_itself(erp):
    """A test system without passwords: the empty message was nothing, the call follows."""
    target, fake = erp(lambda r: ADDED if r.body else (500, [], b"empty"), NTLM)

    assert sent(target) == Done(key="7")
    assert [len(one.body) > 0 for one in fake.asked] == [False, True]


def slow(windows, leg):
    held = threading.Event()

    def answer(request):
        if len(windows.legs) == leg:
            held.wait(5)
        return windows(request)

    return answer, held


@pytest.mark.parametrize(("leg", "outcome"), [(0, Unavailable), (1, InDoubt)])
def test_all_messages_of_a_call_share_one_deadline_and_only_the_body_leaves_doubt(
    erp, windows, leg, outcome
):
    """A server that hangs before it has seen the order cannot have booked it."""
    answer, held = slow(windows, leg)
    target, _ = erp(answer, NTLM, timeout=timedelta(seconds=0.4))
    try:
        assert isinstance(sent(target), outcome)
    finally:
        held.set()
