"""How a profile is tried without its system: what the workbench asks of adapters.

An adapter whose module has a `rehearse.py` with `rehearse(profile, conn, zone)` offers it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl

from connector.errors import FieldFault
from connector.profile import Action, Step
from connector.values import Change, Outcome, Payload


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """One message as it would go out, without credentials."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)

    @property
    def pairs(self) -> list[tuple[str, str]] | None:
        """What a form says, name by name; None: the body is none."""
        kinds = [one for name, one in self.headers.items() if name.lower() == "content-type"]
        if not any(one.startswith("application/x-www-form-urlencoded") for one in kinds):
            return None
        return parse_qsl((self.body or b"").decode(), keep_blank_values=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Canned:
    """A reply from a file, in place of a system's."""

    body: bytes = field(repr=False)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Element(Protocol):
    """What a contract declares at one place of a message.

    *kind*: of its own text (text, decimal, day…); None: it has members. *needed*: the contract
    demands it; *many*: it takes a list; *open*: it may hold more than it names. *longest*: most
    characters; *words*: its closed list.
    """

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def needed(self) -> bool: ...
    @property
    def many(self) -> bool: ...
    @property
    def open(self) -> bool: ...
    @property
    def longest(self) -> int | None: ...
    @property
    def words(self) -> frozenset[str]: ...

    def members(self) -> Mapping[str, Element]:
        """Its elements by name, in their order; empty where it is text or open."""
        ...

    def attributes(self) -> Collection[str]:
        """Its attributes."""
        ...

    def typed(self, name: str) -> Element | None:
        """It as `$type: name` makes it; None if the contract has no such type."""
        ...

    def misfit(self, literal: str) -> FieldFault | None:
        """Why the contract refuses *literal* here."""
        ...


class Book(Protocol):
    """A contract alone, before there is a profile."""

    def operations(self) -> Sequence[str]:
        """The names of its operations."""
        ...

    def files(self) -> Sequence[Path]:
        """The files that it is made of: itself and what it imports."""
        ...

    def address(self) -> str | None:
        """Where it says that its service is."""
        ...

    def sent(self, operation: str) -> Element:
        """What an operation takes. Raises ConnectorError[wsdl]."""
        ...

    def back(self, operation: str) -> Element | None:
        """What it answers with. Raises ConnectorError[wsdl]."""
        ...


class Rehearsal(Protocol):
    """A profile on a stage: real messages and the real reading of replies, no network."""

    def declared(self, entity: str, step: Step) -> Element | None:
        """What is declared for a step's message; None without a contract. Raises ConnectorError."""
        ...

    def answered(self, entity: str, step: Step) -> Element | None:
        """What is declared for the reply to a step; None where that is open. Raises as above."""
        ...

    def message(self, entity: str, action: Action, step: Step, names: Mapping[str, object]) -> Sent:
        """The message of one step, made with *names*. Raises FieldErrors, ConnectorError."""
        ...

    def faults(
        self, entity: str, action: Action, step: Step, sent: Sent
    ) -> Sequence[FieldFault] | None:
        """What the contract's own schema says against a message; None: there is no schema."""
        ...

    def items(self, entity: str, action: Action, reply: Canned) -> Sequence[Payload]:
        """The documents in a reply to *action*. Raises ConnectorError."""
        ...

    def send(
        self, entity: str, change: Change, replies: Sequence[Canned]
    ) -> tuple[Outcome, Sequence[Sent]]:
        """What becomes of *change* when the system answers so; where none is left, it is silent."""
        ...
