"""Who we say that we are, by each kind of `auth`; credentials meet requests only here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import ssl
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    model_validator,
)

from connector.ports import Clock

_DEFAULT_PORT = {"http": 80, "https": 443}
_TOKEN = re.compile(r"[!-~]+")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# what the wire needs for itself; a key under these names would break every call
_TAKEN = {"accept", "connection", "content-length", "content-type", "host", "soapaction"}
_TAKEN |= {"transfer-encoding", "user-agent"}


def _one_token(secret: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(secret.get_secret_value()):
        raise ValueError("it is empty, or holds a blank, a line end or a sign beyond ASCII")
    return secret


def _header_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.lower() in _TAKEN:
        raise ValueError("no HTTP header that can carry a key has this name")
    return name


_Token = Annotated[SecretStr, AfterValidator(_one_token)]


class Credentials(BaseModel):
    """One kind of `auth`; what it does not say it does not send."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def headers(self, method: str, url: str, clock: Clock) -> Mapping[str, str]:
        """HTTP headers of a request."""
        del method, url, clock
        return {}

    def address(self, url: str) -> str:
        """The address as it is called."""
        return url

    def prover(self) -> Any:
        """What proves who we are in several messages; None: one message says it all."""
        return None


class NoAuth(Credentials):
    """Nothing is said."""

    type: Literal["none"]


class Basic(Credentials):
    """A user and a password in every call."""

    type: Literal["basic"]
    user: str = Field(repr=False)
    password: SecretStr

    def headers(self, method: str, url: str, clock: Clock) -> Mapping[str, str]:
        """Give the Authorization header."""
        del method, url, clock
        pair = f"{self.user}:{self.password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


class Bearer(Credentials):
    """A token that somebody issued once, in every call."""

    type: Literal["bearer"]
    token: _Token

    def headers(self, method: str, url: str, clock: Clock) -> Mapping[str, str]:
        """Give the Authorization header."""
        del method, url, clock
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"}


class HeaderKey(Credentials):
    """A key in a header of the system's own, as `X-Api-Key` or `DOLAPIKEY`."""

    type: Literal["header"]
    name: Annotated[str, AfterValidator(_header_name)]
    key: _Token

    def headers(self, method: str, url: str, clock: Clock) -> Mapping[str, str]:
        """Give that header."""
        del method, url, clock
        return {self.name: self.key.get_secret_value()}


class QueryKey(Credentials):
    """A key in the query of every call, as `api_key`."""

    type: Literal["query"]
    name: str = Field(pattern="^[A-Za-z0-9_.~-]+$")
    key: _Token

    def address(self, url: str) -> str:
        """Add that parameter."""
        key = _encoded(self.key.get_secret_value())
        return f"{url}{'&' if '?' in url else '?'}{self.name}={key}"


class Body(Credentials):
    """Credentials that the profile's templates put into calls or its login, by its own names."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, SecretStr] = Field(init=False)

    type: Literal["body"]


class OAuth1(Credentials):
    """OAuth 1.0a with no token: the signature covers method, address and pairs, never JSON."""

    type: Literal["oauth1"]
    user: str = Field(repr=False)
    password: SecretStr
    hash: Literal["sha256", "sha1"] = "sha256"

    def headers(self, method: str, url: str, clock: Clock) -> Mapping[str, str]:
        """Sign this very request: fresh nonce, our clock."""
        oauth = {
            "oauth_consumer_key": self.user,
            "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": f"HMAC-{self.hash.upper()}",
            "oauth_timestamp": str(int(clock.now().timestamp())),
            "oauth_version": "1.0",
        }
        key = f"{_encoded(self.password.get_secret_value())}&".encode()
        base = signature_base(method, url, oauth).encode()
        digest = hmac.new(key, base, getattr(hashlib, self.hash)).digest()
        oauth["oauth_signature"] = base64.b64encode(digest).decode("ascii")
        return {
            "Authorization": "OAuth " + ", ".join(f'{k}="{_encoded(v)}"' for k, v in oauth.items())
        }


def revealed(auth: Credentials) -> dict[str, str]:
    """What templates on the wire may say as `conn.auth`; it goes into requests, nowhere else."""
    given = {**dict(auth), **(auth.model_extra or {})}
    plain = {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in given.items()}
    return {name: value for name, value in plain.items() if isinstance(value, str)}


class Tls(BaseModel):
    """Whom we believe, and by which certificate we are known; servers are always verified."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None

    @model_validator(mode="after")
    def _loads(self) -> Tls:
        try:
            self.context()
        except (ssl.SSLError, OSError, ValueError) as error:
            raise ValueError(f"it cannot be loaded: {_why(error)}") from None
        return self

    def context(self) -> ssl.SSLContext | None:
        """Make the context that trusts only *ca_file* and shows *cert_file*; None: the system's."""
        if self.ca_file is None and self.cert_file is None:
            return None
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.cert_file is not None:
            key = str(self.key_file) if self.key_file else None
            # a password for a key that needs one: OpenSSL would ask the terminal for it
            context.load_cert_chain(str(self.cert_file), key, password="")
        return context


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or type(error).__name__).lower().replace("_", " ")


def signature_base(method: str, url: str, oauth: Mapping[str, str]) -> str:
    """Make the text that is signed: what the shop will rebuild from its own home address."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, _DEFAULT_PORT.get(parts.scheme)) else f":{parts.port}"
    address = f"{parts.scheme}://{(parts.hostname or '').lower()}{port}{parts.path}"
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *oauth.items()]
    query = "&".join(f"{k}={v}" for k, v in sorted((_encoded(k), _encoded(v)) for k, v in pairs))
    return "&".join((method.upper(), _encoded(address), _encoded(query)))


def _encoded(text: str) -> str:
    return quote(text, safe="~")
