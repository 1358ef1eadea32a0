"""Who buys: customers and addresses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from connector.documents.fields import Amount, Country, Document, Id, Part, Text, Utc


class Address(Part, frozen=True, kw_only=True):
    """A postal address with the person who answers there."""

    first_name: Annotated[Text | None, Field(description="given name")] = None
    last_name: Annotated[Text | None, Field(description="family name")] = None
    company: Annotated[Text | None, Field(description="company, if the address is one's")] = None
    street: Annotated[Text | None, Field(description="street and number, a line for each part")] = (
        None
    )
    city: Annotated[Text | None, Field(description="town")] = None
    postcode: Annotated[Text | None, Field(description="postal code as written there")] = None
    region: Annotated[Text | None, Field(description="state or province, as the source says")] = (
        None
    )
    country: Annotated[Country | None, Field(description="ISO 3166-1 alpha-2")] = None
    email: Annotated[Text | None, Field(description="e-mail address")] = None
    phone: Annotated[Text | None, Field(description="telephone number as written")] = None


class Customer(Document, frozen=True, kw_only=True):
    """A person or company with an account at the source."""

    number: Annotated[Id | None, Field(description="what people call it; a guest has none")] = None
    email: Annotated[Text | None, Field(description="e-mail address of the account")] = None
    first_name: Annotated[Text | None, Field(description="given name")] = None
    last_name: Annotated[Text | None, Field(description="family name")] = None
    company: Annotated[Text | None, Field(description="company name")] = None
    phone: Annotated[Text | None, Field(description="telephone number as written")] = None
    vat_number: Annotated[Text | None, Field(description="VAT identification number")] = None
    billing: Annotated[Address | None, Field(description="where invoices go")] = None
    shipping: Annotated[Address | None, Field(description="where goods go")] = None
    payment_terms: Annotated[Text | None, Field(description="when invoices are due, a code")] = None
    credit_limit: Annotated[
        Amount | None, Field(description="most that may be owed, in the system's own currency")
    ] = None
    created_at: Annotated[Utc | None, Field(description="when it was created, UTC")] = None
    modified_at: Annotated[Utc | None, Field(description="when it last changed, UTC")] = None
