"""The course of one run: a storm of misfortunes upon a working daemon, calm, the count."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from connector.demo.count import count, stock_wrong
from connector.demo.scene import BUFFER
from connector.demo.scene import storm as erp_weather

from .audit import Result, judge
from .hazards import HAZARDS, Struck
from .world import Size, World, wait

Say = Callable[[str], None]
TICK = 0.05
LIFE = (2.0, 20.0)  # seconds from its readiness until a daemon is killed
LONGER = (8.0, 20.0)  # of one that is to end at a crash point
PAUSE = (2.0, 6.0)  # seconds from one misfortune to the next
WORK = 10  # documents written in the ERP between two misfortunes, or so many seconds:
BREATH = 12.0
GRACE = 8.0  # seconds longer that one lasts which has met nobody yet
KINDS_IN_A_RUN = 7
STRIDE = 7  # crash points that a run comes to, or nearly so
COUNTED = 0.2  # shelves a tick
THERE = 0.85  # of the orders, before the storm ends
HOUR, MINUTE = 3600.0, 60.0
LED = 2.0  # seconds between two steps of leading a life to its point
HEALING = 45.0  # seconds more of calm for each that killed and is corrected
QUIET = 24  # looks, half a second apart: longer than the slowest flow waits between two turns
POINTS = (
    "claim.before_commit", "intent.none_sent", "started.before_send", "send.half_written",
    "send.before_reply", "reply.before_outcome", "outcome.before_commit", "outcome.group_half",
    "outcome.committed", "step1.before_step2", "find.before", "find.absent_before_commit",
    "find.found_before_link", "resend.after_absent", "hold.between_check_and_commit",
    "claimrow.taken", "page.fetched", "page.mapped", "page.before_commit", "page.committed",
    "walk.before_safe", "hint.before_commit", "hint.committed_before_200",
    "hint.read_before_close", "intent.some_sent", "notsent.withdraw", "parse.kills_process",
    "release.before_commit", "snapshot.before_seal", "bulk.sent", "bulk.reply_partial",
    "split.kills_process", "reload.mid_batch",
)  # fmt: skip
# What a life does not come to by itself, and how it is led there, again and again.
LEADS: dict[str, Callable[[World], None]] = {
    "resend.after_absent": lambda world: world.pass_(MINUTE),  # S4: it lies behind `settle`
    "reload.mid_batch": lambda world: world.reload(),
}
FIRST_POINTS = ("send.before_reply", "reply.before_outcome", "outcome.before_commit")


def climate(seed: int) -> dict[str, list[dict[str, Any]]]:
    """What goes wrong all the time, on both sides, at low shares."""
    spoiled = ("garbage", "text_before", "half_reply", "accepted_html")
    orders = ["CreateSalesOrder", "UpdateSalesOrder", "ReleaseSalesOrder", "CreateCustomer"]
    writes: list[dict[str, Any]] = erp_weather(seed)
    writes += [
        {"fault": fault, "ops": orders, "share": 0.02, "seed": seed + n}
        for n, fault in enumerate(spoiled)
    ]
    reads = ("unavailable", "commit_then_cut", "half_reply", "garbage", "slow", "commit_then_hang")
    shop = [
        {"fault": fault, "share": 0.004, "seed": seed + n, "seconds": 1.0}
        for n, fault in enumerate(reads)
    ]
    return {"erp": writes, "shop": shop}


def weather(world: World) -> None:
    """Let it begin."""
    for kind, rules in climate(world.seed).items():
        world.rule(kind, "weather", rules)


def promised(kinds: list[str], on: Sequence[str] = ("sqlite",)) -> set[str]:
    """What should have happened once at least, when enough runs are over *on* those ledgers."""
    kinds = [name for name in kinds if HAZARDS[name].on in ("", *on)]
    faults = {f"{kind} {r['fault']}" for kind, rules in climate(1).items() for r in rules}
    return {*kinds, *faults, *POINTS}


class Storm:
    """Misfortunes one after the other, each dealt before any comes again."""

    def __init__(self, world: World, kinds: list[str], first: Sequence[str] = ()) -> None:
        self.world = world
        self._deck = list(kinds)
        left = dealt(kinds, world.seed, KINDS_IN_A_RUN)
        # What only few runs can meet comes first in those.
        self._left = sorted(left, key=lambda name: HAZARDS[name].on != "postgresql")
        self._open: dict[str, tuple[float, Struck, ExitStack]] = {}
        self._next = self._since = time.monotonic()
        self._written = world.written()
        # Those that no run before came to, and then all in their order.
        self._missing = set(first)
        rest = [p for p in dealt(POINTS, world.seed, STRIDE) if p not in self._missing]
        self._points = deque([*first, *rest])
        self._point = ""
        self._led = 0.0
        self._born = 0.0
        self._dies: float | None = None

    def act(self, now: float) -> None:
        """End what is over, begin what is due, see to the daemon."""
        for name, (until, struck, _) in list(self._open.items()):
            if now >= until and (struck() or now >= until + GRACE):
                self._over(name)
        self._see_to_the_daemon(now)
        if not self._open and self._deck and self._rested(now):
            self._begin(now)

    def end(self) -> None:
        """End everything."""
        for name in list(self._open):
            self._over(name)

    def _over(self, name: str) -> None:
        _, struck, stack = self._open.pop(name)
        self.world.tally.count(name, struck=struck())
        stack.close()
        self._since = time.monotonic()
        self._next = self._since + self.world.dice.uniform(*PAUSE)
        self._written = self.world.written()

    def _rested(self, now: float) -> bool:
        """Is there work in hand again that it can meet? Not for ever: a machine may be slow."""
        if now < self._next:
            return False
        return self.world.written() >= self._written + WORK or now > self._since + BREATH

    def _begin(self, now: float) -> None:
        if not self._left:
            self._left = list(self._deck)
            self.world.dice.shuffle(self._left)
        name = self._left.pop(0)
        one = HAZARDS[name]
        if one.once:
            self._deck.remove(name)
        stack = ExitStack()
        struck = stack.enter_context(one.begin(self.world))
        self._open[name] = (now + self.world.dice.uniform(one.least, one.most), struck, stack)

    def _see_to_the_daemon(self, now: float) -> None:
        world = self.world
        if world.died():
            world.buried()
            self._born = now + world.dice.uniform(0.0, 0.6)
        if world.daemon is not None and self._dies is None and world.ready():
            self._dies = now + world.dice.uniform(*(LONGER if self._point else LIFE))
        if world.daemon is not None and self._dies is not None and self._point in LEADS:
            self._lead(now)
        if world.daemon is not None and self._dies is not None and now >= self._dies:
            world.kill()
            self._born = now
        if world.daemon is None and now >= self._born:
            young = world.dice.random() < 0.1
            self._dies = now + world.dice.uniform(0.1, 1.5) if young else None
            world.start(self._drawn() if world.dice.random() < 0.6 else self._none())

    def _lead(self, now: float) -> None:
        """Lead the life that has come to work to its point."""
        if now >= self._led + LED:
            self._led = now
            LEADS[self._point](self.world)

    def _none(self) -> str:
        """No point for the next life; the last one's is drawn again later if it was not reached."""
        if self._point and self._point not in self.world.tally.points:
            self._points.append(self._point)
            self._missing.add(self._point)
        self._point = ""
        return ""

    def _drawn(self) -> str:
        """A point at which the next life ends."""
        self._none()
        self._point = self._points.popleft()
        nth = self.world.dice.choice((1, 1, 1, 2, 3, 5))
        return f"{self._point}:{1 if self._point in self._missing else nth}"


def dealt(names: Sequence[str], seed: int, stride: int) -> deque[str]:
    """All of them, each run beginning elsewhere, so that some runs in a row come to each."""
    deck = deque(names)
    random.Random("dealt").shuffle(deck)
    deck.rotate(-seed * stride)
    return deck


def play(
    world: World, say: Say, kinds: list[str] | None = None, first: Sequence[str] = ()
) -> Result:
    """One run from its start to its count."""
    weather(world)
    first_life(world)
    storm = Storm(world, [k for k in sorted(kinds or HAZARDS) if HAZARDS[k].fits(world)], first)
    began = time.monotonic()
    while storming(world, (now := time.monotonic()) - began):
        world.shopping.act(now)
        if world.dice.random() < COUNTED:
            world.shelves.act()
        storm.act(now)
        wait(TICK)
    storm.end()
    world.tally.there = world.there()
    world.shopping.finish()
    world.no_rules()
    calm(world, say)
    return judge(world)


def first_life(world: World) -> None:
    """It ends at a point that each comes to, however slow the machine is."""
    world.start(f"{world.dice.choice(FIRST_POINTS)}:1")
    until = time.monotonic() + world.size.calm
    while not world.died() and (now := time.monotonic()) < until:
        world.shopping.act(now)
        wait(TICK)


def storming(world: World, since: float) -> bool:
    """Goes on for its time, and until most orders met it, at most twice as long."""
    if since < world.size.storm or since > 2 * world.size.storm:
        return since < world.size.storm
    return world.tally.starts < world.size.lives or world.there() < THERE


def calm(world: World, say: Say) -> None:
    """Everything behaves: let a fresh daemon finish, and let hours pass for what waits for one."""
    world.kill()
    world.start()
    until = time.monotonic() + world.size.calm
    quiet, passed, healed = 0, time.monotonic(), 0
    while quiet < QUIET and (now := time.monotonic()) < until:
        if world.died():
            world.buried()
            world.start()
        if len(world.tally.healed) > healed:
            healed, until = healed + 1, until + HEALING
        at_rest = not world.heal() and not world.busy() and everything_is_there(world)
        quiet = quiet + 1 if at_rest else 0
        if now - passed > 12:
            world.pass_(HOUR)
            passed = now
        wait(0.5)
    if quiet < QUIET:
        say(f"  it has not come to rest within {world.size.calm:.0f} s")
    for how, order in world.poisoned.items():
        world.tally.odd.append(f"order {order} {how} and is not held for it")
    if world.tally.healed:
        say(f"  held, told, and delivered once corrected: {', '.join(world.tally.healed)}")
    world.stop()


def everything_is_there(world: World) -> bool:
    """Has the last order, the last change and the last shelf come through?"""
    shop, erp = world.folder / "shop.db", world.folder / "erp.db"
    return count(shop, erp).clean and not stock_wrong(shop, erp, BUFFER)


def run_one(
    folder: Path,
    seed: int,
    size: Size,
    say: Say,
    broken: str = "",
    kinds: list[str] | None = None,
    *,
    first: Sequence[str] = (),
    postgres: bool = False,
) -> Result:
    """A world, its course, its end; the folder is left for whoever wants to look.

    *first*: the crash points with which it begins.
    """
    began = time.monotonic()
    world = World(folder, seed, size, broken, postgres=postgres)
    try:
        result = play(world, say, kinds, first)
    finally:
        world.close()
    t = world.tally
    say(
        f"run {seed}{' on PostgreSQL' if postgres else ''}: {result.orders} orders,"
        f" {t.starts} starts, {t.kills} kills,"
        f" {len(t.points)} crash points, {t.there:.0%} there before the calm,"
        f" {time.monotonic() - began:.0f} s"
    )
    if t.exits:
        say(f"  ended by itself with {sorted(set(t.exits))}")
    say("  " + ", ".join(f"{name} {n}" for name, n in sorted(t.met.items())))
    if t.missed:
        say("  met nobody: " + ", ".join(sorted(t.missed)))
    for line in result.told[:20]:
        say(f"  {line}")
    return result
