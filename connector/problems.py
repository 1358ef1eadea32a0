"""One report for everything wrong in configuration and mappings, with file, line and cure."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.errors import ConfigError

MORE = "more may show once these are mended: what hangs on them could not be examined"


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Problem:
    """One mistake: where it stands, a stable code, what is wrong, what cures it."""

    file: str
    line: int
    path: str
    message: str
    cure: str = ""
    code: str = "config"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        at = f" {self.path}:" if self.path else ""
        cure = f"\n    cure: {self.cure}" if self.cure else ""
        return f"{place}:{at} {self.message}{cure}"


@dataclass(slots=True)
class Problems:
    """Collects problems so that a person sees all of them at once.

    *more*: something hangs on what is wrong and could not be examined; the report then says so.
    """

    found: list[Problem] = field(default_factory=list)
    more: bool = False

    def add(self, problem: Problem) -> None:
        """Keep *problem* for the report."""
        self.found.append(problem)

    def raise_if_any(self) -> None:
        """Raise ConfigError carrying every problem found so far, if there is one."""
        if self.found:
            raise ConfigError(self)

    def __bool__(self) -> bool:
        return bool(self.found)

    def __str__(self) -> str:
        told = [str(p) for p in sorted(set(self.found))]
        return "\n".join([*told, MORE] if told and self.more else told)
