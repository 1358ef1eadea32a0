"""Logs carry keys and codes; content cannot get in, whoever logs it."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from connector import logs
from connector.errors import Unavailable

CANARY = "canary Ann Smith"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where to log; the logging of the process is put back after the test."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield io.StringIO()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = before, level
    structlog.reset_defaults()


@pytest.fixture
def lines(stream: io.StringIO) -> Callable[[], list[dict[str, Any]]]:
    """What was logged since the start, as JSON lines."""
    logs.start(as_json=True, stream=stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_known_keys_pass(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Key, code, sequence and durations are what a log is for."""
    structlog.get_logger().info("delivered", flow="orders", key="17", seq=3, ms=12.5)
    (line,) = lines()
    assert line["event"] == "delivered"
    assert (line["flow"], line["key"], line["seq"], line["ms"]) == ("orders", "17", 3, 12.5)
    assert "dropped" not in line


@pytest.mark.parametrize(
    "said",
    [
        {"name": CANARY},
        {"key": {"name": CANARY}},
        {"key": [CANARY]},
        {"key": CANARY + "x" * 200},
        {"key": CANARY + "\n"},
        {"code": CANARY.encode()},
        {"error": object()},
    ],
)
def test_everything_else_is_dropped_and_counted(
    lines: Callable[[], list[dict[str, Any]]], said: dict[str, Any]
) -> None:
    """An unknown key, a structure, a long or broken text does not reach the log."""
    structlog.get_logger().warning("delivered", flow="orders", **said)
    (line,) = lines()
    assert line["dropped"] == 1
    assert "canary" not in str(line)


def test_an_event_is_words_of_ours(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """What somebody formatted into it is withheld."""
    structlog.get_logger().info(f"order of {CANARY}")
    structlog.get_logger().info("order of %s", CANARY)
    assert [line["event"] for line in lines()] == ["event withheld"] * 2


def test_an_exception_is_its_class_and_code(lines: Callable[[], list[dict[str, Any]]]) -> None:
    """Never its message, which may be the target's."""
    log = structlog.get_logger()
    try:
        raise Unavailable(CANARY)
    except Unavailable as error:
        log.exception("run ended")
        log.error("run ended", error=error)
    for line in lines():
        assert (line["error"], line["code"]) == ("Unavailable", "unavailable")
        assert "canary" not in str(line)


def test_libraries_are_heard_without_their_words(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """From WARNING on: who, where and which class of error."""
    zeep = logging.getLogger("zeep.transports")
    zeep.debug("body %s", CANARY)
    zeep.info("body %s", CANARY)
    zeep.warning("body %s", CANARY, exc_info=ValueError(CANARY))
    (line,) = lines()
    assert (line["event"], line["logger"], line["error"]) == (
        "library",
        "zeep.transports",
        "ValueError",
    )
    assert "canary" not in str(line)


def test_warnings_are_heard_without_their_words(
    lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Python's own warnings quote source and data."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(CANARY, stacklevel=1)
    (line,) = lines()
    assert line["logger"] == "py.warnings"
    assert "canary" not in str(line)


def test_the_console_shows_no_more_than_the_json(stream: io.StringIO) -> None:
    """The same filter stands before both."""
    logs.start(as_json=False, stream=stream)
    structlog.get_logger().info("delivered", key="17", name=CANARY)
    assert "key=17" in stream.getvalue()
    assert "canary" not in stream.getvalue()
