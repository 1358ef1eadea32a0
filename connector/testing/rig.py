"""The whole engine over two systems in memory, to be killed at any point and started again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from sqlalchemy import select

from connector import points
from connector.documents import Document, Order, load, refs
from connector.flow.deliver import deliver
from connector.flow.flows import Flow
from connector.flow.pull import pull, pull_demanded
from connector.gate import ThreadGate
from connector.ledger import life, systems
from connector.ledger.content import pack
from connector.ledger.schema import attempt, link, meta, record
from connector.ledger.store import Ledger
from connector.ports import Source, Target
from connector.profile import Capabilities, Limits
from connector.testing.clock import TestClock
from connector.testing.memory import Memory
from connector.values import Payload, Ref, Tree

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
SETTLE = timedelta(seconds=60)
TIMEOUT = timedelta(seconds=10)


class Killed(BaseException):
    """The process died here: nothing after it runs, not even `except Exception`."""


class ToyReader:
    """Reads payloads that are documents already."""

    digest = "toy-1"

    def __init__(self, entity: str) -> None:
        self.entity = entity

    def key(self, payload: Payload) -> str:
        """The key of a payload."""
        return str(payload["key"])

    def version(self, payload: Payload) -> str | None:
        """Its version."""
        return str(payload["version"])

    def birth(self, payload: Payload) -> str:
        """Its birth."""
        return str(payload.get("birth", payload["key"]))

    def gone(self, payload: Payload) -> bool:
        """Is it in the bin?"""
        return payload.get("bin") is True

    def document(self, payload: Payload) -> Document:
        """The document inside."""
        return load(self.entity, pack(payload["doc"]))

    def partial(self, payload: Payload) -> Mapping[str, object]:  # noqa: ARG002 - the port's
        """Nothing: what is unreadable here is unreadable whole."""
        return {}


class ToyWriter:
    """Writes an order as note, status, total and customer."""

    digest = "toy-w1"

    def __init__(self, *references: str) -> None:
        self.references = frozenset(references)

    def payload(
        self,
        doc: Document,
        *,
        conn: Mapping[str, object],  # noqa: ARG002 - the port's signature
        reference: str,
        there: Callable[[Ref], str],
    ) -> Mapping[str, Tree]:
        """The fields of a document that the toy target keeps."""
        fields: dict[str, Tree] = {"ref": reference}
        for name in ("status", "note", "total", "email", "sku", "first_name", "last_name"):
            if (value := getattr(doc, name, None)) is not None:
                fields[name] = value
        for ref in refs(doc):
            if ref.entity in self.references:
                fields[f"{ref.entity}_no"] = there(ref)
        return fields


def order(number: str, **more: Tree) -> Payload:
    """An order's payload in the toy shop's form; *more* are fields of the document."""
    doc: dict[str, Tree] = {
        "number": number,
        "status": "confirmed",
        "placed_at": "2026-11-23T08:00:01Z",
        "currency": "EUR",
        "total": "0.00",
        **more,
    }
    return {"doc": {k: v for k, v in doc.items() if v is not None}}


class Scene:
    """A ledger, a shop and an ERP in memory, a clock, and what they all say."""

    def __init__(self, folder: Path, *, steps: tuple[str, ...] = (), url: str = "") -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder / 'ledger.db'}"
        self.clock = TestClock(START)
        self.shop: Source = Memory(self.clock)
        self.erp: Target = Memory(self.clock, steps=steps)
        self.ledger: Ledger | None = None
        self.flows = {"orders": order_flow(steps=steps)}
        self.gates: list[ThreadGate] = []
        fresh = Ledger(self.url)
        with fresh.begin() as db:
            meta.create_all(db)
            life.create(db, self.clock.now())
            for name in ("shop", "erp"):
                systems.meet(db, name, {"company": name}, self.clock.now())
        fresh.close()
        self.clock.pass_(timedelta(seconds=1))

    @property
    def memory(self) -> tuple[Memory, Memory]:
        """Shop and ERP, where they are the memory's own."""
        return cast("Memory", self.shop), cast("Memory", self.erp)

    def flow(self, **changes: object) -> None:
        """Change the orders flow."""
        self.flows["orders"] = replace(self.flows["orders"], **changes)  # type: ignore[arg-type]

    def start(self) -> Ledger:
        """Start the engine on the ledger as it lies there."""
        if self.ledger is None:
            self.ledger = Ledger(self.url)
            self.ledger.wake(self.clock.now(), self.clock.boottime())
        return self.ledger

    def states(self) -> dict[str, tuple[str, str | None]]:
        """Key → (state, reason) of every record."""
        with self.start().engine.connect() as db:
            rows = db.execute(select(record.c.key, record.c.state, record.c.reason))
            return {r.key: (r.state, r.reason) for r in rows}

    def open_intents(self) -> int:
        """How many intents have no outcome."""
        with self.start().engine.connect() as db:
            return len(db.execute(select(attempt.c.id).where(attempt.c.outcome.is_(None))).all())

    def links(self) -> dict[str, str]:
        """Source key → target key."""
        with self.start().engine.connect() as db:
            return dict(db.execute(select(link.c.source_key, link.c.target_key)).all())

    def books(self) -> list[tuple[str | None, Tree, Tree]]:
        """What the ERP holds: (reference, status, note), sorted."""
        papers = self.memory[1].papers
        return sorted(
            ((p.reference, p.fields.get("status"), p.fields.get("note")) for p in papers),
            key=str,
        )


class Rig(Scene):
    """The engine on that scene: it comes and goes, and is killed wherever one likes."""

    def kill(self) -> None:
        """End the engine as SIGKILL does: what was not committed is gone."""
        if self.ledger is not None:
            self.ledger.close()
            self.ledger = None
        for gate in self.gates:
            gate.close()
        self.gates.clear()

    def cycle(self, *, pulling: bool = True) -> None:
        """One round: pull every flow, deliver every flow, dependencies first."""
        ledger = self.start()
        ledger.beat(self.clock.now(), self.clock.boottime())
        for flow in self.flows.values():
            if pulling and flow.mode == "sync":
                pull(self.shop, flow, ledger, self.clock)
        for flow in self.flows.values():
            if flow.mode == "on_demand":
                pull_demanded(self.shop, flow, ledger, self.clock)
            gate = self.open_gate(flow)
            deliver(self.erp, flow, ledger, gate, self.clock)
            gate.close()
            self.gates.remove(gate)

    def open_gate(self, flow: Flow) -> ThreadGate:
        """The ERP's gate, as the adapter's slot too."""
        gate = ThreadGate(self.clock, Limits(concurrency=flow.slots, timeout=flow.timeout))
        self.gates.append(gate)

        def slot(send_before: datetime) -> None:
            with gate.slot(send_before):
                pass

        self.memory[1].slot = slot
        return gate

    def settle(self, *, rounds: int = 12, step: timedelta = timedelta(seconds=20)) -> None:
        """Let time pass and rounds run until nothing moves any more."""
        for _ in range(rounds):
            self.clock.pass_(step)
            self.memory[1].pass_late()
            self.cycle()

    def kill_at(self, point: str, nth: int = 1) -> None:
        """Die when *point* is reached for the *nth* time from now."""
        left = [nth]

        def on_reach(name: str) -> None:
            if name == point:
                left[0] -= 1
                if left[0] == 0:
                    raise Killed(point)

        points.on_reach = on_reach

    def run_until_killed(self) -> bool:
        """One round that may die; True if it did. Afterwards nothing of the engine is left."""
        try:
            self.cycle()
        except Killed:
            self.kill()
            return True
        finally:
            points.on_reach = points._nothing
        return False


def order_flow(*, steps: tuple[str, ...] = ()) -> Flow:
    """The orders flow of a rig."""
    return Flow(
        name="orders",
        entity="order",
        source="shop",
        target="erp",
        reader=ToyReader("order"),
        writer=ToyWriter(),
        conn={},
        settle=SETTLE,
        timeout=TIMEOUT,
        lag=timedelta(0),
        capabilities=Capabilities(op_class={"update": "absolute"}),
        start=START,
        can=None,
        steps=steps,
        installation="t",
        profile_digest="p1",
    )


__all__ = ["Killed", "Order", "Rig", "ToyReader", "ToyWriter", "order", "order_flow"]
