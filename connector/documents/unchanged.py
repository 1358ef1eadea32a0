"""Would judging leave a document as it is? For one that was decoded by its types alone.

Types say too little: an amount may be spelled in another way or be none, a code may be no code, a
reference may name another entity.  What is not surely right is wrong here, and is then judged.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any, get_args, get_type_hints

from connector.documents.fields import Part
from connector.documents.keeping import Place, Take, places_of

_SURELY_FEW = 15  # digits
Check = Callable[[Any], bool]


def is_unchanged(part: Part) -> bool:
    """Say whether *part* has the form that judging gives; may raise one of UNKEPT if not."""
    for name, check in _checks(type(part)):
        value = getattr(part, name)
        if value is not None and not check(value):
            return False
    return True


@cache
def _checks(model: type[Part]) -> tuple[tuple[str, Check], ...]:
    """Return how each field is looked at of which its type does not say all."""
    hints = get_type_hints(model)
    found = [(n, _check(p, hints[n])) for n, p in places_of(model, None).members.items()]
    return tuple((name, check) for name, check in found if check is not None)


def _check(place: Place, hint: Any) -> Check | None:
    if place.members:
        return is_unchanged
    if place.item is not None:
        return lambda parts: all(map(is_unchanged, parts))
    if place.take is None or place.ascii:
        return None
    kinds = (hint, *get_args(hint))
    if datetime in kinds:
        return lambda moment: moment.tzinfo is UTC
    if Decimal in kinds:
        return partial(_is_same_number, place.take, place.take(Decimal(1)))
    take = place.take
    return lambda value: bool(take(value) == value)


def _is_same_number(take: Take, one: Decimal, value: Decimal) -> bool:
    """Most have the decimals with which *one* is kept; others are compared as they are spelled."""
    if value.same_quantum(one) and (value or not value.is_signed()):
        return value.adjusted() < _SURELY_FEW or str(take(value)) == str(value)
    return str(take(value)) == str(value)
