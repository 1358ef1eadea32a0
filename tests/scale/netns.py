"""`make scale-netns`: workers on machines of their own, one of them cut off for a minute.

Each machine is a network namespace; the database and both systems are in one more. A cable that
is pulled passes nothing on and refuses nothing, as between real machines. Needs root and `ip`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .courses import Found, held_by, undone
from .field import LEASE, SETTLE, WARM, Field
from .ground import Ground

HUB, NET = "10.83.0.1", "10.83.0"
MACHINES = 4
CUT = 60.0  # seconds
BACK = 60.0  # seconds after which the one that was cut off must have a share again
INSIDE = "inside"


def say(line: str) -> None:
    """Tell whoever waits."""
    print(line, flush=True)  # noqa: T201


def ip(*words: str) -> None:
    """One `ip` command; raises CalledProcessError."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


def impossible() -> str:
    """Why this cannot be shown here; empty if it can."""
    if os.geteuid() != 0:
        return "it takes root to make network namespaces"
    try:
        ip("netns", "add", "scale-try")
        ip("netns", "del", "scale-try")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"`ip netns add` does not work here ({type(error).__name__})"
    return ""


def machine(number: int) -> str:
    """The name of a machine."""
    return f"scale-{os.getpid()}-{number}"


def build() -> None:
    """A bridge in this namespace, and machines whose cables end there."""
    ip("link", "set", "lo", "up")
    ip("link", "add", "br0", "type", "bridge")
    ip("addr", "add", f"{HUB}/24", "dev", "br0")
    ip("link", "set", "br0", "up")
    for n in range(MACHINES):
        name = machine(n)
        ip("netns", "add", name)
        ip("link", "add", f"v{n}", "type", "veth", "peer", "name", "e0", "netns", name)
        ip("link", "set", f"v{n}", "master", "br0", "up")
        ip("-n", name, "addr", "add", f"{NET}.{10 + n}/24", "dev", "e0")
        ip("-n", name, "link", "set", "e0", "up")
        ip("-n", name, "link", "set", "lo", "up")


def demolish() -> None:
    """Remove the machines; the rest goes with this namespace."""
    for n in range(MACHINES):
        subprocess.run(["ip", "netns", "del", machine(n)], check=False, capture_output=True)


def cut_off(ground: Ground, folder: Path, orders: int) -> Found:
    """The others finish what it held and all the rest; it comes back by itself."""
    found, at = Found(), Field(ground, folder, orders, every="1s")
    with at.open("--host", HUB):
        at.prepare(staged=False)
        at.say("pause", "erp")
        for n in range(MACHINES):
            at.hire(1, before=("ip", "netns", "exec", machine(n)))
        at.say("resume", "erp")
        at.wait(lambda: at.came() > WARM + orders // 4, 60 + orders, "a quarter of the orders")
        lonely, others = at.workers[0], {process.pid for process in at.workers[1:]}
        ip("link", "set", "v0", "down")
        began, held = time.monotonic(), held_by(at, others)
        found.figures |= {"held": len(held)}
        found.wrong += ["it held nothing: this shows nothing"] * (not held)
        at.wait(lambda: not held & undone(at), 5 * (LEASE + SETTLE), "what it held")
        found.figures |= {"taken_over_s": time.monotonic() - began, "limit_s": LEASE + SETTLE}
        at.wait(lambda: not at.left(), 60 + orders, "all of them done")
        time.sleep(max(0.0, CUT - (time.monotonic() - began)))
        ip("link", "set", "v0", "up")
        mine = f"owner LIKE '%:{lonely.pid}:%' AND connection = 'erp' AND slots > 0"
        mine += f" AND until > {int(time.time() * 1_000_000)}"
        share = f"SELECT slots FROM share WHERE {mine}"
        found.figures["back_s"] = at.wait(lambda: at.rows(share), BACK, "its share")
        found.check(at.count())
        found.wrong += [f"a worker ended with {code}" for code in at.dismiss() if code]
    return found


def inside(folder: Path, orders: int) -> int:
    """In the namespace of the database and both systems: build, cut, count."""
    try:
        build()
        ground = Ground(HUB)
        try:
            found = cut_off(ground, folder, orders)
        finally:
            ground.close()
    finally:
        demolish()
    figures = (f"{k}={v:.1f}" if isinstance(v, float) else f"{k}={v}"
               for k, v in found.figures.items())  # fmt: skip
    for one in found.wrong:
        say(f"harm: {one}")
    say(f"scale-netns: machines={MACHINES} cut_s={CUT:.0f} {' '.join(figures)}")
    return 1 if found.wrong else 0


def main() -> int:
    """Make the namespace and go on in it; where that cannot be, say why."""
    if sys.argv[1:2] == [INSIDE]:
        return inside(Path(sys.argv[2]), int(os.environ.get("SCALE_ORDERS", "1200")))
    if why := impossible():
        say(f"scale-netns: skipped: {why}")
        return 0
    hub, folder = f"scale-{os.getpid()}-hub", Path(tempfile.mkdtemp(prefix="scale-"))
    say(f"scale-netns: {MACHINES} machines, in {folder}")
    ip("netns", "add", hub)
    try:
        words = ["ip", "netns", "exec", hub, sys.executable, "-m", "scale.netns", INSIDE]
        return subprocess.run([*words, str(folder / "cut")], check=False).returncode
    finally:
        ip("netns", "del", hub)


if __name__ == "__main__":
    sys.exit(main())
