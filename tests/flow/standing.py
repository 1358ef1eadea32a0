"""A record as it stands while one of its calls is judged, and a flow to judge it by."""

from __future__ import annotations

from dataclasses import replace as but
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connector.flow.flows import AttemptRules
from connector.ledger.attempts import Standing
from connector.ledger.content import pack
from connector.testing.rig import order_flow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
FLOW = but(
    order_flow(),
    settle=timedelta(minutes=15),
    attempts=AttemptRules(pattern=(timedelta(seconds=7), timedelta(seconds=40)), most=4),
)

AT = Standing(
    id=1, source="shop", target="erp", entity="order", key="1", birth=None, reference="t-1",
    serial_key="s", seq=3, state="running", reason=None, fence=5, attempts=1, total="10.00",
    currency="EUR", decision=None, attempt=9, action="create", op_class="create", step=None,
    attempt_seq=3, attempt_fence=5, attempt_outcome=None, attempt_code=None, attempt_key=None,
    payload=pack({"note": "new", "total": Decimal(10)}), write_digest="w", started_at=EARLIER,
    send_before=EARLIER, settle_until=EARLIER, written_at=EARLIER, link_key=None,
    link_version=None, base_source=None, base_target=None, link_total=None, link_steps=None,
    not_before=None, read_at=EARLIER,
)  # fmt: skip
LATE = [{"fence": 6}, {"state": "in_doubt"}, {"state": "held"}]  # somebody else has it by now
UPDATE = {"action": "update", "op_class": "absolute", "link_key": "O1"}
