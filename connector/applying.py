"""Apply a plan: exactly what a person read, document by document, and nothing else (R14, R16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.app import ROUNDS, App
from connector.errors import ConnectorError
from connector.flow.compose import GUEST
from connector.flow.deliver import deliver
from connector.flow.flows import Flow
from connector.flow.plan import Licence, Plan, Planned, to_be_made
from connector.flow.pull import read_each, read_page, stop_if_reborn
from connector.ledger import plans, staging
from connector.ledger.plans import Name
from connector.points import reach
from connector.values import Page, Ref

BATCH = 200
LATER = "it is due again later: apply the plan again"
Standing = Mapping[Name, Mapping[str, Any]]


@dataclass(kw_only=True)
class Applied:
    """What came of a plan: document → (applied, already, refused, held or waits; why), and who

    was away; *actor*: in whose name; *left*: what it did not come to.
    """

    actor: str
    documents: dict[Name, tuple[str, str]] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)
    left: set[Name] = field(default_factory=set)


def apply(app: App, plan: Plan, actor: str) -> Applied:
    """Do what *plan* says in the name of *actor*; may be run again at any time, and goes on.

    A document that is not as the plan saw it is left alone. Raises ConnectorError(plan_unusable),
    Unavailable, Unauthorized, WrongSystem.
    """
    flow = fitting(app, plan)
    app.ready(flow)
    acting = {p.name: p for p in plan.documents if p.acts}
    before = app.ledger.read(plans.standing, acting)
    refused: dict[Name, str] = {}
    for one in app.line(flow):
        refused |= _stage(app, one, acting, before)
    stands = app.ledger.read(plans.standing, acting)
    moved = {n: why for n, p in acting.items() if (why := _moved(p, stands.get(n)))}
    refused = moved | refused
    acting = {n: p for n, p in acting.items() if n not in refused}
    done = Applied(actor=actor)
    new = {
        Ref(entity=p.entity, key=p.key): to_be_made(p.reference)
        for p in plan.documents
        if any(step.do == "create" for step in p.steps)
    }
    for one in app.line(flow):
        refused |= _deliver(app, one, acting, stands, new, done)
    told = {p.name: p for p in plan.documents if p.acts}
    after = app.ledger.read(plans.standing, told)
    for name, p in told.items():
        came = _came_of(p, before.get(name), after.get(name), refused.get(name))
        done.documents[name] = ("waits", LATER) if p.again and name in done.left else came
    return done


def fitting(app: App, plan: Plan) -> Flow:
    """The flow of *plan*; raises ConnectorError(plan_unusable) if the plan is not of it."""
    flow = app.flows.get(plan.flow)
    why = ""
    if flow is None:
        why = f"there is no flow `{plan.flow}`"
    elif plan.installation != app.ledger.life.installation:
        why = "it was made from another ledger"
    elif (plan.source, plan.target) != (flow.source, flow.target):
        why = f"{flow.name} goes from {flow.source} to {flow.target} by now"
    elif changed := [n for n, digest in plan.mappings.items() if digest != mapping(app, n)]:
        why = f"what {', '.join(changed)} writes has changed since it was made"
    if flow is None or why:
        raise ConnectorError(f"the plan cannot be applied: {why}", code="plan_unusable")
    return flow


def mapping(app: App, name: str) -> str:
    """The digest of what writes the payloads of flow *name*."""
    flow = app.flows.get(name)
    return flow.writer.digest if flow is not None and flow.writer is not None else ""


def _stage(
    app: App, flow: Flow, acting: Mapping[Name, Planned], before: Standing
) -> dict[Name, str]:
    """Stage what the plan had read and the ledger has not, if it still reads the same."""
    source, refused = app.system(flow.source), {}
    wanted = {
        p.key: p
        for name, p in acting.items()
        if (p.flow, p.entity) == (flow.name, flow.entity)
        and not p.key.startswith(GUEST)
        and (name not in before or before[name]["seq"] < p.seq)
    }
    for key, p in wanted.items():
        began = app.clock.now()
        page = Page(items=read_each(source, flow, [key]), cursor="", complete=True, began=began)
        found, _ = read_page(source, page, flow, app.ledger)
        own = next((d for d in found if (d.flow, d.entity, d.key) == p.name), None)
        if own is not None and p.sends and (own.doc_hash or "") != p.content:
            refused[p.name] = "it has changed at the source since the plan was made"
            continue
        with app.ledger.begin() as db:
            staged = staging.stage(db, found, app.clock.now())
        stop_if_reborn(staged, flow)
    return refused


def _moved(p: Planned, row: Mapping[str, Any] | None) -> str:
    """R16: why the document is not the one that the plan saw."""
    if row is None:
        return "the ledger does not know it"
    if row["seq"] != p.seq:
        return f"seq {row['seq']} is wanted by now, the plan saw {p.seq}"
    if p.sends and (row["doc_hash"] or "") != p.content:
        return "its content is another one by now"
    return ""


def _wake(app: App, planned: Iterable[Planned], stands: Standing, actor: str) -> None:
    """R14: make due what was delivered and is to be written otherwise: just before it is."""
    rows = [stands[p.name] for p in planned if p.again]
    seqs = {row["id"]: row["seq"] for row in rows if row["state"] == "done"}
    with app.ledger.begin() as db:
        plans.again(db, seqs, actor, app.clock.now())


def _deliver(
    app: App,
    flow: Flow,
    acting: Mapping[Name, Planned],
    stands: Standing,
    new: Mapping[Ref, str],
    done: Applied,
) -> dict[Name, str]:
    """Deliver the planned documents of *flow*; those that would be another step are refused."""
    refused: dict[Name, str] = {}
    ours = {stands[n]["id"]: p for n, p in acting.items() if p.flow == flow.name}
    ids = sorted(ours)
    for start in range(0, len(ids), BATCH):
        licence = Licence(planned={i: ours[i] for i in ids[start : start + BATCH]}, new=new)
        if app.stopping or flow.name in done.away:
            done.left |= {p.name for p in licence.planned.values()}
            continue
        _wake(app, licence.planned.values(), stands, done.actor)
        _deliver_batch(app, flow, licence, done)
        refused |= {ours[i].name: why for i, why in licence.refused.items()}
        reach("apply.mid")
    return refused


def _deliver_batch(app: App, flow: Flow, licence: Licence, done: Applied) -> None:
    target, gate = app.system(flow.target), app.gate(flow.target)
    for _ in range(ROUNDS):
        if app.stopping or flow.name in done.away:
            return
        app.ledger.beat(app.clock.now(), app.clock.boottime())
        step = deliver(target, flow, app.ledger, gate, app.clock, licence=licence)
        if step.stopped:
            done.away[flow.name] = step.stopped
        if not step.claimed:
            return


def _came_of(
    p: Planned,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    refused: str | None,
) -> tuple[str, str]:
    if refused is not None or after is None:
        return "refused", refused or "the ledger does not know it"
    if after["state"] == "done":
        was = before is not None and before["state"] == "done" and before["seq"] == p.seq
        return "already" if was and not p.again else "applied", ""
    if after["state"] == "held":
        planned = p.ends == f"hold ({after['reason']})"
        return "applied" if planned else "held", str(after["needs"] or after["reason"])
    return "waits", str(after["needs"] or LATER)
