"""A profile on the workbench: read, compiled as far as it goes, and put on a stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.mapping.compile import Compiled, compile_as_far, compile_profile
from connector.mapping.load import RawProfile, load_profile
from connector.problems import Problems
from connector.rehearsal import Rehearsal
from connector.spelled import Misspelled
from connector.wiring import adapter_module
from connector.workbench.samples import Sample, conn_of, samples_of
from connector.workbench.written import members
from connector.yamlread import plain, read_yaml

ZONE = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """One profile. *stage*: None where its protocol has no rehearsal.

    *folders*: where it was looked for, and *others* are.
    """

    raw: RawProfile
    folders: Sequence[Path]
    compiled: Compiled
    conn: Mapping[str, object]
    samples: Sequence[Sample]
    stage: Rehearsal | None
    others: dict[str, Compiled] = field(default_factory=dict)

    def other(self, name: str) -> Compiled | None:
        """Return another profile, as this one's folders have it. Raises ConfigError."""
        if name not in self.others:
            problems = Problems()
            raw = load_profile(name, self.folders, problems)
            compiled = compile_profile(raw, problems, zone=ZONE) if raw is not None else None
            problems.raise_if_any()
            if compiled is None:
                return None
            self.others[name] = compiled
        return self.others[name]


def open_profile(
    name: str,
    folders: Sequence[Path],
    problems: Problems,
    *,
    at: Path | None = None,
    otherwise: Mapping[str, str] | None = None,
) -> Opened | None:
    """Open profile *name* of the first of *folders* that has it; None if it cannot even be read.

    *at*: its folder, whatever that is called; *otherwise*: parameters where its samples give none.
    """
    raw = load_profile(name, folders, problems, at=at)
    if raw is None:
        return None
    compiled = compile_as_far(raw, problems, zone=ZONE)
    conn = conn_of(compiled, raw.folders, problems, otherwise=otherwise)
    return Opened(
        raw=raw,
        folders=tuple(folders),
        compiled=compiled,
        conn=conn,
        samples=samples_of(raw.folders),
        stage=stage_of(compiled, conn),
    )


def name_of(folder: Path) -> str:
    """Return the name that a profile's folder gives it: by profile.yaml, else its own."""
    node = read_yaml(folder / "profile.yaml", "", Problems())
    return str(plain(members(node).get("profile")) or folder.name)


def with_parameters(opened: Opened, given: Mapping[str, str], problems: Problems) -> Opened:
    """Return the same profile for a connection whose parameters differ."""
    conn = conn_of(opened.compiled, opened.raw.folders, problems, given)
    return replace(opened, conn=conn, stage=stage_of(opened.compiled, conn))


def stage_of(
    compiled: Compiled, conn: Mapping[str, object], zone: ZoneInfo = ZONE
) -> Rehearsal | None:
    """Put a compiled profile on a stage; None where its protocol has no rehearsal."""
    try:
        module, _ = adapter_module(compiled.profile.protocol)
    except Misspelled:
        return None
    name = f"{module.__name__}.rehearse"
    if not hasattr(module, "__path__") or find_spec(name) is None:
        return None
    made: Rehearsal = import_module(name).rehearse(compiled.profile, conn, zone)
    return made
