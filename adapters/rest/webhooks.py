"""What a system sends of its own accord: signed with a shared secret over the raw body."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from adapters.replies import key_of, said
from adapters.splitting import parse
from connector.profile import Webhooks
from connector.values import Forged, Heard, Hint, Ping


class Hints:
    """Judges messages by what a profile's `webhooks` says and the connection's *secret*."""

    def __init__(self, form: Webhooks, secret: str) -> None:
        self._form, self._secret = form, secret.encode()

    def parse(self, headers: Mapping[str, str], body: bytes) -> Heard:
        """Say what one message is. Nothing of an unsigned one is read but whether it pings."""
        signed = headers.get(self._form.header)
        if signed is None:
            return Ping() if self._pings(body) else Forged()
        if not self._genuine(signed, body):
            return Forged()
        try:
            names = {"headers": headers, "body": parse(body)}
        except ValueError:
            return Ping()
        entity, key = said(self._form.entity, names), key_of(said(self._form.key, names))
        if not isinstance(entity, str) or key is None:
            return Ping()
        version = said(self._form.version, names)
        return Hint(entity=entity, key=key, version=None if version is None else str(version))

    def _genuine(self, signed: str, body: bytes) -> bool:
        due = hmac.digest(self._secret, body, self._form.algorithm)
        if not signed.startswith(self._form.prefix):
            return False
        given = _decoded(signed.removeprefix(self._form.prefix).strip(), self._form.encoding)
        return given is not None and hmac.compare_digest(given, due)

    def _pings(self, body: bytes) -> bool:
        """A form with the one field, a number: WooCommerce asks so whether we are there."""
        if self._form.ping is None or len(body) > 100:
            return False
        fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
        return [name for name, value in fields if value.isdecimal()] == [self._form.ping] and (
            len(fields) == 1
        )


def _decoded(text: str, encoding: str) -> bytes | None:
    try:
        if encoding == "hex":
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
