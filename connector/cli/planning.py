"""Make a plan: a rehearsal's decisions, each with the state on which it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.app import App
from connector.applying import mapping
from connector.cli import output
from connector.cli.rehearsal import Rehearsal
from connector.flow.flows import Flow
from connector.flow.plan import Plan, Planned, Step
from connector.flow.redeliver import written_otherwise
from connector.ledger import plans
from connector.ledger.content import BLIND, unpack
from connector.report import Report


def make_plan(
    app: App, rehearsal: Rehearsal, flow: Flow, only: Sequence[str], *, content: bool
) -> tuple[Plan, Report]:
    """What a run of *flow* would do now, and what R14 leaves undone; *rehearsal*: on a copy.

    *content*: with what each changed field held and would hold.
    """
    ledger = rehearsal.ledger
    event, attempt, link = ledger.read(plans.newest)
    again = written_otherwise(flow, ledger, only)
    with ledger.begin() as db:
        woken = plans.again(db, again, "plan", app.clock.now())
    report, _ = rehearsal.rehearse(flow, only)
    rows = ledger.read(plans.touched, event)
    tried = ledger.read(plans.tried, attempt)
    steps: dict[int, list[Step]] = {}
    for id_, there in ledger.read(plans.adopted, link).items():
        steps.setdefault(id_, []).append(Step(do="adopt", key=there))
    for one in tried:
        steps.setdefault(one["record"], []).append(_step(one))
    was = app.ledger.read(plans.bases, list(again)) if content else {}
    if content:
        was |= app.ledger.read(plans.bases, [row["id"] for row in rows])
    documents = tuple(
        _planned(
            row,
            tuple(steps.get(row["id"], ())),
            again=row["id"] in woken,
            changes=_changes(was.get(row["id"]), tried, row["id"]) if content else {},
        )
        for row in rows
    )
    made = Plan(
        flow=flow.name,
        source=flow.source,
        target=flow.target,
        installation=ledger.life.installation,
        made_at=app.clock.now(),
        mappings={one.name: mapping(rehearsal, one.name) for one in rehearsal.line(flow)},
        documents=documents,
    )
    return made, report


def _step(one: Mapping[str, Any]) -> Step:
    if one["step"]:
        return Step(do="resume", fields=tuple(one["step"].split()))
    if one["action"] == "create":
        return Step(do="create", payload=one["payload_hash"])
    fields = tuple(sorted(unpack(one["payload"])))
    return Step(do=one["action"], fields=fields, payload=one["payload_hash"])


def _planned(
    row: Mapping[str, Any],
    steps: tuple[Step, ...],
    *,
    again: bool,
    changes: Mapping[str, tuple[object, object]],
) -> Planned:
    total = f"{row['total']} {row['currency'] or ''}".strip() if row["total"] else ""
    ends = _ends(row, steps)
    return Planned(
        flow=row["flow"],
        entity=row["entity"],
        key=row["key"],
        reference=row["reference"] or "",
        seq=row["seq"],
        content=row["doc_hash"] or "",
        steps=steps,
        ends=ends,
        needs=row["needs"] or "" if ends.startswith("hold") else "",
        again=again,
        total=total,
        changes=changes,
    )


def _ends(row: Mapping[str, Any], steps: Sequence[Step]) -> str:
    match row["state"]:
        case "held":
            return f"hold ({row['reason']})"
        case "done":
            return "" if steps else f"nothing ({row['reason']})"
        case _:
            return f"wait until {output.text(row['due_at'])}"


def _changes(
    base: bytes | None, tried: Sequence[Mapping[str, Any]], id_: int
) -> dict[str, tuple[object, object]]:
    """Field → what it holds there, as far as we wrote it, and what it would hold."""
    before = unpack(base or b"{}")
    if base is not None and base.startswith(BLIND):
        before = dict.fromkeys(before, "(no longer kept)")
    sent = [unpack(t["payload"]) for t in tried if t["record"] == id_ and not t["step"]]
    return {
        name: (before.get(name), value)
        for payload in sent
        for name, value in payload.items()
        if name not in before or before[name] != value
    }
