"""Where credentials may go: the one rule behind every address that a system gives us."""

from __future__ import annotations

import pytest

from adapters.overlay import within
from connector.errors import FieldErrors

HOME = "https://login.example.com/soap"


@pytest.mark.parametrize(
    ("url", "home", "hosts"),
    [
        ("https://login.example.com/node-7", HOME, ()),
        ("https://LOGIN.example.com:8443/x", HOME, ()),
        ("https://eu7.example.com/x", HOME, (".example.com",)),
        ("https://eu7.other.net/x", HOME, ("eu7.other.net",)),
        ("http://erp.local/x", "http://erp.local/y", ()),
        ("https://erp.local/x", "http://erp.local/y", ()),
    ],
)
def test_credentials_go_to_the_connections_host_and_to_those_that_are_named(url, home, hosts):
    """Other ports and paths of it are its own affair; http may become https."""
    assert within(url, home, hosts) == url


@pytest.mark.parametrize(
    ("url", "home", "hosts"),
    [
        ("https://evil.net/x", HOME, ()),
        ("http://login.example.com/x", HOME, ()),
        ("https://example.com.evil.net/x", HOME, (".example.com",)),
        ("https://evilexample.com/x", HOME, (".example.com",)),
        ("https://login.example.com@evil.net/x", HOME, ()),
        ("https://user@login.example.com/x", HOME, ()),
        ("ftp://login.example.com/x", HOME, ()),
        ("//login.example.com/x", HOME, ()),
        ("", HOME, ()),
    ],
)
def test_all_else_is_refused_and_not_repeated(url, home, hosts):
    """From https to http neither; the address itself may hold a token, so it is not told."""
    with pytest.raises(FieldErrors) as refused:
        within(url, home, hosts)

    (fault,) = refused.value.faults
    assert fault.code == "foreign_address"
    assert "evil" not in f"{fault.field} {fault.cure} {refused.value}"
