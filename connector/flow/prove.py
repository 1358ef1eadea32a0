"""S7: find must be proven on our own first delivery before more than one is sent at a time."""

from __future__ import annotations

from connector import errors
from connector.errors import Braked
from connector.flow.flows import Flow
from connector.ledger import links, systems
from connector.ledger.store import Ledger
from connector.ports import Clock, Target
from connector.values import Seen


def prove_find(target: Target, flow: Flow, ledger: Ledger, clock: Clock) -> int | None:
    """How many creates may be sent at once: one, until find has found what we made; None: any.

    Raises Braked if it does not find it although every call has settled.
    """
    if not flow.finds or flow.mode == "link_only":
        return None
    if ledger.read(systems.is_proven, flow.target, flow.entity, flow.profile_digest):
        return None
    made = ledger.read(links.controls, flow.source, flow.target, flow.entity)
    if not made:
        return 1
    try:
        seen = target.find(flow.entity, sorted(made))
    except (errors.Unavailable, errors.Unauthorized):
        return 1
    if any(isinstance(s := seen.get(r), Seen) and s.key == key for r, key in made.items()):
        with ledger.begin() as db:
            systems.prove(db, flow.target, flow.entity, flow.profile_digest)
        return None
    newest = ledger.read(links.newest, flow.source, flow.target, flow.entity)
    if newest is not None and clock.now() - newest <= flow.settle:
        return 0
    raise Braked(
        f"{flow.target}: find does not find {flow.entity} {', '.join(sorted(made))}, which we made",
        code="find_unproven",
        cure="mend `find` of the profile: without it a doubt cannot be settled",
    )
