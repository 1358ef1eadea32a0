"""A run beside the daemon: asked of it by a row in the ledger, and followed to its end (O1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connector.app import App
from connector.cli.desk import person
from connector.errors import ConnectorError
from connector.flow.flows import Flow
from connector.ledger import runs
from connector.ledger.runs import Asked

LOOK = 0.1
ANSWER_WITHIN = 10.0


def followed(
    app: App,
    wanted: Flow,
    only: Sequence[str] = (),
    task: str = "sync",
    given: Mapping[str, Any] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Mapping[str, Any] | None:
    """What came of a run that the daemon made for us; None: no daemon answers.

    Raises what ended the run.
    """
    ledger = app.ledger
    if not ledger.held_by("daemon"):
        return None
    with ledger.begin() as db:
        asking = Asked(
            id=0, flow=wanted.name, keys=tuple(only), task=task, given=given, actor=person().name
        )
        asked = runs.ask(db, asking, app.clock.now())
    until = time.monotonic() + ANSWER_WITHIN
    while (found := ledger.read(runs.result, asked))[0] != "ended":
        gone = not ledger.held_by("daemon")
        if found[0] == "asked" and (gone or time.monotonic() > until):
            with ledger.begin() as db:
                if runs.withdraw(db, asked):
                    return None
        elif gone:
            return {"stopped": True}
        meanwhile()
        time.sleep(LOOK)
    result = found[1]
    if error := result.get("error"):
        raise ConnectorError(error["message"], code=error["code"], cure=error["cure"])
    return result
