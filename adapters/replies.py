"""What a reply means: the profile's rules first, then what HTTP surely says, else doubt (S6)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NoReturn

from msgspec import Struct, structs

from adapters.http import Broke, Reply, moment
from connector import errors, values
from connector.errors import FieldErrors, FieldFault
from connector.ports import Template
from connector.profile import NO_FAULT, ErrorRule
from connector.values import Tree

_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,60}")
# the first that is there: HTTP's own, the IETF's draft, and what many APIs had before it
_RESETS = ("retry-after", "ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset")
_SECONDS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?|[0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_AGO = timedelta(days=10_000)
_LONGEST_WAIT = timedelta(days=1)
_STRANGER = frozenset({"FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken"})
_MOST_WORDS = 500  # characters
_SURELY_NOT = frozenset({404, 405, 413, 415})
_GATEWAYS = ("http_502", "http_504")  # a proxy answers: nobody is behind it


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A SOAP fault; *declared*: its detail is one that the contract names; *subcode*: of 1.2."""

    code: str
    text: str = field(repr=False)
    detail: object = field(default=None, repr=False)
    declared: bool = False
    subcode: str = ""

    def names(self) -> dict[str, object]:
        """Give what rules may name of it."""
        told = {"code": self.code, "subcode": self.subcode}
        return {**told, "text": self.text, "detail": self.detail}

    @property
    def ours(self) -> bool:
        """Whether the fault answers what we sent rather than report a crash."""
        return self.declared or self.code.rpartition(":")[2].startswith(("Client", "Sender"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A reply and what was read in it. *clean*: it is whole, and nothing stands around it.

    *empty*: HTTP itself says by the status that it went well and that there is no more to say.
    *torn*: a string of it should hold a document that cannot be read.  *vague*: silence in it does
    not mean none, because such a string is blank, or holds JSON or plain text.
    *denied*: why the system does not let us in, where a session found that out: nothing was done.
    """

    http: Reply
    reply: object = field(default=None, repr=False)
    fault: Fault | None = None
    clean: bool = True
    empty: bool = False
    torn: bool = False
    vague: bool = False
    denied: str = ""

    def names(self) -> dict[str, object]:
        """Give the names that rules and result templates use."""
        http = {"status": self.http.status, "headers": self.http.headers}
        fault = self.fault.names() if self.fault is not None else NO_FAULT
        return {"reply": self.reply, "http": http, "fault": fault}

    @property
    def parsed(self) -> bool:
        """Whether anything could be read in it: the status, at least."""
        return self.reply is not None or self.fault is not None or self.empty

    @property
    def whole(self) -> bool:
        """Whether it says all that it will ever say: 202 promises more."""
        return self.clean and self.http.status != 202

    @property
    def success(self) -> bool:
        """Whether the protocol itself says that it went well."""
        return 200 <= self.http.status < 300 and self.fault is None


class Verdict(Struct, frozen=True, kw_only=True):
    """What a reply means: a word of `errors`, with its code and key, and what to wait.

    *said*: the system's words, where it did not carry out what was asked.
    """

    outcome: str
    code: str = ""
    said: str = ""
    key: str | None = None
    wait: timedelta | None = None


def judge(
    answer: Answer,
    rules: Sequence[ErrorRule],
    names: Mapping[str, object],
    refuses_with: frozenset[int] = frozenset(),
    *,
    writing: bool = True,
) -> Verdict:
    """Say what *answer* means; what neither a rule nor HTTP decides is in doubt.

    `else` speaks where the others are silent and the reply is no success: 2xx is one, unless a
    rule names `done`.  Rules judge only what could be read: a proxy's 404 page is no document gone,
    and in a torn reply they hear nothing of its torn part, nor is a success believed.
    """
    if answer.denied:
        return Verdict(outcome="unauthorized", code=answer.denied)
    known = {**names, **answer.names()}
    verdict = (
        answer.parsed and _by_rule(rules, known, fault=answer.fault is not None)
    ) or _by_protocol(answer, refuses_with)
    if verdict and not (answer.torn and verdict.outcome == "done"):
        away = verdict.outcome == "unavailable"
        return structs.replace(verdict, wait=_wait(answer.http)) if away else verdict
    if answer.success and not any(rule.outcome == "done" for rule in rules if rule.when):
        readable = (answer.reply is not None or (answer.empty and writing)) and not answer.torn
        whole = readable and (answer.whole or not writing)
        return Verdict(outcome="done") if whole else _doubt(answer)
    last = next((rule for rule in rules if rule.when is None), None)
    words = answer.parsed and answer.whole and not answer.empty
    if last is not None and words and _conclusive(answer):
        return _said(last, known, answer.http)
    if answer.http.status in _SURELY_NOT:
        return Verdict(outcome="refused", code=f"http_{answer.http.status}")
    return _doubt(answer)


def outcome(verdict: Verdict, *, new: bool = False) -> values.Outcome | None:
    """Turn a verdict into the outcome of a write; None for `done`, which its step must fill.

    *new*: of what is to be made. That cannot be gone: something that it names is not there.
    """
    if verdict.outcome == "done":
        return None
    if new and verdict.outcome in ("gone", "absent"):
        return values.Refused(code=verdict.code or "not_found", said=verdict.said)
    meaning: Mapping[str, values.Outcome] = {
        "refused": values.Refused(code=verdict.code or "refused", said=verdict.said),
        "exists": values.Exists(key=verdict.key),
        "stale": values.Stale(),
        "gone": values.Gone(),
        "absent": values.Gone(),
        "unavailable": values.Unavailable(
            wait=verdict.wait, why=verdict.code, busy=verdict.wait is None
        ),
        "unauthorized": values.Unauthorized(why=verdict.code),
    }
    doubt = values.InDoubt(why=verdict.code or "unclear", said=verdict.said)
    return meaning.get(verdict.outcome, doubt)


def outcome_of(broke: Broke) -> values.Unavailable | values.InDoubt | values.Refused:
    """Say whether a call without reply can have happened: from its first byte on, it can."""
    if broke.sent:
        return values.InDoubt(why=broke.why)
    if broke.why == "bad_request":
        return values.Refused(code=broke.why)  # ours, and the same at every try
    return values.Unavailable(why=broke.why)


def unreadable(what: str, verdict: Verdict) -> NoReturn:
    """Raise what a read that was not answered raises."""
    why = verdict.code or verdict.outcome
    if verdict.outcome == "unauthorized":
        raise errors.Unauthorized(f"{what}: {why}", why=why)
    nobody = verdict.outcome == "unavailable" or why in _GATEWAYS
    away = errors.Unavailable(f"{what}: {why}", wait=verdict.wait, why=why, nobody=nobody)
    away.said = verdict.said
    raise away


def code_of(value: object) -> str:
    """Keep what has the form of a code; a sentence may hold personal data and is dropped."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    return text.replace(":", ".") if _CODE.fullmatch(text) else ""


def words_of(value: object) -> str:
    """Keep a system's words on one line; a person reads them, nothing judges by them."""
    return " ".join(str(value).split())[:_MOST_WORDS] if isinstance(value, str | int) else ""


def said(template: Template | None, names: Mapping[str, object]) -> object:
    """Render what a reply says; None where it does not say it."""
    if template is None:
        return None
    try:
        return template(names)
    except FieldErrors:
        return None


def key_of(value: object) -> str | None:
    """Take a key as text; blank, zero and trees are none."""
    text = str(value).strip() if isinstance(value, str | int) and value is not True else ""
    return text if text not in ("", "0", "False") else None


def blank(value: object) -> bool:
    """Whether a tree says nothing: what SOAP stacks make of a document that is not there."""
    if isinstance(value, Mapping):
        return all(blank(one) for one in value.values())
    if isinstance(value, list | tuple):
        return all(blank(one) for one in value)
    return value is None or value == ""


def spoken(value: Tree) -> Tree:
    """A tree without the members that the reply should have had and had not: they say nothing."""
    if isinstance(value, Mapping):
        silent = getattr(value, "silent", ())
        return {name: spoken(one) for name, one in value.items() if name not in silent}
    if isinstance(value, list | tuple):
        return [spoken(one) for one in value]
    return value


class _Strict(dict[str, object]):
    """A tree that is asked for no member that it has not."""

    def __contains__(self, name: object) -> bool:
        if not super().__contains__(name):
            raise FieldErrors((FieldFault(str(name), "missing", "the reply does not say it"),))
        return True


def strict(tree: object, *, xml: bool = False) -> object:
    """A reply that raises FieldErrors where it is asked for what it lacks.

    An element of *xml* without children lacks nothing: so a list without rows is written.
    """
    if isinstance(tree, Mapping) and not (xml and childless(tree)):
        return _Strict({name: strict(one, xml=xml) for name, one in tree.items()})
    return [strict(one, xml=xml) for one in tree] if isinstance(tree, list | tuple) else tree


def childless(element: Mapping[str, object]) -> bool:
    """Whether it has attributes and text alone."""
    return all(name[:1] in ("@", "$") for name in element)


def _by_rule(
    rules: Sequence[ErrorRule], names: Mapping[str, object], *, fault: bool
) -> Verdict | None:
    for rule in rules:
        if rule.of_fault and not fault:
            continue  # most rules are such, and most replies have none
        if rule.when is not None and said(rule.when, names):
            return _said(rule, names, None)
    return None


def _said(rule: ErrorRule, names: Mapping[str, object], http: Reply | None) -> Verdict:
    code = code_of(said(rule.code, names)) or (f"http_{http.status}" if http else "")
    fault = names.get("fault")
    words = words_of(said(rule.message, names))
    if not words and isinstance(fault, Mapping):
        words = words_of(fault.get("text"))
    return Verdict(outcome=rule.outcome, code=code, key=key_of(said(rule.key, names)), said=words)


def _by_protocol(answer: Answer, refuses_with: frozenset[int]) -> Verdict | None:
    """What HTTP and WS-Security say themselves: both ask who we are before they look at a body."""
    http, code = answer.http, f"http_{answer.http.status}"
    if answer.fault is not None:
        for told in (answer.fault.code, answer.fault.subcode):
            if told.rpartition(":")[2] in _STRANGER:
                return Verdict(outcome="unauthorized", code=code_of(told))
    if http.status in (401, 403):
        return Verdict(outcome="unauthorized", code=code)
    if http.status == 429 or (http.status == 503 and 503 in refuses_with):
        return Verdict(outcome="unavailable", code=code)
    return None


def _conclusive(answer: Answer) -> bool:
    """A crash is never a refusal: only 2xx, 4xx and faults about what we sent let `else` speak."""
    if answer.fault is not None:
        return answer.fault.ours
    return answer.http.status // 100 in (2, 4) and answer.http.status != 408


def _doubt(answer: Answer) -> Verdict:
    if answer.fault is not None:
        code = code_of(answer.fault.code) or "fault"
    elif not answer.success or answer.http.status == 202:
        code = f"http_{answer.http.status}"
    else:
        code = "unclear" if answer.reply is not None and answer.clean else "unreadable_reply"
    text = answer.fault.text if answer.fault is not None else ""
    return Verdict(outcome="in_doubt", code=code, said=words_of(text))


def _wait(http: Reply) -> timedelta | None:
    """How long it asks us to stay away, in the header that it has for that."""
    text = next((t for name in _RESETS if (t := http.headers.get(name, "").strip())), "")
    now = http.date or datetime.now(UTC)
    if _SECONDS.fullmatch(text):  # Shopify says 2.0
        told = text if "." in text else text[:10]  # some tell milliseconds since 1970
        seconds = timedelta(seconds=math.ceil(Decimal(told)))
        since = _EPOCH + seconds - now  # some give the second itself, not how many are left
        return min(seconds if seconds < _LONG_AGO else max(since, timedelta(0)), _LONGEST_WAIT)
    until = moment(text)
    return min(max(until - now, timedelta(0)), _LONGEST_WAIT) if until else None
