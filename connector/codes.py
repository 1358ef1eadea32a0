"""The catalogue of stable codes: what each means, what cures it, which command helps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OK, ATTENTION, USAGE, WRONG_SYSTEM, UNAVAILABLE, BRAKED, BUG = 0, 1, 2, 3, 4, 5, 70


@dataclass(frozen=True, slots=True)
class Code:
    """One code; *exit_code* is what a command that fails with it ends with."""

    name: str
    cause: str
    cure: str
    command: str
    exit_code: int = ATTENTION


_ERRORS = (
    Code(
        "config",
        "The configuration, its .env file or a mapping is wrong.",
        "Correct every line that the report names; all of them are in it.",
        "connector check",
        USAGE,
    ),
    Code(
        "mapping",
        "A profile or mapping is wrong, or cannot do what the configuration asks of it.",
        "Correct every line that the report names; all of them are in it.",
        "connector check",
        USAGE,
    ),
    Code(
        "wsdl",
        "The WSDL of a profile cannot be used, or lacks an operation that a mapping calls.",
        "Correct the WSDL's file, or the profile's `services` and operations.",
        "connector check",
        USAGE,
    ),
    Code(
        "config_missing",
        "There is no configuration at the path given, nor at the usual places.",
        "Write one, or name it with --config.",
        "connector init",
        USAGE,
    ),
    Code(
        "usage",
        "The command line is not understood.",
        "Read the command's help.",
        "connector --help",
        USAGE,
    ),
    Code(
        "wrong_system",
        "Behind a connection is another system than the one the ledger knows.",
        "Point the connection back, or begin a new ledger for the other system.",
        "connector check",
        WRONG_SYSTEM,
    ),
    Code(
        "braked",
        "An improbable mass change waits for a person.",
        "Look at what would change; correct the source if it is not meant.",
        "connector status",
        BRAKED,
    ),
    Code(
        "find_unproven",
        "What we made is not found again in the target, so a doubt could not be settled.",
        "Mend `find` of the profile; nothing more is created until it finds.",
        "connector status",
        BRAKED,
    ),
    Code(
        "unavailable",
        "A system could not be read now; nothing was changed, the position is kept.",
        "Nothing, if it passes; else see whether the system answers.",
        "connector check",
        UNAVAILABLE,
    ),
    Code(
        "unauthorized",
        "A system refused our credentials or their rights; the connection is stopped.",
        "Renew the credentials in .env, or the rights of the account.",
        "connector check",
        UNAVAILABLE,
    ),
    Code(
        "truncated",
        "A page ended before its declared end; it is read again, the position is kept.",
        "Raise the timeout of the connection, or look at proxies in between.",
        "connector check",
        UNAVAILABLE,
    ),
    Code(
        "not_sent",
        "A call was withdrawn before its first byte: too late, or we are stopping.",
        "Nothing: the record is sent in the next run.",
        "connector flow sync",
        UNAVAILABLE,
    ),
    Code(
        "too_late",
        "A call was withdrawn before its first byte: its time was over.",
        "Nothing: the record is sent in the next run. If it is often so, lower `concurrency`.",
        "connector flow sync",
        UNAVAILABLE,
    ),
    Code(
        "field",
        "A document or payload cannot be made; every faulty field is named.",
        "Correct the document at its source, or the mapping at the place named.",
        "connector map preview ENTITY KEY",
    ),
    Code(
        "ledger_locked",
        "Another process of ours works on the ledger.",
        "Let it end, or stop it; two at once are never needed.",
        "connector status",
        UNAVAILABLE,
    ),
    Code(
        "ledger_missing",
        "The ledger does not exist or is not a ledger.",
        "Create it, or correct `ledger:` in the configuration.",
        "connector ledger upgrade",
        USAGE,
    ),
    Code(
        "ledger_outdated",
        "The ledger's schema is not the one of this version.",
        "Upgrade it; keep a copy first.",
        "connector ledger upgrade",
        USAGE,
    ),
    Code(
        "no_such_record",
        "The ledger holds no record of this entity and key.",
        "Check the key; it is the source's own id.",
        "connector record list",
    ),
    Code(
        "seq_moved",
        "The record has changed since it was looked at.",
        "Look again, then decide on what stands there now.",
        "connector record show ENTITY KEY",
    ),
    Code(
        "not_allowed",
        "This is not possible in the record's state.",
        "See which commands its state and reason allow.",
        "connector record show ENTITY KEY",
    ),
    Code(
        "bug",
        "The program contradicts itself; nothing was sent that the ledger does not know.",
        "Report it with the code and the version; the record stays where it is.",
        "connector status",
        BUG,
    ),
)

_SHOW = "connector record show ENTITY KEY"
_RELEASE = "connector record release ENTITY KEY"
_RESOLVE = "connector record resolve ENTITY KEY ID"
_RETRY = "connector record retry ENTITY KEY"

# Why a record is held: the closed list of the ledger (protocol §1).
_HELD = (
    Code(
        "rule",
        "Its payload cannot be made, or a rule of ours refuses it; the field is named.",
        "Correct the document or the mapping; it is judged again by itself.",
        _SHOW,
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
        _RESOLVE,
    ),
    Code(
        "refused",
        "The target refused it as often as we may ask; its code is with the attempt.",
        "Correct what the target complains of, then try again.",
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
    Code(
        "undone",
        "A person took the delivery back.",
        "Release it to deliver it again.",
        _RELEASE,
    ),
)

# What is wrong with a field, a piece of a page or a payload; each occurrence names place and cure.
PIECES: Mapping[str, str] = {
    "missing": "A needed value is not there.",
    "no_member": "A mapping names a member that the payload does not have.",
    "not_text": "Text is needed, and something else stands there.",
    "not_a_number": "An exact decimal number is needed.",
    "not_a_time": "A time of ISO 8601 is needed.",
    "naive_time": "A time says no zone, so it names no moment.",
    "no_zone": "A zone is needed, and none is named.",
    "not_a_flag": "True or false is needed.",
    "not_a_code": "A code of a standard (country, currency, language) is needed.",
    "not_in_list": "The value is not one of the closed list of the canonical document.",
    "wrong_type": "A value of another kind is needed.",
    "wrong_reference": "It names another entity than it should, or nothing.",
    "no_reference": "The document names nothing to look up in the target.",
    "no_match": "No row of the other list belongs to this element.",
    "unmapped": "A table has no row for this value.",
    "no_quantity": "A line of quantity 0 has no unit price.",
    "no_rate": "A line has tax, but the source names no rate for it.",
    "several_rates": "A line has several tax rates where the target takes one.",
    "not_json": "It is not JSON, or holds what JSON has no form for.",
    "unparseable": "It is neither the JSON nor the XML that it should be.",
    "not_an_object": "A JSON object is needed.",
    "not_a_tree": "The contract declares members here.",
    "no_key": "A row without a key: it cannot even be named.",
    "too_many": "The contract takes one value here.",
    "unknown_field": "The contract declares no such field.",
    "unordered": "A repeated group of the schema that we cannot write yet.",
    "no_action": "The mapping has no such action for this entity.",
    "no_step": "The mapping has no such step in the action.",
    "not_updatable": "The mapping cannot change this field once the document is there.",
}

HELD: Mapping[str, Code] = {code.name: code for code in _HELD}
CODES: Mapping[str, Code] = {code.name: code for code in (*_ERRORS, *_HELD)}


def page() -> str:
    """Return docs/errors.md: a table of errors, a table of the reasons why a record is held."""
    return "\n".join(
        [
            "# Error codes",
            "",
            "Stable: scripts may rely on them. `connector --json` prints them as `code`. This page",
            "is `connector.codes.page()`; a test compares the two.",
            "",
            "## Errors of commands",
            "",
            "| code | exit | cause | cure | command |",
            "|---|---|---|---|---|",
            *(
                f"| `{c.name}` | {c.exit_code} | {c.cause} | {c.cure} | `{c.command}` |"
                for c in _ERRORS
            ),
            "",
            "## Why a record is held",
            "",
            "| code | cause | cure | command |",
            "|---|---|---|---|",
            *(f"| `{c.name}` | {c.cause} | {c.cure} | `{c.command}` |" for c in _HELD),
            "",
            "## What is wrong with a field or piece",
            "",
            "Stands beside `field`, `rule`, `unreadable` and `refused`, with place and cure;",
            f"`{_SHOW}` shows it. Other codes there are the target's own.",
            "",
            "| code | meaning |",
            "|---|---|",
            *(f"| `{name}` | {meaning} |" for name, meaning in PIECES.items()),
            "",
        ]
    )
