"""Fixtures of the adapters: raw peers, and clients that close themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
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
