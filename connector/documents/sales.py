"""What was sold: orders with lines, shipping, fees, payment and refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from connector.documents.fields import (
    Amount,
    Currency,
    CustomerRef,
    Document,
    Id,
    OrderRef,
    Part,
    ProductRef,
    Quantity,
    Rate,
    Text,
    Utc,
)
from connector.documents.party import Address
from connector.values import Ref

Status = Literal[
    "draft", "awaiting_payment", "confirmed", "fulfilled", "cancelled", "refunded", "failed"
]


class TaxShare(Part, frozen=True, kw_only=True):
    """The tax of one rate on one line."""

    rate: Annotated[Rate, Field(description="percent")]
    tax: Annotated[Amount, Field(description="tax at this rate, in the order's currency")]


class Charge(Part, frozen=True, kw_only=True):
    """What lines, shipping and fees have in common: an amount before tax, and its taxes."""

    key: Annotated[Id, Field(description="the source's id of the line")]
    net: Annotated[Amount, Field(description="after discount, before tax")]
    tax: Annotated[Amount, Field(description="tax on net")]
    taxes: Annotated[tuple[TaxShare, ...], Field(description="the tax by rate")] = ()


class OrderLine(Charge, frozen=True, kw_only=True):
    """Goods: how many of what, for how much."""

    product: Annotated[ProductRef | None, Field(description="the product sold")] = None
    sku: Annotated[Text | None, Field(description="its stock keeping unit at that time")] = None
    name: Annotated[Text | None, Field(description="its name at that time")] = None
    quantity: Annotated[Quantity, Field(description="pieces")]
    list_net: Annotated[Amount | None, Field(description="before discount, before tax")] = None


class ShippingLine(Charge, frozen=True, kw_only=True):
    """Delivery that is charged for."""

    method: Annotated[Text | None, Field(description="the source's code of the way")] = None
    name: Annotated[Text | None, Field(description="the way, as the customer saw it")] = None


class Fee(Charge, frozen=True, kw_only=True):
    """A surcharge; negative: a manual discount."""

    name: Annotated[Text | None, Field(description="what for")] = None


class Payment(Part, frozen=True, kw_only=True):
    """How the order is paid."""

    method: Annotated[Text | None, Field(description="the source's code of the way")] = None
    reference: Annotated[Text | None, Field(description="the payment provider's id")] = None


class GivenBack(Part, frozen=True, kw_only=True):
    """Money given back, as its order tells it; delivered as a record of its own."""

    key: Annotated[Id, Field(description="the source's id")]
    reason: Annotated[Text | None, Field(description="why, as somebody wrote it")] = None
    amount: Annotated[Amount, Field(description="positive, tax included")]
    lines: Annotated[
        tuple[OrderLine, ...], Field(description="the goods given back, positive; none: not told")
    ] = ()
    shipping_lines: Annotated[
        tuple[ShippingLine, ...], Field(description="delivery given back, positive")
    ] = ()
    fees: Annotated[tuple[Fee, ...], Field(description="surcharges given back")] = ()


class Order(Document, frozen=True, kw_only=True):
    """A sales order; Σ(net + tax) over lines, shipping and fees is its total."""

    number: Annotated[Id, Field(description="the number people know the order by")]
    status: Annotated[Status, Field(description="where it stands")]
    placed_at: Annotated[Utc, Field(description="when it was placed, UTC")]
    modified_at: Annotated[Utc | None, Field(description="when it last changed, UTC")] = None
    paid_at: Annotated[Utc | None, Field(description="when it was paid, UTC")] = None
    currency: Annotated[Currency, Field(description="of every amount in it, ISO 4217")]
    customer: Annotated[CustomerRef | None, Field(description="who ordered; none: a guest")] = None
    note: Annotated[Text | None, Field(description="what the customer wrote")] = None
    billing: Annotated[Address | None, Field(description="where the invoice goes")] = None
    shipping: Annotated[Address | None, Field(description="where the goods go")] = None
    lines: Annotated[tuple[OrderLine, ...], Field(description="the goods")] = ()
    shipping_lines: Annotated[tuple[ShippingLine, ...], Field(description="delivery")] = ()
    fees: Annotated[tuple[Fee, ...], Field(description="surcharges and manual discounts")] = ()
    total_tax: Annotated[Amount | None, Field(description="all taxes")] = None
    total: Annotated[Amount, Field(description="what is paid, tax included")]
    payment: Annotated[Payment | None, Field(description="how it is paid")] = None
    refunds: Annotated[tuple[GivenBack, ...], Field(description="what was given back")] = ()


class Refund(Document, frozen=True, kw_only=True):
    """Money given back on an order."""

    order: Annotated[OrderRef, Field(description="the order that it is about")]
    order_number: Annotated[Id | None, Field(description="the number people know it by")] = None
    reason: Annotated[Text | None, Field(description="why, as somebody wrote it")] = None
    amount: Annotated[Amount, Field(description="positive, tax included")]
    currency: Annotated[Currency | None, Field(description="of the amount, ISO 4217")] = None
    lines: Annotated[
        tuple[OrderLine, ...], Field(description="the goods given back, positive; none: not told")
    ] = ()
    shipping_lines: Annotated[
        tuple[ShippingLine, ...], Field(description="delivery given back, positive")
    ] = ()
    fees: Annotated[tuple[Fee, ...], Field(description="surcharges given back")] = ()


def refund_of(order: Order, given: GivenBack, key: str) -> Refund:
    """Return what an order tells of one refund, as the document that is delivered."""
    return Refund(
        order=Ref(entity="order", key=key),
        order_number=order.number,
        reason=given.reason,
        amount=given.amount,
        currency=order.currency,
        lines=given.lines,
        shipping_lines=given.shipping_lines,
        fees=given.fees,
    )


def unexplained(order: Order) -> Decimal:
    """Return what the total has beyond Σ(net + tax) of lines, shipping and fees: zero is right."""
    charges: tuple[Charge, ...] = (*order.lines, *order.shipping_lines, *order.fees)
    return order.total - sum((c.net + c.tax for c in charges), Decimal(0))
