"""Sessions: one login for many calls, wherever its token goes; over, it is made once more."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import answering
import pytest
from answering import ORDER, Fake, call_in, enveloped, fault, profile_of, system, wsdl_beside
from lxml import etree
from profiles_by_hand import RealClock

from adapters.logins import Held, Logins
from connector.errors import ConfigError
from connector.values import Change, Done, InDoubt, Refused, Unauthorized, Unavailable

AUTH = {"type": "body", "user": "desk", "password": "pw-canary"}
TOP = """\
profile: p
version: "1"
protocol: soap
services:
  desk: {wsdl: sessions.wsdl, endpoint: "%s"}
session:
  login: {op: Login, args: {User: = conn.auth.user, Password: = conn.auth.password}}
  save: {id: = reply.SessionID%s}
%s
"""
HOME = "{{ conn.url }}/desk"
# where the token goes, and where the desk then finds it
HEADER = "headers: {MsgHeader: {SessionID: = session.id, ServiceName: Orders}}"
OTHER = "headers: {'{urn:other}SessionId': = session.id}"
BODY = "args: {SessionID: = session.id}"
HTTP = "http_headers: {X-Session: = session.id}"
PLACES = [
    pytest.param(HEADER, lambda r: block(r, "MsgHeader", "SessionID"), id="declared header"),
    pytest.param(OTHER, lambda r: block(r, "SessionId"), id="undeclared header"),
    pytest.param(BODY, lambda r: call_in(r.body).findtext("{*}SessionID"), id="body"),
    pytest.param(HTTP, lambda r: r.headers.get("X-Session"), id="HTTP header"),
]


def block(request, *names):
    return etree.fromstring(request.body).findtext(
        "/".join(f"{{*}}{n}" for n in ("Header", *names))
    )


class Desk:
    """Lets in who logs in with the right password, and adds an order for whoever is in."""

    def __init__(self, token_of, url=lambda: "", password="pw-canary"):
        self.open, self.added, self.logins, self.logouts = set(), [], 0, 0
        self.token_of, self.url, self.password = token_of, url, password
        self.before_add = lambda: None

    def __call__(self, request):
        call = call_in(request.body)
        return getattr(self, etree.QName(call).localname.lower())(request, call)

    def login(self, request, call):
        self.logins += 1
        if call.findtext("{*}Password") != self.password:
            return fault("Client", "wrong password")
        self.open.add(token := f"s-{self.logins}")
        reply = f"<t:SessionID>{token}</t:SessionID><t:Url>{self.url()}</t:Url>"
        status, headers, body = enveloped(
            f'<t:LoginResult xmlns:t="urn:seats">{reply}</t:LoginResult>'
        )
        cookies = [("Set-Cookie", f"seat={token}; Path=/; Expires=Wed, 09 Jun 2027 10:00:00 GMT"),
                   ("Set-Cookie", "lang=de")]  # fmt: skip
        return status, [*headers, *cookies], body

    def logout(self, request, call):
        self.logouts += 1
        self.open.discard(call.findtext("{*}SessionID"))
        return enveloped('<t:Ok xmlns:t="urn:seats"/>')

    def add(self, request, call):
        self.before_add()
        if self.token_of(request) not in self.open:
            return fault("Client.5", "Session expired")
        self.added.append(call.findtext("{*}Ref"))
        return enveloped(
            f'<t:AddResult xmlns:t="urn:seats"><t:Id>{len(self.added)}</t:Id></t:AddResult>'
        )


@pytest.fixture
def desk(tmp_path):
    opened = []

    def open_with(
        place, server, *, more="", auth=AUTH, endpoint=HOME, save="", order=ORDER, **other
    ):
        wsdl_beside(tmp_path, "sessions.wsdl")
        expired = "  expired: = fault.text is search('expired')\n"
        top = TOP % (endpoint, save, f"{expired}{more}{place}")
        profile = profile_of(tmp_path, profile=top, order=order)
        opened.append(fake := Fake(server))
        opened.append(made := system(profile, fake.url, auth, **other))
        return made, fake

    yield open_with
    for one in reversed(opened):
        one.close()


def sent(target, *references):
    return [answering.sent(target, one) for one in references]


@pytest.mark.parametrize(("place", "token_of"), PLACES)
def test_one_login_serves_many_calls_wherever_its_token_goes(desk, place, token_of):
    """The desk looks for it where the profile says that it goes."""
    server = Desk(token_of)
    target, _ = desk(place, server)

    assert sent(target, "A", "B", "C") == [Done(key="1"), Done(key="2"), Done(key="3")]
    assert server.logins == 1


@pytest.mark.parametrize(("place", "token_of"), PLACES)
def test_a_session_that_is_over_is_made_once_more_and_the_call_repeated(desk, place, token_of):
    """The refusal precedes all work: the order is there once."""
    server = Desk(token_of)
    target, _ = desk(place, server)
    sent(target, "A")
    server.open.clear()

    assert sent(target, "B") == [Done(key="2")]
    assert (server.added, server.logins) == (["A", "B"], 2)


def test_cookies_go_with_every_later_call(desk):
    """Each as it was set, without its attributes; only the login's own host sees them."""

    def token_of(request):
        pairs = dict(p.split("=") for p in request.headers.get("Cookie", "x=").split("; "))
        return pairs.get("seat") if pairs.get("lang") == "de" else None

    server = Desk(token_of)
    target, _ = desk("", server, more="  cookies: 'true'\n")

    assert sent(target, "A", "B") == [Done(key="1"), Done(key="2")]
    assert server.logins == 1


def test_a_session_that_is_refused_after_its_login_is_unauthorized(desk):
    """Once more, and not for ever; nothing was done."""
    server = Desk(lambda _: None)
    target, _ = desk(BODY, server)

    assert sent(target, "A") == [Unauthorized(why="session_refused")]
    assert (server.logins, server.added) == (2, [])


def test_refused_credentials_are_told_and_not_tried_again_at_once(desk, caplog):
    """An account that is tried with every order gets locked; the password is shown nowhere."""
    caplog.set_level(logging.DEBUG)
    server = Desk(lambda _: None, password="another")
    target, _ = desk(BODY, server)

    outcomes = sent(target, "A", "B", "C")

    assert [type(one) for one in outcomes] == [Unauthorized] * 3
    assert (server.logins, server.added) == (1, [])
    assert "canary" not in f"{outcomes} {caplog.text}"


@pytest.mark.parametrize("answer", [(502, [], b"<html>bad gateway</html>"), (200, [], b"")])
def test_a_login_that_cannot_be_read_leaves_the_order_unsent_and_in_no_doubt(desk, answer):
    """It was never begun: it is due again, and no attempt is burnt."""
    target, fake = desk(BODY, lambda _: answer)

    [outcome] = sent(target, "A")

    assert isinstance(outcome, Unavailable)
    assert len(fake.asked) == 1


class Moved(RealClock):
    """The machine's clocks, moved ahead as a test says."""

    ahead = timedelta(0)

    def boottime(self):
        return super().boottime() + self.ahead.total_seconds()


BUSY = "errors: [{when: = fault.text is search('expired'), outcome: unavailable}]\n"
NO_TOKEN = enveloped('<t:LoginResult xmlns:t="urn:seats"/>')


@pytest.mark.parametrize(
    ("answer", "rules", "why"),
    [
        (fault("Server", "deadlock"), "", "login_Server"),
        (fault("Client", "licence expired, try later"), BUSY, "login_unclear"),
        (NO_TOKEN, "", "login_without_token"),
    ],
)
def test_a_fault_of_the_system_is_not_wrong_credentials_and_is_left_alone(desk, answer, rules, why):
    """The connection goes on by itself; many report a wrong password so: no account is locked."""
    server, clock = Desk(PLACES[2].values[1]), Moved()
    target, fake = desk(rules + BODY, lambda r: answer if broken else server(r), clock=clock)

    broken = True
    assert sent(target, "A", "B") == [Unavailable(wait=None, why=why)] * 2
    assert len(fake.asked) == 1
    broken, clock.ahead = False, timedelta(seconds=61)
    assert sent(target, "A") == [Done(key="1")]


def test_a_rule_may_say_that_a_server_fault_means_us(desk):
    """For systems that report a wrong password as their own crash."""
    rules = "errors: [{when: = fault.text is search('password'), outcome: unauthorized}]\n"
    target, _ = desk(rules + BODY, lambda _: fault("Server", "password"))

    assert [type(one) for one in sent(target, "A")] == [Unauthorized]


def test_a_login_without_a_token_is_no_login(desk):
    """What is saved must be there."""
    empty = enveloped('<t:LoginResult xmlns:t="urn:seats"/>')
    target, _ = desk(BODY, lambda _: empty)

    assert sent(target, "A") == [Unavailable(wait=None, why="login_without_token")]


def test_only_a_whole_refusal_is_followed_by_a_repetition(desk):
    """The words of expiry around a broken envelope prove nothing: the order may be there."""
    server = Desk(PLACES[2].values[1])
    target, _ = desk(BODY, server)
    status, headers, body = fault("Client.5", "Session expired")
    server.add = lambda *_: (status, headers, b"Warning: disk full\n" + body)

    [outcome] = sent(target, "A")

    assert isinstance(outcome, InDoubt)
    assert server.logins == 1


def test_many_threads_share_one_login_and_one_renewal(desk):
    """Whoever comes first logs in; who was refused with the old token takes the new."""
    server = Desk(PLACES[2].values[1])
    target, _ = desk(BODY, server)
    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(lambda n: sent(target, f"A{n}")[0], range(16)))
        server.open.clear()
        second = list(pool.map(lambda n: sent(target, f"B{n}")[0], range(16)))

    assert {type(one) for one in (*first, *second)} == {Done}
    assert server.logins == 2
    assert sorted(server.added) == sorted({*server.added})


def test_a_login_is_used_no_longer_than_it_lasts(desk):
    """Some systems answer a stale token with nonsense: it is renewed before."""

    class Clock(RealClock):
        ahead = timedelta(0)

        def now(self):
            return super().now() + self.ahead

    clock, server = Clock(), Desk(PLACES[2].values[1])
    target, _ = desk(BODY, server, more="  lasts: 20m\n", clock=clock)
    sent(target, "A")
    clock.ahead = timedelta(minutes=19)
    until = clock.now() + timedelta(minutes=1)
    payload = {"Ref": "B"}
    later = Change(id=1, action="create", reference="B", payload=payload, send_before=until)
    target.send("order", [later])
    assert server.logins == 1
    clock.ahead = timedelta(minutes=20)
    target.send("order", [later])

    assert server.logins == 2


def test_closing_logs_out_and_only_who_is_in(desk):
    """A seat that is kept costs a licence; a system that is away is left alone."""
    server = Desk(PLACES[2].values[1])
    target, _ = desk(BODY, server, more="  logout: {op: Logout, args: {SessionID: = session.id}}\n")
    target.close()
    assert server.logouts == 0
    sent(target, "A")
    target.close()

    assert (server.logouts, server.open) == (1, set())


def test_the_login_may_say_where_to_call(desk):
    """Salesforce: the reply holds the address of the account's own server."""
    server = Desk(PLACES[2].values[1], url=lambda: f"{fake.url}/node-7")
    target, fake = desk(BODY, server, endpoint="{{ session.url | default(conn.url) }}",
                        save=", url: = reply.Url")  # fmt: skip

    assert sent(target, "A") == [Done(key="1")]
    assert [one.path for one in fake.asked] == ["/", "/node-7"]


@pytest.mark.parametrize(("hosts", "done"), [("", False), ("  hosts: [localhost]\n", True)])
def test_a_login_leads_to_no_host_that_nobody_named(desk, hosts, done):
    """The token of an account goes to its connection's host, or to `hosts`."""
    server = Desk(PLACES[2].values[1], url=lambda: fake.url.replace("127.0.0.1", "localhost"))
    target, fake = desk(BODY, server, endpoint="{{ session.url | default(conn.url) }}",
                        save=", url: = reply.Url", more=hosts)  # fmt: skip

    assert sent(target, "A") == (
        [Done(key="1")] if done else [Refused(code="foreign_address", at="endpoint")]
    )


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("= session.id}", "= session.di}", "reads `di`, which is not there"),
        ("  save:", "  saves:", "unknown key `saves`"),
        ("  login: {op: Login", "  login: {ops: Login", "unknown key `ops`"),
        ("op: Login,", "op: Login, method: POST,", "needs `op` .SOAP. or `method`"),
        ("  save: {id: = reply.SessionID}", "", "keeps nothing of its login"),
        ("  expired: = fault", "  expired: =fault", "looks like an expression"),
    ],
)
def test_a_session_that_says_too_little_is_refused(tmp_path, right, wrong, message):
    """When the profile is loaded, with the place."""
    wsdl_beside(tmp_path, "sessions.wsdl")
    text = TOP % (HOME, "", f"  expired: = fault.text is search('expired')\n{BODY}")
    assert right in text

    with pytest.raises(ConfigError, match=message):
        profile_of(tmp_path, profile=text.replace(right, wrong), order=ORDER)


def test_who_leaves_does_not_wait_for_a_login_that_hangs():
    """A reload or a stop in the middle of a probe: as long as the timeout nothing else would go."""
    begun, go, left = threading.Event(), threading.Event(), threading.Event()

    class Mute:
        def enter(self):
            begun.set()
            assert go.wait(30)
            return Held()

        def over(self, answer):
            return False

    logins = Logins(Mute(), RealClock())
    with ThreadPoolExecutor(2) as pool:
        pool.submit(logins.call, lambda held: None)
        assert begun.wait(10)
        pool.submit(lambda: (logins.leave(), left.set()))
        try:
            assert left.wait(10)
        finally:
            go.set()
