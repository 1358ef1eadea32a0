"""The `read` of a scaffold: our fields, what is needed first, each from its likeliest member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

from connector.documents import ENTITIES, fields_of
from connector.documents.meaning import Meaning, meanings
from connector.rehearsal import Element
from connector.workbench.likely import Place, assigned, below, is_id, likely, lines_of, plain, root
from connector.workbench.scaffold import GUESS

_DEEPEST = 4
_WIDTH = 46
_REF = {"customer": " | ref('customer')", "product": " | ref('product')"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Where each of our fields is likely to be in a payload; *lines*: the list of what was sold."""

    paths: Mapping[str, str]
    lines: str | None


def find(payload: Element, entity: str) -> Found:
    """Look through a payload for our fields."""
    paths: dict[str, str] = {}
    lines: list[str] = []
    _look(payload, root(entity, reading=True), "", 0, (paths, lines))
    return Found(paths=paths, lines=lines[0] if lines else None)


def _look(
    element: Element, place: Place, path: str, depth: int, found: tuple[dict[str, str], list[str]]
) -> None:
    paths, lines = found
    members = element.members().items()
    leaves = {n: m.kind for n, m in members if m.kind is not None and not m.many}
    for name, expression in assigned(place, leaves).items():
        ours = _ours(expression)
        if place.entity == "order" and not place.base and plain(name) == "name":
            continue  # an order's own name is its number; people's stand in its addresses
        if ours is not None:
            paths.setdefault(ours, named(path, name))
    for name, one in element.members().items():
        at = named(path, name)
        if name in leaves or depth >= _DEEPEST:
            continue
        if not one.many:
            _look(one, below(place, name), at, depth + 1, found)
        elif place.entity == "order" and not place.base and not lines and _is_sold(one):
            lines.append(at)
            _look(one, lines_of(place, reading=True), "l", depth + 1, found)


def _is_sold(one: Element) -> bool:
    place = lines_of(root("order"))
    return "l.quantity" in {likely(place, n, m.kind or "") for n, m in one.members().items()}


def _ours(expression: str) -> str | None:
    """The field of ours that a guess speaks of; None where it is a calculation."""
    if expression == "reference":
        return None
    path = expression.removesuffix(" | there")
    if path.startswith("["):  # a full name: the family name holds it whole
        path = path[1:].partition(".first_name")[0] + ".last_name"
    if " " in path:
        return None
    base, _, rest = path.partition(".")
    return {"doc": rest, "l": f"lines[].{rest}"}.get(base)


def named(path: str, name: str) -> str:
    """The path to a member; `item` is the payload where a name is no word. From a reply: ''."""
    if name.isidentifier():
        return f"{path}.{name}" if path else name
    return f"{path or 'item'}['{name}']"


def key_lines(payload: Element, entity: str) -> Iterator[str]:
    """Write `key` and `version`."""
    members = payload.members().items()
    ids = [n for n, one in members if one.kind is not None and is_id(n, entity)]
    folded = {name.lower().replace("_", ""): name for name, _ in reversed(list(members))}
    key = folded.get("id") or next(iter(ids), None)
    line = f"key: = {named('', key)}".ljust(_WIDTH) + f"  {GUESS}" if key else ""
    yield line or "# key:      # NEEDED: its own id"
    etag = next((n for n, _ in members if n.lower().endswith("etag")), None)
    own = folded.get("version") or etag
    version = named("", own) if own else find(payload, entity).paths.get("modified_at")
    if version:
        yield f"version: = {version}".ljust(_WIDTH) + f"  {GUESS}"


def read_lines(payload: Element, entity: str, *, target: bool = False) -> Iterator[str]:
    """Write the `read` section for a payload; of a *target* only what its state is judged by."""
    found = find(payload, entity)
    top = [m for m in meanings(entity) if "." not in m.path]
    if target:
        parts = {m.path.partition(".")[0] for m in meanings(entity) if "." in m.path}
        top = [m for m in top if m.path not in parts and m.path not in ("customer", "placed_at")]
        top = [m for m in top if m.path in found.paths]
    yield "read:"
    for title, wanted in (("needed", True), ("may be left out", False)):
        rows = [row for m in top if m.required is wanted for row in _field(m, entity, found)]
        if rows:
            yield f"  # {title}"
            yield from sorted(rows, key=lambda row: row.startswith("  #") and "\n" not in row)


def _field(field: Meaning, entity: str, found: Found) -> Iterator[str]:
    name = field.path.removesuffix("[]")
    inner = [m for m in meanings(entity) if m.path.startswith(f"{field.path}.")]
    inner = [m for m in inner if "." not in m.path.removeprefix(f"{field.path}.")]
    if not inner:
        yield _row(name, field, found.paths.get(name), "  ")
        return
    if field.path == "lines[]" and found.lines is None:
        yield f"  # {name}:".ljust(_WIDTH) + f"# {field.meaning}"
        return
    rows = [_row(m.path.rpartition(".")[2], m, found.paths.get(m.path), "    ") for m in inner]
    if any(GUESS in row for row in rows):
        each = f"    $each: {found.lines} as l".ljust(_WIDTH) + f"  {GUESS}\n"
        block = "\n".join(sorted(rows, key=lambda row: row.lstrip().startswith("#")))
        yield f"  {name}:\n{each if field.path == 'lines[]' else ''}{block}"
    elif field.path != "custom":
        yield f"  # {name}:".ljust(_WIDTH) + f"# {field.meaning}"


def _row(name: str, field: Meaning, path: str | None, indent: str) -> str:
    if path is None:
        mark = "NEEDED: " if field.required else ""
        return f"{indent}# {name}:".ljust(_WIDTH) + f"# {mark}{field.meaning}"
    more = f" | table('{name}_here')" if name == "status" else _REF.get(name, "")
    return f"{indent}{name}: = {path}{more}".ljust(_WIDTH) + f"  {GUESS} {field.meaning}"


def table_lines(payload: Element, entity: str, values: Mapping[str, str]) -> Iterator[str]:
    """Write the table of statuses; *values*: what the sample says, by path."""
    path = find(payload, entity).paths.get("status")
    if path is None:
        return
    yield "tables:"
    yield (
        "  status_here:".ljust(_WIDTH) + f"  # theirs: ours, one of {', '.join(_statuses(entity))}"
    )
    one = payload.members().get(path)
    said = sorted(one.words) if one is not None and one.words else []
    for word in said or ([values[path]] if path in values else []):
        yield f"    # {word}:"
    yield "    else: error"


def _statuses(entity: str) -> tuple[str, ...]:
    annotation = fields_of(ENTITIES[entity])["status"].annotation
    words: list[str] = []
    for part in (annotation, *get_args(annotation)):
        words += [word for word in get_args(part) if isinstance(word, str)]
    return tuple(dict.fromkeys(words))
