"""A desk at the company: command lines run as an administrator runs them, and what they said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from company import Company

from connector import cli
from connector.clock import SystemClock


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """One company, its configuration, and the command line."""

    def __init__(self, company: Company, capsys: pytest.CaptureFixture[str]) -> None:
        self.company, self._capsys = company, capsys

    def __call__(self, *args: str) -> Said:
        """Run a command line on the company's configuration."""
        self.company.stop()
        self._capsys.readouterr()
        code = cli.run([*args, "--config", str(self.company.folder / "config.yaml")])
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)


@pytest.fixture
def desk(
    company: Company, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """The command line lives in the company's time."""
    monkeypatch.setattr(SystemClock, "now", lambda _: company.clock.now())
    monkeypatch.setattr(SystemClock, "boottime", lambda _: company.clock.boottime())
    return Desk(company, capsys)
