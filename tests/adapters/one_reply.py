"""A shipped profile's adapter in front of a server that always gives one reply."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from answering import Fake, system

from connector.mapping.compile import compile_profile
from connector.mapping.load import load_profile
from connector.places import mappings_folder
from connector.problems import Problems
from connector.values import Change


def _profile(name):
    problems = Problems()
    made = compile_profile(load_profile(name, [mappings_folder()], problems), problems)
    problems.raise_if_any()
    return made.profile


_BODY = {"type": "body", "user": "u", "password": "p", "key": "k"}
_DOLIBARR = {"company": "1", "validate": False, "warehouse": "0"}
_KINDS = {
    "sandbox_erp": (_profile("sandbox_erp"), {"type": "none"}, {}),
    "dolibarr": (_profile("dolibarr"), _BODY, _DOLIBARR),
    "woocommerce": (_profile("woocommerce"), {"type": "oauth1", "user": "k", "password": "s"}, {}),
}


@contextmanager
def answered(name, status, headers, raw, **more):
    """The adapter of profile *name*; each of its calls gets this reply."""
    made, auth, conn = _KINDS[name]
    server = Fake(lambda request: (status, headers, raw))
    here = system(made, server.url, auth, conn={"url": server.url, "zone": "UTC"} | conn | more)
    try:
        yield here
    finally:
        here.close()
        server.close()


def change(payload, action="create", **more):
    """One change, to be sent within a minute."""
    before = datetime.now(UTC) + timedelta(minutes=1)
    given = {"id": 1, "action": action, "reference": "r", "payload": payload}
    return Change(**given | {"send_before": before} | more)
