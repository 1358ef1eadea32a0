"""The guides are true: every `$` line of them is run, in order, as a reader would."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(
    r"^<!-- (?P<word>exit|stop|again):? ?(?P<what>.*?) ?-->$"
    r"|^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
PATIENCE = 60.0


@dataclass
class Step:
    """One block: a file to write, or commands with what they say."""

    info: str
    body: str
    exit: str = "0"
    again: bool = False
    stop: str = ""


def steps(guide: str) -> Iterator[Step]:
    """The blocks of a guide."""
    notes: dict[str, str] = {}
    for found in BLOCK.finditer((DOCS / guide).read_text(encoding="utf-8")):
        match found["word"]:
            case "stop":
                yield Step("stop", "", stop=found["what"])
            case None:
                told = {"exit": notes.get("exit", "0"), "again": "again" in notes}
                yield Step(found["info"], found["body"], **told)  # type: ignore[arg-type]
                notes = {}
            case word:
                notes[word] = found["what"]


@dataclass
class Reader:
    """Somebody who does what a guide says, in a fresh directory."""

    folder: Path
    ports: dict[str, str]
    begun: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def do(self, step: Step) -> None:
        """Write the file, run the commands, end the program."""
        body = self.here(step.body)
        if step.stop:
            self.end(step.stop)
        elif " file=" in step.info:
            (self.folder / step.info.partition("file=")[2]).write_text(body, encoding="utf-8")
        elif step.info == "console":
            commands = list(told(body))
            if step.again:
                self.until(commands)
            for command, expected in commands if not step.again else ():
                code, out = self.run(command)
                assert step.exit in ("any", str(code)), f"{command}: exit {code}\n{out}"
                assert says(out, expected), f"{command} said\n{out}\nand not\n{expected}"

    def until(self, commands: list[tuple[str, list[str]]]) -> None:
        """Run them again, as a person who waits does, until all say what they should."""
        by = time.monotonic() + PATIENCE
        while True:
            ended = [(*self.run(command), expected) for command, expected in commands]
            if all(code == 0 and says(out, expected) for code, out, expected in ended):
                return
            assert time.monotonic() < by, "\n".join(out for _, out, _ in ended)

    def run(self, command: str) -> tuple[int, str]:
        """Run one command line; `&` at its end leaves it running."""
        if command.endswith(" &"):
            self.start(command.removesuffix(" &"))
            return 0, ""
        done = subprocess.run(
            self.line(command), cwd=self.folder, capture_output=True, text=True, timeout=120,
            check=False, env=self.env(),
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def start(self, command: str) -> None:
        """Start a program; it is ready when it says its first line, or the daemon answers."""
        log = self.folder / f"{time.monotonic_ns()}.log"
        with log.open("wb") as out:
            self.running[command] = subprocess.Popen(
                self.line(command), cwd=self.folder, stdout=out, stderr=out, env=self.env()
            )
        by = time.monotonic() + PATIENCE
        while b"ready" not in log.read_bytes():
            assert time.monotonic() < by, log.read_text()
            assert self.running[command].poll() is None, log.read_text()

    def end(self, what: str) -> None:
        """End what was started by a command that begins so."""
        command = next(c for c in self.running if c.startswith(what))
        process = self.running.pop(command)
        process.terminate()
        process.wait(30)

    def line(self, command: str) -> list[str]:
        """The words of a command line; `connector` is the one of this environment."""
        words = shlex.split(command)
        if words[0] == "connector":
            return [str(Path(sys.executable).with_name("connector")), *words[1:]]
        return words

    def env(self) -> dict[str, str]:
        """A terminal that is wide enough for tables."""
        return {**os.environ, "COLUMNS": "200", "PYTHONWARNINGS": "error"}

    def here(self, text: str) -> str:
        """Ports of the guides are ports that are free here; the hour of going live is this one."""
        text = text.replace("2026-12-01T00:00:00+01:00", self.begun)
        for port, free in self.ports.items():
            text = text.replace(port, free)
        return text


def told(body: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block with the lines that it should say."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, *expected = part.strip().split("\n")
        yield command, expected


def says(out: str, expected: list[str]) -> bool:
    """Does the output hold these lines in their order? `…` stands for anything, also lines."""
    lines = iter(out.split("\n"))
    for wanted in expected:
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.split("…")))
        if wanted != "…" and not any(pattern.fullmatch(line) for line in lines):
            return False
    return True


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A reader whose programs end with the test."""
    one = Reader(tmp_path, {port: free_port() for port in ("8088", "8090", "8091")})
    yield one
    for command in list(one.running):
        one.end(command)


@pytest.mark.parametrize("guides", [["install.md"], ["first-day.md", "bad-night.md"]])
def test_every_command_of_a_guide_does_what_it_says(guides: list[str], reader: Reader) -> None:
    """In the guides' order, with the files they show."""
    for guide in guides:
        commands = 0
        for step in steps(guide):
            reader.do(step)
            commands += step.info == "console"
        assert commands


def test_a_guide_that_promises_too_much_is_found_out(reader: Reader) -> None:
    """A wrong exit code, and a line that is not said, fail."""
    reader.do(Step("console", "$ connector --version\n…connector…\n"))
    with pytest.raises(AssertionError, match="exit"):
        reader.do(Step("console", "$ connector --version\n", exit="3"))
    with pytest.raises(AssertionError, match="and not"):
        reader.do(Step("console", "$ connector --version\nsomething else\n"))
