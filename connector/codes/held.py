"""Why a record is held, and what frees it."""

from __future__ import annotations

from connector.codes.code import Code

SHOW = "connector record show ENTITY KEY"
_RELEASE = "connector record release ENTITY KEY"
_RESOLVE = "connector record resolve ENTITY KEY ID"
_RETRY = "connector record retry ENTITY KEY"

# Why a record is held: the closed list of the ledger (protocol §1).
REASONS = (
    Code(
        "rule",
        "Its payload cannot be made, or a rule of ours refuses it; the field is named.",
        "Correct the document or the mapping; it is judged again by itself.",
        SHOW,
    ),
    Code(
        "review",
        "Policy leaves it to a person.",
        "Look at it, then let it go on.",
        _RELEASE,
    ),
    Code(
        "blocked",
        "It names a document that is not in the target yet.",
        "Deliver or correct the document it waits for; it then goes on by itself.",
        "connector trace ENTITY KEY",
    ),
    Code(
        "conflict",
        "Both sides changed it, or another document now stands under its key.",
        "Say which side holds.",
        "connector record resolve ENTITY KEY --side SIDE",
    ),
    Code(
        "refused",
        "The target refused it as often as we may ask; its code is with the attempt.",
        "Correct what the target complains of (`record show --content` has its words), then try "
        "again.",
        _RETRY,
    ),
    Code(
        "unreadable",
        "What the source gave cannot be read; the last good document is kept.",
        "Correct the document at its source, or the mapping at the place named.",
        "connector map preview ENTITY KEY",
    ),
    Code(
        "gave_up",
        "The process died with it too often.",
        "Look at its attempts, then try again.",
        _RETRY,
    ),
    Code(
        "doubt",
        "A call may have happened and the target cannot be asked whether it did.",
        "Look in the target, then answer: its id, or absent.",
        _RESOLVE,
    ),
    Code(
        "duplicate",
        "More than one document in the target carries our reference.",
        "Cancel the surplus in the target, then name the one that stays.",
        _RESOLVE,
    ),
    Code(
        "ambiguous",
        "Several documents in the target could be this one.",
        "Name the right one.",
        _RESOLVE,
    ),
    Code(
        "money",
        "It was delivered, but the target's total differs beyond the tolerance.",
        "Correct the document in the target, or accept the difference.",
        _RELEASE,
    ),
    Code(
        "locked",
        "It is closed in the target (posted, shipped or cancelled) and cannot be changed.",
        "Make the change in the target by hand, then let it go on.",
        _RELEASE,
    ),
    Code(
        "gone_at_target",
        "It was deleted in the target after we delivered it.",
        "Say whether it is to be linked to another document there.",
        _RESOLVE,
    ),
)
