"""`connector flow`: run a flow, rehearse it, and audit what it delivered."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from connector import codes, logs
from connector.app import SHUT, App, opened
from connector.cli import backfill, output, plan
from connector.cli.desk import flow_of
from connector.cli.follow import followed
from connector.cli.options import config_option, config_path, json_option, moment_of
from connector.cli.rehearsal import rehearsal
from connector.cli.stopping import stoppable
from connector.errors import ConnectorError, NotSent
from connector.flow.audit import Audit, Kind, audit
from connector.flow.flows import Flow
from connector.flow.holdings import Holdings, holdings
from connector.ledger import brakes, history
from connector.report import Report, counted

SUMMARY = ("flow", "pulled", "created", "updated", "failed", "held", "in doubt", "next due")
DECISIONS = ("flow", "entity", "key", "decision", "needs")
FINDINGS = ("kind", "number", "reference", "there", "difference", "detail")


@click.group()
def flow() -> None:
    """Flows: what goes from one connection to another."""


flow.add_command(plan.plan)
flow.add_command(plan.apply_)
flow.add_command(backfill.backfill)


# ── sync ────────────────────────────────────────────────────────────────────────────────────────


@flow.command()
@click.argument("name", metavar="FLOW")
@click.option("--only", multiple=True, metavar="KEY", help="Only this document (may be repeated).")
@click.option("--dry-run", is_flag=True, help="Write nothing anywhere; show what would be done.")
@config_option
@json_option
def sync(
    name: str, only: tuple[str, ...], dry_run: bool, config: Path | None, as_json: bool
) -> int:
    """Pull FLOW, deliver what is due of it and of what it depends on, and end.

    Ends with 1 if something is held or in doubt, with 4 if a system was away, with 5 if something
    waits for `connector approve`.
    """
    logs.start(as_json=as_json, level="warning")
    path = config_path(config)
    try:
        with opened(path, working=not dry_run) as app:
            if dry_run:
                return _rehearse(app, flow_of(app, name), only, as_json)
            return _run(app, flow_of(app, name), only, as_json)
    except ConnectorError as error:
        if error.code != "ledger_locked":
            raise
        locked = error
    with opened(path, working=False) as app:
        wanted, before = flow_of(app, name), app.ledger.read(history.newest_attempt)
        result = followed(app, wanted, only)
        if result is None:
            raise locked
        return _tell(app, wanted, result, before, as_json)


def _run(app: App, wanted: Flow, only: Sequence[str], as_json: bool) -> int:
    before = app.ledger.read(history.newest_attempt)
    report, stopped = Report(), False
    with stoppable(app) as asked_to_stop:
        try:
            report = app.sync(wanted, only=only)
        except NotSent:
            if not asked_to_stop:
                raise
        stopped = bool(asked_to_stop)
    result = counted(report) | {"stopped": stopped}
    return _tell(app, wanted, result, before, as_json)


def _tell(app: App, wanted: Flow, result: Mapping[str, Any], before: int, as_json: bool) -> int:
    away, stopped = result.get("away", {}), result.get("stopped", False)
    unknown, line = result.get("unknown", []), {one.name for one in app.line(wanted)}
    # What an earlier run braked waits as well, and is not due: this run did not come to it.
    held = app.ledger.read(brakes.holding)
    braked = {n: w for n, w in held.items() if n in line} | dict(result.get("braked", {}))
    output.tell_times_in(app.config.zone)
    rows = [_summary(app, one, result.get("pulled", {}), before) for one in app.line(wanted)]
    if as_json:
        told = {"flows": rows, "away": away, "braked": braked, "stopped": stopped}
        output.emit(told | {"unknown": unknown})
    else:
        output.table([{**row, "held": _counts(row["held"])} for row in rows], SUMMARY)
        for where, why in away.items():
            click.echo(f"{where}: {ended_early(why)}", err=True)
        for flow_, key in unknown:
            click.echo(f"{flow_} {key}: its goods are no article's, and not subtracted", err=True)
    if stopped:
        click.echo("stopped: what was not sent is withdrawn; the next run goes on", err=True)
    for where, words in braked.items():
        click.echo(f"{where}: {words}", err=True)
    if braked and not failed(away):
        return codes.BRAKED
    return _exit_code(rows, away, stopped or bool(unknown))


def failed(away: Mapping[str, str]) -> bool:
    """Was somebody away, and not only shut on purpose?"""
    return any(why not in SHUT for why in away.values())


def ended_early(why: str) -> str:
    """What it means for a person that something of a connection was left for later."""
    if why in SHUT:
        return f"is {why}; what concerns it waits, and nothing counts as a failure"
    return f"ended early ({why}); nothing is lost, run it again"


def _summary(app: App, one: Flow, pulled: Mapping[str, int], before: int) -> dict[str, Any]:
    tried = [r for r in app.ledger.read(history.attempted, before) if r["flow"] == one.name]
    stands = [r for r in app.ledger.read(history.standing) if r["flow"] == one.name]
    due = [r["oldest"] for r in stands if r["state"] in ("prepared", "in_doubt")]
    happened = ("done", "found")
    return {
        "flow": one.name,
        "mode": one.mode,
        "pulled": pulled.get(one.name, 0),
        "created": _sum(tried, lambda r: r["action"] == "create" and r["outcome"] in happened),
        "updated": _sum(tried, lambda r: r["action"] != "create" and r["outcome"] in happened),
        "failed": _sum(tried, lambda r: r["outcome"] not in (*happened, None, "not_sent")),
        "held": {r["reason"]: r["count"] for r in stands if r["state"] == "held"},
        "in doubt": _sum(stands, lambda r: r["state"] == "in_doubt"),
        "next due": min(due, default=None),
    }


def _sum(rows: Sequence[Mapping[str, Any]], counts: Any) -> int:
    return sum(row["count"] for row in rows if counts(row))


def _counts(by_reason: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in by_reason.items())


def _exit_code(rows: Sequence[Mapping[str, Any]], away: Mapping[str, str], stopped: bool) -> int:
    if failed(away):
        return codes.UNAVAILABLE
    attention = stopped or any(_asks(row) for row in rows)
    return codes.ATTENTION if attention else codes.OK


def _asks(row: Mapping[str, Any]) -> bool:
    """Must somebody look? What a flow that creates nothing does not find there is needed by nobody,

    or by a record that is blocked and tells it.
    """
    held = {r for r in row["held"] if not (row["mode"] == "link_only" and r == "rule")}
    return bool(held or row["in doubt"])


def _rehearse(app: App, wanted: Flow, only: Sequence[str], as_json: bool) -> int:
    with rehearsal(app) as again:
        report, rows = again.rehearse(again.flows[wanted.name], only)
    if as_json:
        output.emit({"decisions": rows, "away": report.stopped})
    else:
        output.table(rows, DECISIONS)
        click.echo(f"{len(rows)} documents; nothing was written")
    if report.stopped:
        return codes.UNAVAILABLE
    return codes.ATTENTION if any("hold" in row["decision"] for row in rows) else codes.OK


# ── audit ───────────────────────────────────────────────────────────────────────────────────────


@flow.command("audit")
@click.argument("name", metavar="FLOW")
@click.option(
    "--from",
    "since",
    metavar="TIME",
    callback=moment_of,
    help="Born from then on, as 2026-01-31T00:00:00+01:00; else the flow's start.",
)
@click.option("--to", "until", metavar="TIME", callback=moment_of,
              help="Born before then; else now.")  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="The findings as CSV.")
@config_option
@json_option
def audit_(
    name: str,
    since: datetime | None,
    until: datetime | None,
    as_csv: bool,
    config: Path | None,
    as_json: bool,
) -> int:
    """Compare every document of the shop with the ERP's; read-only. Ends with 1 on a finding.

    Each must stand there exactly once, with the same total and content. What the ledger holds with
    a reason, or rightly did not deliver, is listed apart.
    """
    logs.start(as_json=as_json, level="warning")
    with opened(config_path(config), working=False) as app:
        wanted = flow_of(app, name)
        begin = since or wanted.start
        if wanted.mode != "sync" or begin is None:
            cure = "audit a flow that creates of itself, or say --from"
            raise ConnectorError(f"{name} has no start to begin at", code="usage", cure=cure)
        source, target = app.system(wanted.source), app.system(wanted.target)
        end = until or app.clock.now()
        found = holdings(source, target, wanted, app.ledger, begin, end)
    result = compared(found, wanted)
    if as_json:
        output.emit(_reported(result, found))
    elif as_csv:
        _csv(result)
    else:
        _print(result, found, wanted)
    return codes.OK if result.clean else codes.ATTENTION


def compared(found: Holdings, wanted: Flow) -> Audit:
    """The comparer's verdict on both sides."""
    there = {(e.reference, e.number): e for entries in found.theirs.values() for e in entries}
    tolerance = wanted.money.tolerance
    return audit(found.ours.values(), there.values(), tolerance=tolerance, excuses=found.excuses)


def _rows(result: Audit) -> list[dict[str, Any]]:
    return [
        {name: getattr(f, name) for name in FINDINGS} | {"there": ", ".join(f.there)}
        for f in result.findings
    ]


def _reported(result: Audit, found: Holdings) -> dict[str, Any]:
    kinds: tuple[Kind, ...] = ("lost", "doubled", "different_total", "stale")
    return {
        "checked": result.checked,
        "matched": result.matched,
        **{kind: result.count(kind) for kind in kinds},
        "difference": result.difference,
        "excused": dict(result.excused),
        "changed_there": sorted(found.changed_there),
        "unreadable": found.unreadable,
        "findings": _rows(result),
    }


def _print(result: Audit, found: Holdings, wanted: Flow) -> None:
    told = _reported(result, found)
    counts = {k.replace("_", " "): v for k, v in told.items() if isinstance(v, int)}
    output.table([{**counts, "difference": result.difference}], [*counts, "difference"])
    for reason, count in sorted(result.excused.items()):
        click.echo(f"apart: {count} {reason}")
    if found.changed_there:
        click.echo(f"apart: {len(found.changed_there)} changed there by others")
    if result.findings:
        click.echo("")
        output.table(_rows(result), FINDINGS)
    if result.count("lost"):
        click.echo(f"lost: connector trace {wanted.entity} NUMBER tells why; what has no record")
        click.echo(f"    was never read: connector flow sync {wanted.name} --only KEY")


def _csv(result: Audit) -> None:
    writer = csv.DictWriter(sys.stdout, FINDINGS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(result))
