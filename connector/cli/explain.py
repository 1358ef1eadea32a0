"""`connector record explain`: how a level comes about, term by term."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from connector.app import App, opened
from connector.cli import output
from connector.cli.options import config_option, config_path, json_option
from connector.errors import ConnectorError
from connector.flow.flows import Flow
from connector.flow.levels import StockRules, counting
from connector.flow.stock import Explained, explained
from connector.flow.stocking import rules_of


@click.command()
@click.argument("entity", type=click.Choice(["stock"]))
@click.argument("key", metavar="SKU")
@click.option("--flow", help="Which, where several flows carry it.")
@config_option
@json_option
def explain(entity: str, key: str, flow: str | None, config: Path | None, as_json: bool) -> None:
    """Say how the level of an article comes about: every term, and each order that is subtracted.

    From what the ledger knows: asks neither side. SKU may be the ERP's number of it too.
    """
    with opened(config_path(config), working=False) as app:
        output.tell_times_in(app.config.zone)
        found = [
            _told(one, made)
            for made in _flows(app, flow)
            for one in explained(app.ledger, made, key)
        ]
    if not found:
        raise ConnectorError(f"there is no record of {entity} {key}", code="no_such_record")
    if as_json:
        output.emit(found)
        return
    for one in found:
        _print(one)


def _flows(app: App, name: str | None) -> list[Flow]:
    return [f for f in app.flows.values() if f.stock is not None and name in (None, f.name)]


def _told(one: Explained, flow: Flow) -> dict[str, Any]:
    rules = rules_of(flow)
    return {
        "flow": flow.name,
        "key": one.work.key,
        "sku": one.doc.sku,
        "there": one.work.target_key,
        "read_at": one.work.read_at,
        "warehouses": [
            {
                "warehouse": level.warehouse,
                rules.measure: getattr(level, rules.measure),
                "offered": counting(level, rules),
            }
            for level in one.doc.levels
        ],
        "pieces_in_a_unit": one.doc.pieces,
        "pieces": one.terms.pieces,
        "sold": [
            {"flow": t.flow, "order": t.key, "pieces": t.pieces, "why": t.why}
            for t in one.terms.taken
        ],
        **_amount(rules),
        "level": one.terms.level,
    }


def _amount(rules: StockRules) -> dict[str, Any]:
    names = ("buffer", "percent", "min", "max", "measure", "counted_at")
    return {name: getattr(rules, name) for name in names}


def _print(one: Mapping[str, Any]) -> None:
    where = f"product {one['there']} there" if one["there"] else "no product there"
    click.echo(f"stock {one['sku']} of flow {one['flow']}: {one['key']}, {where}")
    click.echo(f"  read {output.text(one['read_at'])}")
    for level in one["warehouses"]:
        left_out = "" if level["offered"] else ", not offered"
        figure = level[one["measure"]]
        click.echo(f"  {figure} {one['measure']} in {level['warehouse']}{left_out}")
    if one["pieces_in_a_unit"] != 1:
        click.echo(f"  x {one['pieces_in_a_unit']} pieces in a unit")
    click.echo(f"  = {one['pieces']} pieces")
    for taken in one["sold"]:
        click.echo(f"  - {taken['pieces']} of order {taken['order']}: {taken['why']}")
    click.echo(f"  - {one['buffer']} buffer")
    if one["percent"] != 100:
        click.echo(f"  x {one['percent']} %, whole pieces")
    most = "" if one["max"] is None else f", at most {one['max']}"
    click.echo(f"  = {one['level']} (at least {one['min']}{most})")
