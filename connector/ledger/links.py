"""Links: which two ids are the same thing, and what each side held when both agreed (D3, D4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any, Protocol

from msgspec import Struct
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    false,
    func,
    literal_column,
    or_,
    select,
    update,
)

from connector.ledger.many import add, many
from connector.ledger.schema import link, record
from connector.values import Ref

REPLACED = "(replaced) "  # before the id that a document had in a system that is no longer there
PAGE = 500  # references that one statement names
Text = str | BindParameter[Any]
# In the text and not bound: the table's indexes are of links of one role, and SQLite prepares a
# statement anew whenever such a value is bound, which costs more than the statement (50 µs).
IDENTITY: ColumnElement[str] = literal_column("'identity'")
PART: ColumnElement[str] = literal_column("'part'")


class Pair(Protocol):
    """The side of a record that a link needs."""

    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def birth(self) -> str | None: ...
    @property
    def reference(self) -> str | None: ...


class Facts(Struct, frozen=True, kw_only=True, gc=False):
    """What is now known of the target's side; None leaves what was known."""

    target_key: str
    version: str | None = None
    base_source: bytes | None = None
    base_target: bytes | None = None
    steps_left: str = ""
    total: str | None = None
    role: str = "identity"
    made_by: str = "engine"


def put(db: Connection, pair: Pair, facts: Facts, now: datetime, by: str) -> None:
    """Make the link of *pair*, or bring it up to date. Another target key for it is refused."""
    names, mine = _renewed(pair, facts)
    if many(db, _renewing(names), [mine]) == 0:
        put_new(db, [(pair, facts)], now, by)


def put_new(db: Connection, made: Sequence[tuple[Pair, Facts]], now: datetime, by: str) -> None:
    """Make the links of pairs that have none."""
    rows = [
        {
            "role": facts.role, "entity": pair.entity, "source": pair.source,
            "source_key": pair.key, "target": pair.target, "target_key": facts.target_key,
            "reference": pair.reference, "birth": pair.birth, "made_at": now, "made_by": by,
            "total": None, **_known(facts),
        }
        for pair, facts in made
    ]  # fmt: skip
    if rows:
        add(db, link, rows)


def renew(db: Connection, known: Sequence[tuple[Pair, Facts]]) -> bool:
    """Bring the links of pairs up to date; False if an id is another's too, or a link is not there.

    Then some may have been written: the caller rolls back.
    """
    if not known:
        return True
    kinds = {(pair.source, pair.target, pair.entity) for pair, _ in known}
    ours = {facts.target_key: pair.key for pair, facts in known}
    if len(kinds) > 1 or len(ours) < len(known):
        return False
    held = db.execute(_holders(), {**_bound(known[0][0]), "keys": list(ours)})
    if any(ours[target_key] != source_key for source_key, target_key in held):
        return False
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for pair, facts in known:
        names, mine = _renewed(pair, facts)
        alike.setdefault(names, []).append(mine)
    return len(known) == sum(many(db, _renewing(n), rows) for n, rows in alike.items())


@cache
def _holders() -> Any:
    named = link.c.target_key.in_(bindparam("keys", expanding=True))
    which = and_(_bound_kind(), named, link.c.role == IDENTITY)
    return select(link.c.source_key, link.c.target_key).where(which)


def _renewed(pair: Pair, facts: Facts) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The columns that *facts* set in the link of *pair*, and what `_renewing` binds."""
    values = _known(facts)
    named = {f"v_{name}": value for name, value in values.items()}
    own = {**_bound(pair), "b_key": pair.key, "b_target_key": facts.target_key}
    return tuple(values), own | named


@cache
def _renewing(names: tuple[str, ...]) -> Any:
    mine = and_(
        _bound_kind(),
        link.c.source_key == bindparam("b_key"),
        link.c.target_key == bindparam("b_target_key"),
        link.c.role != PART,
    )
    values = {name: bindparam(f"v_{name}", type_=link.c[name].type) for name in names}
    return update(link).where(mine).values(values)


def _bound_kind() -> ColumnElement[bool]:
    return _kind(*(bindparam(name) for name in ("b_source", "b_target", "b_entity")))


def _bound(pair: Pair) -> dict[str, str]:
    return {"b_source": pair.source, "b_target": pair.target, "b_entity": pair.entity}


def _known(facts: Facts) -> dict[str, Any]:
    values = {
        "target_version": facts.version,
        "base_source": facts.base_source,
        "base_target": facts.base_target,
        "steps_left": facts.steps_left,
        "base_known": True,
    }
    return values if facts.total is None else values | {"total": facts.total}


def own_link() -> ColumnElement[bool]:
    """The condition "this link is the one of this record"."""
    return and_(
        link.c.source == record.c.source,
        link.c.target == record.c.target,
        link.c.entity == record.c.entity,
        link.c.source_key == record.c.key,
        link.c.role != PART,
    )


def _of(pair: Pair) -> ColumnElement[bool]:
    return and_(_kind(pair.source, pair.target, pair.entity), link.c.source_key == pair.key)


def _kind(source: Text, target: Text, entity: Text) -> ColumnElement[bool]:
    return and_(link.c.source == source, link.c.target == target, link.c.entity == entity)


def any_of(
    refs: Iterable[Ref], entity: ColumnElement[str], key: ColumnElement[str]
) -> ColumnElement[bool]:
    """The condition "one of *refs*", in a form for which every database uses its index."""
    keys: dict[str, list[str]] = {}
    for ref in sorted(refs):
        keys.setdefault(ref.entity, []).append(ref.key)
    return or_(false(), *(and_(entity == name, key.in_(some)) for name, some in keys.items()))


def known(db: Connection, source: str, target: str, refs: Iterable[Ref]) -> dict[Ref, str]:
    """Reference → id in *target*, for those that are linked."""
    found: dict[Ref, str] = {}
    for entity, asked in of_one_entity(refs):
        given = {"source": source, "target": target, "entity": entity, "keys": list(asked)}
        rows = db.execute(_known_of_entity(), given).all()
        found |= {asked[key]: there for key, there in rows if not there.startswith(REPLACED)}
    return found


def of_one_entity(refs: Iterable[Ref]) -> Iterator[tuple[str, dict[str, Ref]]]:
    """*refs* by their entity and then by key, no more at a time than a statement should name."""
    by_entity: dict[str, dict[str, Ref]] = {}
    for ref in refs:
        by_entity.setdefault(ref.entity, {})[ref.key] = ref
    for entity, some in by_entity.items():
        pairs = iter(some.items())
        while page := dict(islice(pairs, PAGE)):
            yield entity, page


@cache
def _known_of_entity() -> Any:
    kind = _kind(*(bindparam(name) for name in ("source", "target", "entity")))
    named = link.c.source_key.in_(bindparam("keys", expanding=True))
    return select(link.c.source_key, link.c.target_key).where(kind, link.c.role != PART, named)


def holder(db: Connection, pair: Pair, target_key: str) -> Row[Any, Any] | None:
    """The identity link that already holds *target_key* for another document of this pair."""
    return db.execute(
        select(link.c.source_key, link.c.reference).where(
            _kind(pair.source, pair.target, pair.entity),
            link.c.target_key == target_key,
            link.c.role == IDENTITY,
            link.c.source_key != pair.key,
        )
    ).first()


def controls(db: Connection, source: str, target: str, entity: str) -> dict[str, str]:
    """Reference → target key of our newest creates: one of them must be found for a "not found"

    to count (S7).
    """
    rows = db.execute(
        select(link.c.reference, link.c.target_key)
        .where(
            _kind(source, target, entity),
            link.c.role == IDENTITY,
            link.c.reference.is_not(None),
            link.c.made_by == "engine",
            ~link.c.target_key.startswith(REPLACED, autoescape=True),
        )
        .order_by(link.c.id.desc())
        .limit(3)
    )
    return {row.reference: row.target_key for row in rows}


def accept(db: Connection, pair: Pair, base_source: bytes) -> None:
    """Take what we want as what is there: nothing differs, or a person said so."""
    many(db, _accepting(), [{**_bound(pair), "b_key": pair.key, "b_base": base_source}])


@cache
def _accepting() -> Any:
    base = bindparam("b_base", type_=link.c.base_source.type)
    mine = and_(_bound_kind(), link.c.source_key == bindparam("b_key"))
    return update(link).where(mine).values(base_source=base, base_known=True)


def relink(db: Connection, pair: Pair, target_key: str) -> None:
    """A person says that another document there is the one; nothing is known of it yet."""
    changed = {"target_key": target_key, "target_version": None, "base_known": False}
    nothing = {"base_source": None, "base_target": None, "steps_left": "", "total": None}
    nothing |= {"reserved_at": None}
    db.execute(update(link).where(_of(pair), link.c.role != PART).values(changed | nothing))


def unread(db: Connection, pair: Pair) -> None:
    """Say that the base must be read again before it is trusted."""
    db.execute(update(link).where(_of(pair)).values(base_known=False))


def newest(db: Connection, source: str, target: str, entity: str) -> datetime | None:
    """When the newest link of this kind was made."""
    newest_of = select(func.max(link.c.made_at)).where(_kind(source, target, entity))
    found: datetime | None = db.scalar(newest_of)
    return found


def count(db: Connection, source: str, target: str, entity: str) -> int:
    """How many links of this kind there are."""
    counted = select(func.count()).select_from(link).where(_kind(source, target, entity))
    return db.scalar(counted) or 0


def note_total(db: Connection, pair: Pair, total: str) -> None:
    """Remember the total that the target shows."""
    db.execute(update(link).where(_of(pair)).values(total=total))
