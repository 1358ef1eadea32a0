"""docs/cookbook.md: every recipe is rendered and gives what stands under it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.ledger.content import unpack
from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems

PAGE = Path(__file__).parents[2] / "docs" / "cookbook.md"
BLOCK = re.compile(r"^```(?P<info>[\w ]+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
PROFILE = 'profile: cook\nversion: "1"\nprotocol: rest\nbase: "{{ conn.url }}"\n'
READ = "read: {status: = status}\n"


@dataclass(frozen=True)
class Recipe:
    """What stands below one heading: sections of an entity's file, and what `write` gives."""

    title: str
    sections: dict[str, str]
    gives: Any


def recipes() -> Iterator[Recipe]:
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        sections: dict[str, str] = {}
        gives = None
        for block in BLOCK.finditer(part):
            if block["info"] == "json":
                gives = json.loads(block["body"])
            else:
                sections[block["info"].removeprefix("yaml ")] = block["body"]
        yield Recipe(part.splitlines()[0], sections, gives)


RECIPES = list(recipes())


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_gives_what_it_says(recipe: Recipe, tmp_path: Path) -> None:
    """Its YAML loads as part of a profile; its `write` makes exactly this of the sample order."""
    parts = [f"{name}:\n{_indented(body)}" for name, body in recipe.sections.items()]
    folder = tmp_path / "cook"
    folder.mkdir()
    (folder / "profile.yaml").write_text(PROFILE)
    text = "entity: order\nkey: = id\n" + READ + "".join(parts)
    (folder / "order.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    raw = load_profile("cook", [tmp_path], problems)
    compiled = compile_profile(raw, problems) if raw is not None else None
    assert str(problems) == ""
    assert compiled is not None
    if recipe.gives is None:
        assert recipe.sections.keys() <= {"errors", "actions"}
        return
    conn = {"zone": ZoneInfo("Europe/Berlin"), "url": "http://x"}
    names: Any = {"conn": conn, "reference": "DE-1", "there": lambda ref: ref.key}
    payload = compiled.writers["order"].payload(order(), **names)
    assert json.loads(json.dumps(payload)) == recipe.gives


def test_there_are_recipes() -> None:
    """The page is read as it is meant."""
    assert len(RECIPES) >= 12
    assert sum(recipe.gives is not None for recipe in RECIPES) >= 11


def order() -> Any:
    """The sample order of the shop, as our document."""
    problems = Problems()
    raw = load_profile("woocommerce", [mappings_folder()], problems)
    compiled = compile_profile(raw, problems) if raw is not None else None
    assert compiled is not None, problems
    sample = mappings_folder() / "woocommerce" / "samples" / "order.json"
    return compiled.readers["order"].document(unpack(sample.read_bytes()))


def _indented(body: str) -> str:
    return "".join(f"  {line}\n" for line in body.splitlines())
