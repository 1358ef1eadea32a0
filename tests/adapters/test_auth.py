"""Credentials are put on a request in the form that the other side checks, and nowhere else."""

from __future__ import annotations

import pytest
from profiles_by_hand import RealClock
from pydantic import ValidationError

from adapters.auth import Basic, OAuth1, signature_base
from adapters.rest import Settings

SECRET = "s3cret-canary"


def test_the_signature_covers_method_address_and_sorted_query():
    """RFC 5849 3.4.1: encoded twice, sorted after encoding, default ports left out."""
    base = signature_base(
        "get", "http://Shop.Example:80/wp-json/wc/v3/orders?status=a%2Cb&page=2", {"oauth_n": "x y"}
    )

    assert base == (
        "GET&http%3A%2F%2Fshop.example%2Fwp-json%2Fwc%2Fv3%2Forders&"
        "oauth_n%3Dx%2520y%26page%3D2%26status%3Da%252Cb"
    )


def test_a_port_of_the_shops_own_is_signed():
    """The shop signs with its own home address."""
    assert "localhost%3A8080" in signature_base("GET", "http://localhost:8080/x", {})


def test_every_call_has_a_fresh_nonce():
    """A replayed nonce is refused by the shop."""
    auth = OAuth1(type="oauth1", user="ck", password=SECRET)
    made = {auth.headers("GET", "http://x/y", RealClock())["Authorization"] for _ in range(50)}

    assert len(made) == 50


@pytest.mark.parametrize("kind", [Basic, OAuth1])
def test_secrets_are_not_shown(kind):
    """Neither repr nor a signature contains them."""
    auth = kind(type=kind.__name__.lower(), user="u-canary", password=SECRET)

    assert "canary" not in repr(auth)
    assert SECRET not in str(auth.headers("GET", "http://x", RealClock()))


def test_an_unknown_setting_is_an_error():
    """A setting that does nothing does not exist."""
    with pytest.raises(ValidationError):
        Settings.model_validate(
            {"auth": {"type": "basic", "user": "u", "password": "p"}, "verify": False}
        )
