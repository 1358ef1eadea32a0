"""Values as XML Schema writes them: each leaf is put into the form of its declared type."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import wraps
from zoneinfo import ZoneInfo

Form = Callable[[object, ZoneInfo], str]
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_INTEGER = re.compile(r"[+-]?\d+")


class Unfit(ValueError):
    """A value of the right type that a facet of the schema refuses."""

    def __init__(self, code: str, cure: str) -> None:
        super().__init__(code)
        self.code, self.cure = code, cure


def limited(form: Form, misfit: Callable[[str], tuple[str, str] | None]) -> Form:
    """*form*, whose text must also fit the facets. Raises Unfit where it does not."""

    @wraps(form)
    def write(value: object, zone: ZoneInfo) -> str:
        written = form(value, zone)
        found = misfit(written)
        if found is not None:
            raise Unfit(*found)
        return written

    return write


def text(value: object, zone: ZoneInfo) -> str:
    """Write text, without the characters that XML cannot carry."""
    match value:
        case str():
            return carried(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return decimal(value, zone)
        case datetime():
            return moment(value, zone)
        case date() | time():
            return value.isoformat()
        case _:
            raise ValueError("text")


def carried(value: str) -> str:
    """What XML can carry of a text."""
    return _ILLEGAL.sub("", value)


def boolean(value: object, _: ZoneInfo) -> str:
    """Write a truth; only what XML Schema calls one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if str(value) not in ("true", "false", "1", "0"):
        raise ValueError("boolean")
    return "true" if str(value) in ("true", "1") else "false"


def decimal(value: object, _: ZoneInfo) -> str:
    """Write a number exactly, never as 1E-7; a float is refused."""
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, str | int) and not isinstance(value, bool):
        plain = str(value).strip()
        if _NUMBER.fullmatch(plain):
            return plain
    raise ValueError("decimal")


def integer(value: object, zone: ZoneInfo) -> str:
    """Write a whole number; 2.0 is one, 2.5 is not."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    plain = decimal(value, zone)
    if not _INTEGER.fullmatch(plain):
        raise ValueError("integer")
    return plain


def day(value: object, zone: ZoneInfo) -> str:
    """Write a date; a moment is the day that it falls on in the connection's zone."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("date")
        return value.astimezone(zone).date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return date.fromisoformat(str(value)).isoformat()


def moment(value: object, _: ZoneInfo) -> str:
    """Write a moment in UTC; text without a zone is left to the mapping that made it."""
    if isinstance(value, date) and not isinstance(value, datetime):
        raise ValueError("dateTime")
    if isinstance(value, str) and "T" not in value and " " not in value:
        raise ValueError("dateTime")
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if found.tzinfo is not None:
        return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime):
        raise ValueError("dateTime")
    return found.isoformat()


def octets(value: object, zone: ZoneInfo) -> str:
    """Write bytes in base64; text is taken for base64 already."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else text(value, zone)
