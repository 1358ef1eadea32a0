"""A refresh token that systems renew with every use, kept in a file that outlives the program."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.http import Broke


def usable(path: Path) -> Path:
    """Check that a token can be read there and written anew. Raises ValueError."""
    if not path.is_absolute() or not path.is_file():
        raise ValueError("it names no file: put the token into it, mode 0600")
    if path.stat().st_mode & 0o077:
        raise ValueError(f"others can read it: chmod 600 {path}")
    if not os.access(path.parent, os.W_OK):
        raise ValueError("its folder cannot be written, and a renewed token is put there")
    return path


class Lent:
    """The token in a file; who renews it has it alone, also among processes of this machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._newer: str | None = None  # renewed, and not kept: no other one is valid

    @contextmanager
    def held(self) -> Iterator[str]:
        """Give the token that is valid now. Raises Broke where it cannot be read."""
        with self._alone():
            try:
                yield self._newer or self._path.read_text(encoding="utf-8").strip()
            except OSError as error:
                raise Broke("refresh_token_unread", sent=False) from error

    def keep(self, token: str) -> None:
        """Put a renewed one in its place, within `held`. Raises Broke where that fails."""
        self._newer = token
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            with os.fdopen(
                os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w"
            ) as out:
                out.write(f"{token}\n")
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise Broke("refresh_token_not_kept", sent=False) from error
        self._newer = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self._path.with_name(f"{self._path.name}.lock")
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Broke("refresh_token_not_kept", sent=False) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
