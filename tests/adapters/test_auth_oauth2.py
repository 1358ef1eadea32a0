"""OAuth 2 over real HTTP: a token endpoint that verifies, and an API that takes its tokens only."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, unquote

import pytest
from answering import Fake, enveloped, profile_of, system
from profiles_by_hand import RealClock, erp_profile
from pydantic import ValidationError

from adapters.rest import Settings as RestSettings
from connector import errors

PROFILE = 'profile: p\nversion: "1"\nprotocol: rest\nbase: "{{ conn.url }}/api"\n'
ORDER = """\
entity: order
key: = id
read: {number: = id}
write: {ref: = reference}
actions:
  get: {method: GET, path: "/orders/{{ key }}"}
"""
ID, SECRET = "shop & co", "s:canary+1"


class Clock(RealClock):
    """The machine's clocks, moved ahead as a test says."""

    ahead = timedelta(0)

    def now(self):
        return datetime.now(UTC) + self.ahead

    def boottime(self):
        return super().boottime() + self.ahead.total_seconds()


class Issuer:
    """Issues tokens to the one client that it knows; its API takes the last of them."""

    def __init__(self, *, send="basic", refresh=None, lasts=3600):
        self.send, self.refresh, self.lasts = send, refresh, lasts
        self.issued, self.asked, self.valid, self.broken = 0, [], None, None

    def __call__(self, request):
        if request.path == "/token":
            return self.token(request)
        if self.valid is None or request.headers["Authorization"] != f"Bearer {self.valid}":
            return 401, [], b"{}"
        if request.method == "POST":
            info = "<r:Company>ACME</r:Company><r:Account>1</r:Account>"
            name = "r:GetSystemInfoResponse"
            return enveloped(f'<{name} xmlns:r="urn:sandbox:erp:v1">{info}</{name}>')
        return 200, [], b'{"id": "7"}'

    def token(self, request):
        form = dict(parse_qsl(request.body.decode()))
        self.asked.append(form)
        if self.broken is not None:
            return self.broken
        known = (ID, SECRET)
        if self.send == "basic":
            pair = base64.b64decode(request.headers["Authorization"].split()[1]).decode()
            client = tuple(unquote(one) for one in pair.split(":"))
        else:
            client = (form.get("client_id"), form.get("client_secret"))
        grant = "client_credentials" if self.refresh is None else "refresh_token"
        if client != known or form["grant_type"] != grant:
            return 401, [], b'{"error": "invalid_client"}'
        if self.refresh is not None and form["refresh_token"] != self.refresh:
            return 400, [], b'{"error": "invalid_grant"}'
        self.issued += 1
        self.valid = f"tok-canary-{self.issued}"
        said = {"access_token": self.valid, "token_type": "Bearer", "expires_in": self.lasts}
        if self.refresh is not None:
            self.refresh = said["refresh_token"] = f"lent-{self.issued}"
        return 200, [], json.dumps(said).encode()


@pytest.fixture
def api(tmp_path):
    opened = []

    def open_with(issuer, *, clock=None, **changes):
        opened.append(fake := Fake(issuer))
        auth = {"type": "oauth2", "client_id": ID, "client_secret": SECRET}
        auth |= {"token_url": f"{fake.url}/token"} | changes
        profile = profile_of(tmp_path, profile=PROFILE, order=ORDER)
        opened.append(made := system(profile, fake.url, auth, clock=clock or Clock()))
        return made

    yield open_with
    for one in reversed(opened):
        one.close()


def read(source):
    return [one.key for one in source.read("order", ["7"])]


@pytest.mark.parametrize("send", ["basic", "form"])
def test_one_token_serves_many_calls(api, send):
    """The client says who it is where the endpoint looks for it."""
    issuer = Issuer(send=send)
    source = api(issuer, send=send, scope="orders.read", audience="urn:api")

    assert [read(source) for _ in range(3)] == [["7"]] * 3
    assert issuer.issued == 1
    assert (issuer.asked[0]["scope"], issuer.asked[0]["audience"]) == ("orders.read", "urn:api")


def test_a_token_is_renewed_a_minute_before_its_end(api):
    """No call begins with one that may end on its way."""
    issuer, clock = Issuer(lasts=600), Clock()
    source = api(issuer, clock=clock)
    read(source)
    clock.ahead = timedelta(seconds=539)
    read(source)
    assert issuer.issued == 1
    clock.ahead = timedelta(seconds=541)
    read(source)

    assert issuer.issued == 2


def test_a_token_that_is_no_longer_taken_is_renewed_once_for_all_threads(api):
    """Each call is made again with the new one, which the first to be refused fetches."""
    issuer = Issuer()
    source = api(issuer)
    read(source)
    issuer.valid = "revoked"
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: read(source), range(16))) == [["7"]] * 16

    assert issuer.issued == 2


def test_a_refresh_token_that_the_reply_renews_is_used_next(api):
    """Endpoints that rotate them take each only once."""
    issuer, clock = Issuer(refresh="lent-0", lasts=60), Clock()
    source = api(issuer, clock=clock, refresh_token="lent-0")
    read(source)
    clock.ahead = timedelta(minutes=2)
    read(source)

    assert [form["refresh_token"] for form in issuer.asked] == ["lent-0", "lent-1"]


def lent(tmp_path, token="lent-0", mode=0o600):
    file = tmp_path / "erp.token"
    file.write_text(f"{token}\n")
    file.chmod(mode)
    return file


def test_a_renewed_refresh_token_is_kept_for_the_next_program(api, tmp_path):
    """Each is taken once: whoever starts later, or beside it, has to have the last one."""
    issuer, clock, file = Issuer(refresh="lent-0", lasts=60), Clock(), lent(tmp_path)
    first = api(issuer, clock=clock, refresh_token_file=file)
    read(first)
    second = api(issuer, clock=clock, refresh_token_file=file)
    read(second)
    clock.ahead = timedelta(minutes=2)
    read(first)

    assert [form["refresh_token"] for form in issuer.asked] == ["lent-0", "lent-1", "lent-2"]
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("lent-3\n", 0o600)


def test_programs_that_renew_at_once_take_turns(api, tmp_path):
    """None asks with a token that another is having renewed."""
    issuer, file = Issuer(refresh="lent-0"), lent(tmp_path)
    sources = [api(issuer, refresh_token_file=file) for _ in range(6)]

    def renewed(source):
        with contextlib.suppress(errors.Unauthorized):  # another one's newer token was taken
            return read(source)
        return []

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(renewed, sources))
    asked = [form["refresh_token"] for form in issuer.asked]

    assert asked == [f"lent-{n}" for n in range(len(asked))]


def test_a_token_that_cannot_be_kept_is_told_and_not_lost(api, tmp_path, monkeypatch):
    """It is the only one that is still taken: kept in memory, and put there when that works."""
    issuer, clock, file = Issuer(refresh="lent-0", lasts=60), Clock(), lent(tmp_path)
    source = api(issuer, clock=clock, refresh_token_file=file)
    with monkeypatch.context() as broken:
        broken.setattr("adapters.lent.os.fsync", fails)
        with pytest.raises(errors.Unavailable, match="refresh_token_not_kept"):
            read(source)
    assert read(source) == ["7"]

    assert [form["refresh_token"] for form in issuer.asked] == ["lent-0", "lent-1"]
    assert file.read_text() == "lent-2\n"


def fails(_):
    raise OSError("no space left")


@pytest.mark.parametrize(
    ("mode", "name", "says"),
    [(0o640, "erp.token", "chmod 600"), (0o600, "other.token", "names no file")],
)
def test_a_file_of_a_token_must_be_there_and_be_ours_alone(api, tmp_path, mode, name, says):
    """Told before anything is called."""
    lent(tmp_path, mode=mode)
    with pytest.raises(ValidationError, match=says):
        api(Issuer(refresh="lent-0"), refresh_token_file=tmp_path / name)


def test_a_refused_client_is_unauthorized_and_not_tried_again_at_once(api, caplog):
    """Its secret is shown nowhere."""
    caplog.set_level(logging.DEBUG)
    issuer, clock = Issuer(), Clock()
    source = api(issuer, clock=clock, client_secret="wrong-canary")
    for _ in range(3):
        with pytest.raises(errors.Unauthorized, match="invalid_client") as told:
            read(source)
    assert len(issuer.asked) == 1
    clock.ahead = timedelta(seconds=61)
    with pytest.raises(errors.Unauthorized):
        read(source)

    assert len(issuer.asked) == 2
    assert "canary" not in f"{told.value!r} {caplog.text} {source.__dict__}"


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ((503, [], b"<html>"), "login_http_503"),
        ((200, [], b"{}"), "login_without_token"),
        ((200, [], b"[" * 100_000), "login_without_token"),
        ((400, [], b'{"error":' * 100_000), "login_http_400"),
        ((200, [], b'{"access_token": "x", "token_type": "mac"}'), "login_another_token_type"),
    ],
)
def test_an_endpoint_that_is_away_leaves_the_call_unmade(api, broken, why):
    """It is no refusal: the call is due again."""
    issuer = Issuer()
    issuer.broken = broken
    source = api(issuer)

    with pytest.raises(errors.Unavailable, match=why):
        read(source)
    issuer.broken = None
    assert read(source) == ["7"]


def test_soap_takes_tokens_too():
    """One seam for both protocols."""
    issuer = Issuer()
    fake = Fake(issuer)
    auth = {"type": "oauth2", "client_id": ID, "client_secret": SECRET}
    erp = system(erp_profile(), fake.url, auth | {"token_url": f"{fake.url}/token"})
    try:
        assert erp.check().identity["company"] == "ACME"
    finally:
        erp.close()
        fake.close()


@pytest.mark.parametrize("url", ["http://login.example/token", "https://a:b@x.example/", "token"])
def test_a_secret_goes_to_no_address_that_is_open_to_all(url):
    """https, and no credentials in it."""
    auth = {"type": "oauth2", "client_id": "a", "client_secret": "b", "token_url": url}
    with pytest.raises(ValidationError, match="no https:// address"):
        RestSettings.model_validate({"auth": auth})
