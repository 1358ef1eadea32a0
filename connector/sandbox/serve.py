"""One sandbox as a process: seeded if asked, announced by one line, ended by a signal."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connector.sandbox.erp import start_erp
from connector.sandbox.seed import seed_erp, seed_shop, skus
from connector.sandbox.shop import start_shop

PRODUCTS, CUSTOMERS, ORDERS = 40, 80, 250


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line may say."""

    data: Path
    port: int = 0
    faults: str = "[]"
    zone: str = ""
    address: str = ""
    seed_demo: bool = False
    tls: tuple[Path, Path] | None = None


def rules(text: str) -> list[dict[str, Any]]:
    """Fault rules of a JSON text or of the file it names."""
    raw = text if text.lstrip().startswith("[") else Path(text).read_text()
    found = json.loads(raw)
    if not isinstance(found, list):
        raise ValueError("faults are a JSON list of rules")
    return found


def seed(kind: str, data: Path) -> None:
    """Write the demo's goods and orders unless they are there."""
    if data.exists():
        return
    if kind == "erp":
        seed_erp(data, items=skus(PRODUCTS))
    else:
        since = datetime.now(UTC) - timedelta(hours=1)
        counts = {"products": PRODUCTS, "customers": CUSTOMERS, "orders": ORDERS}
        seed_shop(data, seed=1, born_after=since, **counts)


def serve(kind: str, options: Options, say: Callable[[str], object]) -> None:
    """Serve a shop or an ERP until SIGTERM or SIGINT; *say* gets the line that it is ready."""
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    faults = rules(options.faults)
    if options.seed_demo:
        seed(kind, options.data)
    common: dict[str, Any] = {
        "port": options.port,
        "zone": options.zone,
        "address": options.address,
    }
    if kind == "shop":
        running = start_shop(options.data, tls=options.tls, **common)
        access = "key=ck_sandbox secret=cs_sandbox"
    else:
        running = start_erp(options.data, **common)
        access = "wsdl=/soap?wsdl user=sandbox password=sandbox"
    with running:
        running.faults(faults)
        say(f"{kind} ready url={running.url} {access}")
        done.wait()
