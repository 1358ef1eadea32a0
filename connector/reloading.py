"""SIGHUP: the configuration as its file is now takes over once the runs under way have ended.

It waits for them: both generations side by side would make more calls than a connection's limits
allow, and each would know only half of how it stands.  For whom it waits is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import structlog

from connector.app import App, reopened
from connector.building import unattended
from connector.errors import ConfigError, ConnectorError, LedgerAway
from connector.ledger import hints
from connector.notify import notify
from connector.outside import Outside
from connector.points import reach
from connector.problems import Problem, Problems
from connector.schedule import Schedule, triggers
from connector.turns import Turns


class Reloading:
    """What follows from a new configuration; what the ledger puts off is done later."""

    def __init__(self, turns: Turns, outside: Outside, schedule: Schedule) -> None:
        self.asked = False
        self._turns, self._outside, self._schedule = turns, outside, schedule
        self._log = structlog.get_logger()
        self._waits = False
        self._hearing: Collection[str] | None = None  # whose hints alone are kept, until it is done

    def plan(self, app: App, tick: Callable[[str], None]) -> None:
        """Run the flows of *app* at their times; hints for others will never be read."""
        times = triggers(app.config)
        self._schedule.replace(times, tick)
        self._hearing = times.keys()

    def look(self, tick: Callable[[str], None]) -> None:
        """Do what is asked and not done yet; raises LedgerAway if that is why."""
        if self.asked:
            self._reload(tick)
        if self._waits and not self._turns.waits_for():
            self._waits = False
            self._log.info("reloaded", count=len(self._turns.app.flows))
        if self._hearing is not None:
            with self._turns.app.ledger.begin() as db:
                hints.drop(db, self._hearing)
            self._hearing = None

    def _reload(self, tick: Callable[[str], None]) -> None:
        """Take the configuration as it is now; a broken one changes nothing, and is told whole."""
        notify("RELOADING=1")
        try:
            app = reopened(self._turns.app)
            app.flows = unattended(app.config, app.wired, app.flows)
            self._outside.follow(app)
        except LedgerAway:
            raise  # it stays asked for: nobody says it a second time
        except ConnectorError as error:
            self._outside.vitals.reload_refused = True
            self._log.error("reload refused", code=error.code, cure=error.cure)
            for problem in _problems(error):
                self._log.error("wrong", code=problem.code, file=problem.file, line=problem.line)
        else:
            self._outside.vitals.reload_refused = False
            self._turns.replace(app)
            self._waits = True
            self.plan(app, tick)
            waits = self._turns.waits_for()
            if waits:
                reach("reload.mid_batch")
            for name in waits:
                self._log.info("reload waits for a run", flow=name)
        self.asked = False
        notify("READY=1")


def _problems(error: ConnectorError) -> list[Problem]:
    if isinstance(error, ConfigError) and isinstance(error.problems, Problems):
        return sorted(set(error.problems.found))
    return []
