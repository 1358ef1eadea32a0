"""Sessions over REST: the same language, and who refuses a login."""

from __future__ import annotations

import json

import pytest
from answering import Fake, profile_of, sent, system

from connector.values import Done, Unauthorized, Unavailable

AUTH = {"type": "body", "user": "desk", "password": "pw-canary"}
REST = """\
profile: p
version: "1"
protocol: rest
base: "{{ conn.url }}"
session:
  login:
    method: POST
    path: /login
    body: {user: = conn.auth.user, password: = conn.auth.password}
  save: {token: = reply.token}
  logout: {method: POST, path: /logout, headers: {X-Token: = session.token}, body: {}}
headers: {X-Token: = session.token}
"""
REST_ORDER = """\
entity: order
read: {number: = ref}
write: {ref: = reference}
actions: {create: {method: POST, path: /orders, key: = reply.id}}
"""


def test_rest_speaks_the_same_language(tmp_path):
    """401 says that a session is over: no rule is needed."""
    state = {"logins": 0, "open": set()}

    def answer(request):
        said = json.loads(request.body)
        if request.path == "/login":
            if said != {"user": "desk", "password": "pw-canary"}:
                return 401, [], b"{}"
            state["logins"] += 1
            state["open"].add(token := f"t{state['logins']}")
            return 200, [], json.dumps({"token": token}).encode()
        if request.headers["X-Token"] not in state["open"]:
            return 401, [], b"{}"
        if request.path == "/logout":
            state["open"].discard(request.headers["X-Token"])
        return 200, [], b'{"id": 7}'

    profile = profile_of(tmp_path, profile=REST, order=REST_ORDER)
    fake = Fake(answer)
    target = system(profile, fake.url, AUTH)
    try:
        assert sent(target, "A") == Done(key="7")
        state["open"].clear()
        assert sent(target, "B") == Done(key="7")
    finally:
        target.close()
        fake.close()

    assert (state["logins"], state["open"]) == (2, set())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [((400, [], b'{"error": "bad password"}'), Unauthorized), ((404, [], b"<html>"), Unavailable),
     ((500, [], b'{"error": "crash"}'), Unavailable), ((401, [], b""), Unauthorized)],
)  # fmt: skip
def test_a_login_over_rest_is_refused_by_the_system_itself(tmp_path, answer, kind):
    """A page of somebody else, or a crash, says nothing of who we are."""
    fake = Fake(lambda _: answer)
    profile = profile_of(tmp_path, profile=REST, order=REST_ORDER)
    target = system(profile, fake.url, AUTH)
    try:
        assert type(sent(target)) is kind
    finally:
        target.close()
        fake.close()


@pytest.mark.parametrize("status", [403, 408, 500])
def test_a_token_of_a_header_is_over_where_a_header_of_a_refusal_says_so(tmp_path, status):
    """SAP's anti-forgery token: fetched by a GET, refused with 403 and a sentence as plain text.

    A crash, or a proxy that waited too long, says so of no call that it may have carried out.
    """
    state = {"token": "", "fetched": 0}

    def answer(request):
        if request.headers.get("X-CSRF-Token") == "Fetch":
            state["fetched"] += 1
            state["token"] = f"t{state['fetched']}"
            return 200, [("X-CSRF-Token", state["token"])], b"{}"
        if request.headers.get("X-CSRF-Token") != state["token"]:
            return status, [("X-CSRF-Token", "Required")], b"CSRF token validation failed"
        return 200, [], b'{"id": 7}'

    text = REST.partition("session:")[0] + (
        "session:\n"
        "  login: {method: GET, path: /, headers: {X-CSRF-Token: Fetch}}\n"
        "  save: {csrf: \"= http.headers['x-csrf-token']\"}\n"
        "  expired: = http.headers['x-csrf-token'] == 'Required'\n"
        "headers: {X-CSRF-Token: = session.csrf}\n"
    )
    profile = profile_of(tmp_path, profile=text, order=REST_ORDER)
    fake = Fake(answer)
    target = system(profile, fake.url, {"type": "none"})
    try:
        assert sent(target, "A") == Done(key="7")
        state["token"] = "another"
        later = sent(target, "B")
    finally:
        target.close()
        fake.close()

    assert (later == Done(key="7")) is (status == 403)
    assert state["fetched"] == (2 if status == 403 else 1)
