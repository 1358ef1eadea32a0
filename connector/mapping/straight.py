"""Straight-line Python of what sections are mostly made of: members read by name, given their form.

A closure for each step of each member costs more than the step.  So an expression may carry its
source as well, and the members of a mapping become one function when they are first made.  That
source says only what succeeds: where it raises anything, closures make the value again, and tell
what is wrong.  What has no source here is called as the closure that it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from keyword import iskeyword
from typing import Any

Plain = Callable[[dict[str, Any]], Any]
FAILS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)  # of such source
_numbers = count()


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression over `names`; *given*: what stands behind the other names in it."""

    text: str
    given: Mapping[str, Any] = field(default_factory=dict)


def code(text: str, *parts: Code, **given: Any) -> Code:
    """The source *text*, in which `{}` are *parts*, and `{name}` what is *given* under a name."""
    named = {f"{name}{next(_numbers)}": value for name, value in given.items()}
    spelled = dict(zip(given, named, strict=True))
    whole = text.format(*(part.text for part in parts), **spelled)
    return Code(whole, {k: v for part in parts for k, v in part.given.items()} | named)


def called(fn: Plain) -> Code:
    """A closure, called."""
    return code("{fn}(names)", fn=fn)


def name(of: str) -> Code:
    """A name."""
    return Code(f"names[{of!r}]")


def member(inner: Code, key: str, *, model: bool) -> Code | None:
    """A member of a mapping, or of a document (*model*)."""
    if not model:
        return of_value(inner, "x[{key}]", key=key)
    return of_value(inner, f"x.{key}") if key.isidentifier() and not iskeyword(key) else None


def applied(inner: Code, call: Callable[..., Any], others: Sequence[Code]) -> Code:
    """A function of a value and others."""
    return of_value(inner, "{call}(x" + ", {}" * len(others) + ")", *others, call=call)


def of_value(inner: Code, text: str, *parts: Code, **given: Any) -> Code:
    """What *text* makes of the value `x`; null of null."""
    x = f"x{next(_numbers)}"
    made = re.sub(r"\bx\b", x, text)
    return code(f"(None if ({x} := {{}}) is None else {made})", inner, *parts, **given)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One expression as the value of a member.

    *take*: what gives it its form; *ascii*: ASCII text has it already; *blank*: '' is null.
    """

    code: Code
    take: Callable[[Any], Any] | None
    ascii: bool
    blank: bool

    def lines(self) -> Code:
        """Statements that leave the value, or None, in `v`."""
        made = code("v = {}", self.code)
        if self.blank:
            made = code("{}\n if v == '': v = None", made)
        if self.take is None:
            return made
        test = "v is not None" + " and not (type(v) is str and v.isascii())" * self.ascii
        return code(f"{{}}\n if {test}: v = {{take}}(v)", made, take=self.take)


def members(
    made: Sequence[tuple[str, Leaf | Plain]], *, keep: bool, marks: tuple[Any, Any]
) -> Plain:
    """What makes a mapping, compiled when it is first called; *marks*: what means omitted and nil.

    Null members are left out unless *keep*.
    """
    found: list[Plain] = []

    def first(names: dict[str, Any]) -> Any:
        if not found:
            found.append(_compiled(made, keep, *marks))
        return found[0](names)

    return first


def _compiled(
    made: Sequence[tuple[str, Leaf | Plain]], keep: bool, omitted: Any, nil: Any
) -> Plain:
    lines = ["def made(names):", " out = {}"]
    given: dict[str, Any] = {"omitted": omitted, "nil": nil}
    for key, one in made:
        put = f"out[{key!r}] = v"
        part = one.lines() if isinstance(one, Leaf) else code("v = {}", called(one))
        lines.append(f" {part.text}")
        given |= part.given
        if isinstance(one, Leaf):
            lines.append(f" {put}" if keep else f" if v is not None: {put}")
        else:
            unless = "v is not omitted" if keep else "v is not None and v is not omitted"
            lines.append(f" if {unless}: out[{key!r}] = None if v is nil else v")
    lines.append(" return out")
    exec(compile("\n".join(lines), "<section>", "exec"), given)  # noqa: S102 - of the names above
    found: Plain = given["made"]
    return found
