"""REST with JSON: paths, queries and bodies as a profile gives them, numbers exact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Unpack
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from adapters.auth import Basic, Bearer, Body, HeaderKey, NoAuth, OAuth1, QueryKey, Tls
from adapters.decoded import decoded
from adapters.dialect import Query, Slice, told
from adapters.http import Http, Proof, Reply, Request
from adapters.logins import Held
from adapters.oauth2 import OAuth2
from adapters.overlay import Laid, texts, within
from adapters.place import Place
from adapters.proofs import Digest, Ntlm, Prover
from adapters.replies import Answer, strict
from adapters.rest.forms import KIND as FORM
from adapters.rest.forms import form
from adapters.rest.webhooks import Hints as Hints
from adapters.rest.xml import KIND as XML
from adapters.rest.xml import answer as answer_in_xml
from adapters.sessions import logins
from adapters.splitting import elements, parse, partly, payload
from adapters.system import System, client
from connector.errors import FieldErrors, FieldFault, Truncated
from connector.profile import Action, Profile, Step
from connector.values import Broken, Payload

_EMPTY = (201, 204)  # what was made is named by a header, or there is nothing to tell
_DECLARED = '<?xml version="1.0" encoding="UTF-8"?>\n'
_READERS = {"json": lambda text: parse(text.encode())}


class Settings(BaseModel):
    """What a REST connection needs beside its profile's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    auth: Annotated[
        Basic | Bearer | Body | Digest | HeaderKey | NoAuth | Ntlm | OAuth1 | OAuth2 | QueryKey,
        Field(discriminator="type"),
    ]
    tls: Tls = Tls()


class Rest(System):
    """A Source, Target and Probe over the REST interface that a profile describes."""

    def __init__(self, profile: Profile, settings: Settings, **place: Unpack[Place]) -> None:
        http = client(settings.tls, place)
        super().__init__(profile, RestDialect(profile, settings, http, place), http, place)


class RestDialect:
    """Calls under the base address that the profile gives."""

    def __init__(self, profile: Profile, settings: Settings, http: Http, place: Place) -> None:
        self._profile, self._auth, self._http = profile, settings.auth, http
        self._conn, self._clock = place["conn"], place["clock"]
        self._prover: Prover | None = settings.auth.prover()
        self._accepted = XML if profile.replies == "xml" else "application/json"
        self._laid = Laid(profile, settings.auth, place)
        self._tokens, self._sessions = logins(profile, settings.auth, http, place, self._enter)

    def call(self, query: Query) -> Answer:
        """Make one call. Raises FieldErrors and NotSent before it, Broke if no reply came."""
        return self._tokens.call(
            lambda token: self._sessions.call(lambda held: self._made(query, held.with_(token)))
        )

    def _proof(self) -> Proof | None:
        return self._prover.proof() if self._prover is not None else None

    def leave(self) -> None:
        """End the session, if there is one."""
        self._sessions.leave()

    def _enter(self, step: Step, held: Held) -> Answer:
        """Make a call of the session's own: what is laid over all others names what it makes."""
        known = self._laid.names(held.names)
        query = Query(entity="", step=step, names=known)
        return self._tokens.call(lambda token: self._made(query, held.with_(token), own=True))

    def _made(self, query: Query, held: Held, *, own: bool = False) -> Answer:
        step, names = query.step, query.names
        known = self._laid.names(held.names)
        method = (step.method or "GET").upper()
        path = str(step.path(names)) if step.path is not None else ""
        url = self._address(path, held)
        asked = step.query(names) if step.query is not None else None
        url = _queried(url, _pairs(asked if own else self._laid.query(asked, known)))
        headers, body = {"Accept": self._accepted, **held.headers}, None
        if method not in ("GET", "HEAD", "DELETE"):
            content = step.body(names) if step.body is not None else names.get("payload")
            headers["Content-Type"], body = _body(step, content, self._profile)
        if step.headers is not None:
            headers |= texts(step.headers(names))
        if not own:
            headers |= self._laid.http_headers(known, method, url, body)
        url = self._auth.address(url)
        signed = _queried(url, body.decode()) if body and step.send_as == "form" else url
        headers |= self._auth.headers(method, signed, self._clock)
        request = Request(method=method, url=url, headers=headers, body=body)
        session = self._profile.session
        if session is not None and step is session.logout:
            return _read(self._http.farewell(request, self._proof()), self._profile)
        reply = self._http.call(request, send_before=query.send_before, proof=self._proof())
        if query.arrived is not None:
            query.arrived(reply)
        answer = _read(reply, self._profile, listing=query.listing)
        return decoded(answer, step.decode, _READERS) if step.decode else answer

    def _address(self, path: str, held: Held) -> str:
        """A path below the base; or what the system itself gave as the address to go on with."""
        made = self._profile.base
        base = str(made({"conn": self._conn, "session": held.names})).rstrip("/") if made else ""
        if self._profile.session is not None:
            within(base, str(self._conn["url"]), self._profile.session.hosts)
        if not path.startswith(("http://", "https://")):
            return base + quote(path, safe="/%:@,;=~+$!*'()")
        there, here = urlsplit(path), urlsplit(base)
        if (there.scheme, there.netloc) != (here.scheme, here.netloc) or "#" in path:
            cure = "credentials go to the address of the connection only"
            raise FieldErrors((FieldFault("path", "foreign_address", cure),))
        return quote(path, safe="/%:@,;=~+$!*'()?&[]")

    def slices(
        self, action: Action, answer: Answer, asked: frozenset[str] = frozenset()
    ) -> Iterator[Slice]:
        """Cut a listing; the bytes are the shop's own where its reply is the list itself."""
        if action.items is not None or action.item is not None:
            return self._picked(action, answer)
        if self._profile.replies == "xml":
            raise Truncated(f"{action.name}: `items` must say where the rows of XML are")
        body = answer.http.body.strip()
        pieces = [body] if body[:1] == b"{" else elements(body)
        parsed = partly(asked)
        return (Slice(raw=raw, payload=parsed(raw)) for raw in pieces)

    def decode(self, entity: str, raw: bytes) -> Payload | Broken:
        """Parse a slice."""
        del entity
        return payload(raw)

    def time(self, moment: datetime) -> str:
        """Give UTC without its sign: the one form that WooCommerce reads right."""
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")

    def _picked(self, action: Action, answer: Answer) -> Iterator[Slice]:
        reply = parse(answer.http.body) if answer.reply == () else answer.reply
        names = {"conn": self._conn, **answer.names(), "reply": reply}
        template = action.items or action.item
        found = told(template, names, action.name) if template is not None else None
        rows = found if isinstance(found, list | tuple) else [found]
        if action.items is not None and action.name != "get" and rows is not found:
            if found is not None or answer.vague or isinstance(reply, list):
                raise Truncated(f"{action.name}: there is no list where `items` looks for it")
            # null is no rows; no word of it at all is no list
            sure = strict(reply, xml=self._profile.replies == "xml")
            told(action.items, {**names, "reply": sure}, action.name)
            return
        for item in rows:
            raw = _encoded(item, numbers=True)
            yield Slice(raw=raw, payload=payload(raw))


def _body(step: Step, content: object, profile: Profile) -> tuple[str, bytes]:
    """Encode a body as its step is sent; gives its kind too."""
    if step.send_as == "form":
        return FORM, form(content)
    if step.send_as == "xml":  # its text is made where the tree is
        return f"{XML}; charset=utf-8", f"{_DECLARED}{content}".encode()
    return "application/json", _encoded(content, numbers=profile.numbers == "json")


def _read(reply: Reply, profile: Profile, *, listing: bool = False) -> Answer:
    """Read a reply as the profile says."""
    if profile.replies != "xml" or (reply.status in _EMPTY and not reply.body.strip()):
        return _answer(reply, listing=listing)
    return answer_in_xml(reply, profile.lists)


def _answer(http: Reply, *, listing: bool) -> Answer:
    """Parse a reply; a listing that is a list itself is only cut later."""
    if listing and http.status == 200 and http.body.lstrip()[:1] != b"{":
        return Answer(http=http, reply=())
    if http.status in _EMPTY and not http.body.strip():
        return Answer(http=http, empty=True)
    try:
        return Answer(http=http, reply=parse(http.body))
    except ValueError:
        return Answer(http=http, clean=False)


def _encoded(content: object, *, numbers: bool = False) -> bytes:
    """Encode a body; exact numbers travel as text, or as *numbers* of JSON."""
    encoder = msgspec.json.Encoder(decimal_format="number" if numbers else "string")
    try:
        return encoder.encode(content)
    except (TypeError, ValueError) as error:
        fault = FieldFault("body", "not_json", "give text, numbers, lists and trees only")
        raise FieldErrors((fault,)) from error


def _queried(url: str, pairs: str) -> str:
    """An address with more in its query; OAuth 1 signs a form as if it were part of it."""
    return f"{url}{'&' if '?' in url else '?'}{pairs}" if pairs else url


def _pairs(query: object) -> str:
    """Encode a query; lists become comma lists (an OAuth signature fails over arrays)."""
    pairs = []
    for name, value in query.items() if isinstance(query, Mapping) else ():
        if isinstance(value, list | tuple):
            value = ",".join(str(one) for one in value)
        if isinstance(value, bool):
            value = "true" if value else "false"
        if value not in (None, ""):
            pairs.append((str(name), str(value)))
    return urlencode(pairs, quote_via=quote, safe="~")
