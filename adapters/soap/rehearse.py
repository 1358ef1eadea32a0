"""A SOAP profile on a stage, and its contract beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from adapters.auth import Tls
from adapters.dialect import Dialect
from adapters.rehearsal import Rehearsed, masked
from adapters.soap import Settings, SoapDialect
from adapters.soap.contract import Contract, Operation
from adapters.soap.outline import Outline
from adapters.soap.schema import Law, Unbuilt
from adapters.soap.services import contract_of
from connector.errors import Bug, FieldFault
from connector.profile import Action, Profile, Step
from connector.rehearsal import Canned, Sent
from connector.values import Change, Outcome, Payload


class SoapRehearsal:
    """Messages by the contract. The contract alone is asked where a dialect would not open."""

    def __init__(self, profile: Profile, conn: Mapping[str, object], zone: ZoneInfo) -> None:
        self._profile, self._conn, self._zone = profile, conn, zone
        self._contracts: dict[str, Contract] = {}
        self._laws: dict[tuple[int, str, bool], Law | None] = {}

    def declared(self, entity: str, step: Step) -> Outline | None:
        """What the contract declares for a step's message. Raises ConnectorError[wsdl]."""
        _, operation = self._operation(entity, step)
        # a call sends every parameter; section 5 reads a member that is left out as its default
        return Outline(operation.sent, strict=not operation.encoded, needed=True)

    def answered(self, entity: str, step: Step) -> Outline | None:
        """What the contract declares for the reply; strings that hold documents leave it open."""
        _, operation = self._operation(entity, step)
        return None if operation.back is None or step.decode else Outline(operation.back, False)

    def faults(
        self, entity: str, action: Action, step: Step, sent: Sent
    ) -> Sequence[FieldFault] | None:
        """Judge a message by the schema of the WSDL itself; None where it cannot be built."""
        contract, operation = self._operation(entity, step)
        loose = action.missing != "omit"
        name = (id(contract), operation.name, loose)
        if name not in self._laws:
            try:
                self._laws[name] = Law(contract, operation, loose=loose)
            except Unbuilt:
                self._laws[name] = None
        law = self._laws[name]
        return None if law is None or sent.body is None else law.against(sent.body)

    def message(self, entity: str, action: Action, step: Step, names: Mapping[str, object]) -> Sent:
        """Make the message of one step."""
        return self._staged.message(entity, action, step, names)

    def items(self, entity: str, action: Action, reply: Canned) -> Sequence[Payload]:
        """Read the documents in a reply."""
        return self._staged.items(entity, action, reply)

    def send(
        self, entity: str, change: Change, replies: Sequence[Canned]
    ) -> tuple[Outcome, Sequence[Sent]]:
        """Send *change* to the stage."""
        return self._staged.send(entity, change, replies)

    @cached_property
    def _staged(self) -> Rehearsed:
        settings: Any = Settings(auth=masked(self._profile), tls=Tls())

        def make(stage: Any, place: Any) -> Dialect:
            return SoapDialect(self._profile, settings, stage, place)

        return Rehearsed(self._profile, self._conn, self._zone, make)

    def _operation(self, entity: str, step: Step) -> tuple[Contract, Operation]:
        services = self._profile.services
        for name in (step.service, entity, next(iter(services)) if len(services) == 1 else None):
            if name in services:
                contract = self._contracts.get(str(name))
                if contract is None:
                    contract = self._contracts[str(name)] = contract_of(services[str(name)])
                return contract, contract.operation(step.op or "")
        raise Bug(f"{self._profile.name}: no service for {entity or 'the probe'}")


def rehearse(profile: Profile, conn: Mapping[str, object], zone: ZoneInfo) -> SoapRehearsal:
    """Put *profile* on a stage."""
    return SoapRehearsal(profile, conn, zone)


class Book:
    """A WSDL alone; see connector.rehearsal.Book."""

    def __init__(self, wsdl: Path, port: str | None = None) -> None:
        self._contract = Contract(wsdl, port)

    def operations(self) -> Sequence[str]:
        """The names of its operations."""
        return self._contract.operations

    def files(self) -> Sequence[Path]:
        """The files that it is made of."""
        return self._contract.catalog.files

    def address(self) -> str | None:
        """Where it says that its service is."""
        found: str | None = self._contract.port.binding_options.get("address")
        return found

    def sent(self, operation: str) -> Outline:
        """What an operation takes."""
        found = self._contract.operation(operation)
        return Outline(found.sent, strict=not found.encoded, needed=True)

    def back(self, operation: str) -> Outline | None:
        """What it answers with."""
        found = self._contract.operation(operation)
        return None if found.back is None else Outline(found.back, strict=not found.encoded)
