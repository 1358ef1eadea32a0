"""Expressions: Jinja's grammar, compiled to closures over plain values.

Jinja parses (sandboxed environment, our filters and tests only) and closures evaluate, so an
expression can read members of payloads and documents and apply the allow-list, and nothing else:
there is no attribute access, no call and no statement to guard.  A missing member is a Fault unless
`default` or `is defined` asks; null propagates through members and filters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from connector.documents import ENTITIES
from connector.errors import FieldErrors, FieldFault
from connector.mapping import filtering, operators, straight
from connector.mapping.amounts import own
from connector.mapping.faults import Fault
from connector.mapping.filters import text
from connector.mapping.shapes import Shape, of_model
from connector.mapping.terms import BadExpression, Expression, Fn, Names, Scope, needs, truth
from connector.problems import Problem, Problems
from connector.yamlread import Node

_MOST_NESTED = 60
_MAKERS = {**operators.MAKERS, **filtering.MAKERS}
_LITERAL = re.compile(r"""'[^']*'?|"[^"]*"?""")
_CODE = re.compile(r"{[{%].*?(?:[}%]}|$)", re.DOTALL)
_LOOKS_LIKE_ONE = re.compile(r"=\S|\$(?=[a-z])")


def _environment() -> ImmutableSandboxedEnvironment:
    jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    jinja.filters, jinja.tests = {}, {}
    jinja.globals = {}
    return jinja


_JINJA = _environment()


def compile_expression(source: str, scope: Scope) -> Expression:
    """Compile what follows `= `. Raises BadExpression."""
    tree = _parsed("{{ (" + source + "\n) }}", source)
    output = tree.body[0] if len(tree.body) == 1 else None
    if not isinstance(output, nodes.Output) or len(output.nodes) != 1:
        raise BadExpression("is no single expression", _quote_cure(source))
    return _built(output.nodes[0], scope)


def compile_words(source: str, scope: Scope) -> Expression:
    """Compile text with `{{ expressions }}` in it; null becomes nothing. Raises BadExpression."""
    pieces: list[Expression] = []
    for output in _parsed(source, source).body:
        if not isinstance(output, nodes.Output):
            raise BadExpression("has a statement `{% %}`", "use $if, $each or `a if b else c`")
        pieces += [_built(node, scope) for node in output.nodes]
    fns = [p.fn for p in pieces]
    return Expression(lambda names: "".join([text(fn(names)) for fn in fns]), None, needs(*pieces))


def compile_scalar(source: str, scope: Scope) -> Expression:
    """Compile a YAML scalar: `= expression`, `text {{ }}`, or a literal. Raises BadExpression."""
    if source.startswith("= "):
        return compile_expression(source[2:], scope)
    if "{{" in source or "{%" in source:
        return compile_words(source, scope)
    if _LOOKS_LIKE_ONE.match(source):
        cure = "write `= expression`, or `$text: value` for a text that begins so"
        raise BadExpression("looks like an expression or directive but is none", cure)
    return Expression(lambda _: source, constant=True, code=straight.code("{k}", k=source))


def _parsed(template: str, source: str) -> nodes.Template:
    try:
        return _JINJA.parse(template)
    except TemplateSyntaxError as error:
        raise BadExpression(f"is cut or wrong: {error.message}", _quote_cure(source)) from None
    except RecursionError:
        raise BadExpression("is nested too deeply", "split it with $with") from None


def _quote_cure(source: str) -> str:
    odd = any(source.count(q) % 2 for q in "'\"")
    if odd or any(source.count(a) != source.count(b) for a, b in ("()", "[]", "{}")):
        return "YAML ends a plain value at ` #`, and at `,` inside { }: quote the whole value"
    return "write a path or `value | filter`; quote the whole value if YAML cut it"


def _built(node: nodes.Node, scope: Scope, depth: int = 0) -> Expression:
    maker, outer = _MAKERS.get(type(node)), scope
    if maker is None or depth > _MOST_NESTED:
        word = type(node).__name__
        raise BadExpression(f"uses {word}, which expressions here do not have", "use filters")

    def build(node: nodes.Node, scope: Scope | None = None) -> Expression:
        return _built(node, scope or outer, depth + 1)

    return maker(node, scope, build)


@dataclass(frozen=True, slots=True)
class Written:
    """A Template of one scalar; a lenient one is null where it cannot be made.

    *whole*: of an element of XML its attributes too, not what it says alone.
    """

    fn: Fn
    place: Node
    lenient: bool = False
    flag: bool = False
    whole: bool = False

    def __call__(self, names: Names) -> Any:
        """Render with *names*; raises FieldErrors naming the place of the YAML."""
        try:
            value = self.fn(names)
        except Fault as fault:
            if self.lenient:
                return False if self.flag else None
            place = f"{self.place.file}:{self.place.line}"
            found = FieldFault(self.place.path, fault.code, f"{fault.cure}; {place}")
            raise FieldErrors((found,)) from None
        if self.flag:
            return truth(value)
        return value if self.whole else own(value)


def document_names(
    entity: str, conn: Mapping[str, Shape | None] | None = None
) -> Mapping[str, Shape | None]:
    """Return what `write` and the configuration may name: doc, conn and reference."""
    shape = of_model(ENTITIES[entity]) if entity in ENTITIES else None
    members = Shape(members=conn) if conn is not None else None
    return {"doc": shape, "conn": members, "reference": Shape(members={})}


def compile_text(
    source: str,
    *,
    names: Mapping[str, Shape | None] | None,
    problems: Problems,
    place: Node,
    flag: bool = False,
) -> Written | None:
    """Compile one scalar for the configuration; None, and a problem at *place*, if it is wrong."""
    return written(source, Scope(names), problems, place, flag=flag)


def written(
    source: str,
    scope: Scope,
    problems: Problems,
    place: Node,
    *,
    flag: bool = False,
    whole: bool = False,
) -> Written | None:
    """Compile one scalar in *scope*; None, and a problem at *place*, if it is wrong."""
    try:
        fn = compile_scalar(source, scope).fn
    except BadExpression as bad:
        complain(problems, place, f"`{quoted(source)}` {bad}", bad.cure)
        return None
    return Written(fn, place, scope.lenient, flag, whole)


def quoted(source: str) -> str:
    """Quote an expression for a report: its names, without what its literals say."""
    code = source if source.startswith("= ") else " … ".join(_CODE.findall(source)) or source
    return _LITERAL.sub("'…'", code)


def complain(problems: Problems, place: Node, message: str, cure: str) -> None:
    """Add a problem of the mapping at *place*."""
    found = Problem(
        file=place.file,
        line=place.line,
        path=place.path,
        message=message,
        cure=cure,
        code="mapping",
    )
    problems.add(found)
