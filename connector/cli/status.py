"""`connector status`: how every connection and flow stands, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from connector import codes, standing
from connector.cli import output
from connector.cli.approve import open_brakes
from connector.cli.desk import age, at_ledger, command_for, words
from connector.cli.options import config_option, json_option
from connector.clock import SystemClock
from connector.conditions import live
from connector.configured import Config
from connector.freshness import Freshness, freshness
from connector.ledger import confirmations, history, life, standings, systems
from connector.ledger.store import Ledger
from connector.standing import Standing
from connector.windows import reach

MOST = 20
USUAL = timedelta(seconds=60)  # a call's deadline, where only the profile knows it


@click.command()
@config_option
@json_option
def status(config: Path | None, as_json: bool) -> int:
    """Say how every flow stands, and what needs a person. Asks the ledger only."""
    now = SystemClock().now()
    with at_ledger(config) as (read, ledger):
        born = ledger.read(life.read).created_at  # nothing is late that was due before that
        fresh = freshness(read, ledger, now, watching_since=born)
        counts = ledger.read(history.standing)
        found = {
            "connections": [_connection(n, read, ledger, counts, now) for n in read.connections],
            "flows": [_flow(n, read, ledger, counts, fresh.get(n)) for n in read.flows],
            "set_aside": ledger.read(history.set_aside),
            "braked": open_brakes(ledger),
            "needs_a_person": _waiting(read, ledger, now - read.attempts.doubt_alarm),
        }
    if as_json:
        output.emit(found)
    else:
        _print(found, now)
    stale = any(one.verdict == "stale" for one in fresh.values())
    refused = any(one["state"] == "refused" for one in found["connections"])
    waits = found["needs_a_person"] or found["set_aside"] or found["braked"]
    attention = waits or stale or refused
    return codes.ATTENTION if attention else codes.OK


def _connection(
    name: str, config: Config, ledger: Ledger, counts: list[dict[str, Any]], now: datetime
) -> dict[str, Any]:
    known = {row["name"]: row for row in ledger.read(history.connections)}.get(name)
    own = config.connections[name]
    span = own.limits.timeout or USUAL
    noted = ledger.read(standings.read, name)
    at = standing.stands(noted, reach(own.closed, own.zone, now, span), now)
    into = [flow for flow, its in config.flows.items() if its.target == name]
    rows = [row for row in counts if row["flow"] in into]
    waiting = sum(_sum(rows, state) for state in ("prepared", "running", "in_doubt"))
    return {
        "connection": name,
        **asdict(at),
        "waiting": waiting,
        "says": _sentence(name, at, waiting, now),
        "identity": ledger.read(systems.identity, name),
        "last_contact": known and known["checked_at"],
    }


def _sentence(name: str, at: Standing, waiting: int, now: datetime) -> str:
    """What goes on with a connection, and when it is tried next."""
    what, then = standing.said(at, lambda t: output.short(t, now))
    if at.is_open:
        return f"{name} {what}"
    waits = f"{waiting} records wait" if waiting else ""
    return "; ".join(part for part in (f"{name} {what}", waits, then, "nothing lost") if part)


def _flow(
    name: str,
    config: Config,
    ledger: Ledger,
    counts: list[dict[str, Any]],
    fresh: Freshness | None,
) -> dict[str, Any]:
    flow = config.flows[name]
    mine = [row for row in counts if row["flow"] == name]
    scopes = [c for c in ledger.read(history.cursors) if c["scope"] == name]
    # A reading of stock has no cursor, and one that finds nothing new moves none.
    read = [c["moved_at"] for c in scopes]
    read += [at for of, at in ledger.read(confirmations.times).items() if of == name]
    waiting = [row["oldest"] for row in mine if row["state"] in ("prepared", "in_doubt")]
    return {
        "flow": name,
        "entity": flow.entity,
        "mode": flow.mode,
        "start": flow.start,
        **{s: _sum(mine, s) for s in ("prepared", "running", "in_doubt", "done")},
        "held": {row["reason"]: row["count"] for row in mine if row["state"] == "held"},
        "oldest_due": min(waiting, default=None),
        "cursor": scopes[0]["position"] if scopes else None,
        "read_at": max(read, default=None),
        "freshness": fresh and fresh.verdict,
        "confirmed_at": fresh and fresh.confirmed,
    }


def _sum(rows: list[dict[str, Any]], state: str) -> int:
    return sum(row["count"] for row in rows if row["state"] == state)


def _waiting(config: Config, ledger: Ledger, alarm: datetime) -> list[dict[str, Any]]:
    """Held records, and doubts that are older than they should ever be; none of a test company."""
    linking = [name for name, flow in config.flows.items() if flow.mode == "link_only"]
    tests = config.flows.keys() - live(config)
    rows = ledger.read(history.waiting, MOST + 1, linking, tests)
    rows += ledger.read(history.old_doubts, alarm, MOST, without=tests)
    return [_asked(row) for row in rows]


def _asked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("flow", "entity", "key", "reason", "needs", "seq")},
        "is": words(row),
        "since": row["changed_at"],
        "command": command_for(row) if row["state"] == "held" else _trace(row),
    }


def _trace(row: Mapping[str, Any]) -> str:
    return f"connector trace {row['entity']} {row['key']}"


def _print(found: Mapping[str, Any], now: datetime) -> None:
    for one in found["connections"]:
        click.echo(_connection_line(one, now))
    for flow in found["flows"]:
        click.echo(_line(flow, now))
    for piece in found["set_aside"]:
        last = f"the last {_ago(piece['last'], now)} on {piece['at']}"
        click.echo(f"{piece['flow']}: {piece['count']} pieces without a key set aside "
                   f"({piece['code']}), {last}")  # fmt: skip
        click.echo(f"    {codes.PIECES.get(piece['code'], 'see docs/errors.md')}")
    for one in found["braked"]:
        click.echo(f"braked {_ago(one['since'], now)}: {one['says']}")
        click.echo(f"    {one['command']}")
    _print_asked(found, now)


def _print_asked(found: Mapping[str, Any], now: datetime) -> None:
    asked = found["needs_a_person"]
    if not asked:
        if not (found["braked"] or found["set_aside"]):
            click.echo("nothing waits for a person")
        return
    click.echo("\nwaits for a person:")
    for one in asked[:MOST]:
        needs = f": {one['needs']}" if one["needs"] else ""
        click.echo(f"  {one['entity']} {one['key']}: {one['is']}, {age(one['since'], now)}{needs}")
        click.echo(f"    {one['command']}")
    if len(asked) > MOST:
        click.echo("  and more: connector record list --state held")


def _connection_line(one: Mapping[str, Any], now: datetime) -> str:
    if one["state"] != "open":
        return str(one["says"])
    who = ", ".join(f"{k} {v}" for k, v in (one["identity"] or {}).items()) or "not met yet"
    return f"{one['connection']}: {who}; last contact {_ago(one['last_contact'], now)}"


def _line(flow: Mapping[str, Any], now: datetime) -> str:
    counts = [f"{flow[s]} {s.replace('_', ' ')}" for s in ("prepared", "running", "in_doubt")]
    counts += [f"{count} held ({reason})" for reason, count in flow["held"].items()]
    counts.append(f"{flow['done']} done")
    oldest = f"; oldest due {_ago(flow['oldest_due'], now)}" if flow["oldest_due"] else ""
    stale = f"; STALE, confirmed {_ago(flow['confirmed_at'], now)}"
    oldest += stale if flow["freshness"] == "stale" else ""
    ahead = flow["start"] is not None and flow["start"] > now
    oldest += f"; starts {_ago(flow['start'], now)}: nothing older is created" if ahead else ""
    if flow["mode"] != "create":
        return f"{flow['flow']}: {', '.join(counts)}{oldest}; {flow['mode'].replace('_', ' ')}"
    return f"{flow['flow']}: {', '.join(counts)}{oldest}; read {_ago(flow['read_at'], now)}"


def _ago(at: datetime | None, now: datetime) -> str:
    if at is not None and at > now:
        return f"in {age(now, at)}"
    return "never" if at is None else f"{age(at, now)} ago"
