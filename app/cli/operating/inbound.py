"""`lens inbound`: what came from the network."""

from typing import Annotated, Literal

import typer
from rich.table import Table

from app.cli.listing import every, store_at_hand
from app.cli.printing import harmless, minute, print_table
from app.cli.record import actor
from app.running.database import clock
from app.store.database.reading import Ask, look
from app.store.database.writer import Writer
from app.store.desk.arrivals import ArrivalFilter, StoredArrival, get_arrival, list_arrivals, shown
from app.store.ledger.audit import note
from app.store.statements.paging import LONGEST_PAGE, Order, Page

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def inbound() -> None:
    """Every text that came from the network: ER, SM, AM and what is none of these."""


@app.command("list")
def show_all(
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Only those of which nobody knows what they are about.")
    ] = False,
    kind: Annotated[Literal["ER", "SM", "AM", "other"] | None, typer.Option(help="Only this kind.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
) -> None:
    """List what came, oldest first unless asked otherwise, without the texts.

    Example:
    lens inbound list --unmatched

    """
    wanted = ArrivalFilter(kind, matched=False if unmatched else None)
    table = Table("id", "received", "kind", "from", "message", "found by", box=None, pad_edge=False)
    order: Order = "newest" if newest else "oldest"

    def page_at(cursor: str | None) -> Ask[Page[StoredArrival]]:
        return lambda connection: list_arrivals(
            connection=connection, wanted=wanted, limit=LONGEST_PAGE, given=cursor, order=order
        )

    with store_at_hand() as store:
        for each in every(store, page_at):
            about = (each.from_ori or "-", each.message_id or "-", each.matched_by or "-")
            table.add_row(str(each.id), minute(each.received_at), each.kind, *about)
    print_table(table)


@app.command()
def show(id: Annotated[int, typer.Argument(min=1, help="The text's number, as work items name it.")]) -> None:
    """Show a text as it came. The audit trail notes it.

    Example:
    lens inbound show 12

    """
    with store_at_hand() as store, Writer(store) as writer:
        found = look(store, lambda connection: get_arrival(connection, id))
        writer.do_and_wait(note, shown(found, actor(), clock()))
    print(harmless(found.text))
