"""`python -m benchmarks`: the naive loop, peers and the product, in turn, on one bench server each.

The tables show medians. Of what design §12 owes, the backfill of a million is `make bench-million`,
and the shop's calls for 100 stock levels are counted in tests/stock.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from benchmarks import peers, shares
from benchmarks.trial import Figures, Plan, marginal

POSTED, FAR_ORDERS = 20_000, 3000
Found = Mapping[str, Sequence[Figures]]


def compare(plan: Plan, tools: Sequence[str]) -> Found:
    """Measure them in turn, *rounds* times; raises AssertionError if they delivered other sums."""
    found: dict[str, list[Figures]] = {tool: [] for tool in tools}
    for n in range(plan.rounds):
        sums = set()
        for tool, rounds in found.items():
            figures, brought = marginal(tool, plan)
            rounds.append(figures)
            sums.add(brought)
            print(f"round {n + 1} {tool:9}  {line(figures)}", flush=True)
        assert len(sums) == 1, f"they delivered different sums: {sums}"
    return found


def line(f: Figures) -> str:
    """The figures as a row."""
    return f"{f.rate:8.0f} {f.cpu_ms:10.2f} {f.calls:11.3f} {f.rss:8.0f}"


def middle(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(**{name: median(getattr(f, name) for f in rounds) for name in Figures.__slots__})


def ratio(found: Found, tool: str) -> float:
    """How many times as fast as *tool* we are: the median of the rounds."""
    return median(o.rate / t.rate for o, t in zip(found["ours"], found[tool], strict=True))


def table(found: Found, plan: Plan, lacking: Mapping[str, str]) -> str:
    """The medians of all, and how many times as fast as each we are."""
    rows = [f"median of {plan.rounds} rounds, marginal ({plan.large} - {plan.small} orders),",
            f"5 lines an order, {plan.slots} slots, ERP latency {plan.latency:g} ms",
            f"{'':10} orders/s  CPU ms/ord  calls/order  RSS MB  ours / it"]  # fmt: skip
    rows += [f"{tool:10} {line(middle(f))}  {ratio(found, tool):9.2f}" for tool, f in found.items()]
    rows += [f"{tool:10} not measured: {why}" for tool, why in lacking.items()]
    return "\n".join(rows)


def owed(found: Found, plan: Plan) -> str:
    """The table of design §12: what is owed, and what was measured in this run."""
    ours, near = middle(found["ours"]), replace(plan, latency=0.0)
    rivals = {tool: ratio(found, tool) for tool in found if tool in peers.PEERS}
    nearest = min(rivals, key=rivals.__getitem__, default="")
    share, rejected = shares.far(near, FAR_ORDERS)
    raw = median(shares.httpclient(POSTED, plan.slots) for _ in range(plan.rounds))
    again = median(shares.unchanged(near) for _ in range(plan.rounds))
    rows = [
        ("against the naive loop", "4", f"{ratio(found, 'naive'):.2f}"),
        ("share of http.client, written beforehand", "0.25", f"{ours.rate / raw:.3f}"),
        (f"against the fastest peer ({nearest or 'none measured'})", "1.7",
         f"{rivals[nearest]:.2f}" if nearest else "-"),
        ("CPU ms an order", "0.65", f"{ours.cpu_ms:.2f}"),
        ("share of a 100 ms ERP, 16 slots unknown to us", "0.90", f"{share:.2f}"),
        ("rejected there", "< 2 %", f"{rejected:.1%}"),
        ("ERP calls a new order", "1", f"{ours.calls:.3f}"),
        ("unchanged records/s", "30000", f"{again:.0f}"),
        ("peak RSS of these runs, MB", "120", f"{ours.rss:.0f}"),
        ("connector --help, s", "0.2", f"{shares.help_seconds():.2f}"),
        ("first record after start, s", "1.5", f"{shares.first_seconds(near):.2f}"),
    ]  # fmt: skip
    return "\n".join(f"{what:52} {owes:>8} {found:>9}" for what, owes, found in
                     [("", "owed", "measured"), *rows])  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--small", type=int, default=500)
    parser.add_argument("--large", type=int, default=2000)
    parser.add_argument("--warm", type=int, default=100, help="orders delivered unmeasured before")
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.0, help="of the ERP, in milliseconds")
    parser.add_argument("--peers", nargs="*", choices=[*peers.PEERS], default=[*peers.PEERS])
    given = vars(parser.parse_args())
    chosen = given.pop("peers")
    plan, lacking = Plan(**given), peers.install(chosen)
    found = compare(plan, ["naive", *(p for p in chosen if p not in lacking), "ours"])
    print("", table(found, plan, lacking), "", owed(found, plan), "", sep="\n")
    ours = middle(found["ours"])
    print(
        f"bench: ratio={ratio(found, 'naive'):.2f} calls={ours.calls:.3f} cpu_ms={ours.cpu_ms:.2f}"
    )


if __name__ == "__main__":
    main()
