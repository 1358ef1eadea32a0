"""One code: its cause, its cure, the command that helps, what a command ends with."""

from __future__ import annotations

from dataclasses import dataclass

OK, ATTENTION, USAGE, WRONG_SYSTEM, UNAVAILABLE, BRAKED, BUG = 0, 1, 2, 3, 4, 5, 70


@dataclass(frozen=True, slots=True)
class Code:
    """One code; *exit_code* is what a command that fails with it ends with."""

    name: str
    cause: str
    cure: str
    command: str
    exit_code: int = ATTENTION
