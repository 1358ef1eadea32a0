"""OAuth 2: a token for this program's own account, kept in memory, renewed before it is over."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlencode, urlsplit

from pydantic import AfterValidator, SecretStr

from adapters.auth import Credentials
from adapters.http import Broke, Http, Request
from adapters.lent import Lent, usable
from adapters.logins import Denied, Held
from adapters.replies import Answer, code_of
from adapters.splitting import parse

_EARLY = timedelta(seconds=60)  # before its end: a call may wait and take its time
_LOCAL = ("127.0.0.1", "localhost", "::1")


def _safe_address(text: str) -> str:
    parts = urlsplit(text)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not secure or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise ValueError("it is no https:// address")
    return text


class OAuth2(Credentials):
    """Client credentials; with a *refresh_token*, the account that a person once lent us.

    *send*: where the token endpoint looks for the client: in HTTP Basic, or in the form.
    *refresh_token_file*: where that token is, and where each that renews it is put.
    """

    type: Literal["oauth2"]
    token_url: Annotated[str, AfterValidator(_safe_address)]
    client_id: str
    client_secret: SecretStr = SecretStr("")
    scope: str = ""
    audience: str = ""
    refresh_token: SecretStr | None = None
    refresh_token_file: Annotated[Path, AfterValidator(usable)] | None = None
    send: Literal["basic", "form"] = "basic"


class OAuth2Entry:
    """An Entry by a token endpoint."""

    def __init__(self, auth: OAuth2, http: Http) -> None:
        self._auth, self._http = auth, http
        lent = auth.refresh_token
        self._refresh = lent.get_secret_value() if lent is not None else None
        self._lent = Lent(auth.refresh_token_file) if auth.refresh_token_file else None

    def enter(self) -> Held:
        """Ask for a token; see Entry. A refresh token that the reply renews is the next one."""
        if self._lent is None:
            return self._entered()
        with self._lent.held() as self._refresh:
            return self._entered()

    def _entered(self) -> Held:
        reply = self._http.call(self._request())
        said = _object(reply.body)
        answer = Answer(http=reply, reply=said)
        if reply.status in (400, 401, 403) and said is not None:
            raise Denied(answer, code_of(said.get("error")) or f"http_{reply.status}")
        token = said.get("access_token") if said is not None else None
        if reply.status != 200 or said is None or not isinstance(token, str) or not token:
            raise Broke(f"http_{reply.status}" if reply.status != 200 else "without_token",
                        sent=False)  # fmt: skip
        if str(said.get("token_type", "bearer")).lower() != "bearer":
            raise Broke("another_token_type", sent=False)
        if isinstance(renewed := said.get("refresh_token"), str) and self._refresh is not None:
            self._refresh = renewed
            if self._lent is not None:
                self._lent.keep(renewed)
        return Held(headers={"Authorization": f"Bearer {token}"}, lasts=_lasts(said))

    def over(self, answer: Answer) -> bool:
        """Whether the token is no longer taken."""
        return answer.http.status == 401

    def leave(self, held: Held) -> None:
        """Nothing: a token ends by itself."""
        del held

    def _request(self) -> Request:
        auth, secret = self._auth, self._auth.client_secret.get_secret_value()
        form = {"grant_type": "client_credentials"}
        if self._refresh is not None:
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh}
        form |= {k: v for k, v in (("scope", auth.scope), ("audience", auth.audience)) if v}
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        if auth.send == "form":
            form |= {"client_id": auth.client_id, "client_secret": secret}
        else:  # RFC 6749, 2.3.1: each of the pair is encoded by itself
            pair = f"{quote(auth.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
        body = urlencode(form).encode()
        return Request(method="POST", url=auth.token_url, headers=headers, body=body)


def _lasts(said: Mapping[str, object]) -> timedelta | None:
    seconds = str(said.get("expires_in", ""))
    if not (seconds.isascii() and seconds.isdigit()):
        return None
    return max(timedelta(seconds=int(seconds[:9])) - _EARLY, timedelta(seconds=1))


def _object(body: bytes) -> Mapping[str, object] | None:
    try:
        found = parse(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
