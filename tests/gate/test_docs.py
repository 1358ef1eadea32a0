"""The documentation is held to the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from connector import codes, documents
from connector.cli import COMMANDS, root
from connector.config import ENTITIES, json_schema, load_config
from connector.errors import ConnectorError
from connector.ledger import persons, schema
from connector.mapping import filtering, filters, trees
from connector.problems import Problems
from connector.workbench import examples, reference

ROOT = Path(__file__).resolve().parents[2]


def text(name: str) -> str:
    """Read a page of the documentation."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_page_of_errors_is_the_catalogue() -> None:
    """docs/errors.md has every code with its cause, cure and command, and nothing else."""
    assert text("docs/errors.md") == codes.page()


def test_every_reason_to_hold_a_record_is_a_code() -> None:
    """What the ledger's CHECK allows is what the page explains."""
    assert set(codes.HELD) == set(schema.HELD)


def test_every_code_that_is_raised_is_in_the_catalogue() -> None:
    """Neither a class's code nor one given at a raise is unknown to the page."""
    classes = [ConnectorError, *ConnectorError.__subclasses__()]
    given = {cls.code for cls in classes}
    given |= constants(calls(*(cls.__name__ for cls in classes)), "code")
    assert given - codes.CODES.keys() == set()


def calls(*names: str) -> Iterator[ast.Call]:
    """Find the calls of *names* in our code."""
    for path in (*(ROOT / "connector").rglob("*.py"), *(ROOT / "adapters").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "func", None)
            if getattr(name, "id", getattr(name, "attr", "")) in names:
                yield node


def constants(found: Iterator[ast.Call], place: int | str) -> set[str]:
    """Take the constant argument at a position, or of a name, from each call."""
    given = (
        [k.value for k in call.keywords if k.arg == place]
        if isinstance(place, str)
        else call.args[place : place + 1]
        for call in found
    )
    return {v.value for some in given for v in some if isinstance(v, ast.Constant)}


def test_every_code_of_a_piece_is_in_the_catalogue() -> None:
    """What is said of a field, of a piece of a page or of a payload is explained on the page."""
    said = constants(calls("Fault", "PydanticCustomError"), 0)
    said |= constants(calls("FieldFault"), 1) | constants(calls("Broken"), "code")
    said |= {c for c in constants(calls("_fault"), 1) if isinstance(c, str)}
    assert {
        c for c in said if isinstance(c, str)
    } - codes.PIECES.keys() - codes.CODES.keys() == set()


def called(command: str) -> list[str]:
    """Leave the placeholders out of a command: `connector record show ENTITY` → record show."""
    return [w for w in command.split()[1:] if w.islower() and not w.startswith("-")]


@pytest.mark.parametrize("command", sorted({c.command for c in codes.CODES.values()}))
def test_every_command_of_the_catalogue_can_be_asked_for_help(command: str) -> None:
    """The command that a code names exists, down to its last word."""
    words = called(command)
    assert CliRunner().invoke(root, [*words, "--help"]).exit_code == 0


# What a person writes for a placeholder that not every word fits.
_WRITTEN = {"SIDE": "source", "FILE": str(ROOT / "README.md"), "RUN": "orders-1"}


@pytest.mark.parametrize("command", sorted({c.command for c in codes.CODES.values()}))
def test_every_command_of_the_catalogue_can_be_called_as_it_is_written(command: str) -> None:
    """It lacks no argument, and each of its options is one; nothing is run."""
    words = [_WRITTEN.get(word, word) for word in command.split()[1:]]
    at: click.Command = root
    context = click.Context(root)
    while words and isinstance(at, click.Group) and not words[0].startswith("-"):
        found = at.get_command(context, words[0])
        assert found is not None
        at = found
        context = click.Context(found, info_name=words.pop(0), parent=context)
    if words not in (["--help"], ["--version"]):
        at.make_context(context.info_name, words, parent=context.parent)


_ANSWERS = {
    "retry": persons.RETRIED,
    "release": persons.RELEASED,
    "resolve": (*persons.CHOSEN, "doubt", "conflict"),
}


@pytest.mark.parametrize("reason", sorted(codes.HELD))
def test_the_command_of_a_reason_is_one_that_the_reason_takes(reason: str) -> None:
    """What the table of held records names is not refused for such a record."""
    _, _, act, *_ = codes.HELD[reason].command.split()
    assert reason in _ANSWERS.get(act, (reason,))
    assert ("--side" in codes.HELD[reason].command) is (reason == "conflict")


def test_every_exit_code_is_documented() -> None:
    """docs/cli.md has a row for each exit code that a command can end with."""
    used = {code.exit_code for code in codes.CODES.values()} | {codes.OK}
    rows = {int(n) for n in re.findall(r"^\| (\d+) \|", text("docs/cli.md"), re.MULTILINE)}
    assert rows == used


def test_every_command_is_documented() -> None:
    """docs/cli.md has a row for each command."""
    assert [name for name in COMMANDS if f"| `{name}` |" not in text("docs/cli.md")] == []


def keys(of: dict[str, Any]) -> Iterator[str]:
    """Walk all keys that a JSON Schema names."""
    for word, child in of.get("properties", {}).items():
        yield word
        yield from keys(child)
    if isinstance(of.get("additionalProperties"), dict):
        yield from keys(of["additionalProperties"])


def test_every_key_of_the_configuration_is_documented() -> None:
    """docs/config.md names each key that the schema knows."""
    page = text("docs/config.md")
    missing = [k for k in keys(json_schema()) if f"`{k}`" not in page and f"`{k}:" not in page]
    assert missing == []


def test_the_example_configuration_is_one() -> None:
    """config.example.yaml loads without a problem."""
    problems = Problems()
    config = load_config(ROOT / "config.example.yaml", problems, env={})
    assert str(problems) == ""
    assert config is not None
    assert set(config.flows) == {"products", "customers", "orders"}


def test_a_flow_can_carry_every_document() -> None:
    """The entities of the configuration are those that have a document."""
    assert set(ENTITIES) == set(documents.ENTITIES)


@pytest.mark.parametrize("file", [path for path, _ in reference.files(ROOT / "docs")], ids=str)
def test_what_is_generated_is_current(file: Path) -> None:
    """The reference of profiles and the JSON Schemas: `make reference` writes them anew."""
    assert file.read_text(encoding="utf-8") == dict(reference.files(ROOT / "docs"))[file]


def test_the_reference_knows_every_word_of_the_language() -> None:
    """A filter, test or directive has an example in connector/workbench/examples.py, and is run."""
    assert examples.FILTERS.keys() == filtering.FILTERS.keys() | filters.SPECIAL
    assert examples.TESTS.keys() == filters.TESTS.keys() | {"defined"}
    words = {*trees.DIRECTIVES, *trees.WORDS, *trees.WIRE, *trees.TEXTS}
    assert examples.DIRECTIVES.keys() == words
