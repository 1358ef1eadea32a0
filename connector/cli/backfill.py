"""`connector flow backfill`: documents from before a flow's start, looked for before created."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import click

from connector import codes, logs
from connector.app import App, opened
from connector.backfilling import Backfilling, Step
from connector.cli import output
from connector.cli.desk import flow_of, person
from connector.cli.follow import followed
from connector.cli.options import config_option, config_path, json_option, moment_of
from connector.cli.stopping import stoppable
from connector.documents.sales import Status
from connector.errors import ConnectorError, NotSent
from connector.flow.decide import NOT_ACCEPTED
from connector.flow.flows import Flow
from connector.ledger import backfills
from connector.ledger.backfills import PAGE, Backfill, Range
from connector.nearest import cure_for

LOOK = 0.5
TELL = 2.0  # seconds between lines of progress: counting a million takes a while
STATUSES = get_args(Status)


def _rate(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,5})/min", text)
    if found is None:
        raise click.BadParameter("is no rate; write for example 60/min")
    return int(found[1])


@click.command()
@click.argument("name", metavar="FLOW")
@click.option("--from", "since", metavar="TIME", callback=moment_of, required=True,
              help="Created from then on, as 2026-01-31T00:00:00+01:00.")  # fmt: skip
@click.option("--to", "until", metavar="TIME", callback=moment_of,
              help="Created before then; left out: the flow's start.")  # fmt: skip
@click.option("--status", multiple=True, metavar="STATUS",
              help="Only these, in place of the flow's `only` (may be repeated).")  # fmt: skip
@click.option("--to-connection", "to", metavar="NAME",
              help="Into this one instead: a test company, or another flow's.")  # fmt: skip
@click.option("--limit-rate", "rate", callback=_rate, metavar="N/min",
              help="Create at most so many in any minute.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Accept the plan that was shown: create what is missing.")
@config_option
@json_option
def backfill(  # noqa: PLR0913 - one for each option
    name: str,
    since: datetime,
    until: datetime | None,
    status: tuple[str, ...],
    to: str | None,
    rate: int | None,
    yes: bool,
    config: Path | None,
    as_json: bool,
) -> int:
    """Bring documents of FLOW over that were created before its start.

    First each is only looked for in the target by its reference, and linked where it is there; then
    the plan is shown. With --yes, on a plan that was shown, what is missing is created. May be cut
    short at any time and goes on where it was. Ends with 1 if something waits for a person, with 4
    if a system was away.
    """
    logs.start(as_json=as_json, level="warning")
    path = config_path(config)
    for word in status:
        if word not in STATUSES:
            cure = cure_for(word, STATUSES, "status")
            raise ConnectorError(f"there is no status `{word}`", code="usage", cure=cure)
    with opened(path, working=False) as app:
        output.tell_times_in(app.config.zone)
        flow = toward(app, flow_of(app, name), to)
        refuse_unable(app, flow)
        end = _end(app, flow, until)
        if since >= end:
            raise _empty(flow, since, end)
        wanted = Range(flow=flow.name, since=since, until=end, statuses=status, per_minute=rate)
        if until is None and end != flow.start:
            wanted = app.ledger.read(backfills.under_way, wanted)
        at = _begin(app, flow, wanted, yes=yes)
        if not as_json:
            _announce(app, flow, at)
    ended = _run(path, flow.name, at)
    with opened(path, working=False) as app:
        return _tell(app, at.id, ended, as_json=as_json)


def toward(app: App, flow: Flow, connection: str | None) -> Flow:
    """The flow that carries the same documents into *connection*."""
    if connection is None:
        return flow
    if connection not in app.config.connections:
        cure = cure_for(connection, app.config.connections, "connection")
        raise ConnectorError(f"there is no connection `{connection}`", code="usage", cure=cure)
    same = (flow.entity, flow.source, connection)
    for one in app.flows.values():
        if (one.entity, one.source, one.target) == same:
            return one
    raise ConnectorError(
        f"no flow carries {flow.entity}s from {flow.source} to {connection}",
        code="usage",
        cure=f"mark {connection} `tests: true` if it is a test company like {flow.target}, "
        "or write such a flow",
    )


def refuse_unable(app: App, flow: Flow) -> None:
    """Raise ConnectorError(not_allowed) where a backfill could not be made safely."""
    shop = app.wired[flow.source].compiled.profile
    why, cure = "", ""
    if flow.mode != "sync":
        why = f"{flow.name} does not create of itself: there is nothing to backfill"
        cure = "backfill the flow whose documents need it"
    elif "born" not in shop.entities[flow.entity].actions:
        why = f"{flow.source} cannot list its {flow.entity}s by their creation"
        cure = f"write the action `born` in {shop.name}/{flow.entity}.yaml (docs/profiles.md)"
    elif not flow.finds:
        why = f"{flow.target} cannot be asked for a {flow.entity} by our reference"
        cure = f"write the action `find` in the {flow.entity} file of its profile"
    if why:
        raise ConnectorError(why, code="not_allowed", cure=cure)


def _empty(flow: Flow, since: datetime, end: datetime) -> ConnectorError:
    """Nothing lies between *since* and *end*; where that is the flow's start, say whose it is."""
    message = f"{output.text(since)} is not before {output.text(end)}"
    cure = "say an earlier --from"
    if end == flow.start:
        message += f", the start of {flow.name}: what was created since is its own"
        cure = (
            f"let it run: connector flow sync {flow.name}; or say an earlier --from. If the start"
            " was moved back after the flow had run: write the present time there, then again"
        )
    return ConnectorError(message, code="usage", cure=cure)


def _end(app: App, flow: Flow, until: datetime | None) -> datetime:
    """What is born after the flow's start is its own; what may still change its birth is left."""
    settled = app.clock.now() - max(flow.lag, timedelta(seconds=1))
    return min(t for t in (until, flow.start, settled) if t is not None)


def _begin(app: App, flow: Flow, wanted: Range, *, yes: bool) -> Backfill:
    with app.ledger.begin() as db:
        at = backfills.begin_or_resume(db, wanted, app.clock.now())
        if yes and at.shown_at is None:
            raise ConnectorError(
                f"the plan of this backfill of {flow.name} was not shown yet",
                code="not_allowed",
                cure="run it without --yes, read what it says, then accept it",
            )
        if yes:
            by = person()
            backfills.accept(db, at.id, by.name, by.now)
    if at.expected is None or at.read == 0:
        source = app.system(flow.source)
        count = source.births(flow.entity, start=at.since, until=at.until)
        with app.ledger.begin() as db:
            backfills.expect(db, at.id, count)
    return app.ledger.read(backfills.get, at.id)


def _announce(app: App, flow: Flow, at: Backfill) -> None:
    """The filter, and what is to be expected, before anything is read."""
    only = app.config.flows[flow.name].only
    statuses = ", ".join(at.statuses)
    if not statuses:
        fits = isinstance(only, Mapping)
        statuses = "as the flow's `only` says" if only is not None else "any"
        if fits and only is not None:
            statuses = "; ".join(f"{k}: {', '.join(v)}" for k, v in only.items())  # type: ignore[union-attr]
    click.echo(f"{flow.entity}s of {flow.source} created from {output.text(at.since)}")
    click.echo(f"  to before {output.text(at.until)}, status {statuses}")
    click.echo(f"  go to {flow.target} as {flow.name}, live documents first")
    many = "an unknown number" if at.expected is None else str(at.expected)
    pages = "" if at.expected is None else f", about {at.expected // PAGE + 1} calls to read"
    click.echo(f"{many} were created then{pages}; {_how_long(at)}", nl=True)


def _how_long(at: Backfill) -> str:
    if at.per_minute is None:
        return "no --limit-rate: creating goes as fast as the target's limits let it"
    if at.expected is None:
        return f"at {at.per_minute}/min"
    minutes = -(-at.expected // at.per_minute)
    long = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
    return f"creating all of them takes {long} at {at.per_minute}/min"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """Why it ended: who was away, which brakes a person must release, was it stopped."""

    away: Mapping[str, str] = field(default_factory=dict)
    braked: Mapping[str, str] = field(default_factory=dict)
    stopped: bool = False


def _run(path: Path, name: str, at: Backfill) -> Ended:
    """Go on with it, here or in the daemon."""
    try:
        with opened(path) as app:
            return drive(app, app.flows[name], at.id)
    except ConnectorError as error:
        if error.code != "ledger_locked":
            raise
        locked = error
    with opened(path, working=False) as app:
        flow, progress = app.flows[name], _progress(app, at.id)
        result = followed(app, flow, task="backfill", given={"id": at.id}, meanwhile=progress)
    if result is None:
        raise locked
    told = {name: result.get(name, {}) for name in ("away", "braked")}
    return Ended(**told, stopped=bool(result.get("stopped")))


def drive(app: App, flow: Flow, id_: int) -> Ended:
    """Step after step to the end; the flow's own runs come in between, as they would by time."""
    job, step = Backfilling(id_), Step()
    every = app.config.flows[flow.name].every
    following, progress = time.monotonic(), _progress(app, id_)
    with stoppable(app) as asked:
        try:
            while not (step.over or step.away or asked):
                if isinstance(every, timedelta) and time.monotonic() >= following:
                    app.sync(flow)
                    following = time.monotonic() + every.total_seconds()
                step = job.step(app, flow)
                progress()
                _rest(step.wait, asked)
        except NotSent:
            if not asked:
                raise
    return Ended(away=step.away, braked=step.braked, stopped=bool(asked))


def _rest(seconds: float, asked: list[int]) -> None:
    end = time.monotonic() + seconds
    while not asked and (left := end - time.monotonic()) > 0:
        time.sleep(min(LOOK, left))


def _progress(app: App, id_: int) -> Callable[[], None]:
    """Tell a person who watches, now and then, how far it is."""
    told = [time.monotonic()]

    def tell() -> None:
        if not sys.stderr.isatty() or time.monotonic() < told[0] + TELL:
            return
        at = app.ledger.read(backfills.get, id_)
        now = app.ledger.read(backfills.counts, at, NOT_ACCEPTED)
        of = f" of {at.expected}" if at.expected is not None else ""
        click.echo(f"\rread {at.read}{of}, there {now['there']}, created {now['created']}, "
                   f"left {now['to_create'] + now['under_way']} ", nl=False, err=True)  # fmt: skip
        told[0] = time.monotonic()

    return tell


def _tell(app: App, id_: int, ended: Ended, *, as_json: bool) -> int:
    """Show where it stands. A plan that is whole is thereby shown, and may be accepted (R16)."""
    with app.ledger.begin() as db:
        at = backfills.get(db, id_)
        told = backfills.counts(db, at, NOT_ACCEPTED)
        broken_off = ended.away or ended.braked or ended.stopped
        whole = bool(at.walked and not told["under_way"] and not broken_off)
        if whole and at.ended_at is None and at.accepted_at is None:
            backfills.shown(db, id_, app.clock.now())
    rows = {"read": at.read, **{k: v for k, v in told.items() if k not in ("held", "amount")}}
    if as_json:
        output.emit({**rows, "held": told["held"], "amount": told["amount"], "whole": whole,
                     "expected": at.expected, "from": at.since, "to": at.until,
                     "accepted_by": at.accepted_by, "ended": at.ended_at is not None,
                     "away": ended.away, "braked": ended.braked,
                     "stopped": ended.stopped})  # fmt: skip
    else:
        _print(at, rows, told, ended, whole=whole)
    if ended.away:
        return codes.UNAVAILABLE
    if ended.braked:
        return codes.BRAKED
    open_ = told["to_create"] or told["held"] or not whole
    return codes.ATTENTION if open_ else codes.OK


def _print(
    at: Backfill,
    rows: Mapping[str, Any],
    told: Mapping[str, Any],
    ended: Ended,
    *,
    whole: bool,
) -> None:
    output.table([{k.replace("_", " "): v for k, v in rows.items()}],
                 [k.replace("_", " ") for k in rows])  # fmt: skip
    for reason, count in told["held"].items():
        click.echo(f"held: {count} {reason}")
    for where, why in ended.away.items():
        click.echo(f"{where}: ended early ({why}); nothing is lost, run it again", err=True)
    for where, words in ended.braked.items():
        click.echo(f"{where}: {words}", err=True)
    if not whole:
        click.echo("it is not through: run the same command again, it goes on", err=True)
    elif told["to_create"]:
        sums = ", ".join(f"{output.text(v)} {k}" for k, v in told["amount"].items())
        click.echo(f"{told['to_create']} are not there ({sums}): with --yes they are created")
    elif at.ended_at is None:
        click.echo("all of them are there; nothing is to be created")
