"""A create without an answer, where nothing can be found: what the target's identity allows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.profile import Capabilities
from connector.testing.memory import Memory
from connector.testing.rig import Rig, order
from connector.values import Change, Outcome


class Upserting(Memory):
    """Takes a second create with a reference that it has for the document that carries it."""

    def _apply(self, entity: str, change: Change) -> Outcome:
        held = next((p for p in self._of(entity) if p.reference == change.reference), None)
        if held is None or change.action != "create":
            return super()._apply(entity, change)
        held.fields |= change.payload
        return self._done(held, self.steps)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """An engine before an ERP that upserts and cannot be searched."""
    rig = Rig(tmp_path)
    rig.erp = Upserting(rig.clock)
    rig.memory[0].put("order", "1", order("1"))
    yield rig
    rig.kill()


def deliver(rig: Rig, identity: str, fault: str) -> list[str]:
    """Deliver one order whose first create ends in *fault*; the creates that the ERP saw."""
    rig.flow(finds=False, capabilities=Capabilities(identity=identity))  # type: ignore[arg-type]
    faults = iter([fault])
    rig.memory[1].fault = lambda change: next(faults, None)
    rig.cycle()
    rig.settle()
    return [call for call, _ in rig.memory[1].calls if call == "create"]


@pytest.mark.parametrize("fault", ["cut", "lost", "late"])
def test_an_upsert_is_sent_again_after_settle(rig: Rig, fault: str) -> None:
    """Whether it had happened or not: the order is there once, and linked."""
    assert deliver(rig, "upsert", fault) == ["create", "create"]

    assert rig.states() == {"1": ("done", "sent")}
    assert len(rig.books()) == 1
    assert rig.open_intents() == 0


@pytest.mark.parametrize("identity", ["none", "find_first", "server_unique"])
def test_any_other_create_waits_for_a_person(rig: Rig, identity: str) -> None:
    """Sent twice it could be there twice."""
    assert deliver(rig, identity, "cut") == ["create"]

    assert rig.states() == {"1": ("held", "doubt")}
