"""Fixtures of the adapters: raw peers, and clients that close themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from answering import Fake, profile_of, system, wsdl_beside
from lists import ASK, ENTITY, REST, SOAP
from profiles_by_hand import RealClock, free_slot
from raw_peer import Peer

from adapters.http import Http


@pytest.fixture
def peer():
    peers = []

    def start(behave):
        peers.append(Peer(behave))
        return peers[-1]

    yield start
    for one in peers:
        one.close()


@pytest.fixture
def client():
    made = []

    def make(seconds=5.0, clock=None, **other):
        given = {"slot": free_slot, "clock": clock or RealClock()}
        made.append(Http(timeout=timedelta(seconds=seconds), **(given | other)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def listing(tmp_path):
    opened = []

    def open_with(
        walk, answer, *, args=ASK, more="", rest=None, times="utc", entity=ENTITY, **other
    ):
        action = f"actions: {{list: {{op: List, args: {args}, items: = reply.Row{more}}}}}\n"
        if rest is not None:
            action = f"actions: {{list: {rest}}}\n"
        wsdl_beside(tmp_path, "lists.wsdl")
        top = SOAP if rest is None else REST
        top += f"times: {times}\n"
        profile = profile_of(tmp_path, profile=top, order=f"{entity}walk: {{{walk}}}\n{action}")
        opened.append(fake := Fake(answer))
        auth = {"type": "bearer", "token": "tok-canary"}
        opened.append(made := system(profile, fake.url, auth, **other))
        return made, fake

    yield open_with
    for one in opened:
        one.close()
