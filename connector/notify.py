"""What systemd is told: ready, alive, stopping; nothing where no systemd listens."""

from __future__ import annotations

import os
import socket

WAIT = 0.2  # seconds for a manager that does not listen: we have other things to do


def notify(word: str) -> None:
    """Send *word* (`READY=1`) to the manager that `NOTIFY_SOCKET` names; without it, nothing."""
    place = os.environ.get("NOTIFY_SOCKET")
    if not place:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(WAIT)
        try:
            channel.connect("\0" + place[1:] if place.startswith("@") else place)
            channel.send(word.encode())
        except OSError:
            return  # a manager that is away must not end the daemon
