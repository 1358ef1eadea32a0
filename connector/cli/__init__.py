"""The command line: commands loaded when called, every failure one report with a stable code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextvars import copy_context
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from connector import __version__, codes
from connector.cli import output
from connector.errors import ConnectorError
from connector.nearest import cure_for

# name → where it is, and what it does in half a line (so that --help imports none of them)
COMMANDS = {
    "init": ("connector.cli.init:init", "Write a commented configuration to begin with."),
    "check": ("connector.cli.check:check", "Examine configuration and systems; change nothing."),
    "status": ("connector.cli.status:status", "Say how every flow stands."),
    "run": ("connector.cli.daemon:run", "Run every flow at its times, until told to stop."),
    "pause": ("connector.cli.pause:pause", "Let no call begin on a connection."),
    "resume": ("connector.cli.pause:resume", "Let a connection go on, at once."),
    "worker": ("connector.cli.worker:worker", "Be one of many that work on a PostgreSQL ledger."),
    "flow": ("connector.cli.flow:flow", "Run and audit flows."),
    "record": ("connector.cli.record:record", "List, show and settle single records."),
    "trace": ("connector.cli.trace:trace", "Tell all that happened to one document."),
    "approve": ("connector.cli.approve:approve", "Let a run go on that its brakes stopped."),
    "link": ("connector.cli.link:link", "Link what both systems already have."),
    "map": ("connector.cli.map:map_", "Judge mappings and try them out."),
    "ledger": ("connector.cli.ledger:ledger", "Create, upgrade and measure the ledger."),
    "demo": ("connector.cli.demo:demo", "Show it all against two hostile sandboxes."),
    "sandbox": ("connector.cli.sandbox:sandbox", "Run a sandbox shop or ERP."),
}

SHARED = ("-c", "--config", "--json")  # of nearly every command, and of none before it


class Lazy(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands that this installation has."""
        return [name for name, (place, _) in COMMANDS.items() if find_spec(place.split(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command called, or name the nearest one."""
        known = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in known:
            cure = cure_for(args[0], known, "command")
            raise ConnectorError(f"there is no command `{args[0]}`", code="usage", cure=cure)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="connector")
def root() -> None:
    """Keep web shops and ERPs in step: nothing lost, nothing twice, to the cent.

    Exit codes: 0 ok, 1 something needs attention, 2 usage or configuration, 3 wrong system,
    4 unavailable, 5 braked, 70 a bug of ours.
    """


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(sys.argv[1:] if args is None else args))


def run(args: Sequence[str]) -> int:
    """Run one command line; return its exit code, with every failure reported on stderr."""
    try:
        return copy_context().run(_call, args)
    except ConnectorError as error:
        failure = error
    except click.Abort:
        click.echo("aborted", err=True)
        return codes.ATTENTION
    except BrokenPipeError:
        # The reader of our output has gone; python would complain once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return codes.ATTENTION
    except OSError as error:
        failure = _file(error, args) or ConnectorError(_bug(error), code="bug")
    except Exception as error:  # noqa: BLE001 (around the process: the last of two broad ones)
        failure = ConnectorError(_bug(error), code="bug")
    return output.fail(failure, as_json="--json" in args)


def _call(args: Sequence[str]) -> int:
    """Call the command; what click complains of becomes an error that names the help to read."""
    try:
        result = root.main(args=list(args), prog_name="connector", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return codes.USAGE
    except click.ClickException as error:
        ctx = error.ctx if isinstance(error, click.UsageError) else None
        cure = f"see {ctx.command_path} --help" if ctx else ""
        if ctx and ctx.parent is None and getattr(error, "option_name", "") in SHARED:
            cure = "it stands behind the command: connector check --config FILE --json"
        raise ConnectorError(error.format_message(), code="usage", cure=cure) from error
    return result if type(result) is int else codes.OK


def _file(error: OSError, args: Sequence[str]) -> ConnectorError | None:
    """What is wrong with a file or folder that the command line names; None: it names none such."""
    named = str(error.filename)
    if error.filename is None or (named not in args and Path(named).is_absolute()):
        return None
    cure = "name a file in a folder that is there and ours to write to"
    return ConnectorError(f"{named} cannot be used: {error.strerror}", code="usage", cure=cure)


def _bug(error: Exception) -> str:
    """Name the class and place of *error*: its message may hold what nobody may read."""
    if os.environ.get("CONNECTOR_TRACEBACK"):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place} (CONNECTOR_TRACEBACK=1 shows more)"
