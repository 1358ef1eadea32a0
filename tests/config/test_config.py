"""What a right configuration means."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from connector.config import Config, Guests, json_schema, ledger_url, load_config
from connector.problems import Problems
from connector.yamlread import Node, plain

TEXT = """\
version: 1
ledger: sqlite:///state/ledger.db
mappings: [mine]
connections:
  shop: {profile: woocommerce, url: https://shop.example/, zone: Europe/Berlin, lag: 30s}
  erp:
    profile: acme_erp
    url: "${ERP_URL}"
    zone: UTC
    auth: {type: basic, user: u, password: "${file:pw}"}
    limits: {concurrency: 2, timeout: 60s}
    identity: {company: "1", expect: ACME GmbH}
    tls: {ca_file: ca.pem}
    settle: 15m
    with: {warehouse: 0010, express: No}
  test: {like: erp, url: https://test.example, limits: {concurrency: 1}, auth: {type: none}}
flows:
  products: {entity: product, from: shop, to: erp, mode: link_only, match: [sku]}
  customers:
    entity: customer
    from: shop
    to: erp
    mode: on_demand
    guests: {by: = doc.billing.country, DE: C-1, else: C-2}
  orders:
    entity: order
    from: shop
    to: erp
    start: 2026-12-01T00:00:00+01:00
    money: {tolerance: 0.05 EUR, verify: first 20}
    only: {status: [confirmed, fulfilled]}
    tables: {payment: {cod: Cash}}
  rehearsal: {like: orders, to: test, tables: {payment: {bacs: Bank}}, only: "= doc.total > 0"}
"""


def loaded(folder: Path, text: str = TEXT) -> Config:
    """Load *text*, which has no problem."""
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "ca.pem").touch()
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    config = load_config(folder / "config.yaml", problems, env={"ERP_URL": "https://erp.example"})
    assert str(problems) == ""
    assert config is not None
    return config


def test_durations_moments_and_money_are_exact(tmp_path: Path) -> None:
    """They are read once, into timedelta, UTC and Decimal."""
    config = loaded(tmp_path)
    assert config.connections["shop"].lag == timedelta(seconds=30)
    assert config.flows["orders"].start == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert config.flows["orders"].start.tzinfo is UTC
    assert config.flows["orders"].money.tolerance == Decimal("0.05")
    assert config.flows["orders"].money.verify_number == 20


def test_what_yaml_would_guess_stays_as_written(tmp_path: Path) -> None:
    """0010 is not 8, No is not False: parameters reach the profile as they stand."""
    given = loaded(tmp_path).connections["erp"].parameters
    assert plain(given) == {"warehouse": "0010", "express": "No"}


def test_what_is_left_out_is_left_to_the_profile(tmp_path: Path) -> None:
    """Limits and lag are None, settle is the cautious quarter of an hour."""
    shop = loaded(tmp_path).connections["shop"]
    assert (shop.limits.concurrency, shop.limits.timeout) == (None, None)
    assert shop.settle == timedelta(minutes=15)


def test_a_copy_differs_only_where_it_says(tmp_path: Path) -> None:
    """`like` merges limits key by key, replaces auth whole and keeps the rest."""
    test = loaded(tmp_path).connections["test"]
    assert (test.limits.concurrency, test.limits.timeout) == (1, timedelta(seconds=60))
    assert plain(test.auth) == {"type": "none"}
    assert (test.profile, test.expect, test.identity) == ("acme_erp", "ACME GmbH", {"company": "1"})


def test_a_copied_flow_merges_its_tables(tmp_path: Path) -> None:
    """Rows are added to the original's rows; an expression replaces a list of values."""
    rehearsal = loaded(tmp_path).flows["rehearsal"]
    assert rehearsal.tables == {"payment": {"cod": "Cash", "bacs": "Bank"}}
    assert isinstance(rehearsal.only, Node)
    assert rehearsal.start is not None


def test_guests_keep_their_expression_with_its_place(tmp_path: Path) -> None:
    """The expression is compiled elsewhere, where a mistake can still be placed."""
    guests = loaded(tmp_path).flows["customers"].guests
    assert isinstance(guests, Guests)
    assert (guests.by.value, guests.by.line) == ("= doc.billing.country", 24)
    assert guests.rows == {"DE": "C-1", "else": "C-2"}


def test_relative_paths_begin_at_the_file(tmp_path: Path) -> None:
    """Where the command is run from makes no difference to ledger, mappings and certificates."""
    config, problems = loaded(tmp_path), Problems()
    assert ledger_url(config, problems) == f"sqlite:///{tmp_path}/state/ledger.db"
    assert config.mappings == (tmp_path / "mine",)
    assert config.connections["erp"].tls == {"ca_file": tmp_path / "ca.pem"}


def test_a_secret_is_looked_up_only_when_used(tmp_path: Path) -> None:
    """The missing password file is no problem until its connection is used, then it is placed."""
    config, problems = loaded(tmp_path), Problems()
    erp = config.connections["erp"]
    assert config.secrets.text(erp.url, problems) == "https://erp.example"
    assert not problems
    assert config.secrets.reveal(erp.auth, problems)
    (problem,) = problems.found
    assert (problem.line, problem.path) == (10, "connections.erp.auth.password")


def test_a_password_may_be_blank_where_the_key_is_the_user(tmp_path: Path) -> None:
    """It hides nothing that would have to stand in .env."""
    given = '"${file:pw}"'
    assert given in TEXT
    config, problems = loaded(tmp_path, TEXT.replace(given, '""')), Problems()

    revealed = config.secrets.reveal(config.connections["erp"].auth, problems)
    assert revealed == {"type": "basic", "user": "u", "password": ""}
    assert not problems


def test_a_file_of_a_token_lies_beside_the_configuration(tmp_path: Path) -> None:
    """Its name is no secret."""
    given = 'auth: {type: basic, user: u, password: "${file:pw}"}'
    auth = "auth: {type: oauth2, refresh_token_file: erp.token}"
    assert given in TEXT
    config, problems = loaded(tmp_path, TEXT.replace(given, auth)), Problems()

    revealed = config.secrets.reveal(config.connections["erp"].auth, problems)
    assert revealed == {"type": "oauth2", "refresh_token_file": str(tmp_path / "erp.token")}


def test_the_schema_knows_what_the_loader_knows(tmp_path: Path) -> None:
    """Needed keys, closed words and patterns are in the published schema."""
    schema = json_schema()
    flow = schema["properties"]["flows"]["additionalProperties"]
    assert flow["additionalProperties"] is False
    assert {"required": ["entity", "from", "to"]} in flow["anyOf"]
    assert flow["properties"]["mode"]["enum"] == ["on_demand", "link_only", "sync"]
