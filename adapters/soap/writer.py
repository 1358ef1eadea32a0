"""Build a document/literal message from a tree: every leaf by its type, every fault at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Literal
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

from adapters.soap import leaves
from adapters.soap.contract import Operation
from adapters.soap.shapes import Member, Shape
from connector.errors import FieldErrors, FieldFault

Missing = Literal["omit", "nil", "empty"]
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_SPECIAL = re.compile("[&<>\r]")
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def envelope(operation: Operation, args: object, *, missing: Missing, zone: ZoneInfo) -> bytes:
    """Write the message. Raises FieldErrors naming every field that cannot be written."""
    writing = _Writing(missing, zone)
    writing.element(operation.sent, args, operation.sent.name, top=True)
    if writing.faults:
        raise FieldErrors(tuple(writing.faults))
    spaces = "".join(f" xmlns:{prefix}={quoteattr(ns)}" for ns, prefix in writing.prefixes.items())
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="{_SOAP}"'
        f' xmlns:xsi="{_XSI}"{spaces}><soap:Body>{"".join(writing.out)}</soap:Body></soap:Envelope>'
    ).encode()


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


class _Writing:
    """One message while it is written."""

    def __init__(self, missing: Missing, zone: ZoneInfo) -> None:
        self._missing, self._zone = missing, zone
        self.out: list[str] = []
        self.faults: list[FieldFault] = []
        self.prefixes: dict[str, str] = {}

    def element(self, member: Member, value: object, at: str, *, top: bool = False) -> None:
        if value is None and not top:
            self._nothing(member)
        elif isinstance(value, list | tuple):
            if not member.many and len(value) > 1:
                self._fault(at, "too_many", "one value: the schema declares no list here")
            for place, one in enumerate(value):
                self._one(member, one, f"{at}[{place}]")
        else:
            self._one(member, {} if value is None else value, at)

    def _one(self, member: Member, value: object, at: str) -> None:
        name, form = self._name(member), member.shape.form
        if value is None:
            self._nothing(member)
        elif isinstance(value, Mapping):
            plain = value.keys() <= member.shape.members.keys()
            attributes = "" if plain else self._attributes(member.shape, value, at)
            self.out.append(f"<{name}{attributes}>")
            if form is None:
                self._members(member.shape, value, at)
            else:
                self._unknown(value, [], at)
                self.out.append(_escaped(self._formed(form, value.get("$value", ""), at)))
            self.out.append(f"</{name}>")
        elif form is None:
            self._fault(at, "not_a_tree", "the schema declares members here")
        elif value == "" and form is not leaves.text:
            self._nothing(member)  # '' clears; only text can be empty
        else:
            self._leaf(member, form, value, at)

    def _leaf(self, member: Member, form: leaves.Form, value: object, at: str) -> None:
        name, text = self._name(member), self._formed(form, value, at)
        self.out.append(f"<{name}>{_escaped(text) if _SPECIAL.search(text) else text}</{name}>")

    def _members(self, shape: Shape, value: Mapping[str, object], at: str) -> None:
        if value.keys() - shape.members.keys():
            self._unknown(value, list(shape.members), at)
        if not shape.ordered and len(shape.members.keys() & value.keys()) > 1:
            self._fault(at, "unordered", "a repeated group of the schema; not supported")
        for name, member in shape.members.items():
            if name in value:
                given = value[name]
                if given and type(given) is str and (form := member.shape.form) is not None:
                    self._leaf(member, form, given, f"{at}.{name}")
                else:
                    self.element(member, given, f"{at}.{name}")
            elif self._missing != "omit" and not member.many:
                self._nothing(member)

    def _unknown(self, value: Mapping[str, object], known: list[str], at: str) -> None:
        for name in value:
            if name in known or name.startswith("@") or name == "$value":
                continue
            near = difflib.get_close_matches(name, known, 1)
            cure = f"did you mean {near[0]}?" if near else "the contract declares no such field"
            self._fault(f"{at}.{name}", "unknown_field", cure)

    def _attributes(self, shape: Shape, value: Mapping[str, object], at: str) -> str:
        written = []
        for name, given in value.items():
            if not name.startswith("@") or given is None:
                continue
            declared = shape.attributes.get(name[1:])
            if declared is None:
                self._fault(f"{at}.{name}", "unknown_field", "the contract declares no such field")
                continue
            wire, form = declared
            namespace, _, local = wire.rpartition("}")
            prefixed = f"{self._prefix(namespace[1:])}:{local}" if namespace else local
            written.append(f" {prefixed}={quoteattr(self._formed(form, given, f'{at}.{name}'))}")
        return "".join(written)

    def _formed(self, form: leaves.Form, value: object, at: str) -> str:
        try:
            return form(value, self._zone)
        except (ValueError, TypeError):
            self._fault(at, f"not_{form.__name__}", "the schema declares another type")
            return ""

    def _nothing(self, member: Member) -> None:
        name = self._name(member)
        if member.nillable or self._missing == "nil":
            self.out.append(f'<{name} xsi:nil="true"/>')
        elif self._missing == "empty":
            self.out.append(f"<{name}/>")

    def _name(self, member: Member) -> str:
        space = member.namespace
        if not space:
            return member.name
        return f"{self.prefixes.get(space) or self._prefix(space)}:{member.name}"

    def _prefix(self, namespace: str) -> str:
        return self.prefixes.setdefault(namespace, f"n{len(self.prefixes)}")

    def _fault(self, at: str, code: str, cure: str) -> None:
        self.faults.append(FieldFault(at.partition(".")[2] or at, code, cure))
