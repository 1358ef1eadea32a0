"""Proofs of who we are that take more than one message: Digest, and NTLM (adapters.ntlm).

What a server answers with 401 it has not carried out.
"""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from threading import Lock
from typing import Any, Literal, Protocol

from pydantic import Field, SecretStr
from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header

from adapters.auth import Credentials
from adapters.http import Leg, Proof, Reply, Request
from adapters.wire import Line

_DIGEST = re.compile(r"\bdigest\s+", re.IGNORECASE)
_NEXT_SCHEME = re.compile(r",\s*[A-Za-z][\w-]*\s+[A-Za-z][\w-]*=")


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

    def prover(self) -> Prover:
        """What proves the account; loaded for those who have one: its libraries take 12 MB."""
        made: Prover = import_module("adapters.ntlm").Prover(
            self.user, self.password.get_secret_value()
        )
        return made
