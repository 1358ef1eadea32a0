"""What others see and hear of the daemon: health, metrics, webhooks, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connector.alarms import Alarms
from connector.app import App
from connector.errors import ConnectorError
from connector.hooks import Receiver
from connector.turns import Turns
from connector.vitals import Counts, Vitals
from connector.web import Route, Web

TELL_WITHIN = 0.5  # seconds for an alert that is under way


class Outside:
    """The daemon's ways to and from others; raises ConfigError, ConnectorError(listen).

    *ran* and *failures*: flow → end of its last good run, failures in a row.
    """

    def __init__(
        self, turns: Turns, ran: Mapping[str, datetime], failures: Mapping[str, int]
    ) -> None:
        self.alarms = Alarms(turns.app)
        self.hooks = Receiver(turns)
        counts = Counts(
            ran=ran, failures=failures, undelivered=self.alarms.failures, heard=self.hooks.heard
        )
        self.vitals = Vitals(turns, counts)
        self._web = listening(turns.app, self.vitals.routes() | self.hooks.routes())

    def follow(self, app: App) -> None:
        """Tell and hear by the configuration of *app* from now on; raises ConfigError."""
        self.alarms.follow(app)
        self.hooks.follow(app)

    def stop(self) -> bool:
        """Tell and hear nothing more; True if nobody is being told anything."""
        told = self.alarms.stop(TELL_WITHIN)
        if self._web is not None:
            self._web.close()
        return told


def listening(app: App, routes: Mapping[str, Route]) -> Web | None:
    """The listener that the configuration asks for; raises ConnectorError(listen)."""
    address = app.config.web.listen
    if address is None:
        return None
    try:
        return Web(address, routes)
    except OSError as error:
        raise ConnectorError(
            f"web.listen: {address[0]} port {address[1]} cannot be bound ({error.strerror})",
            code="listen",
        ) from error
