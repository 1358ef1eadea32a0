"""Put a flow together from its configuration and the profiles of both its sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from connector import configured, wiring
from connector.configured import Config, MoneyRule
from connector.documents import CHILDREN, ENTITIES, Document, fields_of
from connector.errors import ConfigError
from connector.flow.brakes import Brakes
from connector.flow.flows import AttemptRules, Flow, MoneyRules, dependencies
from connector.flow.levels import StockRules
from connector.forms import members, report
from connector.mapping.expressions import compile_text, document_names
from connector.mapping.read import Reader
from connector.mapping.shapes import Shape
from connector.mapping.write import Writer
from connector.nearest import cure_for
from connector.owning import owned_there, unsaid
from connector.picking import picks
from connector.ports import Template
from connector.problems import Problems
from connector.profile import Action, Entity
from connector.wiring import Wired
from connector.yamlread import Node


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
        else:
            _examine_alone(flow, problems)
    flows = {name: with_neighbours(flow, flows) for name, flow in flows.items()}
    return wired, {name: behind(flow, flows) for name, flow in flows.items()}


def with_neighbours(flow: Flow, flows: Mapping[str, Flow]) -> Flow:
    """An orders flow, told by those beside it what becomes of guests and of what orders bring."""
    ends = (flow.source, flow.target)
    beside = {f.entity: f for f in flows.values() if (f.source, f.target) == ends}
    customers = beside.get("customer")
    if flow.entity != "order":
        return flow
    if customers is not None:
        flow = replace(flow, guests=customers.guests, customers=customers.name)
    return replace(flow, children={e: beside[e] for e in CHILDREN if e in beside})


def begins(flow: Flow) -> bool:
    """Does the flow create documents of itself?"""
    return flow.mode == "sync" and flow.creates and flow.stock is None


def behind(flow: Flow, flows: Mapping[str, Flow]) -> Flow:
    """An on-demand flow, told whose first creates it waits with: of all that may need it."""
    if flow.mode != "on_demand":
        return flow
    known = list(flows.values())
    needing = [
        other
        for other in known
        if begins(other) and flow.name in {one.name for one in dependencies(other, known)}
    ]
    firsts = {other.name: other.brakes.first or 0 for other in needing}
    waits = firsts if firsts and all(firsts.values()) else {}
    return replace(flow, brakes=replace(flow.brakes, behind=waits))


def unattended(
    config: Config, wired: Mapping[str, Wired], flows: Mapping[str, Flow]
) -> dict[str, Flow]:
    """*flows* where nobody watches: one that creates of itself begins with an approval.

    Raises ConfigError where a flow would fail at each of its times, for a secret that is missing.
    """
    problems = Problems()
    timed = [f for f in config.flows.values() if f.mode != "on_demand" and f.every != "never"]
    for name in sorted({side for flow in timed for side in (flow.source, flow.target)}):
        wiring.settings(config, wired[name], problems)
    problems.raise_if_any()
    braked = {
        name: replace(flow, brakes=flow.brakes.unattended()) if begins(flow) else flow
        for name, flow in flows.items()
    }
    return {name: behind(flow, braked) for name, flow in braked.items()}


def build_flow(
    config: Config,
    flow: configured.Flow,
    sides: tuple[Wired, Wired],
    installation: str,
    problems: Problems,
) -> Flow | None:
    """Put *flow* together for its source and target; None with every reason in *problems*."""
    before = len(problems.found)
    source, target = sides
    ends = _ends(flow, source, target, problems)
    if ends is None:
        return None
    reader, there = ends
    made = Flow(
        name=flow.name,
        entity=flow.entity,
        source=source.config.name,
        target=target.config.name,
        reader=reader,
        writer=_writer(flow, reader, (target, there), problems),
        conn=target.conn,
        settle=target.config.settle,
        timeout=target.limits.timeout,
        lag=source.lag,
        capabilities=target.compiled.profile.capabilities,
        mode="sync" if flow.mode == "create" else flow.mode,
        creates=flow.mode != "sync" or flow.create,
        match=flow.match or _usual_match(flow),
        start=flow.start,
        reference=_template(flow.reference, flow.entity, target, problems),
        only=_only(flow, target, problems),
        wait=flow.wait,
        guests=_guests(flow, target, problems),
        unknown_product=flow.unknown_product,
        money=_money(flow.money),
        attempts=AttemptRules(pattern=config.attempts.pattern, most=config.attempts.most),
        gets="get" in there.actions and flow.entity != "stock",  # in doubt: computed anew
        slots=target.limits.concurrency,
        installation=installation,
        profile_digest=target.compiled.profile.digest,
        brakes=_brakes(flow),
        stock=_stock(config, flow, source) if flow.entity == "stock" else None,
        **_what_it_does(there.actions),
    )
    return made if len(problems.found) == before else None


def _what_it_does(actions: Mapping[str, Action]) -> dict[str, Any]:
    """What the target's actions say of a flow into it."""
    create, update = actions.get("create"), actions.get("update")
    return {
        "can": update.can if update is not None else frozenset(),
        "along": update.along if update is not None else frozenset(),
        "versioned": update is not None and update.versioned,
        "steps": tuple(s.name for s in create.steps[1:]) if create is not None else (),
        "finds": "find" in actions,
        "matches": frozenset(a.removeprefix("match.") for a in actions if a[:6] == "match."),
    }


def _ends(
    flow: configured.Flow, source: Wired, target: Wired, problems: Problems
) -> tuple[Reader, Entity] | None:
    """How *flow* is read here and described there; None where one of the two is missing."""
    reader = _reader(flow, source, problems)
    there = _entity(flow, target, problems)
    if reader is None or there is None:
        _examine_alone(flow, problems)
        return None
    return reader, there


def _examine_alone(flow: configured.Flow, problems: Problems) -> None:
    """Judge what *flow* itself says, where one of its sides cannot be used."""
    problems.more = True
    _template(flow.reference, flow.entity, None, problems)
    _only(flow, None, problems)
    _guests(flow, None, problems)


def _reader(flow: configured.Flow, source: Wired, problems: Problems) -> Reader | None:
    read = "order" if flow.entity in CHILDREN else flow.entity
    reader = source.compiled.readers.get(read)
    if reader is None:
        lacks = ", ".join(source.compiled.incomplete.get(read, ()))
        why = f" (its `read` lacks {lacks})" if lacks else ""
        message = f"`{source.config.profile}` cannot be read for {flow.entity}{why}"
        report(problems, flow.place, message, "choose another profile, or write its `read`")
    elif flow.mode in ("on_demand", "link_only") and flow.entity not in CHILDREN:
        _judge_demand(flow, source, problems)
    return reader


def _judge_demand(flow: configured.Flow, source: Wired, problems: Problems) -> None:
    """What other documents need is read one by one, by its key."""
    there = source.compiled.profile.entities.get(flow.entity)
    if there is not None and "get" not in there.actions:
        message = f"`{source.config.profile}` cannot read a single {flow.entity}, which others need"
        report(problems, flow.place, message, f"add the action `get` to its {flow.entity}.yaml")


def _entity(flow: configured.Flow, target: Wired, problems: Problems) -> Entity | None:
    there = target.compiled.profile.entities.get(flow.entity)
    if there is None:
        message = f"`{target.config.profile}` has no {flow.entity}"
        report(problems, flow.place, message, "choose another profile, or write its file")
        return None
    _judge_match(flow, there, problems)
    return there


def _writer(
    flow: configured.Flow, reader: Reader, into: tuple[Wired, Entity], problems: Problems
) -> Writer | None:
    """What renders the payload: the profile's `write`, with the flow's own table rows over it.

    Nothing is kept up to date of which the source never says anything: its silence empties nothing.
    """
    if flow.mode == "link_only":
        return None
    target, there = into
    writer = target.compiled.writers.get(flow.entity)
    updates = flow.entity == "stock" or flow.mode == "sync"
    needed: tuple[str, ...] = ("update", "match.sku") if updates else ("create",)
    needed += ("create",) if flow.create else ()
    if writer is None or not there.actions.keys() >= set(needed):
        word = "take" if updates else "create"
        message = f"`{target.config.profile}` cannot {word} {flow.entity}"
        cure = f"write {', '.join(f'`{n}`' for n in (*needed, 'write'))} in its profile"
        report(
            problems, flow.place, message, cure if word == "take" else f"use link_only, or {cure}"
        )
        return None
    silent = unsaid(writer, reader.fields) if flow.mode == "sync" else frozenset()
    writer = writer.without(owned_there(flow, writer, problems) | silent)
    try:
        return writer.with_tables(flow.tables) if flow.tables else writer
    except ConfigError as error:
        place = members(flow.place).get("tables", flow.place)
        for one in error.problems.found if isinstance(error.problems, Problems) else ():
            report(problems, place, one.message, one.cure)
        return None


def _judge_match(flow: configured.Flow, there: Entity, problems: Problems) -> None:
    """What no document of ours has finds nobody: everything would be made a second time."""
    fields = fields_of(ENTITIES[flow.entity])
    asked = {a.removeprefix("match.") for a in there.actions if a.startswith("match.")}
    for by in flow.match:
        if by not in fields:
            cure = cure_for(by, sorted(asked & fields.keys()) or fields, "field")
            place = members(flow.place).get("match", flow.place)
            report(problems, place, f"no {flow.entity} of ours has `{by}`", cure)


def _usual_match(flow: configured.Flow) -> tuple[str, ...]:
    """What is kept up to date and not made is known by its SKU."""
    return ("sku",) if flow.entity == "stock" or flow.mode == "sync" else ()


def _brakes(flow: configured.Flow) -> Brakes:
    own = flow.brakes
    return Brakes(first=own.first, per_hour=own.per_hour, same_error=own.same_error)


def _stock(config: Config, flow: configured.Flow, source: Wired) -> StockRules:
    """What a stock flow offers; what its source does not say has the cautious answer."""
    amount, brakes = flow.amount, flow.brakes
    orders = amount.minus_unsent_orders
    if orders is None:
        into = (f for f in config.flows.values() if f.entity == "order" and f.target == flow.source)
        orders = tuple(f.name for f in into)
    stage = source.compiled.profile.capabilities.reserves_at or "ship"
    return StockRules(
        warehouses=flow.warehouses,
        orders=orders,
        measure=amount.measure,
        counted_at="ship" if amount.measure == "on_hand" else stage,
        buffer=amount.buffer,
        percent=amount.percent,
        min=amount.min,
        max=amount.max,
        zeroed=brakes.zeroed,
        changed=brakes.changed,
    )


def _money(rule: MoneyRule) -> MoneyRules:
    verify = f"{rule.verify} {rule.verify_number or ''}".strip()
    return MoneyRules(tolerance=rule.tolerance, outside=rule.outside, verify=verify)


def _names_of(entity: str, target: Wired | None) -> Mapping[str, Shape | None]:
    conn = dict.fromkeys(target.conn) if target is not None else None
    return {**document_names(entity, conn), "key": None}


def _template(
    node: Node | None, entity: str, target: Wired | None, problems: Problems
) -> Template | None:
    if node is None or not isinstance(node.value, str):
        return None
    shapes = _names_of(entity, target)
    return compile_text(node.value, names=shapes, problems=problems, place=node)


def _only(
    flow: configured.Flow, target: Wired | None, problems: Problems
) -> Callable[[Document], bool] | None:
    match flow.only:
        case None:
            return None
        case Node() as node:
            shapes = _names_of(flow.entity, target)
            template = compile_text(
                str(node.value), names=shapes, problems=problems, place=node, flag=True
            )
            if template is None:
                return None
            conn = target.conn if target is not None else {}
            return lambda doc: bool(template({"doc": doc, "conn": conn}))
        case rows:
            given = members(flow.place).get("only", flow.place)
            return picks(flow.entity, rows, given, problems)


def _guests(flow: configured.Flow, target: Wired | None, problems: Problems) -> Any:
    """How a guest gets a customer: the template of a number, or "each"."""
    if flow.entity != "customer":
        return None
    if flow.guests is None:
        return "each"
    by = _template(flow.guests.by, "order", target, problems)
    rows = flow.guests.rows
    return None if by is None else lambda given: rows.get(str(by(given)), rows["else"])
