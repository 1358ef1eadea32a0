"""Make mutants of a source: each condition always true, always false, or one part of it dropped."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

JOINING = {"and_", "or_"}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change of one file. *name* says which, and stays when lines move."""

    file: str
    line: int
    name: str
    source: str


Change = tuple[str, ast.AST, Callable[[ast.AST], None]]


def mutants(source: str, file: str) -> Iterator[Mutant]:
    """Every mutant of *source*, in the order of its lines; no two have the same name."""
    tree = ast.parse(source)
    met: dict[str, int] = {}
    for index, where, node in sites(tree):
        for word, act in changes(node):
            changed = copy.deepcopy(tree)
            act(nth(changed, index))
            name = f"{file}::{where}::{word}"
            met[name] = met.get(name, 0) + 1
            if met[name] > 1:
                name += f" #{met[name]}"
            text = ast.unparse(ast.fix_missing_locations(changed))
            yield Mutant(file=file, line=line_of(node), name=name, source=text)


def sites(tree: ast.AST) -> Iterator[tuple[int, str, ast.AST]]:
    """Every node that can be changed: its number in a walk, the function around it, itself."""
    inside: dict[ast.AST, str] = {}
    for node in ast.walk(tree):
        here = inside.get(node, "")
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            here = f"{here}.{node.name}".lstrip(".")
        for child in ast.iter_child_nodes(node):
            inside[child] = here
    found = [
        (n, inside.get(node, ""), node)
        for n, node in enumerate(ast.walk(tree))
        if next(iter(changes(node)), None) is not None
    ]
    return iter(sorted(found, key=lambda one: (line_of(one[2]), one[0])))


def line_of(node: ast.AST) -> int:
    """Where a node stands; a `case` and a `for` inside brackets stand where their parts do."""
    match node:
        case ast.match_case():
            return node.pattern.lineno
        case ast.comprehension():
            return node.target.lineno
    return int(node.lineno)  # type: ignore[attr-defined]


def nth(tree: ast.AST, index: int) -> ast.AST:
    """The node with that number in a walk."""
    return next(node for n, node in enumerate(ast.walk(tree)) if n == index)


def changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    """What can be done to a node: a word for it, and the deed."""
    match node:
        case ast.If() | ast.IfExp():
            yield f"if {ast.unparse(node.test)} → True", set_test(True)
            yield f"if {ast.unparse(node.test)} → False", set_test(False)
        case ast.While() if not isinstance(node.test, ast.Constant):
            yield f"while {ast.unparse(node.test)} → False", set_test(False)
        case ast.match_case() if node.guard is not None:
            yield f"case … if {ast.unparse(node.guard)} → True", set_guard
        case _:
            yield from drops(node)


def drops(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], None]]]:
    """The parts of a node that can be left out."""
    match node:
        case ast.comprehension():
            for n, test in enumerate(node.ifs):
                yield f"for … if {ast.unparse(test)} → True", drop("ifs", n)
        # `x or ""` is a default, not a condition.
        case ast.BoolOp() if not any(isinstance(v, ast.Constant) for v in node.values):
            for n, part in enumerate(node.values):
                yield f"{ast.unparse(node)} without {ast.unparse(part)}", drop_value(n)
        case ast.Call() if joins(node):
            for n, part in enumerate(node.args):
                yield f"{called(node)}(…) without {ast.unparse(part)}", drop("args", n)


def joins(node: ast.Call) -> bool:
    """Is it a WHERE, or a joining of conditions?"""
    return called(node) in ("where", *JOINING) and not any(
        isinstance(part, ast.Starred) for part in node.args
    )


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def set_test(value: bool) -> Callable[[ast.AST], None]:
    """The condition is always *value*."""

    def act(node: ast.AST) -> None:
        node.test = ast.Constant(value)  # type: ignore[attr-defined]

    return act


def set_guard(node: ast.AST) -> None:
    """A case without its guard."""
    node.guard = ast.Constant(True)  # type: ignore[attr-defined]


def drop(name: str, n: int) -> Callable[[ast.AST], None]:
    """Without the n-th of *name*; an `or_` that becomes empty would be an error of its own."""

    def act(node: ast.AST) -> None:
        del getattr(node, name)[n]

    return act


def drop_value(n: int) -> Callable[[ast.AST], None]:
    """An and/or without its n-th part; of two, the other alone."""

    def act(node: ast.AST) -> None:
        values: list[ast.expr] = node.values  # type: ignore[attr-defined]
        del values[n]
        if len(values) == 1:  # `a and True`, `a or False`: the neutral element keeps it a BoolOp
            is_and = isinstance(node.op, ast.And)  # type: ignore[attr-defined]
            values.append(ast.Constant(is_and)) if is_and else values.append(ast.Constant(False))

    return act
