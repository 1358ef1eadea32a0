"""The catalogue of stable codes: what each means, what cures it, which command helps."""

from __future__ import annotations

from collections.abc import Mapping

from connector.codes.code import (
    ATTENTION,
    BRAKED,
    BUG,
    OK,
    UNAVAILABLE,
    USAGE,
    WRONG_SYSTEM,
    Code,
)
from connector.codes.errors import ERRORS
from connector.codes.held import REASONS, SHOW
from connector.codes.pieces import PIECES

__all__ = [
    "ATTENTION",
    "BRAKED",
    "BUG",
    "CODES",
    "HELD",
    "OK",
    "PIECES",
    "UNAVAILABLE",
    "USAGE",
    "WRONG_SYSTEM",
    "Code",
    "page",
]

HELD: Mapping[str, Code] = {code.name: code for code in REASONS}
CODES: Mapping[str, Code] = {code.name: code for code in (*ERRORS, *REASONS)}


def page() -> str:
    """Return docs/errors.md: a table of errors, a table of the reasons why a record is held."""
    return "\n".join(
        [
            "# Error codes",
            "",
            "Stable: scripts may rely on them. `connector --json` prints them as `code`. This page",
            "is `connector.codes.page()`; a test compares the two.",
            "",
            "## Errors of commands",
            "",
            "| code | exit | cause | cure | command |",
            "|---|---|---|---|---|",
            *(
                f"| `{c.name}` | {c.exit_code} | {c.cause} | {c.cure} | `{c.command}` |"
                for c in ERRORS
            ),
            "",
            "## Why a record is held",
            "",
            "| code | cause | cure | command |",
            "|---|---|---|---|",
            *(f"| `{c.name}` | {c.cause} | {c.cure} | `{c.command}` |" for c in REASONS),
            "",
            "## What is wrong with a field or piece",
            "",
            "Stands beside `field`, `rule`, `unreadable` and `refused`, with place and cure;",
            f"`{SHOW}` shows it. Other codes there are the target's own.",
            "",
            "| code | meaning |",
            "|---|---|",
            *(f"| `{name}` | {meaning} |" for name, meaning in PIECES.items()),
            "",
        ]
    )
