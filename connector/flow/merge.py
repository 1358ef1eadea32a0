"""Compare what we want with what is there, field by field of `write`; pure (R6, D4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeGuard

from connector.ledger.content import is_agreed
from connector.values import Payload, Tree


def agrees(want: Tree, there: Tree) -> bool | None:
    """Does *there* hold what we want? None: it does not say.

    *there* may hold more (line numbers, totals): only what we would write is compared. A null
    inside of a field is a form that the contract asks for (`$nil`), and demands nothing; one item
    and a list of that one are the same.
    """
    want, there = _evened(want, there)
    if isinstance(want, Mapping) is not isinstance(there, Mapping):
        want, there = _text(want), _text(there)
    if not isinstance(want, Mapping) and not _is_list(want):
        return _leaf(want) == _leaf(there)
    if there is None:
        return None
    if isinstance(want, Mapping) and isinstance(there, Mapping):
        told = {k: v for k, v in want.items() if v is not None}
        return _all(agrees(v, there[k]) if k in there else _unsaid(v) for k, v in told.items())
    if _is_list(want) and _is_list(there) and len(want) == len(there):
        return _all(agrees(a, b) for a, b in zip(want, there, strict=True))
    return False


def _evened(want: Tree, there: Tree) -> tuple[Tree, Tree]:
    """One item and a list of that one, as the same."""
    if isinstance(want, Mapping) and _is_list(there) and len(there) == 1:
        return want, there[0]
    if isinstance(there, Mapping) and _is_list(want) and len(want) == 1:
        return want[0], there
    return want, there


def _text(value: Tree) -> Tree:
    """What an element of XML says beside its attributes, which only one side names."""
    return value["$value"] if isinstance(value, Mapping) and "$value" in value else value


def _is_list(value: Tree) -> TypeGuard[Sequence[Tree]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def holds(item: Payload, field: str, want: Tree) -> bool | None:
    """Does the target's *item* hold what we want in *field*? None: it does not say."""
    return agrees(want, item[field]) if field in item else _unsaid(want)


def _all(answers: object) -> bool | None:
    """False wins, then silence, then agreement."""
    seen = set(answers)  # type: ignore[call-overload]
    return False if False in seen else (None if None in seen else True)


def _unsaid(want: Tree) -> bool | None:
    """A member that is not there at all: agreement if we want nothing, else silence."""
    return True if want in (None, "") else None


def _leaf(value: Tree) -> object:
    """One form for each leaf: numbers as numbers, '' as nothing, booleans as words."""
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case int() | Decimal():
            return Decimal(value)
        case str():
            try:
                number = Decimal(value)
            except InvalidOperation:
                return value.strip()
            # '0010' is a number to the eye and a code to the ERP: leading zeros are kept apart.
            coded = value[:1] == "0" and value[1:2].isdigit()
            return value if coded or not number.is_finite() else number
        case _:
            return str(value)


def read_back(wanted: Payload, item: Payload) -> dict[str, Tree]:
    """Those fields of *wanted* that the target's own *item* does not contradict."""
    return {f: v for f, v in wanted.items() if holds(item, f, v) is not False}


def changed(want: Payload, base: Payload, item: Payload | None) -> tuple[str, ...]:
    """Fields to write: they differ from the base, and *item* (if read) does not hold them yet.

    A field whose base is unknown counts as changed unless *item* confirms it.
    """
    differing = [f for f, v in want.items() if not is_agreed(base, f, v)]
    if item is None:
        return tuple(differing)
    return tuple(f for f in differing if holds(item, f, want[f]) is not True)
