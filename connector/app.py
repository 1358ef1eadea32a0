"""The connector, opened: ledger, systems and flows. Only here do adapters meet flows."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from connector import stockroom, wiring
from connector.admission import Admission, Shared
from connector.building import wire_all
from connector.clock import SystemClock
from connector.config import ledger_url
from connector.configured import Config
from connector.errors import ConnectorError, NotNow, Unauthorized, Unavailable
from connector.examining import read_config
from connector.flow.deliver import deliver
from connector.flow.flows import Flow, line_of
from connector.flow.hinted import pull_hinted
from connector.flow.pull import Pulled, pull, pull_demanded
from connector.flow.stock import Stocked
from connector.gate import ThreadGate
from connector.guarded import Guarded, System
from connector.identity import recognise, refuse_moved
from connector.ledger import confirmations, life, linking, records
from connector.ledger.store import Ledger
from connector.ledgers import open_ledger
from connector.ports import Clock
from connector.problems import Problems
from connector.report import Report
from connector.values import Findings
from connector.windows import Diary
from connector.wiring import Wired

ROUNDS = 10_000
SHUT = ("paused", "closed")  # codes of a connection that somebody shut
Away = Unavailable | Unauthorized
YOUNG = 50_000  # objects made before garbage is looked for: a page of orders, hardly any in cycles


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
    _fits: set[str] = field(default_factory=set)
    beside: stockroom.Beside = nullcontext
    wanted: Callable[[str], bool] = field(default=lambda _: False)
    _opening: threading.RLock = field(default_factory=threading.RLock)

    def gate(self, name: str) -> ThreadGate:
        """The gate of connection *name*: one for all its flows."""
        with self._opening:
            if name not in self._gates:
                self._gates[name] = open_gate(self, name)
            return self._gates[name]

    def system(self, name: str) -> System:
        """The adapter of connection *name*; raises ConfigError for its settings."""
        with self._opening:
            if name not in self._systems:
                self._systems[name] = _guarded(self, name)
            return self._systems[name]

    def meet(self, names: Sequence[str]) -> dict[str, Findings]:
        """R9: ask the systems who they are; raises WrongSystem if one is not who it was.

        A system met for the first time is remembered, if it is the one that `expect` names.
        """
        found = {name: self.system(name).check() for name in names}
        for name, findings in found.items():
            _recognise(self, name, findings)
        self._met |= found.keys()
        return found

    def ready(self, flow: Flow, met: Set[str] = frozenset()) -> None:
        """Meet the systems of *flow* but those *met*; raises WrongSystem, flow_moved and so on."""
        self.meet(sorted({flow.source, flow.target} - met))
        _fit(self, flow)

    def sync(self, flow: Flow, *, only: Sequence[str] = ()) -> Report:
        """Pull *flow*, then deliver it and what it depends on, until nothing is due.

        With one side away the other half is done all the same. Raises Unavailable, Unauthorized,
        Truncated, Braked, WrongSystem; a connection that is paused or closed is no failure.
        """
        if flow.stock is not None:
            return _stock(flow, lambda: stockroom.run(self, flow, only))
        return _both_halves(self, flow, {flow.source, flow.target}, lambda: _pull(self, flow, only))

    def catch_up(self, flow: Flow) -> Report:
        """Deliver what is due of *flow* without reading its source anew; raises as `sync` does."""
        if flow.stock is not None:
            return _stock(flow, lambda: stockroom.catch_up(self, flow))
        return _both_halves(self, flow, {flow.source, flow.target} - self._met, dict)

    def follow_hints(self, flow: Flow) -> Report:
        """Read what *flow*'s source spoke of, and deliver what is due; raises as `sync` does."""
        unmet = {flow.source, flow.target} - self._met
        return _both_halves(self, flow, unmet, lambda: _pull_hinted(self, flow))

    def deliver(self, flow: Flow, report: Report) -> Report:
        """Deliver *flow* and what it depends on, until nothing is due or others want the turn."""
        for _ in range(ROUNDS):
            if not self.round(self.line(flow), report) or self.stopping:
                break
            if self.wanted(flow.name):
                report.gave_way = True
                break
        return report

    @property
    def stopping(self) -> bool:
        """Was one of the connections told to let no further call begin?"""
        return any(gate.stopping for gate in self._gates.values())

    def line(self, flow: Flow) -> list[Flow]:
        """The flows that a delivery of *flow* needs, in the order in which they deliver."""
        return line_of(flow, self.flows)

    def can_deliver(self, name: str) -> bool:
        """Is the target of flow *name* open?"""
        return name in self.flows and self.gate(self.flows[name].target).standing().is_open

    def round(self, line: Sequence[Flow], report: Report) -> bool:
        """One delivery of every flow of *line*, dependencies first; False when nothing was due."""
        moved = False
        self.ledger.beat(self.clock.now(), self.clock.boottime())
        for flow in line:
            moved = _deliver(self, flow, report) or moved
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


def _deliver(app: App, flow: Flow, report: Report) -> bool:
    """One delivery of *flow*; False when nothing was due, or its target takes nothing."""
    gate = app.gate(flow.target)
    standing = gate.admission.standing(fresh=True)
    if not standing.is_open:
        report.stopped[flow.target] = standing.code
    if report.stopped.keys() & {flow.name, flow.target}:
        return False
    new, target = _pull_demanded(app, flow, report), app.system(flow.target)
    wanted = partial(app.wanted, flow.name)
    done = deliver(target, flow, app.ledger, gate, app.clock, wanted=wanted)
    report.count(flow, done)
    return bool(done.claimed) or bool(new)


def _guarded(app: App, name: str) -> System:
    gate = app.gate(name)
    return Guarded(open_system(app.config, app.wired[name], gate, app.clock), gate.admission)


def _recognise(app: App, name: str, findings: Findings) -> None:
    url, now = str(app.wired[name].conn["url"]), app.clock.now()
    with app.ledger.begin() as db:
        recognise(db, app.config, name, url, findings, now)


def _fit(app: App, flow: Flow) -> None:
    """See that what a delivery of *flow* touches goes the way that it went."""
    for one in app.line(flow):
        if one.name not in app._fits:
            way = app.ledger.read(records.other_way, one.name, one.source, one.target)
            refuse_moved(one.name, (one.source, one.target), way)
            app._fits.add(one.name)


def _stock(flow: Flow, run: Callable[[], Stocked]) -> Report:
    """The report of a stock run; with one side paused or closed there is nothing that it can do."""
    try:
        done = run()
    except NotNow as error:
        if not shut_by_somebody(error):
            raise
        return Report(stopped={flow.name: error.code})
    report = Report(pulled={flow.name: done.pulled}, unknown=done.unknown)
    report.count(flow, done.delivered)
    return report


def _both_halves(
    app: App, flow: Flow, meet: Set[str], read: Callable[[], dict[str, Pulled]]
) -> Report:
    """Read, then deliver: with one side away the other half is done all the same."""
    report = Report()
    away = _meet_each(app, meet, report)
    _fit(app, flow)
    if flow.source not in away:
        report.pulled |= read()
    if flow.target not in away:
        app.deliver(flow, report)
    for error in away.values():
        if not shut_by_somebody(error):
            raise error
    return report


def _meet_each(app: App, names: Set[str], report: Report) -> dict[str, Away]:
    """Meet each of *names*; those that cannot be met now, and why, are in *report* too."""
    away: dict[str, Away] = {}
    for name in sorted(names):
        try:
            app.meet([name])
        except (Unavailable, Unauthorized) as error:
            away[name] = error
            report.stopped[name] = error.code
    return away


def shut_by_somebody(error: Exception) -> bool:
    """Is the connection paused or closed? That is nobody's failure."""
    return isinstance(error, NotNow) and error.code in SHUT


def _pull(app: App, flow: Flow, only: Sequence[str]) -> dict[str, Pulled]:
    source = app.system(flow.source)
    if only:
        return {flow.name: pull_demanded(source, flow, app.ledger, app.clock, keys=only)}
    if flow.mode == "on_demand":
        return {}
    began = app.clock.now()
    pulled = pull(source, flow, app.ledger, app.clock)
    with app.ledger.begin() as db:
        confirmations.confirm(db, flow.name, began)
    return {flow.name: pulled}


def _pull_hinted(app: App, flow: Flow) -> dict[str, Pulled]:
    return {flow.name: pull_hinted(app.system(flow.source), flow, app.ledger, app.clock)}


def _pull_demanded(app: App, flow: Flow, report: Report) -> int:
    """What blocked records wait for; with the source away, what is known is delivered first."""
    if flow.source in report.stopped:
        return 0
    try:
        pulled = pull_demanded(app.system(flow.source), flow, app.ledger, app.clock)
    except Unavailable as away:
        report.stopped[flow.source] = away.code
        return 0
    return pulled.new


def open_gate(app: App, name: str, kind: type[ThreadGate] = ThreadGate) -> ThreadGate:
    """Make the gate of a connection, with its limits; how it stands is kept in the ledger."""
    wired, clock = app.wired[name], app.clock
    diary = Diary(wired.config.closed, wired.config.zone, wired.limits.timeout)
    return kind(
        clock,
        wired.limits,
        bulk=wired.compiled.profile.capabilities.bulk,
        admission=Admission(
            name,
            clock,
            board=Shared(app.ledger, name),
            diary=diary,
            changed_at=changed_at(app.config),
        ),
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
        timeout=wired.limits.timeout,
        lag=wired.lag,
        slot=gate.slot,
        clock=clock,
    )
    return made


def changed_at(config: Config) -> datetime:
    """When the configuration or the secrets beside it were written last."""
    files = (config.file, config.file.with_name(".env"))
    latest = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
    return datetime.fromtimestamp(latest, UTC)


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
            _refuse_beside_others(ledger)
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


def _refuse_beside_others(ledger: Ledger) -> None:
    """On PostgreSQL: they make all calls that a connection may make; a command asks them (O3)."""
    if ledger.path is not None or not ledger.held_by("daemon"):
        return
    who = "workers deliver" if ledger.held_by("worker") else "`connector run` delivers"
    cure = "stop what delivers; `flow sync`, `apply` and `backfill` are made by it"
    raise ConnectorError(f"{who} from this ledger", code="ledger_locked", cure=cure)


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
