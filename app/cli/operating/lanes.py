"""`lens lanes`: stopping and resuming what is sent to one ORI, or to any."""

from typing import Annotated

import typer

from app.cli.listing import store_at_hand
from app.cli.record import actor, checked_reason
from app.domain.times import rfc3339
from app.running.database import clock
from app.store.database.writer import Writer
from app.store.desk.lane_pauses import PauseLane, ResumeLane, pause_lanes, resume_lanes
from app.store.desk.pauses import EVERYTHING, StandingPause

app = typer.Typer(no_args_is_help=True, add_completion=False)

Lane = Annotated[str, typer.Argument(metavar="ORI|all", help="The ORI whose lane it is, or `all`.")]
Reason = Annotated[
    str, typer.Option(callback=checked_reason, help="Why, for those who read the record later; nothing about a person.")
]


@app.callback()
def lanes() -> None:
    """The messages to one ORI are a lane. `lens status` shows those in which something waits."""


@app.command()
def pause(lane: Lane, reason: Reason) -> None:
    """Send nothing to an ORI, or to any, until it is resumed. What is under way is finished; the rest waits, in order.

    Example:
    lens lanes pause TXSIR0000 --reason "asked for by the state, ticket 42"

    """
    with store_at_hand() as store, Writer(store) as writer:
        show(writer.do_and_wait(pause_lanes, PauseLane(_scope(lane), reason, actor(), clock())))


@app.command()
def resume(
    lane: Lane,
    reason: Reason,
    network: Annotated[
        bool, typer.Option("--network", help="Lift the network's pause instead of an operator's, if its own word was lost.")
    ] = False,
) -> None:
    """Send again to an ORI, or to all.

    Example:
    lens lanes resume TXSIR0000 --reason "the state is back"

    """
    wanted = ResumeLane(scope=_scope(lane), reason=reason, by=actor(), at=clock(), source="network" if network else "operator")
    with store_at_hand() as store, Writer(store) as writer:
        show(writer.do_and_wait(resume_lanes, wanted))


def show(pauses: tuple[StandingPause, ...]) -> None:
    """Prints the pauses that stand."""
    for each in pauses:
        scope = "all" if each.scope == EVERYTHING else each.scope
        print(f"{scope:<9}  {each.source:<8}  since {rfc3339(each.since)[:19]}Z  {each.why}")
    if not pauses:
        print("Nothing is paused.")


def _scope(lane: str) -> str:
    return EVERYTHING if lane == "all" else lane.upper()
