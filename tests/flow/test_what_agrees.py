"""What of a document that is there contradicts what we would write, and what only looks so."""

from __future__ import annotations

import pytest

from connector.flow.merge import agrees
from connector.values import Tree


@pytest.mark.parametrize(
    ("want", "there", "agreed"),
    [
        ({"Qty": "2"}, {"Qty": "2.00", "No": "1"}, True),
        ({"Qty": "2"}, {"Qty": "3"}, False),
        ({"ID": None, "Qty": "2"}, {"ID": "4b7c", "Qty": "2"}, True),  # $nil: a form, no demand
        ([{"ID": None, "Qty": "2"}], [{"ID": "4b7c", "Qty": "3"}], False),
        ({"City": "Bonn"}, [{"City": "Bonn"}], True),  # one item, in a list by the contract
        ({"City": "Bonn"}, [{"City": "Bonn"}, {"City": "Ulm"}], False),
        ([{"City": "Bonn"}], {"City": "Bonn"}, True),
        ([{"City": "Bonn"}, {"City": "Ulm"}], {"City": "Bonn"}, False),
        ({"City": "Bonn"}, None, None),
        ({"City": "Bonn"}, {}, None),
        ({"ID": "R-1"}, {"ID": {"@schemeID": "x", "$value": "R-1"}}, True),  # text with attributes
        ({"ID": "R-1"}, {"ID": {"@schemeID": "x", "$value": "R-2"}}, False),
        ({"Qty": {"$value": "2", "@unit": "PCE"}}, {"Qty": "2.0"}, True),
        ({"Qty": {"$value": "2", "@unit": "PCE"}}, {"Qty": {"$value": "2", "@unit": "KGM"}}, False),
        (None, "x", False),  # a whole field that is to be empty
    ],
)
def test_only_a_contradiction_is_a_difference(want: Tree, there: Tree, agreed: bool | None) -> None:
    """Else every document of such a system would count as changed by somebody there."""
    assert agrees(want, there) is agreed
