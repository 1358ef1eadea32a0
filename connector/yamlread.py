"""YAML as nodes: every plain scalar a string, every node with its line, every mistake a Problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from connector.problems import Problem, Problems

MOST_BYTES = 1_000_000
MOST_NODES = 50_000
MOST_DEPTH = 60

# (part of PyYAML's words, what cures it); the first that occurs wins
_CURES = (
    ("'\\t'", "indent with spaces, never with tabs"),
    ("mapping values are not allowed", "quote the value if it contains ': ', or check the indent"),
    ("expected ',' or", "close the bracket, or quote the value that contains one"),
    ("expected <block end>", "align this line with its neighbours, or quote the value"),
    ("while scanning a quoted scalar", "close the quote"),
    ("could not find expected ':'", "write `key: value`, with a blank after the colon"),
    ("undefined alias", "quote a value that begins with *"),
    ("cannot start any token", "quote the value"),
    ("but found another document", "keep one document per file: remove the `---` line"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """A YAML value and where it stands; a mapping's member carries the line of its key."""

    value: dict[str, Node] | list[Node] | str | None
    line: int
    path: str = ""
    file: str = ""


class _Strings(yaml.SafeLoader):
    """PyYAML without its guesses about what a plain scalar means."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, object]]] = {}  # noqa: RUF012 (PyYAML's name)


def read_yaml(source: Path | str, file: str, problems: Problems) -> Node | None:
    """Read a path or a text; *file* names it in problems. None if nothing usable is in it."""
    text = _text(source, file, problems)
    if text is None:
        return None
    try:
        tree = yaml.compose(text, Loader=_Strings)
    except RecursionError:
        cure = "flatten it"
        problems.add(Problem(file=file, line=0, path="", message="nested too deeply", cure=cure))
        return None
    except yaml.YAMLError as error:
        problems.add(_syntax_problem(error, file))
        return None
    if tree is None:
        problems.add(
            Problem(file=file, line=1, path="", message="the file is empty", cure="fill it")
        )
        return None
    return _Walk(file, problems).node(tree, "", tree.start_mark.line + 1)


def plain(node: Node | None) -> object:
    """Return the dicts, lists, strings and Nones of *node*, without the places."""
    match node.value if node else None:
        case dict() as members:
            return {key: plain(child) for key, child in members.items()}
        case list() as items:
            return [plain(item) for item in items]
        case scalar:
            return scalar


def _text(source: Path | str, file: str, problems: Problems) -> str | None:
    if isinstance(source, str):
        return source
    try:
        raw = source.read_bytes()
        if len(raw) <= MOST_BYTES:
            return raw.decode("utf-8-sig")
        message, cure = f"larger than {MOST_BYTES} bytes", "split it"
    except UnicodeDecodeError as error:
        message, cure = f"not UTF-8 (byte {error.start})", "save it as UTF-8"
    except OSError as error:
        message, cure = f"cannot be read: {error.strerror}", "check that it exists and is readable"
    problems.add(Problem(file=file, line=0, path="", message=message, cure=cure))
    return None


def _syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    words = " ".join(str(p) for p in parts if p) or " ".join(str(error).split())
    cure = next((c for part, c in _CURES if part in words), "see YAML's rules for quoting")
    line = mark.line + 1 if mark else 0
    return Problem(file=file, line=line, path="", message=f"not YAML: {words}", cure=cure)


def _is_template(tree: yaml.MappingNode) -> bool:
    """Is it `{{ … }}` without quotes?"""
    return any(isinstance(key, yaml.MappingNode) for key, _ in tree.value)


def _text_of(tree: yaml.Node) -> str:
    text = tree.start_mark.buffer or ""
    return text[tree.start_mark.pointer : tree.end_mark.pointer]


@dataclass(slots=True)
class _Walk:
    """One conversion of PyYAML's nodes into ours, with a budget that aliases cannot blow up."""

    file: str
    problems: Problems
    seen: int = 0
    stack: list[int] = field(default_factory=list)

    def node(self, tree: yaml.Node, path: str, line: int) -> Node | None:
        """Convert *tree*; None (and a problem) where it cannot be taken as it stands."""
        self.seen += 1
        if self.seen > MOST_NODES or len(self.stack) > MOST_DEPTH or id(tree) in self.stack:
            if self.seen <= MOST_NODES + 1:
                self._add(line, path, "aliases or nesting grow without end", "write the values out")
            return None
        if tree.tag.rpartition(":")[2] not in ("str", "map", "seq"):
            self._add(line, path, f"YAML tag {tree.tag} is not supported", "remove the tag")
            return None
        if isinstance(tree, yaml.ScalarNode):
            value = tree.value if tree.value or tree.style is not None else None
            return Node(value, line, path, self.file)
        if isinstance(tree, yaml.MappingNode) and _is_template(tree):
            self._add(line, path, "is a mapping to YAML", 'quote the whole value: "{{ … }}"')
            return Node(_text_of(tree), line, path, self.file)  # what was meant is judged further
        self.stack.append(id(tree))
        inner = (
            self._list(tree, path) if isinstance(tree, yaml.SequenceNode) else self._map(tree, path)
        )
        self.stack.pop()
        return Node(inner, line, path, self.file)

    def _list(self, tree: yaml.SequenceNode, path: str) -> list[Node]:
        children = (
            self.node(child, f"{path}[{n}]", child.start_mark.line + 1)
            for n, child in enumerate(tree.value)
        )
        return [c for c in children if c is not None]

    def _map(self, tree: yaml.Node, path: str) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for key, child in tree.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                cure = "write a plain word; to copy use `like:` (config) or `extends:` (mappings)"
                self._add(line, path, "a key must be one word", cure)
                continue
            at = f"{path}.{key.value}" if path else key.value
            if key.value in members:
                cure = f"keep one; the first is in line {members[key.value].line}"
                self._add(line, at, "key stands twice", cure)
            elif (node := self.node(child, at, line)) is not None:
                members[key.value] = node
        return members

    def _add(self, line: int, path: str, message: str, cure: str) -> None:
        self.problems.add(Problem(file=self.file, line=line, path=path, message=message, cure=cure))
