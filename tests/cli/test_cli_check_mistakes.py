"""`connector check` on wrong configurations: each typical mistake with its line and its cure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector import cli

GOOD = """\
version: 1
ledger: sqlite:///ledger.db
zone: Europe/Berlin
connections:
  shop:
    profile: woocommerce
    url: https://shop.example
    zone: Europe/Berlin
    auth: {type: basic, user: "${WOO_KEY}", password: "${WOO_SECRET}"}
    webhooks: {secret: "${WOO_WEBHOOK}"}
    closed: [daily 00:00-01:00]
  erp:
    profile: sandbox_erp
    url: https://erp.example/soap
    zone: UTC
    auth: {type: basic, user: "${ERP_USER}", password: "${ERP_PASSWORD}"}
    with: {release: true}
flows:
  customers:
    entity: customer
    from: shop
    to: erp
    mode: on_demand
    match: [email]
    guests: each
  orders:
    entity: order
    from: shop
    to: erp
    every: 1m
    start: 2026-12-01T00:00:00+01:00
    reference: "DE-{{ doc.number }}"
    only: {status: [confirmed]}
    money: {tolerance: 0.05 EUR, verify: all}
    brakes: {first: 20, per_hour: 500}
    tables:
      payment_method: {cod: Nachnahme, else: error}
  stock:
    entity: stock
    from: erp
    to: shop
    amount: {minus_unsent_orders: [orders], buffer: 2, percent: 80}
    brakes: {zeroed: 5%}
attempts: {pattern: [10s, 1m], most: 12}
keep: {payloads: 90d, attempts: 1y, proof: 10y}
web: {listen: 127.0.0.1:8088}
alerts:
  - {url: "${ALERT_URL}", when: [refused, held > 1h]}
fresh: {orders: 30m during 08:00-20:00}
"""
NAMES = ("WOO_KEY", "WOO_SECRET", "WOO_WEBHOOK", "ERP_USER", "ERP_PASSWORD")
ENV = "".join(f"{name}=canary-{name.lower()}\n" for name in NAMES) + "ALERT_URL=json://localhost\n"

# (what stands there, what is written instead, line, part of place and message, part of the cure)
MISTAKES = [
    ("profile: woocommerce", "profile: woocomerce", 6, "no profile `woocomerce`", "`woocommerce`"),
    ("${WOO_SECRET}", "${WOO_SECRT}", 9, "${WOO_SECRT} is not set", "add WOO_SECRT=…"),
    ("${WOO_WEBHOOK}", "${WOO_HOOK}", 10, "${WOO_HOOK} is not set", "add WOO_HOOK=…"),
    ("${ALERT_URL}", "${file:alert}", 48, "${file:alert} cannot be read", "the file exists"),
    ("zone: UTC", "zone: CET+1", 15, "zone: is not a time zone", "did you mean CET?"),
    ("zone: UTC", "zone: Europe/Berlim", 15, "is not a time zone", "did you mean Europe/Berlin"),
    ("to: erp\n    every", "to: epr\n    every", 29, "named `epr`", "did you mean `erp`"),
    ("    start: 2026-12-01T00:00:00+01:00\n", "", 26, "needs a `start`", "add `start: 2026"),
    ('"DE-{{ doc.number }}"', "DE-100", 32, "the same for every document", "{{ doc.number }}"),
    ("DE-{{ doc.number }}", "DE-{{ conn.name }}", 32, "same for every document", "doc.number"),
    ('"DE-{{ doc.number }}"', "{{ doc.number }}", 32, "reference: is a mapping to YAML", "quote"),
    ("DE-{{ doc.number }}", "DE-{{ doc.numbr }}", 32, "doc.numbr", "did you mean `number`"),
    ("DE-{{ doc.number }}", "DE-{{ doc.number", 32, "is cut or wrong", "quote the whole value"),
    ("every: 1m", 'every: "60 2 * * *"', 30, "every: is no cron line", "30 2 * * mon-fri"),
    ("every: 1m", "every: 1 minute", 30, "every: is not how often", "write 1m, never"),
    ("    every: 1m", "\tevery: 1m", 30, "not YAML", "indent with spaces, never with tabs"),
    ("    every: 1m", "   every: 1m", 30, "not YAML", "align this line"),
    ("every: 1m", "every: 1m\n    every: 2m", 31, "key stands twice", "the first is in line 30"),
    ("flows:", "  shop: {like: erp}\nflows:", 18, "shop: key stands twice", "in line 5"),
    ("entity: order", "entity: orders", 27, "not one of the words", "did you mean `order`"),
    ("0.05 EUR", "0.05", 34, "tolerance: is not an amount of money", "0.05 EUR"),
    ("0.05 EUR", "0.05€", 34, "tolerance: is not an amount of money", "0.05 EUR"),
    ("buffer: 2", "buffer: -2", 42, "buffer: is not a whole number", "digits only"),
    ("most: 12", "most: -1", 44, "most: is not a whole number", "digits only"),
    ("first: 20", "frist: 20", 35, "unknown key `frist`", "did you mean `first`"),
    ("first: 20", "zeroed: 5%", 35, "`zeroed` does nothing in a flow of order", "remove it"),
    ("zeroed: 5%", "zeroed: 0.05", 43, "zeroed: is not a share", "with its sign: 5%"),
    ("percent: 80", "percent: 120", 42, "percent: is no percentage", "up to 100"),
    ("daily 00:00-01:00", "daily 00:00", 11, "is not a window of time", '"daily 00:00-01:00"'),
    ("daily 00:00-01:00", "daily 00:00-", 11, "is not a window of time", '"daily 00:00-01:00"'),
    ("with: {release: true}", "with: {relase: true}", 17, "no parameter `relase`", "`release`"),
    ("release: true", "release: yes", 17, "release", "true"),
    ("type: basic, user: \"${E", "type: basci, user: \"${E", 16, "`basci` is not for it", "basic"),
    ("payment_method", "payment_methods", 36, "no table `payment_methods`", "`payment_method`"),
    ("[orders]", "[order]", 42, "`order` is no flow of orders into erp", "`orders`"),
    ("status: [confirmed]", "status: [confirmd]", 33, "confirmd", "`confirmed`"),
    ("match: [email]", "match: [mail]", 24, "no customer of ours has `mail`", "`email`"),
    ("fresh: {orders", "fresh: {order", 49, "there is no flow `order`", "`orders`"),
    ("held > 1h", "hold > 1h", 48, "is nothing that can be told", "`held`"),
    ("payloads: 90d", "payloads: 3 months", 45, "payloads: is not such a time", "90d, 1y"),
    ("127.0.0.1:8088", "localhost:8088", 46, "not a numeric address", "127.0.0.1:8088"),
    ("127.0.0.1:8088", "127.0.0.1:80880", 46, "not an address to listen at", "127.0.0.1:8088"),
]  # fmt: skip


class Checked:
    """`connector check --offline --json` on a text as the configuration."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file, self._capsys = folder / "config.yaml", capsys
        self.write(".env", ENV)

    def write(self, name: str, text: str) -> None:
        path = self.file.with_name(name)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)

    def __call__(self, text: str, *args: str) -> tuple[int, str]:
        """Exit code and what was said on stderr."""
        self.write("config.yaml", text)
        self._capsys.readouterr()
        code = cli.run(["check", "--offline", *args, "--config", str(self.file)])
        return code, self._capsys.readouterr().err

    def problems(self, text: str) -> list[dict[str, Any]]:
        """What is wrong with *text*: exit code 2 then, and then only."""
        code, said = self(text, "--json")
        assert "canary" not in said
        assert (code == 2) == bool(said)
        return list(json.loads(said)["error"]["problems"]) if said else []


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Checked:
    return Checked(tmp_path, capsys)


def test_the_good_one_is_good(check: Checked) -> None:
    """Without a mistake nothing is reported, so each mistake below is the only one."""
    assert check.problems(GOOD) == []


@pytest.mark.parametrize(("good", "bad", "line", "message", "cure"), MISTAKES)
def test_a_typical_mistake_is_told_with_its_line_and_cure(
    check: Checked, good: str, bad: str, line: int, message: str, cure: str
) -> None:
    """One mistake, one problem: file, line, what is wrong, what to do."""
    assert GOOD.count(good) >= 1
    (problem,) = check.problems(GOOD.replace(good, bad, 1))
    assert (problem["file"], problem["line"]) == (str(check.file), line)
    assert message in f"{problem['path']}: {problem['message']}"
    assert cure in problem["cure"]


@pytest.mark.parametrize(
    ("good", "bad", "line", "message"),
    [
        ("brakes: {first: 20, per_hour: 500}", "brakes:", 35, "must be a mapping"),
        (
            "amount: {minus_unsent_orders: [orders], buffer: 2, percent: 80}",
            "amount: 2",
            42,
            "must",
        ),
        ("fresh: {orders: 30m during 08:00-20:00}", "fresh: 30m", 49, "must be a mapping"),
        ("web: {listen: 127.0.0.1:8088}", "web: 8088", 46, "must be a mapping"),
        ("only: {status: [confirmed]}", "only: {status: confirmed}", 33, "is not a list"),
        ("payment_method: {cod: Nachnahme, else: error}", "payment_method:", 37, "must be a map"),
    ],
)
def test_a_section_of_another_shape_is_told_and_the_rest_examined(
    check: Checked, good: str, bad: str, line: int, message: str
) -> None:
    """A value where a mapping or a list belongs, as one leaves it when editing."""
    text = broken((good, bad, 0, ""), ("DE-{{ doc.number }}", "DE-{{ doc.numbr }}", 0, ""))
    found = [(p["line"], p["message"]) for p in check.problems(text)]
    assert any(at == line and message in told for at, told in found)
    assert any(at == 32 and "numbr" in told for at, told in found)


def test_no_parameter_at_all_is_none_too_many(check: Checked) -> None:
    """`with: {}` is as if it were left out."""
    assert check.problems(GOOD.replace("with: {release: true}", "with: {}")) == []


# One mistake of each stage: a shape, what must fit, a profile, a parameter, a secret, expressions.
OF_ALL_STAGES = [
    ("most: 12", "most: x", 43, "is not a whole number"),
    ("to: shop\n    amount", "to: shp\n    amount", 40, "no connection is named `shp`"),
    ("    start: 2026-12-01T00:00:00+01:00\n", "", 26, "needs a `start`"),
    ("release: true", "relase: true", 17, "no parameter `relase`"),
    ("${WOO_SECRET}", "${WOO_SECRT}", 9, "${WOO_SECRT} is not set"),
    ("${WOO_WEBHOOK}", "${WOO_HOOK}", 10, "${WOO_HOOK} is not set"),
    ("${ALERT_URL}", "${ALERT}", 47, "${ALERT} is not set"),
    ("ledger.db", "${LEDGER}.db", 2, "${LEDGER} is not set"),
    ("DE-{{ doc.number }}", "DE-{{ doc.numbr }}", 31, "doc.numbr"),
    ("status: [confirmed]", "status: [confirmd]", 32, "confirmd"),
    ("payment_method", "payment_methods", 35, "no table `payment_methods`"),
]


def broken(*changes: tuple[str, str, int, str]) -> str:
    """The good file with all of *changes*."""
    text = GOOD
    for good, bad, *_ in changes:
        assert good in text
        text = text.replace(good, bad, 1)
    return text


def test_mistakes_of_every_stage_come_in_one_report(check: Checked) -> None:
    """A wrong shape hides neither a secret that is not there nor a wrong expression."""
    found = [(p["line"], p["message"]) for p in check.problems(broken(*OF_ALL_STAGES))]
    for _, _, line, message in OF_ALL_STAGES:
        assert any(line == at and message in told for at, told in found), message
    assert len(found) == len(OF_ALL_STAGES)


def test_what_hangs_on_a_mistake_is_said_to_be_unexamined(check: Checked) -> None:
    """Nobody knows the parameters of a profile that is not there; a flow's own words are judged."""
    text = broken(
        ("profile: sandbox_erp", "profile: sandbox_epr", 0, ""),
        ("with: {release", "with: {relase", 0, ""),
        ("DE-{{ doc.number }}", "DE-{{ doc.numbr }}", 0, ""),
        ("${ERP_USER}", "${ERP_USR}", 0, ""),
    )
    assert {p["line"] for p in check.problems(text)} == {13, 16, 32}
    assert "more may show once these are mended" in check(text)[1]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("    every: 1m", "\tevery: 1m"),
        ("entity: order", "entity: ordr"),
        ("zone: UTC", "zone: U"),
        ("mode: on_demand", "mode: demand"),
        ("with: {release: true}", "with: 1"),
    ],
)
def test_where_it_cannot_go_on_it_says_so(check: Checked, good: str, bad: str) -> None:
    """What cannot be read further is one problem, and the report is not sold as whole."""
    text = GOOD.replace(good, bad, 1)
    assert len(check.problems(text)) == 1
    assert "more may show once these are mended" in check(text)[1]


def test_a_report_that_is_whole_promises_no_more(check: Checked) -> None:
    """Mistakes on which nothing hangs."""
    text = broken(("most: 12", "most: x", 0, ""), ("DE-{{ doc.number }}", "{{ doc.nr }}", 0, ""))
    assert len(check.problems(text)) == 2
    assert "more may show once" not in check(text)[1]
