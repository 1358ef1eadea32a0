"""The published schemas and the reference are what the loader really takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from workbench.conftest import Bench

from connector.mapping import keys
from connector.places import example_file, mappings_folder
from connector.workbench import published

ROOT = Path(__file__).parents[2]
FILES = sorted(mappings_folder().glob("*/*.yaml"))


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(published.schema(name))


@pytest.mark.parametrize("name", published.names())
def test_a_schema_is_one(name: str) -> None:
    """By the rules of JSON Schema."""
    Draft202012Validator.check_schema(published.schema(name))


@pytest.mark.parametrize("file", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_file_fits_its_schema(file: Path) -> None:
    """As an editor's YAML parser reads it, with its numbers and flags."""
    content = yaml.load(file.read_text(), yaml.BaseLoader)  # as we read it: `No` is a name
    name = "profile" if file.stem == "profile" else content["entity"]
    assert [e.message for e in validator(name).iter_errors(content)] == []


def test_the_example_configuration_fits_its_schema() -> None:
    """So does config.example.yaml."""
    content = yaml.load(example_file().read_text(), yaml.BaseLoader)
    assert [e.message for e in validator("config").iter_errors(content)] == []


@pytest.mark.parametrize(
    ("name", "file", "spoil"),
    [
        ("order", "sandbox_erp/order.yaml", lambda c: c.update(tabels={})),
        ("order", "sandbox_erp/order.yaml", lambda c: c["actions"]["create"].update(mising="nil")),
        ("order", "sandbox_erp/order.yaml", lambda c: c["actions"]["find"].update(batch="many")),
        ("order", "sandbox_erp/order.yaml", lambda c: c["write"].update({"$eech": "x"})),
        ("profile", "sandbox_erp/profile.yaml", lambda c: c.update(protocol="soup")),
        ("profile", "sandbox_erp/profile.yaml", lambda c: c["walk"].update(type="none")),
        ("profile", "sandbox_erp/profile.yaml", lambda c: c["errors"][0].update(outcome="bad")),
    ],
)
def test_a_mistake_does_not_fit(name: str, file: str, spoil: Any) -> None:
    """An unknown key, word or directive is marked in the editor already."""
    content = yaml.safe_load((mappings_folder() / file).read_text())
    spoil(content)
    assert list(validator(name).iter_errors(content)) != []


def test_every_section_that_a_key_names_is_described() -> None:
    """No key refers to a table that is not published."""
    tables = [keys.PROFILE, keys.ENTITY, *published.SECTIONS.values()]
    text = json.dumps([key.schema for table in tables for key in table.values()])
    named = set(re.findall(r"#/\$defs/(\w+)", text))
    assert named - {"tree"} == published.SECTIONS.keys()


def test_a_document_s_fields_are_offered_with_their_meaning() -> None:
    """For completion in an editor."""
    read = published.schema("order")["properties"]["read"]["properties"]
    assert read["lines"]["properties"]["sku"]["description"]


def test_schemas_are_printed(bench: Bench) -> None:
    """One by its name; without a name they are listed."""
    assert bench("map", "schema").out.split() == list(published.names())
    assert bench("map", "schema", "order").json == published.schema("order")
    assert "did you mean `order`?" in bench("map", "schema", "ordre").err


def tables() -> Iterator[tuple[str, int]]:
    """Each row of the page's tables, and how many cells it has."""
    for line in (ROOT / "docs" / "profiles.md").read_text().splitlines():
        if line.startswith("|"):
            yield line, len(re.findall(r"(?<!\\)\|", line))


def test_the_tables_are_whole() -> None:
    """A `|` within a cell is escaped, so that none is cut."""
    before = 0
    for line, cells in tables():
        if set(line) <= set("|-: "):
            assert cells == before, line
        before = cells


def test_the_example_of_extending_is_one(bench: Bench) -> None:
    """It loads over the shipped profile, and lint finds nothing."""
    text = (ROOT / "docs" / "profiles.md").read_text().partition("## Extending a profile")[2]
    block = text.partition("```yaml\n")[2].partition("```")[0]
    folder = bench.folder / "mappings" / "meier"
    folder.mkdir()
    (folder / "order.yaml").write_text(block)
    assert bench("map", "lint", "mappings/meier").out == "meier: ok\n"
    shown = bench("map", "show", "mappings/meier", "order").out
    assert "{{ l.sku }}: {{ l.name | cut(80) }}" in shown
    assert "b.phone" not in shown.partition("BillTo:")[2].partition("ShipTo:")[0]
