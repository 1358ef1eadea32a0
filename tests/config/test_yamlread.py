"""YAML as nodes: nothing guessed, everything placed, no file can hurt."""

from pathlib import Path

import pytest

from connector.problems import Problems
from connector.yamlread import Node, plain, read_yaml


def read(text: str | Path) -> tuple[Node | None, str]:
    """Read a text; return its node and what was wrong."""
    problems = Problems()
    return read_yaml(text, "f.yaml", problems), str(problems)


def test_plain_scalars_are_strings() -> None:
    """YAML 1.1 would make False, 8, 750 and a float of these; only nothing is None."""
    node, _ = read("{a: No, b: 0010, c: 12:30, d: 1e3, e: null, f: ~, g: , h: ''}")
    assert [*plain(node).values()] == ["No", "0010", "12:30", "1e3", "null", "~", None, ""]


def test_a_member_carries_the_line_of_its_key_and_its_path() -> None:
    """That is where a person looks for it."""
    node, _ = read("a:\n  b:\n    - c: 1\n    - d:\n        e: x\n")
    here = node
    for step, line in (("a", 1), ("b", 2), (1, 4), ("d", 4), ("e", 5)):
        here = here.value[step]
        assert here.line == line
    assert here.path == "a.b[1].d.e"


@pytest.mark.parametrize(
    ("text", "line", "message", "cure"),
    [
        ("a: 1\na: 2", 2, "stands twice", "the first is in line 1"),
        ("a:\n\tb: 1", 2, "cannot start any token", "spaces"),
        ("a: b: c", 1, "mapping values are not allowed", "quote"),
        ("a: [1, 2", 1, "expected ','", "close the bracket"),
        ("a: 'x", 1, "quoted scalar", "close the quote"),
        ("a: *b", 1, "undefined alias", "quote"),
        ("a: @b", 1, "cannot start any token", "quote"),
        ("a: !!int 1", 1, "tag", "remove the tag"),
        ("a: !!python/name:os.system x", 1, "tag", "remove the tag"),
        ("a: {<<: {b: 1}}", 1, "a key must be one word", "extends"),
        ("? [x]\n: 1", 1, "a key must be one word", "plain word"),
        ("a: 1\n---\nb: 1", 2, "another document", "one document per file"),
        ("", 1, "the file is empty", "fill it"),
        ("a: &a [*a]", 1, "without end", "write the values out"),
        ("[" * 3000, 0, "nested too deeply", "flatten"),
    ],
)
def test_a_mistake_is_a_problem_with_line_and_cure(
    text: str, line: int, message: str, cure: str
) -> None:
    """None raises, none is passed over."""
    _, wrong = read(text)
    assert wrong.startswith(f"f.yaml:{line}:" if line else "f.yaml:")
    assert message in wrong
    assert cure in wrong


def test_aliases_cannot_blow_up() -> None:
    """Nine lines that mean a thousand million nodes end in one problem, at once."""
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    _, wrong = read("\n".join(bomb))
    assert wrong.count("without end") == 1


def test_an_alias_may_be_used() -> None:
    """What is written once may stand twice."""
    assert plain(read("{a: &x {k: v}, b: *x}")[0]) == {"a": {"k": "v"}, "b": {"k": "v"}}


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    """Missing, not UTF-8 or too large: told, not raised."""
    (tmp_path / "latin").write_bytes(b"a: \xe4")
    (tmp_path / "large").write_bytes(b"a" * 1_000_001)
    assert "cannot be read" in read(tmp_path / "nope")[1]
    assert "not UTF-8" in read(tmp_path / "latin")[1]
    assert "larger than" in read(tmp_path / "large")[1]
