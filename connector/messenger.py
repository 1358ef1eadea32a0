"""The way out to people: apprise, which knows mail, chats and telephones by their addresses."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

from connector.configured import Config
from connector.forms import report
from connector.problems import Problems

Send = Callable[[str, str], bool]


def senders(config: Config, problems: Problems) -> list[Send]:
    """A way for each of the configuration's alerts: title and text in, True once they are out.

    Secrets are looked up here; what is wrong with an address is in *problems*, without the address.
    """
    if not config.alerts:
        return []
    found: list[Send] = []
    for alert in config.alerts:
        address = config.secrets.text(alert.url, problems)
        if address is None:
            continue
        way = _way(address)
        if way is None:
            cure = "see https://github.com/caronc/apprise/wiki for its form"
            report(problems, alert.url, "is no address that apprise knows", cure)
            continue
        found.append(_by(way))
    return found


def _way(address: str) -> Any:
    # It loads a hundred services, of which some use what Python will drop: only who alerts waits
    # for it, and nobody hears of it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        apprise = import_module("apprise")
        return apprise.Apprise.instantiate(address, suppress_exceptions=True)


def _by(way: Any) -> Send:
    def send(title: str, text: str) -> bool:
        return bool(way.notify(body=text, title=title))

    return send
