"""`connector pause` and `resume`: a person stops a connection, and lets it go on."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import click

from connector import codes, standing
from connector.cli import output
from connector.cli.desk import at_ledger, person
from connector.cli.options import config_option, json_option
from connector.configured import Config
from connector.errors import ConnectorError
from connector.ledger import standings
from connector.nearest import cure_for
from connector.spelled import DURATION, Misspelled, duration, moment
from connector.standing import Noted

LONGEST = 200  # characters of a reason


@click.command()
@click.argument("name", metavar="CONNECTION")
@click.option("--until", metavar="TIME", help="2h, 06:00, or a time with offset; else for ever.")
@click.option("--reason", default="", help="Shown by `status`.")
@config_option
@json_option
def pause(name: str, until: str | None, reason: str, config: Path | None, as_json: bool) -> int:
    """Let no call begin on CONNECTION, in no process; what is on the wire ends by itself.

    Records wait and nothing counts as a failure. Durable: a restart changes nothing.
    """
    with at_ledger(config) as (read, ledger):
        _known(read, name)
        who = person()
        end = None if until is None else _end(until, who.now, read.zone)
        with ledger.begin() as db:
            noted = standings.read(db, name, locked=True)
            why = reason[:LONGEST]
            noted = standing.paused(noted, who.now, until=end, by=who.name, why=why)
            standings.write(db, name, noted)
        _tell(name, noted, as_json, f"{name} is paused {_until(end)}")
    return codes.OK


@click.command()
@click.argument("name", metavar="CONNECTION")
@config_option
@json_option
def resume(name: str, config: Path | None, as_json: bool) -> int:
    """Let CONNECTION go on: a pause ends, and one that was away or told us to wait is tried now."""
    with at_ledger(config) as (read, ledger):
        _known(read, name)
        with ledger.begin() as db:
            noted = standings.read(db, name, locked=True)
            was = noted.paused_at is not None
            noted = standing.resumed(noted, person().now)
            standings.write(db, name, noted)
        _tell(name, noted, as_json, f"{name} {'goes on' if was else 'was not paused'}; tried now")
    return codes.OK


def _known(config: Config, name: str) -> None:
    if name not in config.connections:
        cure = cure_for(name, config.connections, "connection")
        raise ConnectorError(f"there is no connection `{name}`", code="usage", cure=cure)


def _end(text: str, now: datetime, zone: tzinfo) -> datetime:
    """When a pause ends: after a while, when the clock shows a time next, or at a moment."""
    try:
        if re.fullmatch(DURATION, text):
            return now + duration(text)
        if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
            return _next(text, now, zone)
        end = moment(text)
    except Misspelled as wrong:
        raise click.BadParameter(f"--until {wrong}; {wrong.cure}; or 2h, or 06:00") from wrong
    if end <= now:
        raise click.BadParameter("--until is over already; name a time to come")
    return end


def _next(text: str, now: datetime, zone: tzinfo) -> datetime:
    hour, minute = (int(part) for part in text.split(":"))
    today = now.astimezone(zone).replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    return next(
        later
        for days in range(3)
        if (later := (today + timedelta(days=days)).astimezone(now.tzinfo)) > now
    )


def _until(end: datetime | None) -> str:
    return "until `connector resume`" if end is None else f"until {output.text(end)}"


def _tell(name: str, noted: Noted, as_json: bool, words: str) -> None:
    if as_json:
        output.emit(
            {
                "connection": name,
                "paused": noted.paused_at is not None,
                "since": noted.paused_at,
                "until": noted.paused_until,
                "by": noted.paused_by,
                "reason": noted.paused_why,
            }
        )
    else:
        click.echo(words)
