"""Secrets: named in the configuration as `${NAME}` or `${file:PATH}`, looked up only when used."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connector.problems import Problem, Problems
from connector.yamlread import Node

_MARK = re.compile(r"\$\{([^}]*)\}")
_LINE = re.compile(r"^(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$")


class Secret(str):
    """A text that must not be shown: its repr hides it, so no dump of a structure tells it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(***)"


def is_reference(text: str) -> bool:
    """Say whether *text* takes something from the environment or a file."""
    return _MARK.search(text) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Secrets:
    """Where `${…}` is looked up: the process' environment, then the `.env` file, then files."""

    folder: Path
    env: Mapping[str, str] = field(repr=False)
    stored: Mapping[str, str] = field(repr=False)

    @classmethod
    def beside(
        cls, config: Path, problems: Problems, env: Mapping[str, str] | None = None
    ) -> Secrets:
        """Open the `.env` beside *config*; one that others may read is a problem."""
        stored = _read_env(config.parent / ".env", problems)
        return cls(folder=config.parent, env=os.environ if env is None else env, stored=stored)

    def reveal(self, node: Node | None, problems: Problems) -> object:
        """Return *node* as plain values with every `${…}` filled in (as Secret)."""
        match node.value if node else None:
            case dict() as members:
                return {key: self.reveal(child, problems) for key, child in members.items()}
            case list() as items:
                return [self.reveal(item, problems) for item in items]
            case str() as text if node and is_reference(text):
                return Secret(_MARK.sub(lambda m: self._look_up(m[1], node, problems), text))
            case scalar:
                return scalar

    def text(self, node: Node, problems: Problems) -> str | None:
        """Return the text of a scalar *node*, filled in; None and a problem if that fails."""
        before = len(problems.found)
        found = self.reveal(node, problems)
        return found if isinstance(found, str) and len(problems.found) == before else None

    def _look_up(self, what: str, node: Node, problems: Problems) -> str:
        kind, colon, rest = what.partition(":")
        if colon and kind == "file":
            return self._from_file(rest, node, problems)
        found = self.env.get(what) or self.stored.get(what)
        if not found:
            cure = f"add {what}=… to {self.folder / '.env'}, or set it in the environment"
            _report(node, f"${{{what}}} is not set", cure, problems)
        return found or ""

    def _from_file(self, name: str, node: Node, problems: Problems) -> str:
        try:
            found = (self.folder / name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            found = ""
        if not found:
            cure = "check that the file exists, is readable for us and holds the secret"
            _report(node, f"${{file:{name}}} cannot be read or is empty", cure, problems)
        return found


def _report(node: Node, message: str, cure: str, problems: Problems) -> None:
    problems.add(
        Problem(file=node.file, line=node.line, path=node.path, message=message, cure=cure)
    )


def _read_env(path: Path, problems: Problems) -> Mapping[str, str]:
    """Read NAME=value lines; quotes around a value are taken off, # begins a comment line."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        message, cure = "cannot be read", "make it a UTF-8 file that belongs to us"
        problems.add(Problem(file=str(path), line=0, path="", message=message, cure=cure))
        return {}
    if mode & 0o077:
        message = f"others may read it (mode {mode:04o})"
        cure = f"chmod 600 {path}"
        problems.add(Problem(file=str(path), line=0, path="", message=message, cure=cure))
    stored: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if match := _LINE.match(line):
            stored[match[1]] = _unquoted(match[2].strip())
        else:
            problem = Problem(file=str(path), line=number, path="", message="is not NAME=value")
            problems.add(problem)
    return stored


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
