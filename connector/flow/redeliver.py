"""What would be delivered once more because the mapping that writes it has changed (R14)."""

from __future__ import annotations

from collections.abc import Sequence

from connector.flow.compose import UNSAYABLE
from connector.flow.deliver import compose_all
from connector.flow.flows import Flow
from connector.flow.merge import changed
from connector.ledger import plans, records
from connector.ledger.content import unpack
from connector.ledger.store import Ledger


def written_otherwise(flow: Flow, ledger: Ledger, keys: Sequence[str] = ()) -> dict[int, int]:
    """Record → seq of what *flow* delivered and would write otherwise today; *keys*: only these."""
    found: dict[int, int] = {}
    if flow.writer is None:
        return found
    digest, newest = flow.writer.digest, ledger.read(plans.newest_record)
    for after in range(0, newest, plans.WINDOW):
        ids = ledger.read(plans.written_otherwise, flow.name, digest, after, keys)
        work = ledger.read(records.claimed, ids)
        wants = compose_all(work, flow, ledger)
        for w in work:
            want, base = wants[w.id], unpack(w.base_source or b"{}")
            held = want.hold not in (None, UNSAYABLE)  # what that one says is no news of `write`
            if not want.guest and (held or changed(want.fields, base, None)):
                found[w.id] = w.seq
    return found
