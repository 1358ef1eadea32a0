"""Values as people write them: durations, moments, amounts, zones; each refusal names its cure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from connector.nearest import nearest

_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
SPAN = r"^\d{1,4}[dy]$"
DURATION = r"^\d{1,6}(ms|s|m|h|d)$"
NAME = r"^[A-Za-z][A-Za-z0-9_-]{0,39}$"
AMOUNT = r"^\d{1,12}(\.\d{1,6})? [A-Z]{3}$"
VERIFY = r"^(all|audit|first [1-9]\d{0,6}|share (0\.\d{1,4}|1))$"


class Misspelled(ValueError):
    """A text that is not what it should be; carries the cure beside the message."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def duration(text: str) -> timedelta:
    """Read `30s`, `10m`, `1h`, `90d` (also `500ms`)."""
    if not re.fullmatch(DURATION, text):
        raise Misspelled("is not a duration", "write a whole number and a unit: 30s, 10m, 1h, 90d")
    number, unit = re.findall(r"\d+|[a-z]+", text)
    return timedelta(**{_UNITS[unit]: int(number)})


def span(text: str) -> timedelta:
    """Read a long time: `90d`, or `1y` (365 days)."""
    if re.fullmatch(SPAN, text) is None or int(text[:-1]) == 0:
        raise Misspelled("is not such a time", "write days or years: 90d, 1y")
    return timedelta(days=int(text[:-1]) * (365 if text[-1] == "y" else 1))


def every(text: str) -> timedelta | str:
    """Read how often a flow runs: `1m`, `never`, or the five fields of a cron line.

    Weekdays of the line come back by name: cron counts them from Sunday, our scheduler from Monday.
    """
    cure = 'write 1m, never, or a cron line: "30 2 * * mon-fri"'
    if text == "never":
        return text
    if len(text.split()) == 5:
        *fields, days = text.split()
        named = re.sub(r"(?<![/\d])[0-7](?!\d)", lambda found: _DAYS[int(found[0])], days)
        line = " ".join([*fields, named])
        try:  # only who writes such a line waits for the import
            import_module("apscheduler.triggers.cron").CronTrigger.from_crontab(line)
        except ValueError:
            raise Misspelled("is no cron line", cure) from None
        return line
    if not re.fullmatch(DURATION, text) or duration(text) < timedelta(seconds=1):
        raise Misspelled("is not how often", cure)
    return duration(text)


def moment(text: str) -> datetime:
    """Read an ISO time that says its offset; the result is UTC."""
    cure = "write a whole time with its offset: 2026-12-01T00:00:00+01:00"
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Misspelled("is not a time", cure) from None
    if when.tzinfo is None:
        raise Misspelled(
            "is a time without offset, which means another moment in another zone", cure
        )
    return when.astimezone(UTC)


def amount(text: str) -> tuple[Decimal, str]:
    """Read `0.05 EUR` exactly: the number and its currency."""
    if not re.fullmatch(AMOUNT, text):
        raise Misspelled("is not an amount of money", "write number, blank, currency: 0.05 EUR")
    number, currency = text.split()
    return Decimal(number), currency


def fresh(text: str) -> tuple[timedelta, tuple[time, time] | None]:
    """Read `30m`, or `30m during 08:00-20:00`; a night is `22:00-06:00`."""
    within, _, during = text.partition(" during ")
    age = duration(within)
    if age < timedelta(minutes=1):
        raise Misspelled("is too short to be judged", "write at least 1m")
    if not during:
        return age, None
    clock = r"([01]\d|2[0-3]):[0-5]\d"
    if not re.fullmatch(f"{clock}-{clock}", during) or during[:5] == during[6:]:
        raise Misspelled("does not say from when to when", "write 30m during 08:00-20:00")
    return age, (time.fromisoformat(during[:5]), time.fromisoformat(during[6:]))


def new_file(text: str, beside: Path) -> Path:
    """Read a path, relative to the folder *beside*, of a file in a folder that exists."""
    path = (beside / text).resolve()
    if path.is_dir() or not path.parent.is_dir():
        raise Misspelled("is no file in a folder that exists", "create its folder")
    return path


def zone(text: str) -> ZoneInfo:
    """Read the IANA name of a time zone."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        near = nearest(text, available_timezones())
        cure = f"did you mean {near}?" if near else "write an IANA name, for example Europe/Berlin"
        raise Misspelled("is not a time zone", cure) from None


def whole(text: str) -> int:
    """Read a whole number of at least 1."""
    if not re.fullmatch(r"^[1-9]\d{0,5}$", text):
        raise Misspelled("is not a whole number of at least 1", "write digits only, for example 4")
    return int(text)


def count(text: str) -> int:
    """Read a whole number, 0 included."""
    if not re.fullmatch(r"^(0|[1-9]\d{0,8})$", text):
        raise Misspelled("is not a whole number", "write digits only, for example 2")
    return int(text)


def percent(text: str) -> Decimal:
    """Read a percentage above 0 and up to 100, with or without its sign."""
    bare = text.removesuffix("%").strip()
    number = Decimal(bare) if re.fullmatch(r"\d{1,3}(\.\d{1,4})?", bare) else Decimal(0)
    if not 0 < number <= 100:
        raise Misspelled("is no percentage", "write a number above 0 and up to 100, for example 80")
    return number


def share(text: str) -> Decimal:
    """Read `5%` as 0.05."""
    if not text.endswith("%"):
        raise Misspelled("is not a share", "write a percentage with its sign: 5%")
    return percent(text) / 100


def name(text: str) -> str:
    """Read a name that may stand in references, file names and metrics."""
    if not re.fullmatch(NAME, text):
        cure = "begin with a letter; letters, digits, _ and -, at most 40"
        raise Misspelled("is not a name", cure)
    return text


def web_address(text: str) -> str:
    """Read an http(s) address without credentials, query or fragment; no slash at its end."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Misspelled("is not a web address", "write https://host or https://host/path")
    if "@" in parts.netloc:
        raise Misspelled("carries credentials", "move them to `auth`, as ${NAME} of the .env file")
    if parts.query or parts.fragment:
        raise Misspelled("has a query or fragment", "write only scheme, host and path")
    return text.rstrip("/")


def listen(text: str) -> tuple[str, int]:
    """Read where to listen: `8088` (for this machine alone), `127.0.0.1:8088`, `[::1]:8088`.

    Only numeric addresses: a name could come to mean another interface.
    """
    found = re.fullmatch(r"(?:(\[[^\]]+\]|[^:\[\]]+):)?(\d{1,5})", text)
    cure = "write 127.0.0.1:8088; 0.0.0.0 lets every machine in, which a proxy should do instead"
    if found is None or not 0 < int(found[2]) < 65536:
        raise Misspelled("is not an address to listen at", cure)
    host = (found[1] or "127.0.0.1").strip("[]")
    try:
        return str(ip_address(host)), int(found[2])
    except ValueError:
        raise Misspelled("is not a numeric address", cure) from None


def ledger_address(text: str) -> str:
    """Read the ledger's address: sqlite:///PATH or postgresql+psycopg://…"""
    if re.fullmatch(r"sqlite:///[^?]+", text) and not text.endswith((":memory:", "/")):
        return text
    if re.fullmatch(r"postgresql\+psycopg://[^/\s]*/[^/\s?]+(\?\S+)?", text):
        return text
    if text.startswith(("postgres:", "postgresql")):
        cure = "write postgresql+psycopg://user:${PASSWORD}@host/database"
    else:
        cure = "write sqlite:////var/lib/connector/ledger.db (four slashes: an absolute path)"
    raise Misspelled("is not an address of a ledger", cure)


def existing_file(text: str, beside: Path) -> Path:
    """Read a path, relative to the folder *beside*, of a file that exists."""
    path = (beside / text).resolve()
    if not path.is_file():
        raise Misspelled(
            "names no file", "check the path; relative ones begin at this file's folder"
        )
    return path


def existing_folder(text: str, beside: Path) -> Path:
    """Read a path, relative to the folder *beside*, of a folder that exists."""
    path = (beside / text).resolve()
    if not path.is_dir():
        raise Misspelled("names no folder", "create it, or remove it from the list")
    return path


def verify(text: str) -> tuple[Literal["all", "audit", "first", "share"], Decimal | None]:
    """Read whose totals are read back: `all`, the `first 20`, a `share 0.1`, or none (`audit`)."""
    if not re.fullmatch(VERIFY, text):
        cure = "write all, audit, first N or share 0.1 (at most 1)"
        raise Misspelled("does not say which totals are verified", cure)
    word, _, number = text.partition(" ")
    match word:
        case "first" | "share":
            return word, Decimal(number)
        case "audit":
            return "audit", None
        case _:
            return "all", None
