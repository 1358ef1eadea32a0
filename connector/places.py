"""Where the shipped mappings and migrations lie: in the wheel, or in the checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def mappings_folder() -> Path:
    """Return the folder of the shipped profiles, one folder each."""
    return _shipped("mappings")


def migrations_folder() -> Path:
    """Return the folder of the ledger's Alembic migrations."""
    return _shipped("migrations")


def _shipped(name: str) -> Path:
    inside = _PACKAGE / "shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def example_file() -> Path:
    """Return the commented example of a configuration."""
    inside = _PACKAGE / "shipped" / "config.example.yaml"
    return inside if inside.is_file() else _PACKAGE.parent / "config.example.yaml"
