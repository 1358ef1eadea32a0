"""Who the system behind a connection is, against who it should be and who it was (R9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection as Db

from connector.configured import Config, Connection
from connector.errors import ConnectorError, WrongSystem
from connector.ledger import systems
from connector.values import Findings


def recognise(
    db: Db, config: Config, name: str, url: str, findings: Findings, now: datetime
) -> None:
    """Raise WrongSystem unless it is who it should be and was; one met first is remembered."""
    refuse_other(config.connections[name], findings)
    everybody = systems.identities(db)
    known, who = everybody.get(name), {**findings.identity, "host": url}
    refuse_mixed(config, name, who, everybody)
    if known is not None and (changed := differing(known, who)):
        raise WrongSystem(
            f"{name} is another system than the ledger knows: {', '.join(changed)} changed",
            cure=f"point {name} back to the system it was; if it was replaced, and its ids with "
            f"it: connector link rekey {name} (docs/replaced.md)",
        )
    systems.meet(db, name, who, now)


def refuse_mixed(
    config: Config, name: str, who: Mapping[str, str], known: Mapping[str, Mapping[str, str]]
) -> None:
    """Raise WrongSystem if one system stands behind a connection for tests and a live one."""
    tests = config.connections[name].tests
    for other, identity in known.items():
        there = config.connections.get(other)
        if there is not None and there.tests != tests and identity == who:
            test, live = (name, other) if tests else (other, name)
            raise WrongSystem(
                f"{test} is for tests, and behind it is the same system as behind {live}",
                cure=f"point connections.{test}.url to the test company",
            )


def refuse_moved(name: str, way: tuple[str, str], other: tuple[str, str] | None) -> None:
    """Raise ConnectorError(flow_moved) if documents of it went the *other* way and not *way*."""
    if other is not None:
        raise ConnectorError(
            f"{name} goes from {way[0]} to {way[1]}; its documents in the ledger went from "
            f"{other[0]} to {other[1]}",
            code="flow_moved",
        )


def differing(known: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The parts of an identity that are not what they were; one never read before is learnt."""
    return sorted(k for k in known if known[k] != now.get(k))


def refuse_other(connection: Connection, findings: Findings) -> None:
    """Raise WrongSystem unless the system is the one that the configuration expects."""
    wanted = dict(connection.identity)
    wrong = [k for k, v in wanted.items() if findings.identity.get(k) != v]
    if connection.expect is not None and connection.expect not in findings.identity.values():
        wrong.append("expect")
    if wrong:
        said = ", ".join(f"{k} {v!r}" for k, v in sorted(findings.identity.items()))
        raise WrongSystem(
            f"{connection.name} is not the system that `identity:` expects; it says: {said}",
            cure=f"correct connections.{connection.name}.url, or its identity",
        )
