"""WS-Security: the UsernameToken, as text or as a digest that is good for one call."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal
from xml.sax.saxutils import escape

from pydantic import SecretStr

from adapters.auth import Credentials

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_WSSE, _WSU = f"{_OASIS}wssecurity-secext-1.0.xsd", f"{_OASIS}wssecurity-utility-1.0.xsd"
_TOKEN = f"{_OASIS}username-token-profile-1.0#"
_BASE64 = f"{_OASIS}soap-message-security-1.0#Base64Binary"


class Wsse(Credentials):
    """A user and a password in the header of every message. *timestamp*: how long it is good."""

    type: Literal["wsse"]
    user: str
    password: SecretStr
    send: Literal["text", "digest"] = "digest"
    timestamp: Literal["true", "false"] = "false"

    def block(self, now: datetime, nonce: bytes | None = None) -> str:
        """The Security block of one message: a fresh *nonce*, our clock."""
        nonce = nonce or secrets.token_bytes(16)
        created, password = _told(now), self.password.get_secret_value()
        if self.send == "digest":
            text = nonce + created.encode() + password.encode()
            made = hashlib.sha1(text, usedforsecurity=False).digest()  # the standard has no other
            password = base64.b64encode(made).decode("ascii")
        kind = "PasswordDigest" if self.send == "digest" else "PasswordText"
        token = (
            f"<wsse:UsernameToken><wsse:Username>{escape(self.user)}</wsse:Username>"
            f'<wsse:Password Type="{_TOKEN}{kind}">{escape(password)}</wsse:Password>'
            f'<wsse:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode("ascii")}'
            f"</wsse:Nonce><wsu:Created>{created}</wsu:Created></wsse:UsernameToken>"
        )
        expires = _told(now + timedelta(minutes=5))
        stamp = (
            f"<wsu:Timestamp><wsu:Created>{created}</wsu:Created>"
            f"<wsu:Expires>{expires}</wsu:Expires></wsu:Timestamp>"
        )
        return (
            f'<wsse:Security xmlns:wsse="{_WSSE}" xmlns:wsu="{_WSU}" soap:mustUnderstand="1">'
            f"{stamp if self.timestamp == 'true' else ''}{token}</wsse:Security>"
        )


def _told(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
