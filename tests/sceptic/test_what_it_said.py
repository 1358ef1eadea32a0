"""Why a target refuses stands in its own words: kept with the attempt, shown to who asks."""

from __future__ import annotations

import logging

import pytest
from company import Company

from connector import cli

WORDS = "as the sandbox was told"
RULES = """\
extends: sandbox_erp
errors:
  - when: = fault.detail.BusinessError.Code == 'invalid'
    outcome: refused
    message: "{{ fault.detail.BusinessError.Field or 'it' }} says no"
"""
REFUSES = {"fault": "fault", "code": "locked", "ops": ["CreateSalesOrder"]}


def show(company: Company, number: str, capsys: pytest.CaptureFixture[str], *more: str) -> str:
    """What `record show` prints of an order."""
    capsys.readouterr()
    company.stop()
    config = str(company.folder / "config.yaml")
    cli.run(["record", "show", "order", number, *more, "-c", config])
    return capsys.readouterr().out


def test_the_words_of_a_refusal_are_shown_to_who_asks_for_content(
    company: Company, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """And nowhere else: they may name a person."""
    company.erp.faults([REFUSES])
    number = company.order()
    with caplog.at_level(logging.DEBUG):
        company.sync()
    assert WORDS in show(company, number, capsys, "--content")
    assert WORDS not in show(company, number, capsys)
    assert WORDS not in caplog.text
    assert WORDS not in str(company.rows("SELECT detail FROM event"))


def test_a_row_of_errors_says_where_the_words_are(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    """`message` is an expression of the profile; without it a fault's text is taken."""
    company.mapping("mine", {"profile.yaml": RULES})
    company.connection("erp", profile="mine")
    company.erp.faults([{**REFUSES, "code": "invalid"}])
    number = company.order()
    company.sync()
    assert "it says no" in show(company, number, capsys, "--content")


def test_the_words_of_a_fault_that_leaves_a_doubt_are_kept_too(company: Company) -> None:
    """Whoever answers a doubt reads them."""
    company.erp.faults([{**REFUSES, "code": "internal"}])
    company.order()
    company.sync()
    [row] = company.rows("SELECT said FROM attempt WHERE action = 'create' AND outcome IS NULL")
    assert row["said"] == WORDS


def test_they_go_when_the_person_is_erased(company: Company) -> None:
    """With all that was sent of him."""
    company.erp.faults([{**REFUSES, "count": 1}])
    number = company.order()
    company.settle()
    assert company.rows("SELECT said FROM attempt WHERE said IS NOT NULL")
    company.stop()
    config = str(company.folder / "config.yaml")
    cli.run(["record", "erase", "order", number, "--yes", "-c", config])
    assert company.rows("SELECT said FROM attempt WHERE said IS NOT NULL") == []
