"""What a contract asserts is shown as if it stood in a test file."""

import pytest

for port in ("source", "target", "probe", "bulk"):
    pytest.register_assert_rewrite(f"connector.testing.contracts.{port}")
