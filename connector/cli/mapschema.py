"""`connector map schema`: JSON Schemas for editors."""

from __future__ import annotations

import click

from connector.cli import output
from connector.cli.options import json_option
from connector.errors import ConnectorError
from connector.nearest import cure_for
from connector.workbench.published import names, schema


@click.command("schema")
@click.argument("name", required=False, metavar="[profile|ENTITY|config]")
@json_option
def schema_(name: str | None, as_json: bool) -> None:
    """Print the JSON Schema of profile.yaml, of an entity's file or of config.yaml.

    Left out: the names are listed. Lint knows more than a schema can say.
    """
    if name is None:
        output.emit(names()) if as_json else click.echo("\n".join(names()))
        return
    if name not in names():
        cure = cure_for(name, names(), "name")
        raise ConnectorError(f"there is no schema `{name}`", code="usage", cure=cure)
    output.emit(schema(name))
