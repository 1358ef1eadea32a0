"""Template trees: each directive, what it leaves out, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import FieldErrors
from connector.mapping.terms import Scope
from connector.mapping.trees import compile_tree
from connector.problems import Problems
from connector.yamlread import read_yaml

NAMES: dict[str, Any] = {
    "rows": [{"k": "a", "n": 1}, {"k": "b", "n": 0}],
    "one": {"k": "x", "deep": {"k": "y"}},
    "other": {"k": "z"},
    "nothing": None,
    "flag": "false",
    "element": {"@schemeID": "X", "$value": "7"},
}


def render(text: str, *, keep: bool = False) -> Any:
    problems = Problems()
    node = read_yaml(text, "map.yaml", problems)
    assert node is not None
    tree = compile_tree(node, Scope(), problems, keep=keep)
    problems.raise_if_any()
    return tree(NAMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b", {"a": "b"}),
        ("a: = one.k", {"a": "x"}),
        ("a: 0010", {"a": "0010"}),
        ("No: yes", {"No": "yes"}),
        ("a: $drop\nb: c", {"b": "c"}),
        ("a: $nil", {"a": None}),
        ("a: = nothing", {}),
        ("a: {$text: '= x {{ y }}'}", {"a": "= x {{ y }}"}),
        ("a: {$each: rows as r, k: = r.k}", {"a": [{"k": "a"}, {"k": "b"}]}),
        ("a: {$each: rows as r, $if: = r.n > 0, k: = r.k}", {"a": [{"k": "a"}]}),
        ("a: {$each: rows as r, i: = loop.index}", {"a": [{"i": 1}, {"i": 2}]}),
        ("a: {$each: rows as r, $value: = r.k}", {"a": ["a", "b"]}),
        ("a: {$each: nothing as r, k: = r.k}", {"a": []}),
        ("a: {$with: one.deep as d, k: = d.k}", {"a": {"k": "y"}}),
        ("a: {$with: [one as o, o.deep as d], k: = d.k}", {"a": {"k": "y"}}),
        ("a: {$if: = nothing, k: v}", {}),
        ("a: {$if: = flag, k: v}", {}),
        ("a: {$value: = one.k, unit: PCE}", {"a": {"$value": "x", "unit": "PCE"}}),
        ("$$filter: = one.k\na: {$$each: b}", {"$filter": "x", "a": {"$each": "b"}}),
        ("a: {$$value: = one.k}", {"a": {"$value": "x"}}),
        ("a: {$over: = one, $$k: b, k: $drop}", {"a": {"deep": {"k": "y"}, "$k": "b"}}),
        ("a: [= one.k, = nothing, c]", {"a": ["x", "c"]}),
        (
            "a: {$with: one as o, k: = o.k, b: c}\nz: {$same: a, $with: other as o, b: $drop}",
            {"a": {"k": "x", "b": "c"}, "z": {"k": "z"}},
        ),
        ("a: {$over: = one, n: c}", {"a": {"k": "x", "deep": {"k": "y"}, "n": "c"}}),
        ("a: {$over: = one, k: $drop, deep: {m: z}}", {"a": {"deep": {"k": "y", "m": "z"}}}),
        ("a: {$over: = one, deep: {k: $drop}}", {"a": {"k": "x", "deep": {}}}),
        ("a: {$over: = one, deep: {k: $drop, m: z}}", {"a": {"k": "x", "deep": {"m": "z"}}}),
        ("a: {$over: = nothing, k: v}", {"a": {"k": "v"}}),
        ("a: {$over: = one, $if: = nothing, k: v}\nb: c", {"b": "c"}),
        (
            "a: {$each: rows as r, $over: = r, n: $drop, m: c}",
            {"a": [{"k": "a", "m": "c"}, {"k": "b", "m": "c"}]},
        ),
        (
            "a:\n  $concat:\n    p: {$each: rows as r, k: = r.k}\n    q: {k: z}\n    r: [{k: l}]",
            {"a": [{"k": "a"}, {"k": "b"}, {"k": "z"}, {"k": "l"}]},
        ),
    ],
)
def test_a_tree_renders(text: str, expected: object) -> None:
    """Directives do what design §5 says; a null member is left out."""
    assert render(text) == expected


@pytest.mark.parametrize(("elements", "said"), [(True, "7"), (False, NAMES["element"])])
def test_of_an_element_read_with_attributes_its_text_is_taken(elements: bool, said: object) -> None:
    """SAP's `<InternalID schemeID="…">7</InternalID>`; what is sent on keeps its attributes."""
    problems = Problems()
    node = read_yaml("a: = element\nb: \"= element['@schemeID']\"", "map.yaml", problems)
    assert node is not None
    tree = compile_tree(node, Scope(elements=elements), problems)

    assert tree(NAMES) == {"a": said, "b": "X"}


def test_a_member_called_item_is_that_member() -> None:
    """`item` is the payload itself only where the payload has no such member."""
    problems = Problems()
    node = read_yaml("a: \"= item['k']\"\nb: \"= item['odd-one']\"", "map.yaml", problems)
    assert node is not None
    tree = compile_tree(node, Scope(), problems)

    assert tree({"k": "x", "odd-one": "y"}) == {"a": "x", "b": "y"}
    assert tree({"k": "x", "item": {"k": "z", "odd-one": "w"}}) == {"a": "z", "b": "w"}


def test_the_top_level_keeps_its_nulls() -> None:
    """A field that became null is still a field that changed."""
    text = "a: = nothing\nb: {$if: = nothing, c: d}\nc: {d: = nothing}"

    assert render(text, keep=True) == {"a": None, "b": None, "c": {}}


def test_every_fault_is_told_at_once_with_its_path() -> None:
    """A person repairs a mapping once."""
    with pytest.raises(FieldErrors) as caught:
        render("a: {$each: rows as r, x: = r.absent}\nb: = gone\nc: {$with: gone.x as g, d: = g}")

    assert [f.field for f in caught.value.faults] == ["a[0].x", "a[1].x", "b", "c"]
    assert all("map.yaml:" in f.cure for f in caught.value.faults)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("a: {$each: = rows as r, k: v}", "doc.lines as l"),
        ("a: {$each: rows, k: v}", "doc.lines as l"),
        ("a: {$eech: rows as r}", "did you mean `$each`"),
        ("$filter: x", "a member of that name is `$$filter`"),
        ("a: {$if: nothing, k: v}", "$if: = EXPR"),
        ("a: {$same: b}\nc: d", "members here are"),
        ("a: {$same: a}", "copies itself"),
        ("a: {$over: one, k: v}", "$over: = payload"),
        ("a: {$concat: [x]}", "name: part"),
        ("a: {$concat: {p: [x]}, b: c}", "one of its parts"),
        ("a: {$typ: 'ns:X', b: c}", "did you mean `$type`"),
        ("a: {$xml: {b: x}, c: d}", "put it below"),
        ("a:", "write $nil"),
        ("a: {b: = f(x, y)}", "quote the whole value"),
        ("a: = one.k | replace(' #', '')", "quote the whole value"),
        ('a: "{{ one.k }"', "quote the whole value"),
    ],
)
def test_a_mistake_is_found_when_loaded(text: str, cure: str) -> None:
    """What is unknown, unsupported or cut off by YAML never renders silently."""
    problems = Problems()
    node = read_yaml(text, "map.yaml", problems)
    assert node is not None
    compile_tree(node, Scope(), problems)

    assert cure in str(problems)


def test_every_mistake_is_told_at_once() -> None:
    """One report, each with its line."""
    problems = Problems()
    node = read_yaml("a: = x |\nb: {$typo: q}\nc: = y | nope", "map.yaml", problems)
    assert node is not None
    compile_tree(node, Scope(), problems)

    assert [p.line for p in problems.found] == [1, 2, 3]


def test_a_tree_can_travel_as_text() -> None:
    """Some services take XML or JSON in one string; what is null is in neither."""
    made = render(
        "x: {$xml: {Doc: {'@v': '1', A: <&, B: = none, L: {$each: rows as r, n: = loop.index}}}}\n"
        "j: {$json: {a: x, b: {c: = none}}}"
    )

    items = "".join(f"<L><n>{n}</n></L>" for n in range(1, 3))
    assert made["x"] == f'<Doc v="1"><A>&lt;&amp;</A>{items}</Doc>'
    assert made["j"] == '{"a": "x", "b": {}}'


@pytest.mark.parametrize("depth", [1, 28])
@pytest.mark.parametrize(
    "form", ["({} or nothing)", "({} | cut(9))", "[{}] | lines", "({} and {})"]
)
def test_however_deep_an_expression_is_it_is_made(form, depth):
    """As deep as expressions may be, Python counts the brackets of what is made of them."""
    source = "one.k"
    for _ in range(depth if form.count("{}") == 1 else min(depth, 5)):
        source = form.replace("{}", source)

    assert render(f'a: "= {source}"') == {"a": "x"}
