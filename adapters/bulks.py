"""Send many changes in one call, and give each its own outcome (S9), whatever the protocol.

A bad change never holds its neighbours up: one that cannot be rendered is not sent, one that is
refused is refused alone.  Nobody guesses: what the reply does not answer is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from adapters import targets
from adapters.dialect import Connection, Query, text
from adapters.http import Broke, Reply
from adapters.replies import Answer, judge, key_of, outcome, outcome_of, said
from connector.errors import FieldErrors, NotSent
from connector.points import reach
from connector.profile import Action, Bulk
from connector.values import Change, Done, InDoubt, Outcome, Payload, Refused, Unauthorized
from connector.values import NotSent as Withdrawn

Row = tuple[Change, Payload]
Outcomes = dict[int, Outcome]  # by the change's place among all


def send(at: Connection, entity: str, changes: Sequence[Change]) -> list[Outcome]:
    """Make each change, those of one bulk together; one outcome each, in order."""
    done: Outcomes = {}
    together: dict[tuple[str, str | None], list[int]] = {}
    for place, change in enumerate(changes):
        action = at.entity(entity).actions.get(change.action)
        if action is None or action.bulk is None or change.steps:
            done[place] = targets.send(at, entity, change)
        elif beyond := targets.beyond(action, change):
            done[place] = Refused(code="not_updatable", at=beyond[0])
        else:
            group = text(action.bulk.group, targets.names_of(at, change))
            together.setdefault((change.action, group), []).append(place)
    most = at.profile.capabilities.bulk.get(entity, 1)
    for (name, group), places in together.items():
        calling = _Bulk(at, entity, at.action(entity, name), group)
        for begin in range(0, len(places), most):
            some = places[begin : begin + most]
            done |= zip(some, calling.send([changes[p] for p in some]), strict=True)
    return [done[place] for place in range(len(changes))]


class _Bulk:
    """Calls of one action for one group."""

    def __init__(self, at: Connection, entity: str, action: Action, group: str | None) -> None:
        self._at, self._entity, self._action, self._group = at, entity, action, group
        assert action.bulk is not None  # noqa: S101 - the caller's condition
        self._bulk: Bulk = action.bulk

    def send(self, changes: Sequence[Change]) -> list[Outcome]:
        """One call for all that can be rendered."""
        rows: list[Row] = []
        told: dict[int, Outcome] = {}
        for place, change in enumerate(changes):
            try:
                rows.append((change, self._row(change)))
            except FieldErrors as error:
                fault = error.faults[0]
                told[place] = Refused(code=fault.code, at=fault.field)
        answers = iter(self._send(rows) if rows else ())
        return [told[p] if p in told else next(answers) for p in range(len(changes))]

    def _row(self, change: Change) -> Payload:
        row = self._bulk.row(targets.names_of(self._at, change))
        return row if isinstance(row, Mapping) else {}

    def _send(self, rows: Sequence[Row]) -> list[Outcome]:
        try:
            answer = self._at.dialect.call(self._query(rows))
        except FieldErrors as error:  # nothing was sent: whose fault it is can be found out
            fault = error.faults[0]
            return self._halved(rows) or [Refused(code=fault.code, at=fault.field)]
        except NotSent as error:
            return [Withdrawn(why=error.code)] * len(rows)
        except Broke as broke:
            return [outcome_of(broke)] * len(rows)
        reach("bulk.sent")
        capabilities = self._at.profile.capabilities
        rules = self._at.rules(self._entity, self._action)
        verdict = judge(answer, rules, {"conn": self._at.conn}, capabilities.refuses_with)
        result = outcome(verdict, new=any(change.key is None for change, _ in rows))
        if result is None:
            return list(self._answers(rows, answer))
        halves = isinstance(result, Refused) and self._repeatable(answer) and self._halved(rows)
        return halves or [result] * len(rows)

    def _halved(self, rows: Sequence[Row]) -> list[Outcome]:
        """Send either half by itself; nothing of one row."""
        half = len(rows) // 2
        return [*self._send(rows[:half]), *self._send(rows[half:])] if half else []

    def _repeatable(self, answer: Answer) -> bool:
        """S9: bisect only what surely did nothing: an atomic bulk, or one that was too large."""
        return self._at.profile.capabilities.bulk_atomic or answer.http.status == 413

    def _query(self, rows: Sequence[Row]) -> Query:
        names = {"conn": self._at.conn, "group": self._group, "rows": [row for _, row in rows]}
        return Query(
            entity=self._entity,
            step=self._action.steps[0],
            names=names,
            missing=self._action.missing,
            send_before=min(change.send_before for change, _ in rows),
            updating=all(change.key is not None for change, _ in rows),
        )

    def _answers(self, rows: Sequence[Row], answer: Answer) -> Iterator[Outcome]:
        """Align answers with rows: by the id that each names, else by the declared order."""
        found = said(self._bulk.answers, {"conn": self._at.conn, **answer.names()})
        items = [i for i in found if isinstance(i, Mapping)] if isinstance(found, list) else []
        if self._bulk.answer is None:
            aligned = items if len(items) == len(rows) else [None] * len(rows)
            for (change, _), item in zip(rows, aligned, strict=True):
                yield self._judged(change, item, answer)
            return
        by_id: dict[str | None, list[Payload]] = {}
        for item in items:
            by_id.setdefault(key_of(said(self._bulk.answer, {"item": item})), []).append(item)
        for change, _ in rows:
            own = key_of(said(self._bulk.id, targets.names_of(self._at, change)))
            mine = by_id.get(own, []) if own is not None else []
            yield self._judged(change, mine[0] if len(mine) == 1 else None, answer)

    def _judged(self, change: Change, item: Payload | None, answer: Answer) -> Outcome:
        reach("bulk.reply_partial")
        if item is None:
            return InDoubt(why="unanswered", key=change.key)
        names = {**targets.names_of(self._at, change), "item": item}
        error = said(self._bulk.error, names)
        if error is not None:
            return self._failed(error, said(self._bulk.status, names), names, answer.http)
        step = self._action.steps[0]
        key = key_of(said(step.key, names)) if step.key is not None else change.key
        if key is None:
            return InDoubt(why="no_key")
        return Done(key=key, version=text(step.version, names))

    def _failed(
        self, error: object, status: object, names: Mapping[str, object], http: Reply
    ) -> Outcome:
        """Judge an item's error as if it were the reply to a call of its own.

        But for one thing: the call was admitted, so that "not allowed" is said of this item alone.
        """
        code = int(str(status)) if str(status).isdecimal() else 400
        code = 400 if code in (401, 403) else code
        alone = Answer(http=replace(http, status=code), reply=error)
        rules = self._at.rules(self._entity, self._action)
        refuses = self._at.profile.capabilities.refuses_with
        verdict = judge(alone, rules, names, refuses)
        found = outcome(verdict, new=names["key"] is None) or InDoubt(why="unclear")
        return Refused(code=found.why or "refused") if isinstance(found, Unauthorized) else found
