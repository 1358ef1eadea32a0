"""Every setting of a connection, with two values and the difference that they make."""

from __future__ import annotations

import base64
import hmac
import shutil
import subprocess
from datetime import datetime, timedelta

import pytest
from company import Company, cursor_of
from covering import covers

from connector.errors import ConfigError, ConnectorError, Unauthorized, Unavailable, WrongSystem
from connector.hooks import Receiver
from connector.sandbox.shop import start_shop
from connector.turns import Turns
from connector.web import Request

CREATE = ("CreateSalesOrder",)


@covers("version")
@pytest.mark.parametrize(("version", "opens"), [("1", True), ("2", False)])
def test_version_names_the_syntax_of_the_file(company: Company, version: str, opens: bool) -> None:
    """Another version than 1 is refused before anything is read."""
    company.config(version=version)
    if opens:
        assert company.app.flows
    else:
        with pytest.raises(ConfigError, match="version"):
            _ = company.app


@covers("ledger")
@pytest.mark.parametrize(("file", "opens"), [("ledger.db", True), ("other.db", False)])
def test_ledger_says_where_the_state_is(company: Company, file: str, opens: bool) -> None:
    """Another file is another ledger, and one that is missing is said to be."""
    company.config(ledger=f"sqlite:///{file}")
    if opens:
        company.order()
        company.sync()
        assert len(company.states()) == 3
    else:
        with pytest.raises(ConnectorError, match=r"other\.db"):
            _ = company.app


@covers("mappings", "connections", "connections.*.profile")
@pytest.mark.parametrize(("profile", "note"), [("sandbox_erp", "please ring"), ("mine", "MINE")])
def test_profile_and_mappings_choose_how_it_is_written(
    company: Company, profile: str, note: str
) -> None:
    """A folder of one's own extends the shipped profile and wins."""
    order = "extends: sandbox_erp\nentity: order\nwrite:\n  Note: MINE\n"
    company.mapping("mine", {"profile.yaml": "extends: sandbox_erp\n", "order.yaml": order})
    company.connection("erp", profile=profile)
    company.order()
    company.sync()
    assert company.books()[0]["note"] == note


@covers("connections.*.url")
@pytest.mark.parametrize("right", [True, False])
def test_url_is_where_the_system_is_asked(company: Company, right: bool) -> None:
    """A port where nobody listens is Unavailable, and nothing is lost."""
    company.order()
    if right:
        company.sync()
        assert len(company.books()) == 1
    else:
        company.connection("shop", url="http://127.0.0.1:1")
        with pytest.raises(Unavailable):
            company.sync()


@covers("connections.*.zone")
def test_zone_is_the_zone_of_the_systems_own_dates(company: Company) -> None:
    """The same order has another date in an ERP on the other side of the date line."""
    dates = []
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        company.connection("erp", zone=zone)
        company.order()
        company.settle()
        sent = company.rows("SELECT payload FROM attempt WHERE action = 'create' ORDER BY id")
        dates.append(sent[-1]["payload"].partition(b'"OrderDate":"')[2][:10].decode())
    ahead, behind = (datetime.fromisoformat(d) for d in dates)
    assert ahead - behind >= timedelta(days=1)


@covers("connections.*.auth")
@pytest.mark.parametrize(
    ("kind", "secret", "admitted"),
    [("oauth1", "${WOO_SECRET}", True), ("basic", "${WOO_SECRET}", False),
     ("oauth1", "${file:secret}", True), ("oauth1", "${WOO_KEY}", False)],
)  # fmt: skip
def test_auth_is_how_the_shop_admits_us(
    company: Company, kind: str, secret: str, admitted: bool
) -> None:
    """Plain HTTP demands OAuth; a secret comes from the environment or from a file."""
    file = company.folder / "secret"
    file.write_text("cs_sandbox\n")
    file.chmod(0o600)
    company.order()
    company.connection("shop", auth={"type": kind, "password": secret})
    if admitted:
        company.sync()
        assert len(company.books()) == 1
    else:
        with pytest.raises((Unauthorized, Unavailable, WrongSystem)):
            company.sync()


@covers("connections.*.lag")
@pytest.mark.parametrize("lag", [1, 600])
def test_lag_is_how_far_the_cursor_stays_behind(company: Company, lag: int) -> None:
    """What is younger than the lag may still change: the safe position is older than it."""
    company.connection("shop", lag=f"{lag}s")
    company.order()
    company.sync()
    behind = company.clock.now() - datetime.fromisoformat(cursor_of(company)["safe"])
    assert timedelta(seconds=lag) <= behind < timedelta(seconds=lag + 30)


@covers("connections.*.limits", "connections.*.limits.concurrency")
@pytest.mark.parametrize("slots", [1, 4])
def test_concurrency_is_how_many_calls_are_on_the_wire(company: Company, slots: int) -> None:
    """Four slow creates begin within one call's time, or one after the other."""
    company.connection("erp", limits={"concurrency": str(slots)})
    company.order()
    company.settle()
    for _ in range(4):
        company.order()
    company.erp.faults([{"fault": "slow", "ops": CREATE, "seconds": 0.4}])
    before = len(company.calls(*CREATE))
    company.sync()
    began = [datetime.fromisoformat(c["at"]) for c in company.calls(*CREATE)[before:]]
    assert len(began) == 4
    assert (max(began) - min(began) > timedelta(seconds=1.1)) is (slots == 1)


@covers("connections.*.limits.per_second")
@pytest.mark.parametrize("rate", [4, 1000])
def test_per_second_is_how_many_calls_begin_in_a_second(company: Company, rate: int) -> None:
    """Reads, look-ups and creates of all flows share it: no second sees more of them."""
    company.connection("erp", limits={"per_second": str(rate)})
    for _ in range(4):
        company.order()
    company.sync()
    began = [datetime.fromisoformat(c["at"]) for c in company.calls()]
    second = timedelta(seconds=0.9)  # a call's way to the journal may take a little
    most = max(sum(one <= at < one + second for at in began) for one in began)
    assert len(began) > 8
    assert (most <= 4) is (rate == 4)


@covers("connections.*.limits.timeout")
@pytest.mark.parametrize(("timeout", "state"), [("500ms", "in_doubt"), ("8s", "done(sent)")])
def test_timeout_is_the_deadline_of_one_call(company: Company, timeout: str, state: str) -> None:
    """A reply after one second is too late for the one and in time for the other."""
    company.order()
    company.settle()
    company.connection("erp", limits={"timeout": timeout})
    company.erp.faults([{"fault": "slow", "ops": CREATE, "seconds": 1.0}])
    number = company.order()
    company.sync()
    assert company.standing("order", number) == state


@covers("connections.*.identity")
@pytest.mark.parametrize(
    ("identity", "right"),
    [({"expect": "Sandbox GmbH"}, True), ({"expect": "Other AG"}, False),
     ({"company": "SANDBOX"}, True), ({"company": "OTHER"}, False)],
    ids=str,
)  # fmt: skip
def test_identity_is_who_the_system_must_be(
    company: Company, identity: dict[str, str], right: bool
) -> None:
    """Another company than the one expected: nothing runs."""
    company.connection("erp", identity=identity)
    company.order()
    if right:
        company.sync()
    else:
        with pytest.raises(WrongSystem):
            company.sync()
    assert len(company.books()) == int(right)


@covers("connections.*.tls", "connections.*.tls.ca_file")
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
@pytest.mark.parametrize("trusted", [True, False])
def test_ca_file_is_whom_we_trust(company: Company, trusted: bool) -> None:
    """A shop with a certificate of the company's own: admitted only with its authority."""
    cert, key = company.folder / "cert.pem", company.folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    company.order()
    company.shop.close()
    company.shop = start_shop(company.shop_file, tls=(cert, key))
    tls = {"ca_file": str(cert)} if trusted else None
    company.connection("shop", url=company.shop.url, auth={"type": "basic"}, tls=tls)
    if trusted:
        company.sync()
        assert len(company.books()) == 1
    else:
        with pytest.raises(Unavailable, match="tls"):
            company.sync()


@covers("connections.*.settle")
@pytest.mark.parametrize(("settle", "calls"), [("10s", 2), ("60s", 1)])
def test_settle_is_how_long_a_lost_call_may_still_commit(
    company: Company, settle: str, calls: int
) -> None:
    """Thirty seconds after a lost create one connection makes it again, the other still waits."""
    company.order()
    company.settle()
    company.connection("erp", settle=settle)
    company.erp.faults([{"fault": "refuse", "ops": CREATE, "count": 1}])
    company.order()
    company.sync()
    before = len(company.calls(*CREATE))
    company.pass_(30)
    company.sync()
    company.sync()
    assert len(company.calls(*CREATE)) - before == calls - 1


@covers("connections.*.closed")
@pytest.mark.parametrize("now", [True, False])
def test_closed_is_when_nothing_is_sent(company: Company, now: bool) -> None:
    """In its window the ERP hears nothing; outside of it the same order goes."""
    here = company.clock.now().astimezone(company.app.wired["erp"].config.zone)
    begin = here + timedelta(hours=-1 if now else 3)
    words = f"daily {begin:%H:%M}-{begin + timedelta(hours=2):%H:%M}"
    company.connection("erp", closed=[words])
    company.order()
    company.sync()
    assert len(company.books()) == (0 if now else 1)


@covers("connections.*.with")
@pytest.mark.parametrize("release", ["true", "false"])
def test_with_gives_the_profile_its_parameters(company: Company, release: str) -> None:
    """The sandbox ERP's `release`: orders are released after their creation, or not."""
    company.connection("erp", **{"with": {"release": release}})
    number = company.order()
    company.settle()
    assert str(company.books()[0]["released"]).lower() == release
    assert company.standing("order", number).startswith("done")


@covers("connections.*.like")
@pytest.mark.parametrize("like", ["erp", None])
def test_like_copies_a_connection(company: Company, like: str | None) -> None:
    """With it the rest is the other's; without it the rest is missing."""
    company.connection("erp2", like=like, url=f"{company.erp.url}/soap")
    if like:
        company.order()
        company.flow("products", to="erp2")
        company.flow("customers", to="erp2")
        company.flow("orders", to="erp2")
        company.sync()
        assert len(company.books()) == 1
    else:
        with pytest.raises(ConfigError, match="erp2"):
            _ = company.app


@covers("connections.*.webhooks", "connections.*.webhooks.secret")
@pytest.mark.parametrize(("secret", "status"), [("right", 200), ("another", 401)])
def test_webhooks_are_taken_from_who_knows_the_secret(
    company: Company, secret: str, status: int
) -> None:
    """The shop signs with `right`: whoever was configured with another secret refuses it."""
    env = company.folder / ".env"
    env.write_text(env.read_text() + f"HOOK={secret}\n")
    webhooks = {"secret": "${HOOK}"}
    company.config(web={"listen": "8088"}, connections={"shop": {"webhooks": webhooks}})
    body = b'{"id": 7}'
    signature = base64.b64encode(hmac.digest(b"right", body, "sha256")).decode()
    headers = {"x-wc-webhook-signature": signature, "x-wc-webhook-resource": "order"}
    asked = Request(method="POST", path="/hooks/shop", headers=headers, body=body)
    assert Receiver(Turns(company.app)).receive(asked).status == status
    assert len(company.rows("SELECT * FROM hint")) == (status == 200)


@covers("connections.*.tests")
@pytest.mark.parametrize("tests", ["true", "false"])
def test_tests_marks_a_company_into_which_is_rehearsed(company: Company, tests: str) -> None:
    """With it the flows to its like come by themselves; without it nothing goes there."""
    company.config(connections={"erp_test": {"like": "erp", "tests": tests}})
    assert ("orders@erp_test" in company.app.flows) == (tests == "true")
