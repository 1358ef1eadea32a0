"""Promises that an adapter does not keep: each with its reason, none for longer than it is true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar

import pytest

from connector.errors import Bug


class Contract:
    """A contract; *exceptions*: name of a test → why this adapter need not pass it."""

    exceptions: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        for name, reason in cls.__dict__.get("exceptions", {}).items():
            if not hasattr(cls, name) or len(reason.split()) < 3:
                raise TypeError(f"{cls.__name__}: an exception names a test and says why: {name}")
            setattr(cls, name, excepted(getattr(cls, name), reason))


def promises(contract: type) -> list[str]:
    """The names of all tests of *contract*."""
    return sorted(name for name in dir(contract) if name.startswith("test_"))


def excepted(test: Callable[..., None], reason: str) -> Callable[..., None]:
    """The same test, expected to fail: passing is a failure, and so is any other error."""

    @wraps(test)
    def expected_to_fail(self: object, world: object) -> None:
        test(self, world)

    failing = pytest.mark.xfail(reason=reason, strict=True, raises=(AssertionError, Bug))
    return failing(expected_to_fail)  # type: ignore[no-any-return]
