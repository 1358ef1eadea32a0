"""A shop that admits only whom its certificate says."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest
from company import Company
from covering import covers

from connector.errors import ConfigError, Unavailable
from connector.sandbox.shop import start_shop

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificates"
)


def certificate(company: Company, name: str) -> tuple[str, str]:
    """A certificate of its own authority, and its key."""
    cert, key = company.folder / f"{name}.pem", company.folder / f"{name}.key"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return str(cert), str(key)


@covers("connections.*.tls.cert_file", "connections.*.tls.key_file")
@pytest.mark.parametrize("shown", ["ours", "another", None])
def test_a_client_certificate_opens_the_shop(company: Company, shown: str | None) -> None:
    """Another, or none, is refused by TLS itself: nothing was done, and it is told as that."""
    server, server_key = certificate(company, "shop")
    ours, _ = certificate(company, "ours")
    company.order()
    company.shop.close()
    company.shop = start_shop(company.shop_file, tls=(server, server_key))
    context: ssl.SSLContext = company.shop._server.socket.context
    context.load_verify_locations(ours)
    context.verify_mode = ssl.CERT_REQUIRED
    tls = {"ca_file": server}
    if shown is not None:
        cert = ours if shown == "ours" else certificate(company, shown)[0]
        tls |= {"cert_file": cert, "key_file": cert.replace(".pem", ".key")}
    company.connection("shop", url=company.shop.url, auth={"type": "basic"}, tls=tls)

    if shown == "ours":
        company.sync()
        assert len(company.books()) == 1
    else:
        with pytest.raises(Unavailable):
            company.sync()


def test_a_key_of_another_certificate_is_told_at_start(company: Company) -> None:
    """Not by the first order."""
    ours, _ = certificate(company, "ours")
    _, other_key = certificate(company, "other")
    company.connection("shop", tls={"cert_file": ours, "key_file": other_key})

    with pytest.raises(ConfigError, match=r"tls: .*cannot be loaded: key values mismatch"):
        company.sync()
