"""`connector flow plan` and `apply`: a run's decisions as a file, and exactly those carried out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from connector import codes, logs, planfile
from connector.app import App, opened
from connector.applying import apply, fitting
from connector.cli import output
from connector.cli.desk import flow_of, person
from connector.cli.follow import followed
from connector.cli.options import config_option, config_path, json_option
from connector.cli.planning import make_plan
from connector.cli.rehearsal import rehearsal
from connector.cli.stopping import stoppable
from connector.errors import ConnectorError, NotSent
from connector.flow.plan import Plan

RESULTS = ("applied", "already", "refused", "held", "waits")
SHOWN = ("flow", "entity", "key", "result", "why")


@click.command()
@click.argument("name", metavar="FLOW")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Where to (readable by you alone); else to stdout.")  # fmt: skip
@click.option("--only", multiple=True, metavar="KEY", help="Only this document (may be repeated).")
@click.option("--content", is_flag=True,
              help="With what each changed field holds and would hold: personal data.")  # fmt: skip
@config_option
@json_option
def plan(
    name: str,
    out: Path | None,
    only: tuple[str, ...],
    content: bool,
    config: Path | None,
    as_json: bool,
) -> int:
    """Write down what a run of FLOW would do, document by document; send and stage nothing.

    Also what a changed mapping would write otherwise: no run delivers that again by itself. Read
    the file, shorten it if you like, then: connector flow apply FILE. Ends with 1 if something
    would be held, with 4 if a system was away and the plan is not whole.
    """
    logs.start(as_json=as_json, level="warning")
    with opened(config_path(config), working=False) as app, rehearsal(app) as again:
        wanted = flow_of(again, name)
        made, report = make_plan(app, again, wanted, only, content=content)
    if out is not None:
        with planfile.private(out) as file:
            planfile.write(file, made)
    if as_json:
        output.emit({**planfile.given(made), "away": report.stopped})
    elif out is None:
        planfile.write(sys.stdout, made)
    click.echo(_summed(made, out), err=out is None or as_json)
    for where, why in report.stopped.items():
        click.echo(f"{where}: {why}; the plan is not whole", err=True)
    if report.stopped:
        return codes.UNAVAILABLE
    held = any(one.ends.startswith("hold") for one in made.documents)
    return codes.ATTENTION if held else codes.OK


def _summed(made: Plan, out: Path | None) -> str:
    counts: dict[str, int] = {}
    for one in made.documents:
        for word in {step.do for step in one.steps} or {one.ends}:
            counts[word] = counts.get(word, 0) + 1
    again = sum(one.again for one in made.documents)
    told = ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "nothing"
    also = f" ({again} because the mapping has changed)" if again else ""
    then = f"\napply it: connector flow apply {out}" if out is not None else ""
    return f"{len(made.documents)} documents: {told}{also}; nothing was written{then}"


@click.command("apply")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@config_option
@json_option
def apply_(file: Path, config: Path | None, as_json: bool) -> int:
    """Do what the plan in FILE says, exactly that; refuse what is not as the plan saw it.

    May be run again, and goes on where it was. Ends with 1 if a document was refused, is held or
    waits, with 4 if a system was away.
    """
    logs.start(as_json=as_json, level="warning")
    wanted, path = planfile.read(file), config_path(config)
    try:
        with opened(path) as app:
            return _apply(app, wanted, as_json)
    except ConnectorError as error:
        if error.code != "ledger_locked":
            raise
        locked = error
    with opened(path, working=False) as app:
        flow = flow_of(app, wanted.flow)
        result = followed(app, flow, task="apply", given=planfile.given(wanted))
        if result is None:
            raise locked
        return _tell(result, as_json)


def _apply(app: App, wanted: Plan, as_json: bool) -> int:
    fitting(app, wanted)
    with stoppable(app) as asked:
        try:
            result = planfile.result(apply(app, wanted, person().name))
        except NotSent:
            if not asked:
                raise
            result = {"documents": [], "away": {}}
    return _tell({**result, "stopped": bool(asked)}, as_json)


def _tell(result: Mapping[str, Any], as_json: bool) -> int:
    rows: Sequence[Mapping[str, Any]] = result.get("documents", ())
    away, stopped = result.get("away", {}), result.get("stopped", False)
    counts = {word: sum(row["result"] == word for row in rows) for word in RESULTS}
    if as_json:
        output.emit({**counts, "documents": rows, "away": away, "stopped": stopped})
    else:
        output.table([counts], RESULTS)
        if left := [row for row in rows if row["result"] in ("refused", "held", "waits")]:
            click.echo("")
            output.table(left, SHOWN)
    for where, why in away.items():
        click.echo(f"{where}: ended early ({why}); nothing is lost, apply it again", err=True)
    if stopped:
        click.echo("stopped: what was not sent is withdrawn; apply it again", err=True)
    if away:
        return codes.UNAVAILABLE
    left_over = stopped or any(counts[word] for word in ("refused", "held", "waits"))
    return codes.ATTENTION if left_over else codes.OK
