"""Proofs of who we are that take more than one message: Digest, and NTLM on its own connection.

What a server answers with 401 it has not carried out; NTLM's first message has no body at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from threading import Lock
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import spnego
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import Field, SecretStr
from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from adapters.auth import Credentials
from adapters.http import Leg, Proof, Reply, Request
from adapters.wire import Line

_NTLM = re.compile(r"\bNTLM ([A-Za-z0-9+/=]+)")
_DIGEST = re.compile(r"\bdigest\s+", re.IGNORECASE)
_NEXT_SCHEME = re.compile(r",\s*[A-Za-z][\w-]*\s+[A-Za-z][\w-]*=")
_WEAK = ("md5", "sha1")  # for these a binding is made with SHA-256 (RFC 5929)


class Prover(Protocol):
    """Makes the proof of each call."""

    def proof(self) -> Proof:
        """The proof of one call."""
        ...


class Digest(Credentials):
    """A user and a password that never travel: a digest with the server's challenge does."""

    type: Literal["digest"]
    user: str = Field(repr=False)
    password: SecretStr

    def prover(self) -> DigestProver:
        """What remembers the server's challenge."""
        return DigestProver(self)


class DigestProver:
    """Remembers the last challenge, so that most calls need one message only."""

    def __init__(self, auth: Digest) -> None:
        self._auth, self._lock = auth, Lock()
        self._challenge: dict[str, str] | None = None
        self._count = 0

    def proof(self) -> Proof:
        """The proof of one call."""
        return _DigestProof(self)

    def header(self, request: Request) -> str | None:
        """The Authorization of *request* by the last challenge; None without one that we know."""
        with self._lock:
            challenge, self._count = self._challenge, self._count + 1
            count = self._count
        if challenge is None:
            return None
        maker: Any = HTTPDigestAuth(self._auth.user, self._auth.password.get_secret_value())
        maker.init_per_thread_state()
        maker._thread_local.chal = challenge
        maker._thread_local.last_nonce = challenge.get("nonce", "")
        maker._thread_local.nonce_count = count - 1
        made: str | None = maker.build_digest_header(request.method, request.url)
        return made

    def hear(self, reply: Reply) -> bool:
        """Take the challenge of *reply*; say whether there is one."""
        told = reply.headers.get("www-authenticate", "")
        begin = _DIGEST.search(told)
        if begin is None:
            return False
        rest = told[begin.end() :]
        end = _NEXT_SCHEME.search(rest)
        parse: Any = parse_dict_header
        challenge: dict[str, str | None] = parse(rest[: end.start()] if end else rest)
        with self._lock:
            self._challenge, self._count = {k: v or "" for k, v in challenge.items()}, 0
        return True


class _DigestProof:
    """One call: with the last challenge, and if that is over, once with the new one."""

    def __init__(self, prover: DigestProver) -> None:
        self._prover, self._tried = prover, False

    def first(self, request: Request, line: Line) -> Leg:
        """The request, proven already if a challenge is known."""
        del line
        return Leg(request=self._proven(request) or request)

    def next(self, request: Request, reply: Reply, line: Line) -> Leg | None:
        """The request once more, with the challenge of its refusal."""
        del line
        if reply.status != 401 or self._tried or not self._prover.hear(reply):
            return None
        self._tried = True
        proven = self._proven(request)
        return None if proven is None else Leg(request=proven)

    def _proven(self, request: Request) -> Request | None:
        header = self._prover.header(request)
        if header is None:
            return None
        return replace(request, headers={**request.headers, "Authorization": header})


class Ntlm(Credentials):
    """A Windows account, as `DOMAIN\\user`, proven once on each connection."""

    type: Literal["ntlm"]
    user: str = Field(repr=False)
    password: SecretStr

    def prover(self) -> NtlmProver:
        """What proves the account."""
        return NtlmProver(self)


class NtlmProver:
    """Makes the three messages of each new connection."""

    def __init__(self, auth: Ntlm) -> None:
        self._auth = auth

    def proof(self) -> Proof:
        """The proof of one call."""
        return _NtlmProof(self._auth)


class _NtlmProof:
    """One call: as it is on a connection that is proven, else behind two messages without body."""

    def __init__(self, auth: Ntlm) -> None:
        self._auth = auth
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
        user, password = self._auth.user, self._auth.password.get_secret_value()
        host = urlsplit(request.url).hostname or ""
        line.wired()
        self._context = spnego.client(
            user,
            password,
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
