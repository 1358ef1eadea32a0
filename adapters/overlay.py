"""What profile.yaml lays over a call: the one place where credentials meet a message."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from adapters.auth import Credentials, revealed
from adapters.place import Place
from connector.errors import FieldErrors, FieldFault
from connector.ports import Template
from connector.profile import Overlay, Profile

Names = Mapping[str, object]


class Laid:
    """The templates of a profile's overlay, with the names that one call gives them."""

    def __init__(self, profile: Profile, auth: Credentials, place: Place) -> None:
        self._overlay, self._clock = profile.overlay, place["clock"]
        self._known = {**place["conn"], "auth": revealed(auth)}
        self._staged = "session" in place
        self.is_empty = profile.overlay == Overlay()

    def names(self, session: Names) -> dict[str, object]:
        """The names of one call; made afresh for each: a nonce is used once."""
        nonce = "0" * 32 if self._staged else secrets.token_hex(16)
        names: dict[str, object] = {
            **{"conn": self._known, "session": session},
            **{"now": self._clock.now(), "nonce": nonce},
        }
        made: dict[str, object] = {}
        names["vars"] = made
        for name, template in self._overlay.vars.items():
            made[name] = template(names)
        return names

    def args(self, args: object, names: Names, own: Template | None = None) -> object:
        """Lay the overlay's `args`, then those of the service, over *args*."""
        return merged(args, self._overlay.args, own, names=names)

    def headers(self, headers: object, names: Names, own: Template | None = None) -> object:
        """Lay its `headers`, then those of the service, over *headers*."""
        return merged(headers, self._overlay.headers, own, names=names)

    def query(self, query: object, names: Names) -> object:
        """Lay its `query` over *query*."""
        return merged(query, self._overlay.query, names=names)

    def http_headers(
        self, names: Names, method: str, url: str, body: bytes | None, *, soap: bool = False
    ) -> dict[str, str]:
        """HTTP's headers; they may sign the request: method, url, path, query, body."""
        template = self._overlay.http_headers if soap else self._overlay.headers
        if template is None:
            return {}
        return texts(template({**names, "request": _request(method, url, body)}))


def _request(method: str, url: str, body: bytes | None) -> dict[str, object]:
    parts = urlsplit(url)
    place = {"method": method, "url": url, "path": parts.path, "query": parts.query}
    return {**place, "body": body or b""}


def merged(args: object, *templates: Template | None, names: Names) -> object:
    """Lay what *templates* make over *args*, tree by tree."""
    for template in templates:
        if template is not None:
            args = _over(args, template(names))
    return args


def texts(headers: object) -> dict[str, str]:
    """HTTP headers as a template made them: null is left out."""
    found = headers if isinstance(headers, Mapping) else {}
    return {str(name): str(value) for name, value in found.items() if value is not None}


def within(url: str, home: str, hosts: tuple[str, ...]) -> str:
    """Give *url* back if credentials may go there: to the connection's own host, or *hosts*."""
    there, here = urlsplit(url), urlsplit(home)
    name, own = (there.hostname or "").lower(), (here.hostname or "").lower()
    known = name == own or any(name == h or (h[:1] == "." and name.endswith(h)) for h in hosts)
    safe = there.scheme == "https" or (there.scheme == "http" and here.scheme == "http")
    if known and safe and "@" not in there.netloc:
        return url
    cure = "credentials go to the host of the connection, or to one of `session.hosts`"
    raise FieldErrors((FieldFault("endpoint", "foreign_address", cure),))


def _over(args: object, more: object) -> object:
    if not isinstance(args, Mapping) or not isinstance(more, Mapping):
        return args if more is None else more
    return {**args, **{k: _over(args.get(k), v) for k, v in more.items()}}
