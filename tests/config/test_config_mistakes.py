"""Typical mistakes in `config.yaml`: each is told with its line, what is wrong and the cure."""

from pathlib import Path

import pytest

from connector.config import load_config
from connector.problems import Problem, Problems

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
    lag: 30s
    limits: {concurrency: 4, timeout: 60s}
  erp:
    profile: sandbox_erp
    url: https://erp.example/soap
    zone: UTC
    settle: 15m
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
    start: 2026-12-01T00:00:00+01:00
    reference: "DE-{{ doc.number }}"
    only: {status: [confirmed]}
    wait: 10m
    money: {tolerance: 0.05 EUR, verify: all}
    unknown_product: hold
attempts: {pattern: [10s, 1m], most: 12, doubt: {alarm: 1h}}
"""

# (what stands there, what is written instead, line, part of the message, part of the cure)
MISTAKES = [
    (
        "    settle: 15m",
        "    closed: [mon-fri 22:00-25:30]",
        16,
        "no clock shows",
        "daily 00:00-01:00",
    ),
    ("    settle: 15m", "    closed: [22:00-05:30]", 16, "closed", "daily 00:00-01:00"),
    ("version: 1", "version: 2", 1, "version: is not one of the words", "write 1"),
    ("version: 1\n", "", 1, "`version` is missing", "add `version:`"),
    (
        "zone: Europe/Berlin\nconn",
        "zone: Europe/Berln\nconn",
        3,
        "not a time zone",
        "Europe/Berlin",
    ),
    (
        "sqlite:///ledger.db",
        "postgres://u@h/db",
        2,
        "ledger: is not an address",
        "postgresql+psycopg",
    ),
    ("sqlite:///ledger.db", "ledger.db", 2, "ledger: is not an address", "sqlite:////var/lib"),
    ("sqlite:///ledger.db", "postgresql+psycopg://u:pw@h/d", 2, "holds a password", "${NAME}"),
    ("attempts:", "atempts:", 35, "unknown key `atempts`", "did you mean `attempts`"),
    ("attempts:", "webs: {}\nattempts:", 35, "unknown key `webs`", "did you mean `web`"),
    ("    lag: 30s", "    lags: 30s", 10, "shop.lags: unknown key", "did you mean `lag`"),
    ("    lag: 30s", "    lag: 30", 10, "lag: is not a duration", "30s, 10m"),
    ("    lag: 30s", "    lag: 500ms", 10, "lag: is shorter than a second", "at least 1s"),
    ("    lag: 30s", "    every: 1m", 10, "unknown key `every`", "remove it"),
    ("url: https://shop.example", "url: shop.example", 7, "not a web address", "https://host"),
    ("https://shop.example", "https://a:b@shop.example", 7, "carries credentials", "`auth`"),
    ('"${WOO_SECRET}"', "cs_0123", 9, "a secret stands in the configuration", ".env"),
    ("concurrency: 4", "concurrency: many", 11, "not a whole number of at least 1", "digits"),
    ("concurrency: 4", "per_minute: 5", 11, "unknown key `per_minute`", "per_second"),
    ("    profile: sandbox_erp\n", "", 12, "erp: `profile` is missing", "add `profile:`"),
    ("    settle: 15m", "    settle: 2h", 16, "not shorter than the alarm", "attempts.doubt.alarm"),
    (
        "    settle: 15m",
        "    settle: 1m\n    limits: {timeout: 2m}",
        16,
        "than the timeout",
        "settle",
    ),
    ("    settle: 15m", "    tls: {ca_file: no.pem}", 16, "names no file", "check the path"),
    (
        "    settle: 15m",
        "    like: shpo",
        16,
        "copies something that is not",
        "did you mean `shop`",
    ),
    ("    settle: 15m", "    like: erp", 16, "copies itself: erp → erp", "write one of them out"),
    ("entity: customer", "entity: custmer", 19, "not one of the words", "did you mean `customer`"),
    ("    to: erp\n    mode", "    to: epr\n    mode", 21, "no connection is named", "`erp`"),
    ("    to: erp\n    mode", "    to: shop\n    mode", 21, "where it comes from", "the other"),
    ("on_demand", "on_demad", 22, "mode: is not one of the words", "did you mean `on_demand`"),
    ("match: [email]", "match: email", 23, "match: is not a list", "[one, two]"),
    ("guests: each", "guests: {DE: C-1}", 24, "which field chooses", "by: = doc.billing.country"),
    (
        "guests: each",
        "guests: {by: = doc.x, DE: C-1}",
        24,
        "leaves countries without",
        "else: NUMBER",
    ),
    (
        "guests: each",
        "guests: each\n    start: 2026-12-01T00:00:00Z",
        25,
        "does nothing in mode",
        "re",
    ),
    (
        "guests: each",
        "guests: each\n    unknown_product: hold",
        25,
        "in a flow of customer",
        "remove",
    ),
    ("    start: 2026-12-01T00:00:00+01:00\n", "", 25, "needs a `start`", "add `start:"),
    ("00:00:00+01:00", "00:00:00", 29, "without offset", "+01:00"),
    ("2026-12-01T00:00:00+01:00", "1.12.2026", 29, "start: is not a time", "with its offset"),
    ("DE-{{ doc.number }}", "DE-1", 30, "the same for every document", "{{ doc.number }}"),
    ("only: {status: [confirmed]}", "only: confirmed", 31, "not an expression", '"= …"'),
    ("0.05 EUR", '"0,05 EUR"', 33, "tolerance: is not an amount", "0.05 EUR"),
    ("verify: all", "verify: first", 33, "which totals are verified", "first N"),
    ("unknown_product: hold", "unknown_product: create", 34, "cannot be `create`", "hold, or"),
    ("[10s, 1m]", "[10s, soon]", 35, "pattern[1]: is not a duration", "30s, 10m"),
    ("most: 12", "most: 0", 35, "most: is not a whole number", "digits"),
    ("most: 12", "most:", 35, "most: has no value", "remove the key"),
    ("wait: 10m", "wait: 10m\n    wait: 5m", 33, "key stands twice", "the first is in line 32"),
    ("wait: 10m", "wait: [10m]", 32, "must be a single value", "without brackets"),
    ("    wait: 10m", "\twait: 10m", 32, "cannot start any token", "spaces, never with tabs"),
    ("  orders:", "  my orders:", 25, "is not a name", "begin with a letter"),
    (
        "    to: erp\n    start",
        "    to: erp\n    entity: customer\n    start",
        29,
        "key stands twice",
        "keep",
    ),
]


def problems_of(folder: Path, text: str) -> list[Problem]:
    """Load *text* as a configuration and return what is wrong with it."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    problems = Problems()
    config = load_config(path, problems, env={})
    assert (config is None) == bool(problems.found)
    return sorted(set(problems.found))


def test_the_good_one_is_good(tmp_path: Path) -> None:
    """Without a mistake nothing is reported, so each mistake below is the only one."""
    assert problems_of(tmp_path, GOOD) == []


@pytest.mark.parametrize(("good", "bad", "line", "message", "cure"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_cure(
    tmp_path: Path, good: str, bad: str, line: int, message: str, cure: str
) -> None:
    """One mistake makes exactly one problem: file, line, what is wrong, what to do."""
    assert GOOD.count(good) >= 1
    (problem,) = problems_of(tmp_path, GOOD.replace(good, bad, 1))
    assert problem.file == str(tmp_path / "config.yaml")
    assert problem.line == line
    assert message in f"{problem.path}: {problem.message}"
    assert cure in problem.cure


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """A file with mistakes in every section yields one report that holds all of them."""
    bad = GOOD.replace("lag: 30s", "lag: soon").replace("most: 12", "most: x")
    bad = bad.replace("to: erp\n    mode", "to: epr\n    mode").replace("version: 1", "version: 9")
    assert [p.line for p in problems_of(tmp_path, bad)] == [1, 10, 21, 35]


def test_two_flows_of_the_same_documents_are_refused(tmp_path: Path) -> None:
    """Two flows of one entity between the same two would each create every order."""
    bad = GOOD.replace("attempts:", "  again: {like: orders}\nattempts:")
    (problem,) = problems_of(tmp_path, bad)
    assert "delivers the same documents as `orders`" in problem.message
    assert problem.line == 35


def test_a_problem_never_shows_a_value(tmp_path: Path) -> None:
    """What stands in a wrong place may be a secret: no report repeats it."""
    canary = "canary7781"
    for good, _, *_ in MISTAKES:
        name, colon, _ = good.partition(": ")
        if colon and "\n" not in good:
            text = GOOD.replace(good, f"{name}: {{password: {canary}}}", 1)
            assert canary not in " ".join(map(str, problems_of(tmp_path, text)))


def test_a_value_cut_at_a_comma_is_told_and_not_shown(tmp_path: Path) -> None:
    """In {…} a comma ends a value: the report says so, and does not repeat what may be secret."""
    bad = GOOD.replace('"${WOO_SECRET}"', "canary,77 QANAR")
    told = " ".join(map(str, problems_of(tmp_path, bad)))
    assert "inside {…} a comma ends a value" in told
    assert "canary" not in told
    assert "QANAR" not in told
