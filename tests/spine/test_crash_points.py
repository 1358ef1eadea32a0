"""Every crash point of the spine, with every unknown outcome: nothing lost, nothing twice."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connector import points
from connector.testing.rig import Rig, order

FAULTS = ("none", "hang", "cut", "late", "lost")
# Driven by tests of their own: an adapter's, the SOAP sandbox's, a second document's, a webhook's,
# a plan's, a stock list's (tests/gate/test_points.py sees to it).
ELSEWHERE = {
    *points.HINTS,
    *points.OPS,
    "snapshot.before_seal",
    "bulk.sent",
    "bulk.reply_partial",
    "second.mid_backward",
    "parse.kills_process",
    "send.half_written",
    "send.before_reply",
    "step1.before_step2",
    "intent.some_sent",
    "notsent.withdraw",
    "claimrow.taken",
    "hold.between_check_and_commit",
    "lapse.call_running",
    "late_outcome.after_takeover",
    "release.before_commit",
}
POINTS = sorted(points.ALL - ELSEWHERE)


def _course(rig: Rig, point: str, fault: str) -> bool:
    """Deliver, change, doubt, adopt; die at *point* once. True if the point was reached."""
    shop, erp = rig.memory
    shop.put("order", "0", order("0", note="control"))
    rig.cycle()
    rig.cycle()
    faults = [fault] if fault != "none" else []
    erp.fault = lambda _: faults.pop() if faults else None
    erp.late_by = timedelta(seconds=25)
    shop.put("order", "1", order("1", note="A"))
    rig.kill_at(point)
    died = rig.run_until_killed()
    shop.put("order", "1", order("1", note="B"))
    for _ in range(6):
        rig.kill_at(point) if not died else None
        rig.clock.pass_(timedelta(seconds=15))
        erp.pass_late()
        died = rig.run_until_killed() or died
    shop.put("order", "1", order("1", note="A"))
    rig.settle()
    return died


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("point", POINTS)
def test_dying_here_loses_nothing_and_doubles_nothing(
    tmp_path: Path, point: str, fault: str
) -> None:
    """Whatever dies at *point* with *fault*, the ERP ends with one order as the shop has it."""
    rig = Rig(tmp_path)
    _course(rig, point, fault)
    assert rig.books() == [
        ("t-shop-order-0", "confirmed", "control"),
        ("t-shop-order-1", "confirmed", "A"),
    ]
    assert {s for s, _ in rig.states().values()} == {"done"}
    assert rig.open_intents() == 0
    rig.kill()


@pytest.mark.parametrize("point", POINTS)
def test_every_point_is_reached_by_some_course(tmp_path: Path, point: str) -> None:
    """A crash point that no course reaches would prove nothing."""
    reached = False
    for fault in FAULTS:
        folder = tmp_path / fault
        folder.mkdir()
        rig = Rig(folder)
        reached = reached or _course(rig, point, fault)
        rig.kill()
    assert reached, point
