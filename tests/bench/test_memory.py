"""What a process loads stays in its memory: what only a few need is loaded by those few."""

from __future__ import annotations

import subprocess
import sys

SELDOM = ("alembic", "cryptography", "spnego", "sqlalchemy.orm")


def test_a_sync_loads_nothing_that_only_few_need():
    """Migrations, NTLM and an ORM take 25 MB together; the budget of a backfill is 120."""
    code = "import sys, adapters.rest, adapters.soap, connector.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert [name for name in SELDOM if name in loaded.stdout.split()] == []
