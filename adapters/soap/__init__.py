"""SOAP 1.1 and 1.2, rpc and document: the contract from a file, our own post, a tolerant reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Unpack

import msgspec
from lxml import etree
from pydantic import BaseModel, ConfigDict, Field

from adapters.auth import Basic, Bearer, Body, HeaderKey, NoAuth, QueryKey, Tls
from adapters.decoded import decoded
from adapters.dialect import Query, Slice, told
from adapters.elements import parsed
from adapters.http import Http, Proof, Reply, Request
from adapters.logins import Held
from adapters.oauth2 import OAuth2
from adapters.overlay import Laid, within
from adapters.place import Place
from adapters.proofs import Digest, Ntlm, Prover
from adapters.replies import Answer
from adapters.sessions import logins
from adapters.soap import addressing
from adapters.soap.compiled import Messages
from adapters.soap.header import headed, with_block
from adapters.soap.reader import Node, inner, read, tree
from adapters.soap.services import Services
from adapters.splitting import parse as json
from adapters.splitting import payload
from adapters.system import System, client
from adapters.wsse import Wsse
from connector.errors import Bug, Truncated
from connector.profile import Action, Profile, Step
from connector.values import Broken, Payload

_JSON = msgspec.json.Encoder(decimal_format="number")


def json_of(text: str) -> object:
    """Read the JSON that a string holds. Raises ValueError."""
    return json(text.encode())


class Settings(BaseModel):
    """What a SOAP connection needs beside its profile's parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    auth: Annotated[
        Basic | Bearer | Body | Digest | HeaderKey | NoAuth | Ntlm | OAuth2 | QueryKey | Wsse,
        Field(discriminator="type"),
    ]
    tls: Tls = Tls()


class Soap(System):
    """A Source, Target and Probe over the SOAP services that a profile describes."""

    def __init__(self, profile: Profile, settings: Settings, **place: Unpack[Place]) -> None:
        http = client(settings.tls, place)
        super().__init__(profile, SoapDialect(profile, settings, http, place), http, place)


class SoapDialect:
    """Messages by the contract, posted to the endpoints that the profile names."""

    def __init__(self, profile: Profile, settings: Settings, http: Http, place: Place) -> None:
        self._profile, self._auth, self._http = profile, settings.auth, http
        self._conn, self._zone, self._clock = place["conn"], place["zone"], place["clock"]
        self._messages = Messages(self._zone)
        self._prover: Prover | None = settings.auth.prover()
        self._laid = Laid(profile, settings.auth, place)
        self._tokens, self._sessions = logins(profile, settings.auth, http, place, self._enter)
        self._services = Services(profile)

    def call(self, query: Query) -> Answer:
        """Post one message. Raises FieldErrors and NotSent before it, Broke if no reply came."""
        return self._tokens.call(
            lambda token: self._sessions.call(lambda held: self._post(query, held.with_(token)))
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
        return self._tokens.call(lambda token: self._post(query, held.with_(token), own=True))

    def _post(self, query: Query, held: Held, *, own: bool = False) -> Answer:
        service, contract, operation = self._services.of(query.entity, query.step)
        names = dict(query.names)
        payload = names.get("payload")
        if query.updating and isinstance(payload, Mapping):
            # what became empty is cleared there; left out it would stay as it was
            names["payload"] = {k: "" if v is None else v for k, v in payload.items()}
        args = names.get("payload") if query.step.args is None else query.step.args(names)
        blocks = query.step.headers(names) if query.step.headers is not None else None
        url = str(service.endpoint({"conn": self._conn, "session": held.names}))
        headers = {**operation.headers, **held.headers}
        known: dict[str, object] = {}
        laid = not own and not (self._laid.is_empty and service.args is service.headers is None)
        if laid:
            known = self._laid.names(held.names)
            args = self._laid.args(args, known, service.args)
            blocks = self._laid.headers(blocks, known, service.headers)
        body = self._messages.write(operation, args, query.missing)
        if blocks is not None:
            body = headed(body, operation, contract, blocks, self._zone)
        if service.addressing:
            body = with_block(body, addressing.block(operation, contract, url))
        if isinstance(self._auth, Wsse):
            body = with_block(body, self._auth.block(self._clock.now()))
        if laid:
            headers |= self._laid.http_headers(known, "POST", url, body, soap=True)
        if self._profile.session is not None:
            within(url, str(self._conn["url"]), self._profile.session.hosts)
        url = self._auth.address(url)
        headers |= self._auth.headers("POST", url, self._clock)
        reply = self._sent(Request(method="POST", url=url, headers=headers, body=body), query)
        answer = read(reply, operation, contract)
        readers = {"json": json_of, "xml": lambda text: inner(text, service.lists)}
        return decoded(answer, query.step.decode, readers) if query.step.decode else answer

    def _sent(self, request: Request, query: Query) -> Reply:
        session = self._profile.session
        if session is not None and query.step is session.logout:
            return self._http.farewell(request, self._proof())
        reply = self._http.call(request, send_before=query.send_before, proof=self._proof())
        if query.arrived is not None:
            query.arrived(reply)
        return reply

    def slices(
        self, action: Action, answer: Answer, asked: frozenset[str] = frozenset()
    ) -> Iterator[Slice]:
        """Give each item of a listing in canonical form."""
        del asked  # a reply is a tree already
        template = action.items or action.item
        if template is None:
            raise Bug(f"{self._profile.name}: {action.name} needs `items` or `item`")
        found = told(template, {"conn": self._conn, **answer.names()}, action.name)
        if answer.vague and action.name != "get" and (found is None or found == ""):
            raise Truncated(f"{action.name}: silence where no contract says what it means")
        for item in found if isinstance(found, list | tuple) else [found]:
            if isinstance(item, Node):
                yield Slice(raw=item.raw(), payload=item)
            elif isinstance(item, Mapping):  # of a JSON document in a string
                yield Slice(raw=_JSON.encode(item), payload=item)
            elif item is not None:
                raise Truncated(f"{action.name}: an item that is no element of the reply")

    def decode(self, entity: str, raw: bytes) -> Payload | Broken:
        """Parse a slice by the shape that it has in the replies of this entity."""
        if raw[:1] == b"{":
            return payload(raw)
        element = parsed(raw)
        if element is None:
            return Broken(at="", code="unparseable", raw=raw)
        try:
            name = etree.QName(element).localname
            read_again = tree(element, *self._services.item(entity, name))
        except ValueError:
            return Broken(at="", code="not_a_tree", raw=raw)
        if not isinstance(read_again, Node):
            return Broken(at="", code="not_a_tree", raw=raw)
        return read_again

    def time(self, moment: datetime) -> datetime:
        """Bounds are moments; the contract's type gives them their form."""
        return moment
