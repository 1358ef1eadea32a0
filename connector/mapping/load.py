"""Loading: finds a profile's folder, reads its YAML, lays `extends` over their bases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from connector.documents import ENTITIES
from connector.mapping.expressions import complain
from connector.mapping.merging import merged
from connector.nearest import cure_for
from connector.problems import Problem, Problems
from connector.yamlread import Node, read_yaml

_NEEDS = re.compile(r"([\w-]+)\s*(.*)")
_BOUND = re.compile(r"(>=|<=|==|<|>)\s*(\d+(?:\.\d+)*)")
_DOTTED = ("read", "write", "actions")


@dataclass(frozen=True, kw_only=True, slots=True)
class RawProfile:
    """A profile as YAML: merged over what it extends, every node with the place it stands at.

    *sound*: it was loaded without a mistake. *folders*: its own and those that it is laid over.
    *laid*: its own files that extend, each with what it extends.
    """

    name: str
    version: str
    folder: Path
    top: Node
    entities: Mapping[str, Node]
    bases: tuple[str, ...] = ()
    sound: bool = True
    folders: tuple[Path, ...] = ()
    laid: tuple[Laid, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Laid:
    """One file that is laid over a base: its node, and the base's name, version and top."""

    file: Node
    entity: str
    base: str
    version: str
    top: Node


def load_profile(
    name: str, folders: Sequence[Path], problems: Problems, *, at: Path | Node | None = None
) -> RawProfile | None:
    """Read profile *name* from the first of *folders* that has it; None if it cannot be used.

    One with mistakes is returned as not sound, so that compiling finds the rest of them.
    *at*: its folder, whatever that is called; *folders* are then searched for what it extends.
    Or the node that names it, for the report.
    """
    before = len(problems.found)
    raw = _load(name, list(folders), problems, (), at)
    return raw and replace(raw, sound=len(problems.found) == before)


def leaves(node: Node, path: str = "") -> Iterator[tuple[str, str | None, Node]]:
    """Yield path, text and node of every leaf: what `map show` prints with its origin."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from leaves(child, f"{path}[{index}]")
    else:
        yield path, node.value, node


def _load(
    name: str,
    folders: list[Path],
    problems: Problems,
    above: tuple[str, ...],
    place: Node | Path | None,
) -> RawProfile | None:
    """Read a profile; *place*: its folder, or the node that names it."""
    at = place if isinstance(place, Path) else None
    found = next((i for i, f in enumerate(folders) if (f / name).is_dir()), -1 if at else None)
    if found is None or len(above) > 10:
        known = sorted({p.parent.name for f in folders for p in f.glob("*/*.yaml")})
        where = place if isinstance(place, Node) else Node(None, 0, "", "config")
        complain(problems, where, f"no profile `{name}`", cure_for(name, known, "profile"))
        return None
    folder = at or folders[found] / name
    # A folder may extend the shipped one of its own name: the search then goes on behind it.
    files = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    nodes = {stem: read_yaml(path, str(path), problems) for stem, path in files.items()}
    own = {s: n for s, n in nodes.items() if n is not None and _is_mapping(n, problems)}
    if len(own) < len(files):
        return None
    base_name = _base_name(own, problems)
    if base_name is None:
        return _alone(name, folder, own, problems)
    behind = folders if at or base_name != name else folders[found + 1 :]
    place = next(n for n in own.values() if "extends" in _members(n))
    base = _load(base_name, behind, problems, (*above, name), place)
    return None if base is None else _laid_over(name, folder, own, base, problems)


def _members(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _is_mapping(node: Node, problems: Problems) -> bool:
    if isinstance(node.value, dict):
        return True
    complain(problems, node, "is no mapping", "write `key: value` lines")
    return False


def _text(node: Node, key: str) -> str | None:
    value = _members(node).get(key)
    return value.value if value is not None and isinstance(value.value, str) else None


def _base_name(own: Mapping[str, Node], problems: Problems) -> str | None:
    named = {base: node for node in own.values() if (base := _text(node, "extends"))}
    if len(named) > 1:
        last = list(named.values())[-1]
        complain(problems, last, "the files extend different profiles", "extend one profile")
    return next(iter(named), None)


def _alone(
    name: str, folder: Path, own: Mapping[str, Node], problems: Problems
) -> RawProfile | None:
    top = own.get("profile")
    version = _text(top, "version") if top else None
    if top is None or version is None or _text(top, "profile") != name:
        cure = f'write profile.yaml with `profile: {name}`, `version: "1.0"` and `protocol:`'
        found = Problem(
            file=str(folder / "profile.yaml"),
            line=top.line if top else 0,
            path="profile",
            message="a profile needs its name (its folder's) and a version",
            cure=cure,
            code="mapping",
        )
        problems.add(found)
        return None
    entities = _entities(own, problems)
    _refuse_loose_dots(entities, problems)
    return RawProfile(
        name=name,
        version=version,
        folder=folder,
        top=top,
        entities=entities,
        folders=(folder,),
    )


def _entities(own: Mapping[str, Node], problems: Problems) -> dict[str, Node]:
    entities = {}
    for stem, node in own.items():
        if stem == "profile":
            continue
        entity = _text(node, "entity")
        if entity not in ENTITIES:
            cure = cure_for(str(entity), ENTITIES, "entity")
            complain(problems, node, f"`entity: {entity}` is no entity", cure)
        elif entity in entities:
            complain(problems, node, f"two files describe `{entity}`", "keep one of them")
        else:
            entities[entity] = node
    return entities


def _laid_over(
    name: str, folder: Path, own: Mapping[str, Node], base: RawProfile, problems: Problems
) -> RawProfile:
    for node in own.values():
        _check_needs(node, base, problems)
    entities = dict(base.entities)
    for entity, node in _entities(own, problems).items():
        if _text(node, "extends") and entity in entities:
            entities[entity] = _over(entities[entity], node, problems)
        else:
            entities[entity] = node
    top = _over(base.top, own["profile"], problems) if "profile" in own else base.top
    return RawProfile(
        name=name,
        version=_text(top, "version") or base.version,
        folder=folder,
        top=top,
        entities=entities,
        bases=(base.name, *base.bases),
        folders=(folder, *base.folders),
        laid=(*_laid(own, base), *base.laid),
    )


def _laid(own: Mapping[str, Node], base: RawProfile) -> Iterator[Laid]:
    for stem, node in own.items():
        entity = "" if stem == "profile" else _text(node, "entity") or ""
        if entity == "" or _text(node, "extends"):
            yield Laid(file=node, entity=entity, base=base.name, version=base.version, top=base.top)


def _over(base: Node, over: Node, problems: Problems) -> Node:
    """Lay one file over another, section by section; only maps reach in by dotted leaves."""
    sections = dict(_members(base))
    for key, child in _members(over).items():
        if key in ("extends", "needs"):
            continue
        if key in sections:
            sections[key] = merged(sections[key], child, problems, dotted=key in _DOTTED)
        else:
            sections[key] = child
    return replace(over, value=sections)


def _refuse_loose_dots(entities: Mapping[str, Node], problems: Problems) -> None:
    for node in entities.values():
        for section in ("read", "write"):
            for key, child in _members(_members(node).get(section, node)).items():
                if "." in key and section in _members(node):
                    cure = "nest it; dotted names reach into the file that `extends` names"
                    complain(problems, child, f"`{key}` has a dot but nothing to reach into", cure)


def _check_needs(node: Node, base: RawProfile, problems: Problems) -> None:
    text = _text(node, "needs")
    if text is None:
        return
    place = _members(node)["needs"]
    fits = _NEEDS.fullmatch(text.strip())
    bounds = [b.strip() for b in fits[2].split(",")] if fits and fits[2] else []
    if fits is None or not all(_BOUND.fullmatch(b) for b in bounds):
        complain(problems, place, "is no requirement", "write: dolibarr >= 1.2, < 2")
    elif fits[1] not in (base.name, *base.bases):
        complain(problems, place, f"needs `{fits[1]}` but extends `{base.name}`", "name that one")
    elif not all(_holds(base.version, b) for b in bounds):
        cure = "compare your overrides with the new version (map show), then change `needs`"
        complain(problems, place, f"{base.name} is version {base.version}, needs {text}", cure)


def _holds(version: str, bound: str) -> bool:
    word, wanted = _BOUND.findall(bound)[0]
    have, want = _numbers(version), _numbers(wanted)
    order = (have > want) - (have < want)
    return order in {">=": (0, 1), "<=": (0, -1), "==": (0,), "<": (-1,), ">": (1,)}[word]


def newer(version: str, than: str) -> bool:
    """Say whether *version* came after the other."""
    return _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(n) for n in re.findall(r"\d+", version)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
