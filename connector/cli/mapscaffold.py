"""`connector map scaffold`: a skeleton to begin a mapping with."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from connector import logs
from connector.cli import output
from connector.cli.options import json_option
from connector.documents import ENTITIES
from connector.errors import ConnectorError
from connector.ledger.content import unpack
from connector.mapping.keys import ACTIONS
from connector.nearest import cure_for
from connector.rehearsal import Book
from connector.wiring import adapter_module
from connector.workbench.placing import Place, Source
from connector.workbench.sampled import of_sample
from connector.workbench.skeleton import chosen, of_contract

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--wsdl", type=_FILE, metavar="FILE", help="A contract.")
@click.option("--op", "operations", multiple=True, metavar="[ACTION=]OPERATION",
              help="One of its operations; again for more. Left out: they are listed.")  # fmt: skip
@click.option("--port", metavar="PORT", help="The port of the WSDL, where it has several.")
@click.option("--sample", type=_FILE, metavar="FILE", help="Or one JSON payload.")
@click.option("--write", "written", is_flag=True,
              help="With --sample: of a system that such documents are written to.")  # fmt: skip
@click.option("--entity", metavar="ENTITY", default="order", show_default=True)
@click.option("--to", "folder", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path),
              help="Make the profile there; left out: print.")  # fmt: skip
@json_option
def scaffold(as_json: bool, **given: Any) -> None:
    """Write a commented skeleton from a WSDL's operations or a JSON payload.

    What the contract needs comes first. Likely matches to our fields are marked `# ?`, for a
    person to accept. Overwrites nothing.
    """
    logs.start(as_json=as_json, level="warning")
    entity, wsdl, sample = given["entity"], given["wsdl"], given["sample"]
    if entity not in ENTITIES:
        cure = cure_for(entity, ENTITIES, "entity")
        raise ConnectorError(f"there is no entity `{entity}`", code="usage", cure=cure)
    if (wsdl is None) == (sample is None):
        raise ConnectorError("one source is needed", code="usage",
                             cure="give --wsdl FILE, or --sample FILE")  # fmt: skip
    if sample is not None:
        place = Place(folder=given["folder"] or Path(), entity=entity)
        text = of_sample(_read(sample), entity, sample.name, written=given["written"])
        _give(text, given, place, as_json)
        return
    book = _book(wsdl, given["port"])
    if not given["operations"]:
        _list(book, as_json)
        return
    for one in given["operations"]:
        book.sent(one.rpartition("=")[2])  # it must be there before its name is looked at
    operations = chosen(given["operations"])
    for action in operations:
        if action.partition(".")[0] not in ACTIONS:
            cure = cure_for(action, ACTIONS, "action")
            raise ConnectorError(f"there is no action `{action}`", code="usage", cure=cure)
    of = f"{wsdl.name} ({', '.join(operations.values())})"
    source = Source(wsdl=wsdl, book=book)
    place = Place(folder=given["folder"] or Path(), entity=entity, source=source)
    service = place.service() if given["folder"] is not None else None
    _give(of_contract(book, operations, entity, of, service), given, place, as_json)


def _book(wsdl: Path, port: str | None) -> Book:
    module, _ = adapter_module("soap")
    made: Book = import_module(f"{module.__name__}.rehearse").Book(wsdl, port)
    return made


def _read(sample: Path) -> object:
    try:
        return unpack(sample.read_bytes())
    except ValueError as error:
        raise ConnectorError(f"{sample.name} is not JSON", code="usage",
                             cure="save one document as JSON") from error  # fmt: skip


def _list(book: Book, as_json: bool) -> None:
    rows = []
    for name in book.operations():
        sent, back = book.sent(name), book.back(name)
        answer = ", ".join(back.members()) if back is not None else ""
        rows.append({"operation": name, "takes": ", ".join(sent.members()), "answers": answer})
    if as_json:
        output.emit(rows)
    else:
        output.table(rows, ("operation", "takes", "answers"))


def _give(text: str, given: dict[str, Any], place: Place, as_json: bool) -> None:
    folder = given["folder"]
    if folder is None:
        if as_json:
            output.emit({"yaml": text})
        else:
            click.echo(text, nl=False)
        return
    entity = folder / f"{given['entity']}.yaml"
    if entity.exists():
        raise ConnectorError(f"{entity} is there already", code="usage",
                             cure="choose another folder, or leave out --to")  # fmt: skip
    made = place.put(text)
    if as_json:
        output.emit({"made": made})
    else:
        for path in made:
            click.echo(path)
