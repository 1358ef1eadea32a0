"""NTLM: a Windows account, proven by three messages on the connection that it is proven for.

What a server answers with 401 it has not carried out; the first message has no body at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import spnego
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from adapters.http import Leg, Proof, Reply, Request
from adapters.wire import Line

_NTLM = re.compile(r"\bNTLM ([A-Za-z0-9+/=]+)")
_WEAK = ("md5", "sha1")  # for these a binding is made with SHA-256 (RFC 5929)


class Prover:
    """Makes the three messages of each new connection."""

    def __init__(self, user: str, password: str) -> None:
        self._account = (user, password)

    def proof(self) -> Proof:
        """The proof of one call."""
        return _NtlmProof(*self._account)


class _NtlmProof:
    """One call: as it is on a connection that is proven, else behind two messages without body."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._context: Any = None

    def first(self, request: Request, line: Line) -> Leg:
        """The request, or the message that offers NTLM in its place."""
        return Leg(request=request) if line.proven else self._offer(request, line)

    def next(self, request: Request, reply: Reply, line: Line) -> Leg | None:
        """The answer to a challenge; or a new beginning where the connection's proof is over."""
        if reply.status != 401:
            if line.proven or self._context is None or self._context.complete:
                line.proven = True
                return None
            self._context = None
            return Leg(request=request)  # nobody asked who we are; the body has not gone yet
        if line.proven and self._context is None:
            line.proven = False
            return self._offer(request, line)
        challenge = _NTLM.search(reply.headers.get("www-authenticate", ""))
        if challenge is None or self._context is None or self._context.complete:
            return None
        try:
            answer = self._context.step(base64.b64decode(challenge[1], validate=True))
        except (SpnegoError, ValueError):
            return None
        return Leg(request=_with(request, answer))

    def _offer(self, request: Request, line: Line) -> Leg:
        host = urlsplit(request.url).hostname or ""
        line.wired()
        self._context = spnego.client(
            self._user,
            self._password,
            hostname=host,
            service="HTTP",
            protocol="ntlm",
            channel_bindings=_bound(line.certificate()),
        )
        return Leg(request=replace(_with(request, self._context.step()), body=None), withheld=True)


def _with(request: Request, token: bytes | None) -> Request:
    text = base64.b64encode(token or b"").decode("ascii")
    return replace(request, headers={**request.headers, "Authorization": f"NTLM {text}"})


def _bound(certificate: bytes | None) -> GssChannelBindings | None:
    """The binding to the TLS connection that Windows may demand (`tls-server-end-point`)."""
    if certificate is None:
        return None
    name = "sha256"
    try:
        made = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
        if made is not None and made.name not in _WEAK:
            name = made.name
    except (ValueError, UnsupportedAlgorithm):
        return None
    digest = hashlib.new(name, certificate).digest()
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest)
