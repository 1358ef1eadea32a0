"""The types of fields: exact, closed, and equal where their values are equal.

A validator's error carries a stable code and never the value.  `zone` in the validation context is
what a time without offset means; without it such a time is an error.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Annotated

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from connector.values import Ref

_PLAIN = re.compile(r"[+-]?\d{1,18}(\.\d{1,18})?")
_MOST_DIGITS = 18
# Most numbers come as they are kept; those need no second look.
_KEPT_SHORT = re.compile(r"0|-?[1-9]\d{0,15}").fullmatch
_KEPT_WHOLE = 10**16
_KEPT_MONEY = re.compile(r"0\.\d\d|-?[1-9]\d{0,13}\.\d\d").fullmatch


class Part(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """A piece of a document: frozen, no unknown members; data become one by `document_of`."""


class Document(Part, frozen=True, kw_only=True):
    """One record in canonical form; `custom` keeps what we have no field for."""

    custom: Annotated[
        dict[str, str], Field(description="fields of a site's own, as text by name")
    ] = {}


def _number(value: object) -> Decimal:
    if value is None:
        raise PydanticCustomError("missing", "has no value")
    if isinstance(value, str) and _PLAIN.fullmatch(value.strip()):
        value = Decimal(value.strip())
    elif isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        raise PydanticCustomError("not_a_number", "is not an exact decimal number")
    if value.adjusted() >= _MOST_DIGITS or int(value.as_tuple().exponent) < -30:
        raise PydanticCustomError("not_a_number", "is larger or finer than any amount")
    return value


def _shortest(value: object) -> Decimal:
    """Drop trailing zeros, so that equal numbers are one text."""
    if isinstance(value, str) and _KEPT_SHORT(value):
        return Decimal(value)
    if type(value) is int and -_KEPT_WHOLE < value < _KEPT_WHOLE:
        return Decimal(value)
    number = _number(value)
    if number == 0:
        return Decimal(0)
    return Decimal(format(number.normalize(), "f"))


def _money(value: object) -> Decimal:
    """Keep at least two decimals, and no trailing zeros beyond them."""
    if isinstance(value, str) and _KEPT_MONEY(value):
        return Decimal(value)
    number = _shortest(value)
    return number if int(number.as_tuple().exponent) <= -2 else number.quantize(Decimal("0.01"))


def _text(value: object) -> str:
    if isinstance(value, str):
        if value.isascii():
            return value
        try:
            value.encode()
        except UnicodeEncodeError:
            why = "holds half a character (a lone surrogate)"
            raise PydanticCustomError("not_text", why) from None
        return value
    if value is None:
        raise PydanticCustomError("missing", "has no value")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    raise PydanticCustomError("not_text", "is not text")


def _moment(value: object, info: ValidationInfo) -> datetime:
    return moment_of(value, (info.context or {}).get("zone"))


def moment_of(value: object, zone: tzinfo | None) -> datetime:
    """Return the moment that *value* means; without offset it is meant in *zone*."""
    if value is None:
        raise PydanticCustomError("missing", "has no value")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise PydanticCustomError("not_a_time", "is not an ISO 8601 time") from None
    if not isinstance(value, datetime):
        raise PydanticCustomError("not_a_time", "is not a time")
    if value.tzinfo is None:
        if zone is None:
            raise PydanticCustomError("naive_time", "is a time without zone")
        value = value.replace(tzinfo=zone)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("not_a_time", "is outside the calendar") from None


def _code(length: int) -> BeforeValidator:
    def read(value: object) -> str:
        text = _text(value).strip().upper()
        if len(text) != length or not (text.isascii() and text.isalpha()):
            raise PydanticCustomError("not_a_code", "is not a code of its standard")
        return text

    return BeforeValidator(read)


def _flag(value: object) -> bool:
    flags = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in flags:
        return flags[value]
    raise PydanticCustomError("not_a_flag", "is neither true nor false")


def _names(entity: str) -> AfterValidator:
    def check(ref: Ref) -> Ref:
        if ref.entity != entity or not ref.key:
            raise PydanticCustomError("wrong_reference", "names another entity or nothing")
        return ref

    return AfterValidator(check)


Text = Annotated[str, BeforeValidator(_text)]
Id = Annotated[str, BeforeValidator(_text), Field(min_length=1), msgspec.Meta(min_length=1)]
Amount = Annotated[Decimal, BeforeValidator(_money)]
Quantity = Annotated[Decimal, BeforeValidator(_shortest)]
Rate = Annotated[Decimal, BeforeValidator(_shortest)]
Utc = Annotated[datetime, BeforeValidator(_moment), msgspec.Meta(tz=True)]
Currency = Annotated[str, _code(3)]
Country = Annotated[str, _code(2)]
Flag = Annotated[bool, BeforeValidator(_flag)]
CustomerRef = Annotated[Ref, _names("customer")]
ProductRef = Annotated[Ref, _names("product")]
OrderRef = Annotated[Ref, _names("order")]
InvoiceRef = Annotated[Ref, _names("invoice")]
