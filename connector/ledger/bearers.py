"""Bearers: whose a reference is; a second document never gets it (R8, P5)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, select

from connector.ledger.drafts import Draft
from connector.ledger.schema import record


def taken(db: Connection, drafts: Sequence[Draft]) -> set[tuple[str, str, str]]:
    """The (target, entity, reference) of *drafts* that other records have already."""
    by_target: dict[tuple[str, str], list[str]] = {}
    for d in drafts:
        if d.reference is not None:
            by_target.setdefault((d.target, d.entity), []).append(d.reference)
    return {
        (target, entity, used)
        for (target, entity), references in by_target.items()
        for used in db.scalars(
            _bearers(), {"target": target, "entity": entity, "references": references}
        )
    }


@cache
def _bearers() -> Any:
    return select(record.c.reference).where(
        record.c.target == bindparam("target"),
        record.c.entity == bindparam("entity"),
        record.c.reference.in_(bindparam("references", expanding=True)),
    )


def unique(draft: Draft, taken: set[tuple[str, str, str]]) -> Draft:
    """R8, P5: a reference that is used already is nobody else's: its second bearer is held."""
    if draft.reference is None:
        return draft
    bearer = (draft.target, draft.entity, draft.reference)
    if bearer not in taken:
        taken.add(bearer)
        return draft
    cure = "make the flow's `reference:` unique, then retry"
    needs = f"reference {draft.reference} is another record's: {cure}"
    return replace(draft, reference=None, verdict="conflict", needs=needs)
