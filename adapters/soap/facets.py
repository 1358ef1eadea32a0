"""The facets of simple types: what a text must be beside well formed, checked before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from lxml import etree

_XS = "{http://www.w3.org/2001/XMLSchema}"
_SHOWN = 12


@dataclass(slots=True)
class Rule:
    """The facets of one definition, as the schema writes them."""

    base: str | None = None
    words: set[str] = field(default_factory=set)
    patterns: list[re.Pattern[str]] = field(default_factory=list)
    bounds: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether it restricts nothing itself."""
        return not (self.words or self.patterns or self.bounds)

    def misfit(self, text: str) -> tuple[str, str] | None:
        """Code and cure of the first facet that *text* breaks. The text itself is never told."""
        if self.words and text not in self.words:
            shown = sorted(self.words)
            more = "" if len(shown) <= _SHOWN else f" and {len(shown) - _SHOWN} more"
            return "not_listed", f"one of: {', '.join(shown[:_SHOWN])}{more}; add a table"
        if self.patterns and not any(p.fullmatch(text) for p in self.patterns):
            return "not_the_pattern", f"must match {self.patterns[0].pattern}"
        for name, bound in self.bounds.items():
            cure = _broken(name, bound, text)
            if cure:
                return ("too_long" if name in _LONGEST else "out_of_bounds"), cure
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The words of a type (none: any), and how much it holds, by facet.

    *least*: of characters; *patterns*: it matches each.
    """

    words: frozenset[str] = frozenset()
    most: Mapping[str, int] = field(default_factory=dict)
    least: int = 0
    patterns: tuple[re.Pattern[str], ...] = ()


_TIGHTEST = ("maxLength", "totalDigits", "fractionDigits")
_LONGEST = ("maxLength", "length")


class Facets:
    """Every facet in a contract's schemas, by the name of its type."""

    def __init__(self, documents: Iterable[bytes] = ()) -> None:
        self._rules: dict[str, list[Rule]] = {}
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        for raw in documents:
            for schema in etree.fromstring(raw, parser).iter(f"{_XS}schema"):
                self._read(schema)

    def misfit(self, name: str, text: str) -> tuple[str, str] | None:
        """What *text* breaks of type *name*; one of several definitions of a name is enough."""
        first = None
        for rule in self._rules.get(name, ()):
            found = rule.misfit(text)
            if found is None and rule.base is not None and rule.base != name:
                found = self.misfit(rule.base, text)
            if found is None:
                return None
            first = first or found
        return first

    def bounds(self, name: str) -> Bounds | None:
        """What a type and all that it rests on allow; None where `Bounds` cannot say it."""
        rules = self._rules.get(name, ())
        if len(rules) != 1 or rules[0].base == name:
            return None if rules else Bounds()
        rule = rules[0]
        below = self.bounds(rule.base) if rule.base else Bounds()
        unknown = rule.bounds.keys() - {*_TIGHTEST, "minLength"}
        if below is None or len(rule.patterns) > 1 or unknown:
            return None
        words = rule.words & below.words if rule.words and below.words else rule.words
        try:
            own = {facet: int(bound) for facet, bound in rule.bounds.items()}
        except ValueError:
            return None
        least = max(own.pop("minLength", 0), below.least)
        most = {
            f: min(one[f] for one in (own, below.most) if f in one) for f in {**own, **below.most}
        }
        return Bounds(
            words=frozenset(words or below.words),
            most=most,
            least=least,
            patterns=(*rule.patterns, *below.patterns),
        )

    def restricts(self, name: str, depth: int = 10) -> bool:
        """Whether the type, or one that it rests on, has a facet."""
        rules = self._rules.get(name, ())
        return depth > 0 and any(
            not r.empty or (r.base is not None and self.restricts(r.base, depth - 1)) for r in rules
        )

    def _read(self, schema: etree._Element) -> None:
        space = schema.get("targetNamespace")
        for kind in schema.iter(f"{_XS}simpleType"):
            parent = kind.getparent()
            name = kind.get("name") or (parent.get("name") if parent is not None else None)
            restriction = kind.find(f"{_XS}restriction")
            if name is None:
                continue
            rule = Rule() if restriction is None else _rule(restriction)
            self._rules.setdefault(f"{{{space}}}{name}" if space else name, []).append(rule)


def _rule(restriction: etree._Element) -> Rule:
    rule = Rule(base=_named(restriction, restriction.get("base")))
    for facet in restriction:
        name, value = etree.QName(facet).localname, facet.get("value")
        if value is None:
            continue
        if name == "enumeration":
            rule.words.add(value)
        elif name == "pattern":
            try:
                rule.patterns.append(re.compile(value))
            except re.error:  # what XML Schema spells otherwise is left to the server
                return Rule(base=rule.base, words=rule.words, bounds=rule.bounds)
        elif name != "whiteSpace":
            rule.bounds[name] = value
    return rule


def _named(element: etree._Element, name: str | None) -> str | None:
    if name is None:
        return None
    prefix, _, local = name.rpartition(":")
    space = element.nsmap.get(prefix or None)
    return f"{{{space}}}{local}" if space else local


def _broken(name: str, bound: str, text: str) -> str | None:
    """The cure where *text* breaks a bound; a facet that we do not know breaks nothing."""
    try:
        limit, held = Decimal(bound), _measured(name, text)
    except (InvalidOperation, ValueError):
        return None
    if held is None:
        return None
    wrong = {
        "length": held != limit,
        "maxLength": held > limit,
        "minLength": held < limit,
        "totalDigits": held > limit,
        "fractionDigits": held > limit,
        "minInclusive": held < limit,
        "maxInclusive": held > limit,
        "minExclusive": held <= limit,
        "maxExclusive": held >= limit,
    }[name]
    cure = {
        "maxLength": f"at most {bound} characters: | cut({bound})",
        "fractionDigits": f"at most {bound} decimals: | dec({bound})",
    }
    return cure.get(name, f"the schema says {name} {bound}") if wrong else None


def _measured(name: str, text: str) -> Decimal | None:
    if name in ("length", "maxLength", "minLength"):
        return Decimal(len(text))
    if name in ("totalDigits", "fractionDigits"):
        whole, _, part = text.strip().lstrip("+-").partition(".")
        part = part.rstrip("0")
        return Decimal(len(part if name == "fractionDigits" else whole.lstrip("0") + part))
    return Decimal(text) if name.startswith(("min", "max")) else None
