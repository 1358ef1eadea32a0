"""`connector demo`: two hostile sandboxes, 250 orders, a SIGKILL, and the count."""

from __future__ import annotations

import click

from connector.demo.play import main


@click.command()
def demo() -> int:
    """Deliver 250 orders through faults, changes and a SIGKILL, then count both sides.

    DEMO_SEED chooses another course, DEMO_DIR keeps the databases, DEMO_BREAK=R2 (R4, R6, S4,
    R1+R4, R1+R5) switches rules off: then the count shows what they are for.
    """
    return main(click.echo)
