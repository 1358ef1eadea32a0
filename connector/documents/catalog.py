"""What is sold: products and their variations."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from pydantic import Field

from connector.documents.fields import (
    Amount,
    Currency,
    Document,
    Flag,
    ProductRef,
    Quantity,
    Text,
    Utc,
)


class Product(Document, frozen=True, kw_only=True):
    """An article, a variable article, or one variation of it."""

    sku: Annotated[Text | None, Field(description="stock keeping unit, the natural key")] = None
    name: Annotated[Text | None, Field(description="name as sold")] = None
    description: Annotated[Text | None, Field(description="long text, may hold HTML")] = None
    price: Annotated[Amount | None, Field(description="list price of one piece")] = None
    sale_price: Annotated[
        Amount | None, Field(description="price of one piece while it is on sale")
    ] = None
    sale_from: Annotated[Utc | None, Field(description="the sale's begin, UTC; none: now")] = None
    sale_until: Annotated[Utc | None, Field(description="the sale's end, UTC; none: open")] = None
    currency: Annotated[Currency | None, Field(description="of the prices, ISO 4217")] = None
    status: Annotated[Literal["active", "inactive"] | None, Field(description="is it sold")] = None
    weight: Annotated[Quantity | None, Field(description="in the shop's unit of weight")] = None
    kind: Annotated[
        Literal["simple", "variable", "variation"], Field(description="what it is in the catalogue")
    ] = msgspec.field(default_factory=lambda: "simple")  # so that it is always written
    parent: Annotated[ProductRef | None, Field(description="product that it varies")] = None
    manage_stock: Annotated[Flag | None, Field(description="is its stock counted")] = None
    created_at: Annotated[Utc | None, Field(description="when it was created, UTC")] = None
    modified_at: Annotated[Utc | None, Field(description="when it last changed, UTC")] = None
