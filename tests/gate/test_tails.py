"""The tails stay short: what is long is split, what is late or broad is not written."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = sorted(p for d in ("connector", "adapters") for p in (ROOT / d).rglob("*.py"))
ALL = OURS + sorted(
    p for d in ("tests", "benchmarks", "migrations") for p in (ROOT / d).rglob("*.py")
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# The two broad ones: around the process, and around a task (design §2 of style.md, habit 15).
BROAD = 2


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """Walk all nodes of *kinds* in our code, with their places."""
    for path in OURS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, kinds):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def longer(most: int, *kinds: type[ast.AST]) -> list[str]:
    """Name the nodes of *kinds* that have more than *most* lines."""
    return [at for at, n in nodes(*kinds) if n.end_lineno - n.lineno + 1 > most]


def test_no_file_is_over_400_lines() -> None:
    """A file that grows longer holds two subjects."""
    long = [p for p in ALL if len(p.read_text(encoding="utf-8").splitlines()) > 400]
    assert [str(p.relative_to(ROOT)) for p in long] == []


def test_no_function_is_over_50_lines() -> None:
    """A function fits on a screen."""
    assert longer(50, *FUNCTIONS) == []


def test_no_class_is_over_120_lines() -> None:
    """A class has one lifetime to look after."""
    assert longer(120, ast.ClassDef) == []


def test_nothing_is_imported_inside_a_function() -> None:
    """A late import is a circle in disguise."""
    late = [
        at
        for at, function in nodes(*FUNCTIONS)
        if any(isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(function))
    ]
    assert late == []


def test_nothing_is_imported_for_type_checking_only() -> None:
    """So is an import that only the type checker sees."""
    assert [at for at, n in nodes(ast.Name) if n.id == "TYPE_CHECKING"] == []


def test_everything_is_swallowed_in_two_places_only() -> None:
    """Around the process and around a task; elsewhere what is caught broadly is raised again."""
    broad = [at for at, n in nodes(ast.Try) if any(map(swallows, n.handlers))]
    assert len(broad) <= BROAD, broad


def swallows(handler: ast.ExceptHandler) -> bool:
    """Say whether *handler* catches everything and does not raise it again."""
    caught = names(handler.type) if handler.type else {"BaseException"}
    last = handler.body[-1]
    return bool({"Exception", "BaseException"} & caught) and not isinstance(last, ast.Raise)


def names(node: ast.AST) -> set[str]:
    """Name everything that an expression names."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def test_every_module_says_what_it_promises() -> None:
    """A module without a first sentence is not finished."""
    silent = [p for p in OURS if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
    assert [str(p.relative_to(ROOT)) for p in silent] == []
