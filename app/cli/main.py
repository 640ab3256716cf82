"""The command `lens`. A command's module is imported only when that command runs, so `lens --help` is quick.

Exit codes: 0 fine, 1 found faults, 2 wrong use.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple

import structlog
import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from app.cli.complaining import complain
from app.errors import BadSetting, LensError


class Entry(NamedTuple):
    """A command or group of commands: the module whose `app` it is, and what the list of commands says of it."""

    module: str
    says: str


COMMANDS: dict[str, Entry] = {
    "decide": Entry("app.cli.policy.decide", "Decide releases offline; nothing is stored or sent."),
    "check": Entry("app.cli.policy.check", "Check a rulebook: every fault, all at once."),
    "test": Entry("app.cli.policy.scenarios", "Run the scenarios of a rulebook."),
    "diff": Entry("app.cli.policy.diff", "What changes between two rulebooks, case by case."),
    "rulebook": Entry("app.cli.policy.rulebook", "Draft, compare, approve, publish and take back versions; signed bundles."),
    "fmt": Entry("app.cli.policy.fmt", "Tidy the files of a rulebook."),
    "schema": Entry("app.cli.policy.schema", "JSON Schemas, with which editors complete and check."),
    "explain": Entry("app.cli.policy.explain", "Why a release is decided as it is, and why not otherwise."),
    "serve": Entry("app.cli.serve", "Run the API and the dispatcher."),
    "work": Entry("app.cli.work", "Run a dispatcher alone."),
    "switch": Entry("app.cli.switch", "Run the simulated network alone."),
    "inquiries": Entry("app.cli.operating.inquiries", "List, read and close the inquiries of states."),
    "inbound": Entry("app.cli.operating.inbound", "List and read what came from the network."),
    "status": Entry("app.cli.operating.status", "How the service stands, live."),
    "alerts": Entry("app.cli.operating.alerts", "Alerting rules for Prometheus with the addresses of your runbooks."),
    "lanes": Entry("app.cli.operating.lanes", "Stop and resume what is sent to an ORI, or to all."),
    "surge": Entry("app.cli.operating.surge", "What the surge breaker holds back; release it or drop it."),
    "keys": Entry("app.cli.operating.keys", "Make, list and revoke the keys of callers."),
    "audit": Entry("app.cli.operating.audit", "Prove that nobody changed the audit trail."),
    "db": Entry("app.cli.operating.db", "Bring the database up to this version; back it up; move it to PostgreSQL."),
}


class Commands(TyperGroup):
    """The commands of COMMANDS; what the list shows of one stands in for it until it is run."""

    def __init__(self, **attrs: Any) -> None:  # noqa: ANN401 - typer's own arguments, passed on
        super().__init__(
            **(
                attrs
                | {
                    "commands": {
                        name: TyperCommand(name, help=entry.says, short_help=entry.says) for name, entry in COMMANDS.items()
                    }
                }
            )
        )

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401 - typer's types are private
        """The command itself, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = get_command(import_module(COMMANDS[name].module).app)
        return name, command, rest


# Without markup wrong use is told in plain lines: a box would wrap and frame what is to be copied, such as a setting or a version.
app = typer.Typer(
    cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None
)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"lens {version('lens')}")
        raise typer.Exit


@app.callback()
def lens(
    _: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version of LENS and exit.")
    ] = False,
) -> None:
    """LENS: rules decide about releases from custody, and notices go to the states concerned.

    `lens COMMAND --help` shows each command with an example. To try everything out: `lens serve --with-simulator`
    """


def main() -> None:
    """Runs the command line; an error that LENS can explain is told without a trace."""
    # Standard output is for what a command prints, such as a key. A service sets up its own log.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        app(prog_name="lens")
    except BadSetting as error:
        complain(error)
        sys.exit(2)
    except LensError as error:
        complain(error)
        sys.exit(1)
