"""`connector map fields`: what a mapping may name, and what it means."""

from __future__ import annotations

import json

import pytest

from connector import cli
from connector.documents import ENTITIES
from connector.documents.meaning import meanings


def test_fields_of_parts_and_lists_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A part's fields stand behind it, each item's behind `[]`; what must be there says so."""
    assert cli.run(["map", "fields", "order", "--json"]) == 0
    rows = {row["field"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["billing.city"] == {"field": "billing.city", "required": False, "meaning": "town"}
    assert rows["lines[].taxes[].rate"]["required"] is True
    assert rows["payment.method"]["meaning"] == "the source's code of the way"
    assert rows["lines[].product"]["required"] is False


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_field_has_a_meaning_once(entity: str) -> None:
    """No field is listed twice or without a word on it."""
    found = meanings(entity)
    assert all(field.meaning for field in found)
    assert len({field.path for field in found}) == len(found)


def test_an_unknown_entity_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing error is answered with what was meant."""
    assert cli.run(["map", "fields", "ordr"]) == 2
    assert "order" in capsys.readouterr().err.replace("ordr", "")
