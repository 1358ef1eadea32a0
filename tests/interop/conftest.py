"""The peers of the interop tests: one process for each stack, ended with the module."""

from __future__ import annotations

import pytest
from stacks import lacking, needed, serving


@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    """Addresses of stacks, each started when first asked for."""
    running, addresses = [], {}

    def address(stack):
        if stack not in addresses:
            missing = lacking(stack)
            if missing and needed():
                pytest.fail(missing)
            if missing:
                pytest.skip(missing)
            running.append(serving(stack, tmp_path_factory.mktemp(stack)))
            addresses[stack] = running[-1].__enter__()
        return addresses[stack]

    yield address
    for one in running:
        one.__exit__(None, None, None)
