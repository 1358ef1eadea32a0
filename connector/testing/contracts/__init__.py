"""What every adapter promises, as tests: one class per port, inherited by the adapter's test class.

    class TestOurSource(SourceContract):
        exceptions = {"test_a_walk_starts_where_it_is_told": "the list knows no dates"}

        @pytest.fixture
        def world(self) -> Origin: ...

An exception needs a reason, and fails once the promise is kept after all.
"""

from connector.testing.contracts.bulk import BulkContract, Shelf
from connector.testing.contracts.probe import ProbeContract, Subject
from connector.testing.contracts.source import Origin, SourceContract
from connector.testing.contracts.target import Destination, TargetContract

__all__ = [
    "BulkContract",
    "Destination",
    "Origin",
    "ProbeContract",
    "Shelf",
    "SourceContract",
    "Subject",
    "TargetContract",
]
