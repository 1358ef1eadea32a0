"""Logs: structlog on stderr, known keys only, so that no name, address or secret gets in."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TextIO

import structlog

from connector.errors import ConnectorError

LONGEST = 120

# What a line may say; everything else is dropped and only counted (`dropped`).
ALLOWED = frozenset(
    (
        *(
            "event",
            "level",
            "timestamp",
            "logger",
            "dropped",
            "connection",
            "flow",
            "entity",
            "key",
        ),
        *("reference", "code", "reason", "state", "decision", "outcome", "action", "step", "seq"),
        *("acked_seq", "attempt", "attempts", "count", "records", "pages", "page", "size", "ms"),
        *("seconds", "due", "until", "wait", "run", "owner", "fence", "status", "done", "held"),
        *("prepared", "in_doubt", "error", "at", "file", "line", "version", "profile", "point"),
        *("host", "port"),
    )
)
# An event is words of ours; what was formatted into it would be content.
_EVENT = re.compile(r"[a-z][a-z0-9_. -]{0,60}")
_SHORT = (str, int, float, Decimal, bool, datetime, date, timedelta, type(None))

Event = MutableMapping[str, Any]


def start(*, as_json: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Send our log and that of libraries (from WARNING on, without their messages) to stderr."""
    shared: list[structlog.types.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        only_known,
    ]
    if as_json:
        rendered: structlog.types.Processor = structlog.processors.JSONRenderer(default=str)
    else:
        rendered = structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())
    structlog.configure(
        processors=[*shared, rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # Looked up at each line: whoever replaces sys.stderr gets what is logged from then on.
        logger_factory=lambda *_: structlog.PrintLogger(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(capture=True)
    logging.basicConfig(handlers=[Foreign()], level=logging.WARNING, force=True)


def only_known(_: object, __: str, event: Event) -> Mapping[str, Any]:
    """Keep known keys with short plain values; an exception becomes its class and code."""
    error = _error_of(event.pop("exc_info", None)) or event.get("error")
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        if isinstance(error, ConnectorError):
            event["code"] = error.code
    if not _EVENT.fullmatch(str(event.get("event"))):
        event["event"], event["unfit"] = "event withheld", True
    kept = {key: found for key, found in event.items() if key in ALLOWED and _is_plain(found)}
    if dropped := len(event) - len(kept):
        kept["dropped"] = dropped
    return kept


class Foreign(logging.Handler):
    """Passes records of other people's loggers on as logger, level and class of error alone."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log that the library said something; what it said may hold anything."""
        error = record.exc_info[1] if record.exc_info else None
        log = structlog.get_logger()
        log.log(
            max(record.levelno, logging.WARNING),
            "library",
            logger=record.name,
            at=f"{record.module}:{record.lineno}",
            error=error,
        )


def _error_of(exc_info: object) -> BaseException | None:
    match exc_info:
        case BaseException():
            return exc_info
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def _is_plain(found: object) -> bool:
    return isinstance(found, _SHORT) and len(str(found)) <= LONGEST and "\n" not in str(found)
