"""Say the one next step for a record: pure, total, safe to ask again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct

from connector.flow.merge import changed
from connector.values import (
    Absent,
    Adopt,
    Ambiguous,
    Create,
    Decision,
    Hold,
    Known,
    Linked,
    Look,
    New,
    Nothing,
    Payload,
    Resume,
    Seen,
    Unsure,
    Update,
    Wait,
)

NOT_ACCEPTED = "it is not there; its backfill is not accepted yet"
UNASKABLE = "it may be there already, and cannot be asked after: look there, then release it"


class Want(Struct, frozen=True, kw_only=True):
    """What one record wants of its target.

    *hold*: a reason not to send it as it stands; *terminal*: over at the source (cancelled,
    failed); *filtered*: not ours to deliver for the first time; *guest*: its data come of an order,
    and change nobody's master data (D2); *released*: a person said that it may go on as it stands;
    *unaccepted*: of a backfill whose plan nobody accepted: it is only looked for.
    """

    fields: Payload = {}
    hold: Hold | None = None
    terminal: bool = False
    filtered: bool = False
    guest: bool = False
    released: bool = False
    linked: bool = False
    unaccepted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the flow and its target allow; *can* None: every field may be updated.

    *asks*: what is not linked can be looked up there. *leaves*: what is not there is no affair of
    the flow's. *versioned*: an update must name the version that it changes; it can be read.
    """

    now: datetime
    settle: timedelta
    creates: bool = True
    writes: bool = True
    asks: bool = True
    leaves: bool = False
    can: frozenset[str] | None = None
    versioned: bool = False


def decide(want: Want, known: Known, rules: Rules) -> Decision:  # noqa: C901, PLR0911 - a closed union
    """Say the one next step for a record, from what it wants and what is known."""
    if want.hold is not None and not (want.terminal and isinstance(known, New | Unsure | Absent)):
        return want.hold
    if want.filtered:
        return Nothing(reason="filtered")
    match known:
        case New():
            return first(want, rules)
        case Unsure() if not (rules.asks or want.linked or want.released or want.terminal):
            return Hold(reason="review", needs=UNASKABLE)
        case Unsure() if not (rules.asks or want.linked):
            return first(want, rules)
        case Unsure():
            return Look()
        case Absent(at=at, since=since):
            ripe = ripe_at(at, since, rules)
            return missing(want, rules) if at >= ripe else Wait(until=ripe, reason="settling")
        case Ambiguous(reason=reason):
            return Hold(reason=reason, needs=known.told("there answer to it"))
        case Seen(key=key) if not want.linked:
            return Adopt(key=key)
        case Seen(key=key, version=version, item=item, base=base, locked=locked):
            step = revise(key, version, want, base or {}, item, rules)
            if locked:
                return closed(key, want) if isinstance(step, Update | Hold) else step
            return after(step, key, known.steps_left)
        case Linked(key=key, version=version, base=base):
            step = revise(key, version, want, base, None, rules)
            return after(informed(step, version, rules), key, known.steps_left)


def informed(step: Decision, version: str | None, rules: Rules) -> Decision:
    """Look first where an update must name a version, and no reply has told it."""
    unknown = rules.versioned and version is None and isinstance(step, Update)
    return Look() if unknown else step


def after(step: Decision, key: str, left: tuple[str, ...]) -> Decision:
    """Finish the steps of a create once its content is right: a step may close the document."""
    return Resume(key=key, steps=left) if left and isinstance(step, Nothing) else step


def ripe_at(at: datetime, since: datetime | None, rules: Rules) -> datetime:
    """S4: from when on "not there", asked at *at*, counts."""
    return at if since is None else since + rules.settle


def first(want: Want, rules: Rules) -> Decision:
    """The step for a document that is not there yet."""
    if want.terminal:
        return Nothing(reason="never_delivered")
    if not rules.creates and rules.leaves:
        return Nothing(reason="filtered")
    if not rules.creates:
        return Hold(reason="rule", needs="it is not there, and this flow creates nothing")
    if want.unaccepted:
        return Hold(reason="review", needs=NOT_ACCEPTED)
    return Create()


def missing(want: Want, rules: Rules) -> Decision:
    """It is not there: never made a second time if we are linked to it."""
    if not want.linked:
        return first(want, rules)
    if want.terminal:
        return Nothing(reason="gone")
    return Hold(reason="gone_at_target", needs="it is gone there: relink it or let it rest")


def closed(key: str, want: Want) -> Decision:
    """Cancelled or posted there, our change cannot be made; released: a person made it there."""
    if want.released:
        return Nothing(reason="same")
    return Hold(reason="locked", needs=f"{key} is closed there: change it there, then release")


def revise(
    key: str,
    version: str | None,
    want: Want,
    base: Payload,
    item: Payload | None,
    rules: Rules,
) -> Decision:
    """The step for a linked document: write the fields that changed, or say why not."""
    fields = changed(want.fields, base, item) if rules.writes and not want.guest else ()
    if not fields:
        return Nothing(reason="same")
    allowed = fields if rules.can is None else tuple(f for f in fields if f in rules.can)
    # A field that cannot be updated and that nobody ever compared is no news.
    barred = [f for f in fields if f not in allowed and (f in base or item is None)]
    if barred and not want.released:
        needs = f"{', '.join(barred)} cannot be changed there: change {key} by hand, then release"
        return Hold(reason="rule", needs=needs)
    if not allowed:
        return Nothing(reason="same")
    return Update(key=key, version=version, fields=allowed)
