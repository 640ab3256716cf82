"""`lens inquiries`: the administrative messages that states send us."""

from typing import Annotated, Literal

import typer
from rich.table import Table

from app.cli.listing import every, store_at_hand
from app.cli.printing import harmless, minute, print_table
from app.cli.record import actor, checked_reason
from app.running.database import clock
from app.store.database.reading import Ask, look
from app.store.database.writer import Writer
from app.store.desk.inquiries import (
    Inquiry,
    InquiryFilter,
    InquiryWithText,
    ReleaseAsTold,
    close_inquiry,
    get_inquiry,
    list_inquiries,
    shown,
)
from app.store.desk.work_items import Resolve
from app.store.ledger.audit import note
from app.store.statements.paging import LONGEST_PAGE, Order, Page

app = typer.Typer(no_args_is_help=True, add_completion=False)

Id = Annotated[int, typer.Argument(min=1, help="The inquiry's number, as `lens inquiries list` shows it.")]


@app.callback()
def inquiries() -> None:
    """Inquiries: administrative messages to our own address, and the releases they are about."""


@app.command("list")
def show_all(
    status: Annotated[Literal["open", "resolved", "all"], typer.Option(help="Which ones.")] = "open",
    release: Annotated[str | None, typer.Option(help="Only those that may be about this release.")] = None,
    newest: Annotated[bool, typer.Option("--newest", help="The newest first.")] = False,
) -> None:
    """List inquiries, oldest first unless asked otherwise, without their texts.

    Example:
    lens inquiries list --release EARM-2026-000123

    """
    wanted = InquiryFilter(None if status == "all" else status, release)
    table = Table("id", "received", "from", "release", "found by", "others", "state", "assigned", box=None, pad_edge=False)
    order: Order = "newest" if newest else "oldest"

    def page_at(cursor: str | None) -> Ask[Page[Inquiry]]:
        return lambda connection: list_inquiries(
            connection=connection, wanted=wanted, limit=LONGEST_PAGE, given=cursor, order=order
        )

    with store_at_hand() as store:
        for each in every(store, page_at):
            state = "overdue" if each.status == "open" and each.escalated_at else each.status
            received, others = minute(each.received_at), str(max(each.releases - 1, 0) or "")
            found = (each.from_ori or "-", each.release_id or "-", each.found_by or "-", others)
            table.add_row(str(each.id), received, *found, state, each.assigned_to or "")
    print_table(table)


@app.command()
def show(id: Id) -> None:
    """Show an inquiry: its text, and what was sent of each release that it may be about. The audit trail notes it.

    Example:
    lens inquiries show 12

    """
    with store_at_hand() as store, Writer(store) as writer:
        found = look(store, lambda connection: get_inquiry(connection, id))
        writer.do_and_wait(note, shown(found, actor(), clock()))
    print(_describe(found))


@app.command()
def close(
    id: Id, reason: Annotated[str, typer.Option(callback=checked_reason, help="What was answered, in one line.")]
) -> None:
    """Close an inquiry that was answered. It sends nothing.

    Example:
    lens inquiries close 12 --reason "answered by telephone"

    """
    with store_at_hand() as store, Writer(store) as writer:
        writer.do_and_wait(close_inquiry, Resolve(id, reason, actor(), clock()))
    print(f"Inquiry {id} is closed.")


def _describe(found: InquiryWithText) -> str:
    lines = [
        f"inquiry {found.id}, {found.status}, received {minute(found.received_at)} from {found.from_ori or 'nobody named'}"
    ]
    if found.resolved_at is not None:
        lines.append(f"closed {minute(found.resolved_at)} by {found.resolved_by}: {found.reason}")
    lines += ["", harmless(found.text), ""]
    for place, each in enumerate(found.about):
        # Of the likeliest release what was said word for word, since answering needs it; the others are read by their numbers.
        lines += _lines_of_release(
            each, in_words=place == 0 or any(one.message_id == found.message_id for one in each.messages)
        )
    if not found.about:
        lines.append("It names no message number and no FBI number of a release that is stored here.")
    return "\n".join(lines)


def _lines_of_release(release: ReleaseAsTold, *, in_words: bool) -> list[str]:
    lines = [f"release {release.release_id} (found by {release.found_by}), {release.outcome}, {minute(release.accepted_at)}"]
    for each in release.messages:
        lines.append(f"  {each.message_id} {each.type} to {each.state} ({each.ori}), {each.status} {minute(each.changed_at)}")
        if in_words:
            lines += [f"    {line}".rstrip() for line in harmless(each.text).split("\n")]
    return lines if release.messages else [*lines, "  nothing was sent of it"]
