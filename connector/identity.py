"""Who the system behind a connection is, against who it should be and who it was (R9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection as Db

from connector.configured import Connection
from connector.errors import WrongSystem
from connector.ledger import systems
from connector.values import Findings


def recognise(db: Db, connection: Connection, url: str, findings: Findings, now: datetime) -> None:
    """Raise WrongSystem unless it is who it should be and was; one met first is remembered."""
    name = connection.name
    refuse_other(connection, findings)
    known = systems.identity(db, name)
    who = {**findings.identity, "host": url}
    if known is not None and (changed := differing(known, who)):
        raise WrongSystem(
            f"{name} is another system than the ledger knows: {', '.join(changed)} changed",
            cure=f"point {name} back to the system it was, or begin a new ledger",
        )
    systems.meet(db, name, who, now)


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
