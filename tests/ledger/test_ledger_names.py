"""By which names people find a record."""

from __future__ import annotations

import pytest
from ledger_rows import a_link, a_record

from connector.ledger import history

WITHIN = b'"number":"W-1"'


@pytest.mark.parametrize(
    ("name", "fits"),
    [("k1", "key"), ("SO-1", "target_key"), ("DE-1", "reference"), ("W-1", "document")],
)
def test_a_record_is_found_by_each_of_its_names(db, name, fits):
    """On both databases, whatever else the document says; another entity is another thing."""
    for key, number in (("k1", "W-1"), ("k2", "W-11")):
        doc = f'{{"note":"ü","number":"{number}"}}'.encode()
        a_record(db, key=key, reference=f"DE-{key[1:]}", doc=doc)
    a_record(db, key="k1", entity="refund", flow="refunds", doc=b'{"number":"W-1"}')
    a_link(db, source_key="k1", target_key="SO-1")
    within = WITHIN if name == "W-1" else b'"number":"-"'
    [found] = history.named(db, "order", name, within)
    assert (found["key"], found["fits"], found["there"]) == ("k1", fits, "SO-1")
    assert "doc" not in found


def test_a_document_that_was_dropped_is_found_by_its_other_names(db):
    """Content goes first (keep:); keys and references are proof."""
    a_record(db, key="k1", reference="DE-1", doc=None, state="done")
    assert [row["key"] for row in history.named(db, "order", "DE-1", WITHIN)] == ["k1"]
    assert history.named(db, "order", "W-1", WITHIN) == []
