"""`only: {field: [values]}`: the values that documents really have, of whatever kind."""

from __future__ import annotations

import pytest

from connector.documents import document_of
from connector.documents.catalog import Product
from connector.picking import picks
from connector.problems import Problems
from connector.yamlread import Node

PLACE = Node("", 7, "flows.products.only", "config.yaml")


def product(**fields: object) -> Product:
    """A product that sells."""
    return document_of(Product, {"sku": "A", "name": "A", **fields})


@pytest.mark.parametrize(
    ("field", "written", "is_", "is_not"),
    [
        ("manage_stock", "true", True, False),
        ("manage_stock", "false", False, True),
        ("price", "10", "10.00", "10.01"),
        ("sku", "A", "A", "B"),
        ("status", "active", "active", "inactive"),
    ],
)
def test_a_value_is_of_the_kind_of_its_field(
    field: str, written: str, is_: object, is_not: object
) -> None:
    """As YAML writes flags and numbers, and not as Python does."""
    problems = Problems()
    fits = picks("product", {field: [written]}, PLACE, problems)
    problems.raise_if_any()
    assert fits(product(**{field: is_}))
    assert not fits(product(**{field: is_not}))


@pytest.mark.parametrize(
    ("field", "written"),
    [("manage_stock", "yes"), ("price", "cheap"), ("colour", "red"), ("status", "actve")],
)
def test_what_no_document_can_have_is_told(field: str, written: str) -> None:
    """Such a filter would let nothing through, silently."""
    problems = Problems()
    picks("product", {field: [written]}, PLACE, problems)
    [problem] = problems.found
    assert field in problem.message
    assert problem.cure
