"""`connector link rekey`: the system behind a connection was replaced, and its ids with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from connector import codes, logs
from connector.app import App, opened
from connector.cli import output, rekeyfile
from connector.cli.desk import person
from connector.cli.options import config_option, config_path, json_option
from connector.errors import ConnectorError
from connector.flow.flows import Flow
from connector.flow.rekey import Rekeyed, contested, found
from connector.identity import differing, refuse_other
from connector.ledger import rekeying, systems
from connector.nearest import cure_for
from connector.values import Findings

SHOWN = ("entity", "key", "old", "how")
MOST = 20


@click.command()
@click.argument("name", metavar="CONNECTION")
@click.option("-o", "--output", "to", type=click.Path(dir_okay=False, path_type=Path),
              help="Where the CSV of old and new ids goes; else to stdout.")  # fmt: skip
@click.option("--apply", "file", type=click.Path(dir_okay=False, path_type=Path),
              help="Do what this CSV says: all of it, or none with every reason.")  # fmt: skip
@config_option
@json_option
def rekey(name: str, to: Path | None, file: Path | None, config: Path | None, as_json: bool) -> int:
    """Find every linked document again in the system that replaced the one behind CONNECTION.

    By our reference, else by the flow's `match`. Writes nothing but a CSV: read it, decide what is
    open in its column `take` (yes: the new id, gone: it is not there, forget: look for it or make
    it when it is needed), and give it back with --apply. Ends with 1 if something is open.
    """
    logs.start(as_json=as_json, level="warning")
    with opened(config_path(config), working=file is not None) as app:
        flows = _flows(app, name)
        who = app.system(name).check()
        refuse_other(app.config.connections[name], who)
        if file is not None:
            return _apply(app, name, who, file, as_json)
        rows = contested(list(found(app.system(name), flows, app.ledger, app.clock)))
        return _propose(app, name, who, rows, to, as_json)


def _flows(app: App, name: str) -> list[Flow]:
    if name not in app.config.connections:
        cure = cure_for(name, app.config.connections, "connection")
        raise ConnectorError(f"there is no connection `{name}`", code="usage", cure=cure)
    flows = [flow for flow in app.flows.values() if flow.target == name]
    if not flows:
        message = f"nothing is linked into {name}: no flow goes there"
        raise ConnectorError(message, code="usage", cure="name the connection that was replaced")
    return flows


def _propose(
    app: App, name: str, who: Findings, rows: Sequence[Rekeyed], to: Path | None, as_json: bool
) -> int:
    if to is not None:
        with to.open("w", encoding="utf-8", newline="") as file:
            rekeyfile.write(file, rows)
    elif not as_json:
        rekeyfile.write(sys.stdout, rows)
    counts = {v: sum(one.verdict == v for one in rows) for v in ("found", "missing", "ambiguous")}
    same = sum(one.new == one.link.target_key for one in rows if one.verdict == "found")
    known = app.ledger.read(systems.identities).get(name, {})
    changed = differing(known, _identity(app, name, who))
    if as_json:
        output.emit({"connection": name, **counts, "unchanged": same, "identity_changed": changed})
    else:
        _print(name, rows, counts, changed, to)
    return codes.ATTENTION if counts["missing"] or counts["ambiguous"] else codes.OK


def _identity(app: App, name: str, who: Findings) -> dict[str, str]:
    return {**who.identity, "host": str(app.wired[name].conn["url"])}


def _print(
    name: str,
    rows: Sequence[Rekeyed],
    counts: dict[str, int],
    changed: Sequence[str],
    to: Path | None,
) -> None:
    told = to is None  # the CSV went to stdout: what people read goes beside it
    is_other = f"another system ({', '.join(changed)} changed)" if changed else "the same system"
    click.echo(f"{name} is {is_other}", err=told)
    click.echo(", ".join(f"{count} {word}" for word, count in counts.items()), err=told)
    left = [one for one in rows if one.verdict != "found"]
    for one in left[:MOST]:
        h = one.link
        click.echo(f"  {one.verdict}: {h.entity} {h.source_key}, was {h.target_key}: {one.how}",
                   err=told)  # fmt: skip
    if len(left) > MOST:
        click.echo(f"  and {len(left) - MOST} more in the CSV", err=told)
    click.echo(f"nothing was changed; decide `take`, then: connector link rekey {name} "
               f"--apply {to or 'FILE'}", err=told)  # fmt: skip


def _apply(app: App, name: str, who: Findings, file: Path, as_json: bool) -> int:
    rows, by = rekeyfile.read(file), person()
    with app.ledger.begin() as db:
        if calls := rekeying.open_calls(db, name):
            raise ConnectorError(
                f"{calls} calls to the replaced system have no outcome yet",
                code="not_allowed",
                cure="answer them first: connector record list --state in_doubt",
            )
        standing = rekeying.standing(db, [row.link for row in rows])
        rekeyfile.refuse(file, rows, standing)
        if left := rekeying.others(db, name, list(standing)):
            raise ConnectorError(
                f"{left} links into {name} are not in {file}",
                code="not_allowed",
                cure=f"write the file anew, with all of them: connector link rekey {name}",
            )
        of = {take: [r for r in rows if r.take == take] for take in rekeyfile.TAKES}
        rekeying.rekey(db, {r.link: r.new for r in of["yes"]}, by.name, by.now)
        rekeying.lay_aside(db, [standing[r.link] for r in of["gone"]], by.name, by.now)
        rekeying.forget(db, [standing[r.link] for r in of["forget"]], by.name, by.now)
        rekeying.replace(db, name, _identity(app, name, who), by.now)
    counts = {"rekeyed": len(of["yes"]), "gone": len(of["gone"]), "forgotten": len(of["forget"])}
    if as_json:
        output.emit({"connection": name, **counts, "by": by.name})
    else:
        click.echo(f"{name}: " + ", ".join(f"{n} {word}" for word, n in counts.items()))
        click.echo("what stands there is read again before anything is changed")
    return codes.OK
