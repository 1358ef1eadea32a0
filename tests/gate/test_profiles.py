"""Every shipped profile is judged by the tools that we give to whoever writes one."""

import ast
from pathlib import Path

import pytest

from connector.places import mappings_folder
from connector.problems import Problems
from connector.workbench.cases import run_cases
from connector.workbench.lint import lint
from connector.workbench.offline import check_offline
from connector.workbench.opened import Opened, open_profile

PROFILES = sorted({path.parent.name for path in mappings_folder().glob("*/profile.yaml")})


def at(name: str) -> tuple[Opened, Problems]:
    """A shipped profile on the workbench."""
    problems = Problems()
    opened = open_profile(name, [mappings_folder()], problems)
    assert opened is not None, problems
    return opened, problems


@pytest.mark.parametrize("name", PROFILES)
def test_lint_finds_nothing(name: str) -> None:
    """No problem, no warning, and every entity with a `read` has a sample that it was tried on.

    If this fails for a profile of yours: `connector map lint NAME` says the same in colour of the
    place; samples of our own making go to mappings/NAME/samples (docs/profiles.md, "Samples").
    """
    opened, problems = at(name)
    report = lint(opened, problems)
    assert [str(p) for p in (*report.problems, *report.warnings)] == []
    assert report.notes == ()


@pytest.mark.parametrize("name", PROFILES)
def test_every_action_is_built_and_every_leaf_of_write_is_filled(name: str) -> None:
    """`connector check NAME --offline`: messages fit the WSDL's schema; no leaf is untried."""
    opened, problems = at(name)
    offline = check_offline(opened, problems)
    assert str(problems) == ""
    assert offline.notes == []
    assert all(row.messages for row in offline.built)
    assert {row.entity for row in offline.built} >= opened.compiled.profile.entities.keys()


@pytest.mark.parametrize("name", PROFILES)
def test_its_cases_hold(name: str) -> None:
    """`connector map test NAME`: a profile has cases (`tests:`), each comes out as it says."""
    opened, problems = at(name)
    ran = run_cases(opened, problems)
    assert str(problems) == ""
    assert ran != []
    assert [(case.name, case.differences) for case in ran if case.differences] == []


ROOT = Path(__file__).resolve().parents[2]
ASIDE = {"sandbox", "demo", "testing"}  # what stands for systems, and shows them


def test_no_code_asks_a_product_s_name() -> None:
    """A profile touches no file of connector/ or adapters/: nowhere is a name of one a value.

    That a new one works without a line of Python, up to an order in its server, is shown in
    tests/guides/test_onboarding.py.
    """
    named = []
    for path in (*(ROOT / "connector").rglob("*.py"), *(ROOT / "adapters").rglob("*.py")):
        if not ASIDE & set(path.relative_to(ROOT).parts):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and node.value in PROFILES:
                    named.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert named == []
