"""What is owed and paid: the invoice of an order, and the money received for it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from connector.documents.fields import (
    Amount,
    Currency,
    CustomerRef,
    Document,
    Id,
    InvoiceRef,
    OrderRef,
    Text,
    Utc,
)
from connector.documents.party import Address
from connector.documents.sales import Fee, Order, OrderLine, ShippingLine
from connector.values import Ref

BOOKED = ("invoice", "payment")  # made of what an order tells; no source has them by themselves
CHILDREN = (*BOOKED, "refund")  # they come with their orders, and with nothing else (R11)
UNSOLD = frozenset({"draft", "awaiting_payment"})
OVER = frozenset({"cancelled", "failed"})


class Invoice(Document, frozen=True, kw_only=True):
    """What is owed for an order; Σ(net + tax) over lines, shipping and fees is its total."""

    order: Annotated[OrderRef, Field(description="the order that it is about")]
    order_number: Annotated[Id | None, Field(description="the number people know it by")] = None
    number: Annotated[Id | None, Field(description="its own number, given by the ERP")] = None
    status: Annotated[
        Literal["draft", "open", "paid", "cancelled"], Field(description="where it stands")
    ]
    issued_at: Annotated[Utc, Field(description="of what moment it is, UTC")]
    currency: Annotated[Currency, Field(description="of every amount in it, ISO 4217")]
    customer: Annotated[CustomerRef | None, Field(description="who owes it; none: a guest")] = None
    billing: Annotated[Address | None, Field(description="where it goes")] = None
    lines: Annotated[tuple[OrderLine, ...], Field(description="the goods")] = ()
    shipping_lines: Annotated[tuple[ShippingLine, ...], Field(description="delivery")] = ()
    fees: Annotated[tuple[Fee, ...], Field(description="surcharges and manual discounts")] = ()
    total_tax: Annotated[Amount | None, Field(description="all taxes")] = None
    total: Annotated[Amount, Field(description="what is owed, tax included")]


class OrderPayment(Document, frozen=True, kw_only=True):
    """Money received for an order."""

    order: Annotated[OrderRef, Field(description="the order that is paid")]
    order_number: Annotated[Id | None, Field(description="the number people know it by")] = None
    invoice: Annotated[InvoiceRef | None, Field(description="the invoice that is paid")] = None
    customer: Annotated[CustomerRef | None, Field(description="who paid; none: a guest")] = None
    method: Annotated[Text | None, Field(description="the source's code of the way")] = None
    reference: Annotated[Text | None, Field(description="the payment provider's id")] = None
    paid_at: Annotated[Utc, Field(description="when it was paid, UTC")]
    amount: Annotated[Amount, Field(description="positive, tax included")]
    currency: Annotated[Currency, Field(description="of the amount, ISO 4217")]


def invoice_of(order: Order, key: str) -> Invoice | None:
    """Return the invoice that an order asks for; None while nothing is sold."""
    if order.status in UNSOLD:
        return None
    return Invoice(
        order=Ref(entity="order", key=key),
        order_number=order.number,
        status="cancelled" if order.status in OVER else "open",
        issued_at=order.placed_at,
        currency=order.currency,
        customer=order.customer,
        billing=order.billing,
        lines=order.lines,
        shipping_lines=order.shipping_lines,
        fees=order.fees,
        total_tax=order.total_tax,
        total=order.total,
    )


def payment_of(order: Order, key: str) -> OrderPayment | None:
    """Return the payment that an order tells of; None where nothing is paid, or it is over."""
    if order.paid_at is None or order.status in UNSOLD | OVER:
        return None
    return OrderPayment(
        order=Ref(entity="order", key=key),
        order_number=order.number,
        invoice=Ref(entity="invoice", key=f"{key}/invoice"),
        customer=order.customer,
        method=order.payment.method if order.payment else None,
        reference=order.payment.reference if order.payment else None,
        paid_at=order.paid_at,
        amount=order.total,
        currency=order.currency,
    )
