"""What is raised: few classes, each with one handler, named by the next action.

Outcomes of writes are values (`connector.values.Outcome`), never exceptions.  Every error carries
facts (connection, key, code), never content: names and addresses are personal data.
"""

from __future__ import annotations

from datetime import timedelta


class ConnectorError(Exception):
    """An expected failure with a stable *code* of docs/errors.md; shown without a traceback."""

    code = "bug"

    def __init__(self, message: str, *, code: str | None = None, cure: str = "") -> None:
        super().__init__(message)
        self.code = code or self.code
        self.cure = cure


class ConfigError(ConnectorError):
    """Configuration or mapping is wrong; carries *all* problems. Handler: the command ends."""

    code = "config"

    def __init__(self, problems: object) -> None:
        super().__init__(str(problems))
        self.problems = problems


class WrongSystem(ConnectorError):
    """The system behind a connection is not the one the ledger knows. Handler: nothing runs."""

    code = "wrong_system"


class Braked(ConnectorError):
    """An improbable mass change waits for a person. Handler: the flow stops, one alarm."""

    code = "braked"


class Unavailable(ConnectorError):
    """A *read* could not be made now. Handler: the flow's run ends, its cursor stays.

    *nobody*: no one is there, or serves anybody now; else this one question had no good answer.
    *said*: the system's words, which may speak of persons: shown by who knows that they do not.
    """

    code = "unavailable"

    def __init__(
        self, message: str, *, wait: timedelta | None = None, why: str = "", nobody: bool = True
    ) -> None:
        super().__init__(message)
        self.wait, self.why, self.nobody = wait, why, nobody
        self.said = ""


class NotNow(Unavailable):
    """A read that was not even begun: its connection is paused, closed, away or told to wait.

    Handler: as for Unavailable, and it counts as no failure.
    """

    def __init__(self, message: str, *, code: str, cure: str = "") -> None:
        super().__init__(message, nobody=False)
        self.code, self.cure = code, cure


class Unauthorized(ConnectorError):
    """A *read* was refused for its credentials. Handler: the connection stops until they change."""

    code = "unauthorized"

    def __init__(self, message: str, *, why: str = "") -> None:
        super().__init__(message)
        self.why = why


class Truncated(ConnectorError):
    """A page ended before its declared end. Handler: the cursor stays, the page is read again."""

    code = "truncated"


class LedgerAway(ConnectorError):
    """The ledger cannot be used now. Handler: what runs ends; outcomes are written when it can."""

    code = "ledger_away"


class NotSent(ConnectorError):
    """A call was withdrawn before its first byte: too late, stopping, or its connection is shut."""

    code = "not_sent"


class FieldErrors(ConnectorError):
    """A document or payload cannot be made; *faults* names every field, code and cure at once.

    Handler: `draft` at the source (held: unreadable), `compose` at the target (held: rule).
    """

    code = "field"

    def __init__(self, faults: tuple[FieldFault, ...]) -> None:
        super().__init__("; ".join(str(f) for f in faults))
        self.faults = faults


class FieldFault:
    """One field that cannot be made: where, a stable code, what cures it. Never the value."""

    __slots__ = ("code", "cure", "field")

    def __init__(self, field: str, code: str, cure: str) -> None:
        self.field, self.code, self.cure = field, code, cure

    def __str__(self) -> str:
        return f"{self.field}: {self.code} ({self.cure})"


class Bug(ConnectorError):
    """The program contradicts itself. Handler: the task ends, its record counts a crash."""

    code = "bug"
