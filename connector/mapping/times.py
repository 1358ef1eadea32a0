"""Filters of time: moments as systems write them, their days and seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.mapping.amounts import own
from connector.mapping.faults import Fault
from connector.mapping.filters import text

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 1683923430, 1683923430.388 and /Date(1683923430388+0000)/, whose offset says only how it is shown
_COUNTED = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_DATE = re.compile(r"\\?/Date\((-?[0-9]{1,15})([+-][0-9]{4})?\)\\?/")
_THOUSANDTHS = Decimal(10**11)  # as seconds, this would be the year 5138


def moment(value: object, form: str | None = None) -> datetime:
    """Read a time as systems write it; one without zone means what `times` of the profile says."""
    written = text(value).strip()
    try:
        if form is not None:
            return datetime.strptime(written, form)  # noqa: DTZ007  # its zone is the profile's
        if (counted := _counted(written)) is not None:
            return _EPOCH + counted
        if written[:1].isdigit():
            return datetime.fromisoformat(written)
        return parsedate_to_datetime(written)
    except (ValueError, OverflowError, IndexError):
        raise Fault("not_a_time", "say its form: moment('%d.%m.%Y')") from None


def _counted(written: str) -> timedelta | None:
    """What is counted since 1970, in seconds or thousandths."""
    if (dated := _DATE.fullmatch(written)) is not None:
        return timedelta(milliseconds=int(dated[1]))
    if len(written) == 8 or _COUNTED.fullmatch(written) is None:  # 20260131 is a day
        return None
    count = Decimal(written)
    seconds = count / 1000 if abs(count) >= _THOUSANDTHS else count
    return timedelta(microseconds=int(seconds * 1_000_000))


def _moment(value: object) -> datetime | date:
    value = own(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise Fault("naive_time", "a time without zone is no moment")
    if not isinstance(value, date):
        raise Fault("not_a_time", "give it a time")
    return value


def on_date(value: object, zone: object = UTC) -> date:
    """Return the calendar day of a moment in a zone."""
    given = _moment(value)
    if not isinstance(given, datetime):
        return given
    try:
        there = zone if isinstance(zone, tzinfo) else ZoneInfo(text(zone))
    except (LookupError, OSError, ValueError):
        raise Fault("no_zone", "name an IANA zone, for example conn.zone") from None
    return given.astimezone(there).date()


def strf(value: object, form: str) -> str:
    """Format a moment or day with strftime."""
    return _moment(value).strftime(form)


def epoch(value: object) -> int:
    """Count the whole seconds since 1970 of a moment."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Fault("not_a_time", "give it a moment: now | epoch")
    return int(value.timestamp())


TIMES: Mapping[str, Callable[..., Any]] = {
    "date": on_date,
    "epoch": epoch,
    "moment": moment,
    "strf": strf,
}
