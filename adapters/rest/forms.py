"""Bodies as HTML forms send them (`application/x-www-form-urlencoded`): a tree as pairs of texts.

What stands below a member has its name in brackets: `address[city]`, `rows[0][sku]`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from urllib.parse import urlencode

import msgspec

from connector.errors import FieldErrors, FieldFault

KIND = "application/x-www-form-urlencoded"


def form(content: object) -> bytes:
    """Encode a tree; null and what is empty become '', which is how a form empties a field.

    Raises FieldErrors for what no form can carry.
    """
    if not isinstance(content, Mapping | None):
        raise _unfit()
    named = (content or {}).items()
    return urlencode([one for k, v in named for one in _pairs(str(k), v)]).encode()


def _pairs(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, one in value.items():
            yield from _pairs(f"{name}[{key}]", one)
    elif isinstance(value, list | tuple) and value:
        for place, one in enumerate(value):
            # a name that ends so already is said again for each: `ids[]=1&ids[]=2`
            yield from _pairs(name if name.endswith("[]") else f"{name}[{place}]", one)
    else:
        yield name, _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    try:
        plain = "" if value in (None, [], (), {}) else msgspec.to_builtins(value)  # as JSON has it
    except TypeError:
        raise _unfit() from None
    if not isinstance(plain, str | int):
        raise _unfit()
    return str(plain)


def _unfit() -> FieldErrors:
    cure = "give names with texts, numbers, lists and trees only"
    return FieldErrors((FieldFault("body", "not_a_form", cure),))
