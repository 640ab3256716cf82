"""`lens status`: how the service stands, in a terminal, live."""

import time
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from app.cli.listing import store_at_hand
from app.cli.operating.status_view import Seen, as_json, as_text
from app.cli.printing import pretty
from app.domain.surge import Breaker
from app.errors import Unavailable
from app.running.database import clock
from app.running.deciding import breaker_of
from app.settings import read_settings
from app.store.callers.feeds import list_feeds
from app.store.database.engine import Store
from app.store.database.reading import CachedRead
from app.store.desk.surge_reads import standing
from app.store.reads.last_hour import last_hour
from app.store.reads.tally import tally
from app.store.reads.waiting import waiting
from app.store.rulebooks.rulebook_reads import pointer
from app.store.upkeep.escalation import overdue
from app.store.upkeep.running import breaker_in_use, list_running

app = typer.Typer(add_completion=False)


@app.command()
def status(
    once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print it once, as JSON.")] = False,
    every: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Show what waits and for how long, pauses, work items, the rulebook in force, who sends, and the last hour. Ctrl-C ends it.

    It looks into the database of LENS_DATABASE_URL and changes nothing; it may run beside the service, on any host. Other settings
    that it shows are those that the service runs with, whatever this shell has.

    Example:
    lens status
    lens status --json | jq .queue

    """
    breaker = breaker_of(read_settings())
    with store_at_hand() as store:
        look = looker(store, breaker)
        console = Console()
        if json:
            print(pretty(as_json(look())))
        elif once or not console.is_terminal:
            console.print(as_text(look()))
        else:
            _live(look, every, console)


def looker(store: Store, breaker: Breaker) -> Callable[[], Seen]:
    """A function that looks at everything; what takes long to count, as sparingly as the metrics do.

    Surges are judged as the service that runs does, by its own settings; by `breaker` only while none runs.
    """
    rulebook, now_waiting, all_of_it = CachedRead(store, pointer), CachedRead(store, waiting), CachedRead(store, tally)
    hour, feeds = CachedRead(store, last_hour), CachedRead(store, list_feeds)
    surge, late, running = (
        CachedRead(store, lambda connection: standing(connection, clock(), breaker_in_use(list_running(connection), breaker))),
        CachedRead(store, overdue),
        CachedRead(store, list_running),
    )

    def look() -> Seen:
        return Seen(
            at=clock(),
            rulebook=rulebook.look(),
            waiting=now_waiting.look(),
            tally=all_of_it.look(),
            hour=hour.look(),
            feeds=feeds.look(),
            surge=surge.look(),
            overdue=late.look(),
            running=running.look(),
        )

    return look


def _live(look: Callable[[], Seen], every: float, console: Console) -> None:
    try:
        with Live(as_text(look(), console.height), console=console, screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(every)
                try:
                    live.update(as_text(look(), console.height), refresh=True)
                except Unavailable as error:
                    live.update(f"{error.detail} Looking again.", refresh=True)
    except KeyboardInterrupt:
        pass
