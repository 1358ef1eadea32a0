"""A Singer tap made with singer-sdk: the shop's orders, page by page, as messages on stdout."""

from __future__ import annotations

import sys
from typing import Any

from requests import Response
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.helpers._typing import TypeConformanceLevel
from singer_sdk.pagination import BasePageNumberPaginator

from benchmarks.by_hand import SIZE

ANY = th.CustomType({})
TEXT = ("number", "currency", "date_created", "status", "payment_method", "transaction_id")
PARTS = ("billing", "shipping", "line_items", "shipping_lines")


class Pages(BasePageNumberPaginator):
    """The shop's pages end with one that is not full."""

    def has_more(self, response: Response) -> bool:
        """Is there a page behind this one?"""
        return len(response.json()) == SIZE


class Orders(RESTStream[int]):
    """The orders."""

    name, path, primary_keys = "orders", "/wp-json/wc/v3/orders", ("id",)
    url_base = sys.argv.pop(1)
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType),
        th.Property("customer_id", th.IntegerType),
        *(th.Property(name, th.StringType) for name in TEXT),
        *(th.Property(name, ANY) for name in PARTS),
    ).to_dict()

    def get_new_paginator(self) -> Pages:
        """From the first page on."""
        return Pages(1)

    def get_url_params(self, context: Any, next_page_token: int | None) -> dict[str, Any]:
        """The query of one page."""
        return {"per_page": SIZE, "page": next_page_token, "orderby": "modified", "order": "asc"}


class Shop(Tap):
    """The tap."""

    name, config_jsonschema = "tap-shop", th.PropertiesList().to_dict()

    def discover_streams(self) -> list[Orders]:
        """Its only stream."""
        return [Orders(self)]


Shop.cli()
