"""Trees that travel as text: a payload of XML or JSON in one string of a call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from connector.errors import FieldErrors, FieldFault
from connector.mapping.faults import Fault
from connector.ports import Template

_ILLEGAL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


def as_json(value: object) -> str:
    """Write JSON; a Decimal keeps its digits, as text where JSON has no such number."""
    return json.dumps(_plain(value), ensure_ascii=False)


def in_xml(template: Template) -> Template:
    """A template of the XML that *template* makes a tree of."""

    def make(names: Mapping[str, Any]) -> object:
        try:
            return as_xml(template(names))
        except Fault as fault:
            raise FieldErrors((FieldFault("body", fault.code, fault.cure),)) from None

    return make


def as_xml(value: object) -> str:
    """Write XML: names are elements, `@name` an attribute, `$value` the text beside attributes."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise Fault("not_one_root", "XML needs one element around all others")
    return "".join(_element(name, one) for name, one in value.items())


def _element(name: str, value: object) -> str:
    if isinstance(value, list | tuple):
        return "".join(_element(name, one) for one in value)
    if not isinstance(value, Mapping):
        return f"<{name}>{_text(value)}</{name}>"
    attributes = "".join(
        f" {key[1:]}={quoteattr(_plain_text(one))}"
        for key, one in value.items()
        if key.startswith("@") and one is not None
    )
    inner = [
        _text(one) if key == "$value" else _element(key, one)
        for key, one in value.items()
        if not key.startswith("@")
    ]
    return f"<{name}{attributes}>{''.join(inner)}</{name}>"


def _text(value: object) -> str:
    return escape(_plain_text(value), {"\r": "&#13;"})


def _plain_text(value: object) -> str:
    plain = _plain(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return "" if plain is None else str(plain).translate(_ILLEGAL)


def _plain(value: object) -> object:
    """Spell what neither format has."""
    match value:
        case Mapping():
            return {key: _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case _:
            return value
