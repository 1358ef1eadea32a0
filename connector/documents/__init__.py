"""Canonical documents: what every system is translated to and from (design §4)."""

from connector.documents.catalog import Product
from connector.documents.fields import Document
from connector.documents.finance import (
    BOOKED,
    CHILDREN,
    Invoice,
    OrderPayment,
    invoice_of,
    payment_of,
)
from connector.documents.judging import document_of, fields_of
from connector.documents.party import Address, Customer
from connector.documents.sales import GivenBack, Order, Refund, refund_of, unexplained
from connector.documents.stock import Stock, StockLevel
from connector.documents.stored import ENTITIES, dump, json_schema, load, refs, vouch

__all__ = [
    "BOOKED",
    "CHILDREN",
    "ENTITIES",
    "Address",
    "Customer",
    "Document",
    "GivenBack",
    "Invoice",
    "Order",
    "OrderPayment",
    "Product",
    "Refund",
    "Stock",
    "StockLevel",
    "document_of",
    "dump",
    "fields_of",
    "invoice_of",
    "json_schema",
    "load",
    "payment_of",
    "refs",
    "refund_of",
    "unexplained",
    "vouch",
]
