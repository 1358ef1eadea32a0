"""Rules that ask for a fault alone are not asked where there is none: that must change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping.compile import compile_profile
from connector.mapping.expressions import written
from connector.mapping.load import load_profile
from connector.mapping.terms import Scope
from connector.problems import Problems
from connector.profile import NO_FAULT, ErrorRule
from connector.yamlread import Node

SHIPPED = Path(__file__).parents[2] / "mappings"
REPLIES = (None, "", [], {}, {"code": "x"}, {"Result": {"No": "SO-1"}}, [{"error": {"code": "x"}}])
PLAIN = [
    {"reply": reply, "http": {"status": status, "headers": {}}, "fault": NO_FAULT, "key": key}
    for reply in REPLIES
    for status in (200, 400, 404, 500)
    for key in (None, "7")
]


def rule(source: str) -> ErrorRule:
    """A rule as a profile has it: what is not there is null."""
    scope = Scope(dict.fromkeys(("reply", "http", "fault", "key")), lenient=True)
    problems, place = Problems(), Node(value=source, file="p.yaml", line=1, path="errors")
    made = written(source, scope, problems, place)
    problems.raise_if_any()
    return ErrorRule(when=made, outcome="refused")


@pytest.mark.parametrize(
    ("source", "of_fault"),
    [
        ("= fault.code == 'x'", True),
        ("= fault.detail.Error.Code in ['stale', 'locked']", True),
        ("= fault.code == 'x' and http.status == 500", True),  # never holds without a fault
        ("= fault.code or fault.text", True),
        ("= fault.code != 'x'", False),
        ("= not fault.code", False),
        ("= http.status == 500 and fault.code == 'x'", False),
        ("= fault.code == reply.code", False),
        ("= (reply.code or fault.code) == 'x'", False),
        ("= http.status == 409", False),
        ("yes", False),
    ],
)
def test_it_is_found_out_by_asking_as_if_there_were_none(source: str, of_fault: bool) -> None:
    """And one that is asked less often holds of no reply without a fault."""
    made = rule(source)
    assert made.of_fault is of_fault
    assert made.when is not None
    assert not (of_fault and any(made.when(names) for names in PLAIN))


def test_no_rule_of_a_shipped_profile_is_left_out_where_it_holds() -> None:
    """Whatever the reply says: who asks all of them finds the same."""
    rules: list[ErrorRule] = []
    for folder in sorted(SHIPPED.iterdir()):
        problems = Problems()
        raw = load_profile(folder.name, [SHIPPED], problems)
        made = raw and compile_profile(raw, problems)
        problems.raise_if_any()
        assert made is not None
        profile = made.profile
        owners = [profile, *profile.entities.values()]
        owners += [a for e in profile.entities.values() for a in e.actions.values()]  # type: ignore[misc]
        rules += [one for owner in owners for one in owner.errors]
    left_out = [one for one in rules if one.of_fault and one.when is not None]
    assert 3 <= len(left_out) < len(rules)
    assert not any(one.when(names) for one in left_out for names in PLAIN if one.when is not None)
