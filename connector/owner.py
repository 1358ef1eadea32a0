"""Files of another user: whose they are, and how a command is run as he."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from connector.errors import ConnectorError


def is_anothers(path: Path) -> bool:
    """Does *path* belong to another user than the one we are?"""
    return path.stat().st_uid != os.geteuid()


def another(path: Path, what: str) -> ConnectorError:
    """The error that says whose *path* is, *what* in words, and how to run the command as he."""
    uid = path.stat().st_uid
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"'#{uid}'"
    return ConnectorError(
        f"{what} {path} belongs to another user",
        code="other_user",
        cure=f"sudo -u {name} connector …",
    )
