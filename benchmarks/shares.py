"""What is measured beside the orders of the large runs: shares of what is possible, and starts."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.trial import AGE, CONNECTOR, Plan, asked, run, served

LATENCY = 100.0  # of the far ERP, in milliseconds
CAPACITY = 16  # calls that it does at once; we may make four times as many
STARTS = 3


def httpclient(orders: int, slots: int) -> float:
    """Orders a second that http.client posts, written beforehand, with as many connections."""
    with served(1, datetime.now(UTC).replace(microsecond=0) - AGE) as url:
        command = [sys.executable, "-m", "benchmarks.client", "--url", url]
        command += ["--orders", str(orders), "--slots", str(slots)]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        came = asked(url)["orders"]
        assert came == orders, f"http.client: {came} of {orders} orders came"
    return orders / float(json.loads(out)["seconds"])


def far(plan: Plan, orders: int) -> tuple[float, float]:
    """Our share of what a far ERP can do whose capacity we do not know; what it rejected of all."""
    beyond = replace(plan, latency=LATENCY, capacity=CAPACITY, slots=4 * CAPACITY)
    took = run("ours", orders, beyond)
    share = orders / took["seconds"] / (CAPACITY / (LATENCY / 1000))
    return share, took["rejected"] / took["calls"]


def unchanged(plan: Plan) -> float:
    """How many unchanged records a second we read and skip."""
    return float(run("ours", plan.large, plan, again=True)["again"])


def help_seconds() -> float:
    """How long `connector --help` takes: the best of some."""
    return min(_seconds([*CONNECTOR, "--help"]) for _ in range(STARTS))


def first_seconds(plan: Plan) -> float:
    """From the start of `connector flow sync` to its first order at the ERP: the best of some."""
    return min(_first(plan) for _ in range(STARTS))


def _seconds(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _first(plan: Plan) -> float:
    born = datetime.now(UTC).replace(microsecond=0) - AGE
    with (
        served(plan.warm + 1, born + timedelta(seconds=5)) as url,
        tempfile.TemporaryDirectory() as folder,
    ):
        words = ["--url", url, "--folder", folder, "--born", born.isoformat()]
        words += ["--warm", str(plan.warm), "--only-warm"]
        subprocess.run([sys.executable, "-m", "benchmarks.ours", *words], check=True)
        asked(url)
        began = time.monotonic()
        config = Path(folder, "config.yaml")
        command = [*CONNECTOR, "flow", "sync", "orders"]
        subprocess.run([*command, "--config", config], check=True, stdout=subprocess.DEVNULL)
        return float(asked(url)["began"]) - began
