"""The crash points of protocol.md §8: names at which the chaos suite kills, pauses or breaks us.

`reach` does nothing in production; a test replaces `on_reach`.
"""

from __future__ import annotations

from collections.abc import Callable

PULL = (
    "page.fetched",
    "page.mapped",
    "page.before_commit",
    "page.committed",
    "walk.before_safe",
    "second.mid_backward",
    "split.kills_process",
    "parse.kills_process",
    "snapshot.before_seal",
)
DELIVER = (
    "claim.before_commit",
    "intent.none_sent",
    "intent.some_sent",
    "started.before_send",
    "send.half_written",
    "send.before_reply",
    "reply.before_outcome",
    "outcome.before_commit",
    "outcome.group_half",
    "outcome.committed",
    "step1.before_step2",
    "bulk.sent",
    "bulk.reply_partial",
    "notsent.withdraw",
)
DOUBT = (
    "find.before",
    "find.absent_before_commit",
    "find.found_before_link",
    "resend.after_absent",
    "late_outcome.after_takeover",
    "hold.between_check_and_commit",
    "release.before_commit",
    "claimrow.taken",
)
HINTS = ("hint.before_commit", "hint.committed_before_200", "hint.read_before_close")
OWNER = ("pause.between_fence_and_send", "lapse.call_running")
OPS = (
    "apply.mid",
    "backfill.step",
    "migration.mid",
    "export.after_retire",
    "import.mid",
    "vacuum.mid",
    "reload.mid_batch",
    "tick.two_at_once",
    "job.rescued_while_running",
    "failover.lost_tail",
)
ALL = frozenset(PULL + DELIVER + DOUBT + HINTS + OWNER + OPS)


def _nothing(point: str) -> None:
    """Production's answer to every point."""


on_reach: Callable[[str], None] = _nothing


def reach(point: str) -> None:
    """Say that the code has come to *point*."""
    on_reach(point)
