"""Stock, by the shipped profiles on the sandboxes, over real HTTP."""

from __future__ import annotations

from contextlib import closing

import pytest
from profiles_by_hand import soap

from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems
from connector.sandbox.erp import start_erp
from connector.sandbox.seed import seed_erp
from connector.values import Item, Tombstone


def shipped(name):
    """A shipped profile, compiled."""
    problems = Problems()
    made = compile_profile(load_profile(name, [mappings_folder()], problems), problems)
    problems.raise_if_any()
    return made


ERP = shipped("sandbox_erp")


@pytest.fixture
def source(tmp_path):
    """An ERP of 250 items."""
    seed_erp(tmp_path / "erp.db", items=[f"SB-{n}" for n in range(250)])
    with (
        start_erp(tmp_path / "erp.db") as running,
        closing(soap(f"{running.url}/soap", ERP.profile)) as system,
    ):
        yield system


def test_a_walk_of_the_stock_gives_every_item_once(source):
    """Page by page, and it says at its end that this was all."""
    pages = list(source.pages("stock", None, start=None, until=None))
    keys = [item.key for page in pages for item in page.items]

    assert (len(keys), len(set(keys))) == (250, 250)
    assert [page.complete for page in pages].index(True) == len(pages) - 1


def test_stock_is_read_by_number_too(source):
    """What is there is a whole document, what is not there a tombstone."""
    [there, gone] = source.read("stock", ["I-0007", "I-9999"])
    assert isinstance(there, Item)
    assert isinstance(gone, Tombstone)

    doc = ERP.readers["stock"].document(source.decode("stock", there.raw))
    assert (doc.sku, doc.unit, doc.pieces) == ("SB-6", "pcs", 1)
    assert [(at.warehouse, at.on_hand, at.available) for at in doc.levels] == [("main", 1000, 1000)]


def test_the_same_stock_read_later_is_the_same_document(source):
    """When it was read is no part of it: nothing changes by the passing of time."""
    [first] = source.read("stock", ["I-0007"])
    [second] = source.read("stock", ["I-0007"])

    assert first.raw == second.raw
