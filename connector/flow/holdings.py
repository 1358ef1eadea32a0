"""What an audit compares, read by the adapters: the shop's documents, and the target's for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from connector.errors import ConnectorError
from connector.flow.audit import Entry
from connector.flow.decide import Want
from connector.flow.deliver import compose_all
from connector.flow.draft import drafts
from connector.flow.flows import Flow
from connector.flow.merge import holds
from connector.ledger import cursors, history, records
from connector.ledger.content import is_agreed, unpack
from connector.ledger.links import REPLACED
from connector.ledger.records import Claimed
from connector.ledger.staging import Draft
from connector.ledger.store import Ledger
from connector.ports import Source, Target
from connector.values import Absent, Ambiguous, Broken, Item, Page, Seen

Answer = Seen | Absent | Ambiguous


@dataclass(kw_only=True, slots=True)
class Holdings:
    """Both sides by the shop's key, and why something may rightly be otherwise there.

    *changed_there*: documents that somebody changed in the target after we had delivered them.
    """

    ours: dict[str, Entry] = field(default_factory=dict)
    theirs: dict[str, list[Entry]] = field(default_factory=dict)
    excuses: dict[str, str] = field(default_factory=dict)
    changed_there: set[str] = field(default_factory=set)
    unreadable: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the ledger knows of a document of the shop; None: nothing."""

    row: Mapping[str, Any] | None
    claimed: Claimed | None
    want: Want


def holdings(
    source: Source, target: Target, flow: Flow, ledger: Ledger, since: datetime, until: datetime
) -> Holdings:
    """Read every document born from *since* to before *until*, and what is there for each.

    Raises Unavailable, Unauthorized, Truncated, and not_allowed where nothing can be found.
    """
    if not flow.finds:
        message = f"{flow.target} cannot be asked for {flow.entity} by our reference"
        raise ConnectorError(message, code="not_allowed", cure="compare by hand")
    pulled = ledger.read(cursors.moved_at, flow.source, flow.entity, flow.name)
    found = Holdings()
    for page in source.pages(flow.entity, None, start=since, until=None):
        read = [d for d in _drafts(source, page, flow, found) if _within(d, since, until)]
        for draft, known, seen in _paired(read, target, flow, ledger):
            _enter(found, draft, known, seen)
            if (why := _excuse(draft, known, seen, flow, pulled)) is not None:
                found.excuses[found.ours[draft.key].reference] = why
    return found


def _drafts(source: Source, page: Page, flow: Flow, found: Holdings) -> list[Draft]:
    own: dict[str, Draft] = {}
    for read in page.items:
        if isinstance(read, Item):
            draft = drafts(read, source.decode(flow.entity, read.raw), flow, page.began)[0]
            own[draft.key] = draft
        found.unreadable += isinstance(read, Broken)
    found.unreadable += sum(d.verdict == "unreadable" for d in own.values())
    return [d for d in own.values() if d.doc is not None]


def _within(draft: Draft, since: datetime, until: datetime) -> bool:
    return draft.born_at is None or since <= draft.born_at < until


def _paired(
    read: Sequence[Draft], target: Target, flow: Flow, ledger: Ledger
) -> list[tuple[Draft, Known, Answer]]:
    rows = ledger.read(history.references, flow.name, [d.key for d in read])
    claimed = ledger.read(records.claimed, [row["id"] for row in rows.values()])
    docs = {d.key: d.doc for d in read}
    # What the shop says now is what must be there: not what was staged, held or decided.
    work = {w.key: replace(w, doc=docs[w.key] or b"", verdict="due") for w in claimed}
    wants = compose_all(list(work.values()), flow, ledger)
    references = {d.key: _reference(d, rows.get(d.key)) for d in read}
    seen: dict[str, Answer] = dict(target.find(flow.entity, sorted(set(references.values()))))
    answers = {key: seen[reference] for key, reference in references.items()}
    linked = {k: w for k, w in work.items() if not (w.target_key or REPLACED).startswith(REPLACED)}
    answers |= _by_link(target, flow, linked, answers)
    nothing = Want()
    return [
        (
            d,
            Known(
                row=rows.get(d.key),
                claimed=work.get(d.key),
                want=wants[work[d.key].id] if d.key in work else nothing,
            ),
            answers[d.key],
        )
        for d in read
    ]


def _by_link(
    target: Target, flow: Flow, work: Mapping[str, Claimed], answers: Mapping[str, Answer]
) -> dict[str, Answer]:
    """Documents that a person or a match linked carry no reference of ours."""
    lost = {k: str(w.target_key) for k, w in work.items() if isinstance(answers[k], Absent)}
    if not lost or not flow.gets:
        return {}
    read = target.get(flow.entity, sorted(set(lost.values())))
    return {key: read[there] for key, there in lost.items()}


def _reference(draft: Draft, row: Mapping[str, Any] | None) -> str:
    return str((row and row["reference"]) or draft.reference)


def _enter(found: Holdings, draft: Draft, known: Known, seen: Answer) -> None:
    reference = _reference(draft, known.row)
    number = str(unpack(draft.doc or b"{}").get("number") or draft.key)
    found.ours[draft.key] = Entry(
        reference=reference,
        number=number,
        total=None if draft.total is None else Decimal(draft.total),
        currency=draft.currency,
    )
    match seen:
        case Absent():
            there: list[Entry] = []
        case Ambiguous(keys=keys):
            there = [Entry(reference=reference, number=key) for key in keys or ("?", "?")]
        case Seen():
            differing, foreign = _differing(known, seen)
            there = [_entry(reference, seen, differing)]
            found.changed_there |= {reference} if foreign else set()
    found.theirs[draft.key] = there


def _entry(reference: str, seen: Seen, differing: tuple[str, ...]) -> Entry:
    total, currency = seen.there.get("total"), seen.there.get("currency")
    return Entry(
        reference=reference,
        number=seen.key,
        total=None if total is None else Decimal(str(total)),
        currency=None if currency is None else str(currency),
        differing=differing,
    )


def _differing(known: Known, seen: Seen) -> tuple[tuple[str, ...], bool]:
    """Fields that we owe, and whether somebody changed others there since we wrote them."""
    base = unpack(known.claimed.base_source) if known.claimed and known.claimed.base_source else {}
    want = known.want.fields
    wrong = [f for f, v in want.items() if holds(seen.item, f, v) is False]
    owed = tuple(f for f in wrong if not is_agreed(base, f, want[f]))
    return owed, len(owed) < len(wrong)


def _excuse(
    draft: Draft, known: Known, seen: Answer, flow: Flow, pulled: datetime | None
) -> str | None:
    """Why it may rightly be missing, or stand there otherwise; None: there is no excuse."""
    if known.row is None and (draft.old or draft.verdict == "filtered"):
        return "filtered"
    if _is_young(draft, flow, pulled):
        return "not pulled yet"
    if known.row is None:
        return None
    return _standing(known.row, seen) or _called_off(draft, seen)


def _called_off(draft: Draft, seen: Answer) -> str | None:
    """Of a cancelled order some systems keep nothing, some an order of nothing."""
    if unpack(draft.doc or b"{}").get("status") != "cancelled":
        return None
    total = seen.there.get("total") if isinstance(seen, Seen) else None
    void = isinstance(seen, Absent) or (total is not None and Decimal(str(total)) == 0)
    return "cancelled" if void else None


def _standing(row: Mapping[str, Any], seen: Answer) -> str | None:
    match row["state"], row["reason"]:
        case "done", ("filtered" | "never_delivered" | "gone") as reason:
            return str(reason)
        case "done", _:
            released = row["decision"] == "release" and row["decided_seq"] == row["seq"]
            return "accepted" if released and isinstance(seen, Seen) else None
        case "held", reason:
            return f"held ({reason})"
        case state, _:
            return str(state).replace("_", " ")


def _is_young(draft: Draft, flow: Flow, pulled: datetime | None) -> bool:
    changed = unpack(draft.doc or b"{}").get("modified_at")
    if pulled is None or not isinstance(changed, str):
        return pulled is None
    return datetime.fromisoformat(changed) >= pulled - flow.lag - flow.wait
