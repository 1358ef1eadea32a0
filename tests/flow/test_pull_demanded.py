"""Reading what blocked records wait for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from company import Company

from connector.errors import NotNow, Unavailable
from connector.flow.pull import read_each
from connector.testing.rig import order_flow
from connector.values import Item, Read


class Moody:
    """A source that fails for some keys."""

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.asked: list[str] = []
        self.shuts = ""

    def read(self, entity: str, keys: Sequence[str]) -> Iterator[Read]:
        for key in keys:
            self.asked.append(key)
            if key == self.shuts:
                raise NotNow("paused", code="paused")
            if key in self.bad:
                raise Unavailable("500")
            yield Item(key=key, version=None, raw=b"{}")


def test_a_key_that_always_fails_holds_up_no_other() -> None:
    """The others are read in the same turn."""
    found = read_each(Moody("2"), order_flow(), ["1", "2", "3", "4"])
    assert [i.key for i in found if isinstance(i, Item)] == ["1", "3", "4"]


def test_an_outage_is_told_after_few_calls() -> None:
    """Three failures in a row end it: nobody waits for a hundred timeouts."""
    source = Moody(*"123456789")
    with pytest.raises(Unavailable):
        read_each(source, order_flow(), list("123456789"))
    assert len(source.asked) == 3


@pytest.mark.parametrize("keys", ["1", "12"])
def test_also_of_one_or_two_that_nobody_gives(keys: str) -> None:
    """It was taken for nothing to read: the run went on as if the source were there."""
    with pytest.raises(Unavailable):
        read_each(Moody("1", "2"), order_flow(), list(keys))


def test_what_was_read_before_somebody_shut_the_source_is_kept() -> None:
    """And nobody is asked any more."""
    source = Moody()
    source.shuts = "3"
    found = read_each(source, order_flow(), list("12345"))
    assert [i.key for i in found if isinstance(i, Item)] == ["1", "2"]
    assert source.asked == ["1", "2", "3"]


def test_who_only_links_asks_by_the_page(company: Company) -> None:
    """5 000 products are 50 questions, however few calls at once the ERP takes."""
    company.connection("erp", limits={"concurrency": "1"})
    company.sync("products")
    assert len(company.calls("FindItems")) == 1
    assert len([r for r in company.rows("SELECT * FROM link") if r["entity"] == "product"]) == 5
