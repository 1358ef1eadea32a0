"""Adapters that each break one promise: a contract that lets one pass proves nothing.

`breaks` names the tests that must catch a liar, and no other test may.
"""

from connector.testing.liars.bulk import BULKS
from connector.testing.liars.probe import PROBES
from connector.testing.liars.source import SOURCES
from connector.testing.liars.target import TARGETS

__all__ = ["BULKS", "PROBES", "SOURCES", "TARGETS"]
