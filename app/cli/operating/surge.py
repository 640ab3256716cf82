"""`lens surge`: what the surge breaker holds back, and what becomes of it."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from app.cli.listing import store_at_hand
from app.cli.operating.status_view import programs
from app.cli.printing import minute, print_table
from app.cli.progress import working
from app.cli.record import actor, checked_reason
from app.domain.surge import CALLED
from app.domain.times import rfc3339
from app.intake.surge import carry_out_surge
from app.running.database import clock
from app.running.deciding import breaker_of
from app.settings import read_settings
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.desk.surge_reads import standing
from app.store.desk.surges import Choice, Decide, decide
from app.store.upkeep.running import breaker_in_use, list_running

app = typer.Typer(no_args_is_help=True, add_completion=False)

WorkItem = Annotated[int, typer.Argument(min=1, help="The number of the work item, as `lens surge show` tells it.")]
Why = Annotated[
    str, typer.Option("--reason", callback=checked_reason, help="Why, in one line, for those who read the record later.")
]


@app.callback()
def surge() -> None:
    """What the surge breaker holds back until a person decides; `lens surge show` lists it."""


@app.command()
def show() -> None:
    """Show what is held back, and the band of this hour.

    Example:
    lens surge show

    """
    with store_at_hand() as store:
        running = look(store, list_running)
        breaker = breaker_in_use(running, breaker_of(read_settings()))
        found = look(store, lambda connection: standing(connection, clock(), breaker))
    table = Table("work item", "held now", "of", "band then", "since", box=None, pad_edge=False)
    for each in found.open:
        table.add_row(str(each.work_item), str(each.held), CALLED[each.kind], str(each.band), minute(rfc3339(each.since)))
    print_table(table)
    serving = [each for each in running if each.kind == "serve"]
    if not serving:
        print("No service runs on this database, so nothing is accepted. By the settings of this shell:")
    for line in programs(serving):
        print(line)
    if len({each.breaker for each in serving}) > 1:
        print("They differ; each accepts by its own settings. By the strictest:")
    allowed = "any number of" if found.band is None else f"at most {found.band}"
    print(f"In this hour {allowed} notices may pass.")


@app.command()
def release(work_item: WorkItem, reason: Why) -> None:
    """Release all that a surge held back: it is queued as it is, in order, once. The same as lifting its work item.

    Example:
    lens surge release 12 --reason "court order, confirmed by telephone"

    """
    held = _decide(work_item, "release", reason)
    print(f"{held} messages were held; they are released.")


@app.command()
def drop(
    work_item: WorkItem,
    reason: Why,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you are sure.")] = False,
) -> None:
    """Drop all that a surge held back: it is cancelled for good, and stays to be seen. The same as resolving its work item.

    Example:
    lens surge drop 12 --reason "bulk update by mistake, confirmed by telephone"

    """
    if not yes:
        typer.confirm(f"Everything that work item {work_item} holds will never be sent. Drop it?", abort=True)
    held = _decide(work_item, "drop", reason)
    print(f"{held} messages were held; they are dropped.")


def _decide(work_item: int, choice: Choice, reason: str) -> int:
    with store_at_hand() as store, Writer(store) as writer, working("Carrying it out"):
        held: int = writer.do_and_wait(
            decide, Decide(work_item=work_item, choice=choice, reason=reason, by=actor(), at=clock())
        )
        asyncio.run(carry_out_surge(writer, work_item))
    return held
