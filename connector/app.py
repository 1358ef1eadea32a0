"""The connector, opened: ledger, systems and flows. Only here do adapters meet flows."""

from __future__ import annotations

import gc
import os
import pwd
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from connector import wiring
from connector.building import build_flow
from connector.clock import SystemClock
from connector.config import ledger_url, load_config
from connector.configured import Config, Connection
from connector.errors import ConnectorError, Unavailable, WrongSystem
from connector.flow.deliver import Delivered, deliver
from connector.flow.flows import Flow, dependencies
from connector.flow.pull import Pulled, pull, pull_demanded
from connector.gate import ThreadGate
from connector.ledger import confirmations, life, linking, migrate, systems
from connector.ledger.store import Ledger
from connector.ports import Archive, Clock, Probe, Source, Target
from connector.problems import Problems
from connector.values import Findings
from connector.wiring import Wired

ROUNDS = 10_000
YOUNG = 50_000  # objects made before garbage is looked for: a page of orders, hardly any in cycles


class System(Source, Archive, Target, Probe, Protocol):
    """What an adapter's class gives: every port of one connection."""

    def close(self) -> None:
        """Give connections back."""
        ...


@dataclass(kw_only=True)
class Report:
    """What a sync did, flow by flow."""

    pulled: dict[str, Pulled] = field(default_factory=dict)
    delivered: dict[str, dict[str, int]] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class App:
    """An opened configuration. Systems are opened when first used, and so are their secrets."""

    config: Config
    ledger: Ledger
    wired: Mapping[str, Wired]
    flows: Mapping[str, Flow]
    clock: Clock
    _systems: dict[str, System] = field(default_factory=dict)
    _gates: dict[str, ThreadGate] = field(default_factory=dict)
    _met: set[str] = field(default_factory=set)
    _opening: threading.RLock = field(default_factory=threading.RLock)

    def gate(self, name: str) -> ThreadGate:
        """The gate of connection *name*: one for all its flows."""
        with self._opening:
            if name not in self._gates:
                self._gates[name] = open_gate(self.wired[name], self.clock)
            return self._gates[name]

    def system(self, name: str) -> System:
        """The adapter of connection *name*; raises ConfigError for its settings."""
        with self._opening:
            if name not in self._systems:
                self._systems[name] = open_system(
                    self.config, self.wired[name], self.gate(name), self.clock
                )
            return self._systems[name]

    def meet(self, names: Sequence[str]) -> dict[str, Findings]:
        """R9: ask the systems who they are; raises WrongSystem if one is not who it was.

        A system met for the first time is remembered, if it is the one that `expect` names.
        """
        found = {name: self.system(name).check() for name in names}
        for name, findings in found.items():
            refuse_other(self.config.connections[name], findings)
            known = self.ledger.read(systems.identity, name)
            who = {**findings.identity, "host": str(self.wired[name].conn["url"])}
            if known is not None and (changed := differing(known, who)):
                raise WrongSystem(
                    f"{name} is another system than the ledger knows: {', '.join(changed)} changed",
                    cure=f"point {name} back to the system it was, or begin a new ledger",
                )
            with self.ledger.begin() as db:
                systems.meet(db, name, who, self.clock.now())
            self._met.add(name)
        return found

    def sync(self, flow: Flow, *, only: Sequence[str] = ()) -> Report:
        """Pull *flow*, then deliver it and what it depends on, until nothing is due.

        Raises Unavailable, Unauthorized, Truncated, Braked, WrongSystem.
        """
        self.meet(sorted({flow.source, flow.target}))
        source, report = self.system(flow.source), Report()
        if only:
            report.pulled[flow.name] = pull_demanded(
                source, flow, self.ledger, self.clock, keys=only
            )
        elif flow.mode != "on_demand":
            began = self.clock.now()
            report.pulled[flow.name] = pull(source, flow, self.ledger, self.clock)
            with self.ledger.begin() as db:
                confirmations.confirm(db, flow.name, began)
        return self._deliver(flow, report)

    def catch_up(self, flow: Flow) -> Report:
        """Deliver what is due of *flow* without reading its source anew; raises as `sync` does."""
        self.meet(sorted({flow.source, flow.target} - self._met))
        return self._deliver(flow, Report())

    def _deliver(self, flow: Flow, report: Report) -> Report:
        line = self.line(flow)
        for _ in range(ROUNDS):
            if not self.round(line, report) or self.stopping:
                break
        return report

    @property
    def stopping(self) -> bool:
        """Was one of the connections told to let no further call begin?"""
        return any(gate.stopping for gate in self._gates.values())

    def line(self, flow: Flow) -> list[Flow]:
        """The flows that a delivery of *flow* needs, in the order in which they deliver."""
        return [*dependencies(flow, list(self.flows.values())), flow]

    def round(self, line: Sequence[Flow], report: Report) -> bool:
        """One delivery of every flow of *line*, dependencies first; False when nothing was due."""
        moved = False
        self.ledger.beat(self.clock.now(), self.clock.boottime())
        for flow in line:
            if flow.name in report.stopped:
                continue
            new = _pull_demanded(self, flow, report)
            target = self.system(flow.target)
            done = deliver(target, flow, self.ledger, self.gate(flow.target), self.clock)
            _count(report, flow, done)
            moved = moved or bool(done.claimed) or bool(new)
        return moved

    def stop(self) -> None:
        """Let no further call begin, on any connection."""
        for name in self.wired:
            self.gate(name).stop()

    def let_go(self) -> None:
        """Let calls end, and give the connections back; the ledger stays open."""
        for gate in self._gates.values():
            gate.close()
        for system in self._systems.values():
            system.close()

    def close(self) -> None:
        """Let calls end, and give everything back."""
        self.let_go()
        self.ledger.close()


def _pull_demanded(app: App, flow: Flow, report: Report) -> int:
    """What blocked records wait for; with the source away, what is known is delivered first."""
    try:
        pulled = pull_demanded(app.system(flow.source), flow, app.ledger, app.clock)
    except Unavailable as away:
        report.stopped[flow.source] = away.code
        return 0
    return pulled.new


def _count(report: Report, flow: Flow, done: Delivered) -> None:
    counts = report.delivered.setdefault(flow.name, {})
    for outcome, number in done.outcomes.items():
        counts[outcome] = counts.get(outcome, 0) + number
    if done.stopped:
        report.stopped[flow.name] = done.stopped


def counted(report: Report) -> dict[str, int]:
    """Documents that each flow pulled, new and changed."""
    return {name: done.new + done.changed for name, done in report.pulled.items()}


def differing(known: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The parts of an identity that are not what they were; one never read before is learnt."""
    return sorted(k for k in known if known[k] != now.get(k))


def refuse_other(connection: Connection, findings: Findings) -> None:
    """Raise WrongSystem unless the system is the one that the configuration expects."""
    wanted = dict(connection.identity)
    wrong = [k for k, v in wanted.items() if findings.identity.get(k) != v]
    if connection.expect is not None and connection.expect not in findings.identity.values():
        wrong.append("expect")
    if wrong:
        said = ", ".join(f"{k} {v!r}" for k, v in sorted(findings.identity.items()))
        raise WrongSystem(
            f"{connection.name} is not the system that `identity:` expects; it says: {said}",
            cure=f"correct connections.{connection.name}.url, or its identity",
        )


def open_gate(wired: Wired, clock: Clock) -> ThreadGate:
    """Make the gate of a connection, with its limits."""
    return ThreadGate(
        clock,
        slots=wired.slots,
        timeout=wired.timeout,
        per_second=wired.per_second,
        bulk=wired.compiled.profile.capabilities.bulk,
    )


def open_system(config: Config, wired: Wired, gate: ThreadGate, clock: Clock) -> System:
    """Make the adapter of a connection; raises ConfigError with all that is wrong for it."""
    problems = Problems()
    settings = wiring.settings(config, wired, problems)
    problems.raise_if_any()
    module, name = wiring.adapter_module(wired.compiled.profile.protocol)
    made: System = getattr(module, name)(
        wired.compiled.profile,
        settings,
        conn=wired.conn,
        zone=wired.config.zone,
        timeout=wired.timeout,
        lag=wired.lag,
        slot=gate.slot,
        clock=clock,
    )
    return made


def open_ledger(config: Config) -> Ledger:
    """The ledger of *config*, its tables as this version needs them.

    Raises ConfigError, ConnectorError(ledger_missing, ledger_outdated).
    """
    problems = Problems()
    url = ledger_url(config, problems)
    problems.raise_if_any()
    ledger = Ledger(str(url))
    if ledger.path is not None and not ledger.path.exists():
        raise ConnectorError(f"there is no ledger at {ledger.path}", code="ledger_missing")
    if ledger.path is not None:
        refuse_other_user(ledger.path)
    found = ledger.read(migrate.revision)
    if found is None:
        raise ConnectorError("the ledger has no tables yet", code="ledger_missing")
    if found != migrate.HEAD:
        raise ConnectorError(
            f"the ledger is at revision {found}, this version needs {migrate.HEAD}",
            code="ledger_outdated",
        )
    return ledger


def refuse_other_user(path: Path) -> None:
    """O1: files that another user made beside the ledger would lock its owner out."""
    owner = path.stat().st_uid
    if owner != os.geteuid():
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"#{owner}"
        raise ConnectorError(
            f"the ledger at {path} belongs to another user",
            code="other_user",
            cure=f"sudo -u '{name}' connector …" if "#" in name else f"sudo -u {name} connector …",
        )


def read_config(path: Path) -> Config:
    """The configuration at *path*; raises ConfigError with every mistake in it."""
    problems = Problems()
    config = load_config(path, problems)
    problems.raise_if_any()
    if config is None:
        raise ConnectorError("the configuration cannot be used", code="config")
    return config


def wire_all(
    config: Config, installation: str, problems: Problems
) -> tuple[dict[str, Wired], dict[str, Flow]]:
    """Every connection and flow, compiled; what is wrong is in *problems*."""
    made = {n: wiring.wire(config, c, problems) for n, c in config.connections.items()}
    wired = {name: one for name, one in made.items() if one is not None}
    flows: dict[str, Flow] = {}
    for name, flow in config.flows.items():
        if flow.source in wired and flow.target in wired:
            sides = (wired[flow.source], wired[flow.target])
            built = build_flow(config, flow, sides, installation, problems)
            if built is not None:
                flows[name] = built
    return wired, {name: with_customers(flow, flows) for name, flow in flows.items()}


def with_customers(flow: Flow, flows: Mapping[str, Flow]) -> Flow:
    """An orders flow, told by the customers flow beside it what becomes of guests."""
    if flow.entity != "order":
        return flow
    beside = [
        f
        for f in flows.values()
        if f.entity == "customer" and (f.source, f.target) == (flow.source, flow.target)
    ]
    if not beside:
        return flow
    return replace(flow, guests=beside[0].guests, customers=beside[0].name)


def as_accepted(flows: Mapping[str, Flow], ledger: Ledger) -> dict[str, Flow]:
    """The flows, each told whether a person accepted its first linking (S1)."""
    accepted = ledger.read(linking.accepted)
    return {name: replace(flow, accepted=name in accepted) for name, flow in flows.items()}


def open_app(path: Path, clock: Clock | None = None, *, working: bool = True) -> App:
    """Open the configuration at *path*; *working*: to deliver, as the ledger's one owner.

    Raises ConfigError with every mistake, ConnectorError for a ledger that cannot be used.
    """
    clock = clock or SystemClock()
    config = read_config(path)
    ledger = open_ledger(config)
    try:
        if working:
            ledger.wake(clock.now(), clock.boottime())
        installation = ledger.read(life.read).installation
        problems = Problems()
        wired, flows = wire_all(config, installation, problems)
        problems.raise_if_any()
        flows = as_accepted(flows, ledger)
    except BaseException:
        ledger.close()
        raise
    return App(config=config, ledger=ledger, wired=wired, flows=flows, clock=clock)


def reopened(app: App) -> App:
    """The same ledger under the configuration as its file is now; *app* goes on unchanged.

    Raises ConfigError with every mistake, ConnectorError(restart_needed) for another ledger.
    """
    config = read_config(app.config.file)
    problems = Problems()
    urls = [ledger_url(one, problems) for one in (app.config, config)]
    if urls[0] != urls[1]:
        raise ConnectorError("`ledger` has changed", code="restart_needed")
    if app.config.web.listen != config.web.listen:
        raise ConnectorError("`web.listen` has changed", code="restart_needed")
    wired, flows = wire_all(config, app.ledger.life.installation, problems)
    problems.raise_if_any()
    flows = as_accepted(flows, app.ledger)
    return App(config=config, ledger=app.ledger, wired=wired, flows=flows, clock=app.clock)


@contextmanager
def opened(path: Path, *, working: bool = True) -> Iterator[App]:
    """`open_app` for a `with`, in a process that is there for it."""
    gc.set_threshold(YOUNG, 20, 50)
    app = open_app(path, working=working)
    try:
        yield app
    finally:
        app.close()
