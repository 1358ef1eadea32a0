"""The services of a profile: which contract an action's call is made by."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.soap.catalog import svcmap
from adapters.soap.contract import Contract, Operation
from adapters.soap.shapes import Member
from connector.errors import Bug
from connector.profile import Profile, Service, Step

Of = tuple[Service, Contract, Operation]


class Services:
    """The contracts of a profile, read and proven when its adapter is made."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._contracts = {name: contract_of(one) for name, one in profile.services.items()}
        self._of: dict[tuple[str, int], Of] = {}
        self._prove()

    def of(self, entity: str, step: Step) -> Of:
        """The service, contract and operation of a call."""
        found = self._of.get((entity, id(step)))
        return found if found is not None else self._found(entity, step)

    def _found(self, entity: str, step: Step) -> Of:
        name = self._named(entity, step)
        contract = self._contracts[name]
        return self._profile.services[name], contract, contract.operation(step.op or "")

    def item(self, entity: str, name: str) -> tuple[Member | None, frozenset[str]]:
        """Find what is declared of the element *name* in the replies of the entity's `list`, `get`.

        Nothing is declared of what a string holds but what are lists in it.
        """
        actions = self._profile.entities[entity].actions
        for word in ("list", "get", "find"):
            for step in actions[word].steps if word in actions else ():
                service, _, operation = self.of(entity, step)
                if step.decode:
                    return None, service.lists
                found = _within(operation.back, name) if operation.back is not None else None
                if found is not None:
                    return found, frozenset()
        return None, frozenset()

    def _named(self, entity: str, step: Step) -> str:
        known = list(self._contracts)
        for name in (step.service, entity, known[0] if len(known) == 1 else None):
            if name in self._contracts:
                return name
        raise Bug(f"{self._profile.name}: no service for {entity or 'the probe'}")

    def _prove(self) -> None:
        """Name an operation that a contract lacks now, and not when an order waits for it."""
        for entity, step in self._steps():
            self._of[entity, id(step)] = self._found(entity, step)

    def _steps(self) -> Iterator[tuple[str, Step]]:
        profile, session = self._profile, self._profile.session
        for action in profile.probe.values():
            yield from (("", step) for step in action.steps)
        for entity in profile.entities.values():
            for action in entity.actions.values():
                steps = (*action.steps, action.next)
                yield from ((entity.name, step) for step in steps if step is not None)
        own = (session.login, session.logout) if session is not None else ()
        yield from (("", step) for step in own if step is not None)


def contract_of(service: Service) -> Contract:
    """The contract as its profile names it; `encoded` is needed only where the WSDL is wrong."""
    entries = dict(service.catalog)
    if service.svcmap is not None:
        entries = {**svcmap(service.svcmap), **entries}
    return Contract(
        service.wsdl,
        service.port,
        entries=entries,
        patches=service.patches,
        encoded=True if service.encoded else None,
        ns=service.ns,
    )


def _within(back: Member, name: str) -> Member | None:
    """The nearest element of that name: items stand near the top of a reply."""
    level, seen = [back], 0
    while level and seen < 1000:
        for member in level:
            if member.name == name:
                return member
        seen += len(level)
        level = [below for member in level for below in member.shape.members.values()]
    return None
