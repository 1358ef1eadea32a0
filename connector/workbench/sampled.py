"""Skeletons from one JSON payload: of a system that is read, or of one that is written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.workbench import reading
from connector.workbench.jsonshape import JsonShape
from connector.workbench.likely import assigned, root
from connector.workbench.scaffold import GUESS, write_lines
from connector.workbench.skeleton import HEAD, first_id, reference_of, speaks

_WIDTH = 46
_DEEPEST = 4
_KNOWN_BY = {"customer": "email", "product": "sku"}
_PAGED = "    query: {page: = page, per_page: = size}"


def of_sample(sample: object, entity: str, of: str, *, written: bool = False) -> str:
    """Write an entity file for the record in *sample*; *written*: we write such records there."""
    path, alone, record = record_of(sample, entity)
    payload = JsonShape(entity, record)
    lines = [HEAD.format(entity=entity, of=of, guess=GUESS)]
    lines += [*reading.key_lines(payload, entity), "actions:"]
    if written:
        lines += _writing(payload, entity, path, alone)
    else:
        lines += _reading(entity, path, alone)
    lines += reading.read_lines(payload, entity, target=written)
    if written:
        lines += write_lines(payload, entity)
    lines += reading.table_lines(payload, entity, dict(_values(record)))
    return "\n".join(lines) + "\n"


def record_of(sample: object, entity: str) -> tuple[str, str, object]:
    """Find the record in a reply: the nearest object that speaks of one.

    Gives the path to it, and the one that it is likely to have where it is asked for alone.
    """
    level: list[tuple[str, str, object]] = [("reply", "reply", sample)]
    for _ in range(_DEEPEST):
        for path, alone, tree in level:
            if isinstance(tree, Mapping) and speaks(JsonShape(entity, tree), entity):
                return path, alone, tree
        level = [
            (below, path if isinstance(one, list | tuple) else below, _first(one))
            for path, _, tree in level
            for name, one in (tree.items() if isinstance(tree, Mapping) else ())
            for below in [reading.named(path, name)]
        ]
    return "reply", "reply", _first(sample)


def _first(tree: object) -> object:
    return next(iter(tree), None) if isinstance(tree, list | tuple) else tree


def _guess(line: str) -> str:
    return line.ljust(_WIDTH) + f"  {GUESS}"


def _reading(entity: str, path: str, alone: str) -> Iterator[str]:
    yield "  list:"
    yield _guess("    method: GET")
    yield _guess(f"    path: /{entity}s")
    yield _guess(_PAGED)
    if path != "reply":
        yield _guess(f"    items: = {path}")
    yield from _getting(entity, alone)


def _getting(entity: str, path: str) -> Iterator[str]:
    item = f", item: = {path}" if path != "reply" else ""
    yield _guess(f'  get: {{method: GET, path: "/{entity}s/{{{{ key }}}}"{item}}}')


def _writing(payload: JsonShape, entity: str, path: str, alone: str) -> Iterator[str]:
    """The calls that a target needs: find by our reference, get, create, change."""
    ours, items = reference_of(payload, entity), f"    items: = {path}"
    yield "  find:"
    yield _guess("    method: GET")
    yield _guess(f"    path: /{entity}s")
    yield _guess(f"    query: {{{ours or 'reference'}: = reference}}")
    yield _guess(items)
    if ours is not None:
        yield _guess(f"    reference: = {reading.named('item', ours)}")
    else:
        yield "    # reference: = item.NAME".ljust(_WIDTH) + "# NEEDED: our reference there"
    yield from _getting(entity, alone)
    by = _KNOWN_BY.get(entity)
    if by is not None:
        yield from ("  match:", f"    {by}:")
        asked = ("method: GET", f"path: /{entity}s", f"query: {{{by}: = value}}", items.strip())
        yield from (_guess(f"      {line}") for line in asked)
    yield "  create:"
    yield _guess("    method: POST")
    yield _guess(f"    path: /{entity}s")
    yield _guess(f"    key: = {alone}.{first_id(payload, entity) or 'id'}")
    kinds = {n: one.kind for n, one in payload.members().items() if one.kind}
    for name, expression in assigned(root(entity), kinds).items():
        if expression == "doc.total":
            yield _guess(f"    total: = {reading.named(alone, name)}")
    yield "  update:"
    yield _guess("    method: PUT")
    yield _guess(f'    path: "/{entity}s/{{{{ key }}}}"')
    yield "    # can: [NAME]".ljust(_WIDTH) + "# the fields of `write` that it may change; else all"


def _values(tree: object, path: str = "") -> Iterator[tuple[str, str]]:
    for name, child in tree.items() if isinstance(tree, Mapping) else ():
        at = reading.named(path, name)
        if isinstance(child, str):
            yield at, child
        yield from _values(child, at)
