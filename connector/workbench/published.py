"""JSON Schemas of profile.yaml, entity files and config.yaml, from the tables that load them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.config import json_schema as config_schema
from connector.documents import ENTITIES
from connector.documents.meaning import meanings
from connector.mapping import keys
from connector.mapping.keys import Keys
from connector.mapping.trees import DIRECTIVES, TEXTS, WIRE

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SECTIONS: Mapping[str, Keys] = {
    "parameter": keys.PARAMETER,
    "service": keys.SERVICE,
    "patch": keys.PATCH,
    "session": keys.SESSION,
    "webhooks": keys.WEBHOOKS,
    "kept": keys.KEPT,
    "limits": keys.LIMITS,
    "capabilities": keys.CAPABILITIES,
    "walk": keys.WALK,
    "error": keys.ERROR,
    "actions": keys.ACTIONS,
    "action": keys.ACTION,
    "step": keys.STEP,
    "bulk": keys.BULK,
    "test": keys.TEST,
}
_OF_ENTITY = ("walk", "error", "actions", "action", "step", "bulk", "test")


def names() -> tuple[str, ...]:
    """Return what there is a schema of."""
    return ("profile", *ENTITIES, "config")


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of profile.yaml, of an entity's file, or of config.yaml."""
    if name == "config":
        return config_schema()
    if name == "profile":
        needed = [word for word in SECTIONS if word != "test"]
        return _whole("profile.yaml", _section(keys.PROFILE), needed)
    own = _section(keys.ENTITY)
    own["properties"]["entity"] = {"const": name}
    own["properties"]["read"] = _read(name)
    return _whole(f"{name}.yaml", own, _OF_ENTITY)


def _whole(title: str, section: dict[str, Any], needed: Any) -> dict[str, Any]:
    defined = {word: _section(SECTIONS[word]) for word in needed}
    return {"$schema": DRAFT, "title": title, **section, "$defs": {"tree": _tree(), **defined}}


def _section(of: Keys) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            word: {**key.schema, "description": key.meaning} for word, key in of.items()
        },
    }


def _tree() -> dict[str, Any]:
    """Anything that a section renders: scalars, lists, mappings with directives."""
    directives: dict[str, Any] = {word: {} for word in (*DIRECTIVES, *WIRE, *TEXTS)}
    return {
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "array", "items": {"$ref": "#/$defs/tree"}},
            {
                "type": "object",
                "properties": directives,
                "patternProperties": {r"^([^$]|\$\$)": {"$ref": "#/$defs/tree"}},
                "additionalProperties": False,
            },
        ]
    }


def _read(entity: str) -> dict[str, Any]:
    """The fields of a document, so that an editor can offer and explain them."""
    fields: dict[str, Any] = {}
    for one in meanings(entity):
        level = fields
        *above, name = one.path.replace("[]", "").split(".")
        for part in above:
            level = level[part].setdefault("properties", {})
        level[name] = {"description": one.meaning}
    return {"type": "object", "properties": fields, "description": keys.ENTITY["read"].meaning}
