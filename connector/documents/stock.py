"""What can be sold: how much of an article lies where, and how much of it is offered."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
from pydantic import Field

from connector.documents.fields import Document, Id, Part, Quantity, Text


class StockLevel(Part, frozen=True, kw_only=True):
    """One article in one warehouse, in the source's unit."""

    warehouse: Annotated[Id, Field(description="the source's code of the warehouse")]
    on_hand: Annotated[Quantity | None, Field(description="what lies there")] = None
    reserved: Annotated[Quantity | None, Field(description="what of it is promised")] = None
    available: Annotated[
        Quantity | None, Field(description="what may be promised; else on_hand less reserved")
    ] = None


class Stock(Document, frozen=True, kw_only=True):
    """The stock of one article, as its source counts it and as a shop offers it.

    When it was read is no part of it: the same count read twice is the same document.
    """

    sku: Annotated[Text | None, Field(description="stock keeping unit, the natural key")] = None
    unit: Annotated[Text | None, Field(description="what the levels count: pcs, box, m")] = None
    pieces: Annotated[Quantity, Field(description="shop's pieces in one unit")] = msgspec.field(
        default_factory=lambda: Decimal(1)
    )  # so that it is always written
    levels: Annotated[tuple[StockLevel, ...], Field(description="by warehouse")] = ()
    offered: Annotated[
        Quantity | None, Field(description="pieces that a shop offers; for it computed when sent")
    ] = None
