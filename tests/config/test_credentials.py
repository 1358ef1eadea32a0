"""What a profile takes of `conn.auth` is what a connection must give, no more and no less."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config import load_config
from connector.problems import Problems
from connector.wiring import settings, wire

WSDL = Path(__file__).parents[1] / "adapters" / "body_auth.wsdl"
PROFILE = f"""\
profile: desk
version: "1"
protocol: soap
auth: body
services:
  desk: {{wsdl: {WSDL}, endpoint: "{{{{ conn.url }}}}"}}
args: {{authentication: {{login: = conn.auth.user, password: = conn.auth.password}}}}
"""
CONFIG = """\
version: 1
ledger: sqlite:///ledger.db
mappings: [mine]
connections:
  erp:
    profile: desk
    url: https://erp.example
    zone: UTC
    auth:
"""


def mistakes(folder: Path, auth: dict[str, str], profile: str = PROFILE) -> str:
    (folder / "mine" / "desk").mkdir(parents=True)
    (folder / "mine" / "desk" / "profile.yaml").write_text(profile)
    lines = "".join(f"      {name}: {value}\n" for name, value in auth.items()) + "flows: {}\n"
    (folder / "config.yaml").write_text(CONFIG + lines)
    problems = Problems()
    config = load_config(folder / "config.yaml", problems, env={"SECRET": "pw-canary"})
    assert config is not None, str(problems)
    wired = wire(config, config.connections["erp"], problems)
    assert wired is not None
    made = settings(config, wired, problems)
    assert (made is None) == bool(problems.found)
    assert "canary" not in f"{problems} {made!r}"
    return str(problems)


GIVEN = {"type": "body", "user": "desk", "password": '"${SECRET}"'}


@pytest.mark.parametrize(
    ("auth", "line", "message", "cure"),
    [
        ({"type": "body", "user": "desk"}, 9, "needs `auth.password`", "write `password:"),
        (GIVEN | {"users": "x"}, 13, "uses no `auth.users`", "did you mean `user`?"),
        ({"type": "none"}, 9, "`none` is not for it", "desk takes: body"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(
    tmp_path: Path, auth: dict[str, str], line: int, message: str, cure: str
) -> None:
    """Found at start, not by the first order."""
    said = mistakes(tmp_path, auth)

    assert f"config.yaml:{line}" in said
    assert message in said
    assert cure in said


def test_what_fits_makes_settings_that_show_nothing(tmp_path: Path) -> None:
    """Not even their repr tells a secret."""
    assert mistakes(tmp_path, GIVEN) == ""


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("https://erp.example/oauth/token", ""),
        ("https://me:pw-canary@erp.example/token", "no https:// address"),
    ],
)
def test_the_address_of_a_token_is_no_secret(tmp_path: Path, address: str, says: str) -> None:
    """It stands in the configuration as it is; who writes a password into it is told."""
    profile = PROFILE.partition("args:")[0].replace("auth: body", "auth: oauth2")
    auth = {"type": "oauth2", "token_url": address, "client_id": "desk"}
    found = mistakes(tmp_path, auth, profile)
    assert (says in found) if says else found == ""
