"""Every shipped profile is judged by the tools that we give to whoever writes one."""

import pytest

from connector.places import mappings_folder
from connector.problems import Problems
from connector.workbench.lint import lint
from connector.workbench.opened import open_profile

PROFILES = sorted({path.parent.name for path in mappings_folder().glob("*/profile.yaml")})


@pytest.mark.parametrize("name", PROFILES)
def test_lint_finds_nothing(name: str) -> None:
    """No problem, no warning, and every entity with a `read` has a sample that it was tried on.

    If this fails for a profile of yours: `connector map lint NAME` says the same in colour of the
    place; samples of our own making go to mappings/NAME/samples (docs/profiles.md, "Samples").
    """
    problems = Problems()
    opened = open_profile(name, [mappings_folder()], problems)
    assert opened is not None, problems
    report = lint(opened, problems)
    assert [str(p) for p in (*report.problems, *report.warnings)] == []
    assert report.notes == ()
