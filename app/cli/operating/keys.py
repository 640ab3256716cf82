"""`lens keys`: who may call the API."""

from typing import Annotated

import typer
from rich.table import Table

from app.cli.listing import store_at_hand
from app.cli.printing import minute, print_table
from app.cli.record import actor
from app.domain.times import SECOND, rfc3339
from app.errors import Refused
from app.running.database import bring_up_to_date, clock, database
from app.settings import read_settings, seconds
from app.store.callers.keys import NewKey, Revoke, Role, StoredKey, create, list_keys, revoke
from app.store.database.reading import look
from app.store.database.writer import Writer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def keys() -> None:
    """The keys of callers. A key belongs to a named caller with one role, is shown once and stored hashed."""


@app.command("create")
def make(
    name: Annotated[str, typer.Argument(help="The caller it is for, e.g. earm-feed.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    expires: Annotated[str, typer.Option(help="How long it is good for, e.g. 12h or 90d; `never` for no end.")] = "365d",
    may_backfill: Annotated[
        bool, typer.Option("--may-backfill", help="It may also send releases that are stored and never told to a state.")
    ] = False,
) -> None:
    """Make a key and print it, once. Give a caller a second key before you revoke its first.

    Example:
    lens keys create earm-feed --role system_of_record --expires 90d

    """
    now = clock()
    new = NewKey(name=name, role=role, by=actor(), at=now, expires_at=_end(expires, now), may_backfill=may_backfill)
    settings = read_settings()
    with database(settings) as store:
        bring_up_to_date(store, settings)
        with Writer(store) as writer:
            try:
                key = writer.do_and_wait(create, new)
            except Refused as refused:
                raise typer.BadParameter(
                    "; ".join(f"{fault.pointer[1:]}: {fault.message}" for fault in refused.faults)
                ) from None
    print(key)


@app.command("list")
def show() -> None:
    """List every key there ever was, without the keys themselves.

    Example:
    lens keys list

    """
    with store_at_hand() as store:
        found = look(store, list_keys)
    table = Table("id", "name", "role", "backfill", "made", "until", "state", box=None, pad_edge=False)
    now = clock()
    for key in found:
        until = "never" if key.expires_at is None else minute(rfc3339(key.expires_at))
        backfill = "yes" if key.backfills else "no"
        table.add_row(str(key.id), key.name, key.role, backfill, minute(rfc3339(key.created_at)), until, _state(key, now))
    print_table(table, "There are no keys. Make one: lens keys create NAME --role ROLE")


@app.command("revoke")
def end(which: Annotated[str, typer.Argument(help="The name of a caller, for all its keys, or the id of one key.")]) -> None:
    """Revoke a key; it stops working within two seconds, in every process.

    Example:
    lens keys revoke earm-feed

    """
    with store_at_hand() as store, Writer(store) as writer:
        count = writer.do_and_wait(revoke, Revoke(which, actor(), clock()))
    print(f"{count} key{'s' if count != 1 else ''} revoked.")


def _end(expires: str, now: int) -> int | None:
    if expires == "never":
        return None
    try:
        return now + int(seconds(expires) * SECOND)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or never", param_hint="--expires") from None


def _state(key: StoredKey, now: int) -> str:
    if key.revoked_at is not None:
        return f"revoked {minute(rfc3339(key.revoked_at))}"
    return "good" if key.usable(now) else "expired"
