"""`connector sandbox`: a shop and an ERP to try things on, as hostile as their rules say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from connector.sandbox.seed import sell as place
from connector.sandbox.serve import Options, serve


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """The options that both sandboxes have."""
    file = click.Path(dir_okay=False, path_type=Path)
    for option in (
        click.option("--data", type=file, required=True, help="State, a SQLite file."),
        click.option("--port", type=int, default=0, help="0: a free one."),
        click.option("--faults", default="[]", help="JSON list of fault rules, or a file of it."),
        click.option("--zone", default="", help="The system's own zone, as Europe/Berlin."),
        click.option("--seed-demo", is_flag=True, help="Fill new data as the demo does."),
    ):
        command = option(command)
    return command


def run(kind: str, options: dict[str, Any]) -> None:
    """Serve, or say what is wrong with the options."""
    try:
        serve(kind, Options(**options), click.echo)
    except (OSError, ValueError) as wrong:
        raise click.ClickException(str(wrong)) from wrong


@click.group()
def sandbox() -> None:
    """A hostile shop or ERP on this machine; ends with SIGTERM or Ctrl-C."""


@sandbox.command()
@shared
@click.option("--tls-cert", type=click.Path(exists=True, path_type=Path), help="Serve https.")
@click.option("--tls-key", type=click.Path(exists=True, path_type=Path))
def shop(tls_cert: Path | None, tls_key: Path | None, **options: Any) -> None:
    """A WooCommerce REST v3 shop: OAuth 1.0a over http, Basic over https."""
    tls = (tls_cert, tls_key) if tls_cert and tls_key else None
    run("shop", {**options, "tls": tls})


@sandbox.command()
@shared
def erp(**options: Any) -> None:
    """A SOAP 1.1 ERP with Basic auth; its contract is at /soap?wsdl."""
    run("erp", options)


@sandbox.command()
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The shop's state; it may be served meanwhile.",
)
@click.option("--orders", type=click.IntRange(1, 10_000), default=1, show_default=True)
def sell(data: Path, orders: int) -> None:
    """Place new orders in a sandbox shop, as its customers would; prints their ids."""
    for made in place(data, orders):
        click.echo(made)
