"""Imports point down, in one direction, and nobody sees what is not his."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# From the bottom up (design §10). What shares a line does not import each other.
LAYERS = [
    {"errors", "nearest", "notify", "points", "places", "codes", "crew", "meter", "slots", "web"},
    {"problems", "values", "spelled", "logs", "pace", "owner"},
    {"ports", "yamlread", "clock", "windows", "congestion"},
    {"profile", "secret", "forms", "documents", "standing"},
    {"mapping", "ledger", "configured", "likeness", "picking", "rehearsal"},
    {"config", "flow", "jobs", "schedule"},
    {"admission"},
    {"gate", "nightly", "guarded", "identity", "freshness", "ledgers", "messenger"},
    {"metrics", "conditions"},
    {"wiring", "owning"},
    {"building", "workbench"},
    {"stockroom", "examining", "report"},
    {"app"},
    {"applying", "backfilling"},
    {"planfile"},
    {"turns"},
    {"vitals", "alarms", "hooks"},
    {"outside"},
    {"reloading"},
    {"daemon"},
    {"worker"},
    {"testing"},
    {"demo"},
    {"cli"},
]
RANK = {name: n for n, layer in enumerate(LAYERS) for name in layer}
# The same rank or lower is not enough for these.
NEVER = {
    "ledger": {"documents", "ports", "profile"},
    "flow": {"configured", "secret", "forms", "config"},
    "documents": {"yamlread"},
}
VOCABULARY = {"values", "ports", "errors", "profile"}
SEES: dict[str, set[str]] = {
    "adapters": VOCABULARY | {"points", "rehearsal"},
    "sandbox": set(),
}
SEEN_BY: dict[str, set[str]] = {
    "adapters": {"app"},
    "sandbox": {"cli", "demo"},
    "testing": {"demo"},
}


def modules() -> dict[str, Path]:
    """Name every module of ours."""
    files = [*ROOT.glob("connector/**/*.py"), *ROOT.glob("adapters/**/*.py")]
    return {
        ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f
        for f in files
    }


def imported(tree: ast.AST, known: set[str]) -> Iterator[str]:
    """Name the modules of ours that *tree* imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from inner & known
            if node.module in known and not inner <= known:
                yield node.module


def graph() -> dict[str, set[str]]:
    """Say for each module of ours which modules of ours it imports."""
    known = modules()
    return {
        name: set(imported(ast.parse(path.read_text(encoding="utf-8")), set(known)))
        for name, path in known.items()
    }


def part(module: str) -> str:
    """Name the part a module belongs to: `connector.flow.pull` → `flow`."""
    words = module.split(".")
    return "adapters" if words[0] == "adapters" else words[1] if len(words) > 1 else ""


def allowed(importer: str, used: str) -> bool:
    """Say whether *importer* may import *used* (both are modules of ours)."""
    low, high = part(used), part(importer)
    if low in ("", high):
        return True
    if high in SEES:
        return low in SEES[high]
    if low in SEEN_BY:
        return high in SEEN_BY[low]
    return RANK.get(low, len(LAYERS)) < RANK.get(high, -1) and low not in NEVER.get(high, ())


def test_every_import_points_down() -> None:
    """No module imports one above it, beside it, or one that is hidden from it."""
    wrong = [f"{a} → {b}" for a, used in graph().items() for b in used if not allowed(a, b)]
    assert sorted(wrong) == []


def test_every_module_has_a_layer() -> None:
    """A new module is given its place in the table above before anything imports it."""
    parts = {part(name) for name in modules()} - {"", "adapters", "sandbox", "__main__"}
    assert sorted(parts - RANK.keys()) == []


def test_no_import_goes_in_a_circle() -> None:
    """The modules can be put in one order in which each only needs earlier ones."""
    assert list(TopologicalSorter(graph()).static_order())


@pytest.mark.parametrize(
    ("importer", "used"),
    [
        ("connector.values", "connector.flow.pull"),
        ("connector.ledger.records", "connector.documents.sales"),
        ("connector.mapping.read", "connector.ledger.links"),
        ("connector.flow.pull", "adapters.rest"),
        ("connector.flow.pull", "connector.config"),
        ("adapters.rest", "connector.ledger.store"),
        ("adapters.rest", "connector.mapping.load"),
        ("connector.sandbox.shop", "connector.documents.sales"),
        ("connector.flow.pull", "connector.sandbox.shop"),
        ("connector.cli.check", "adapters.soap"),
        ("connector.app", "connector.cli"),
    ],
)
def test_the_table_refuses_what_the_design_forbids(importer: str, used: str) -> None:
    """Each of these imports would be found."""
    assert not allowed(importer, used)
