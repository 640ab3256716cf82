"""Work items that delivery raises about messages, written inside the transaction of what gave rise to them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from app.store.desk.work_items import NewWorkItem, open_all
from app.store.tables.main import MESSAGE


class Raised(NamedTuple):
    """Something for a person to do. `number`: the message it is about, if any; `detail`: in words, without personal data.

    `release` (a row id) is given where it is not that of the message. `inbound` is the text that gave rise to it (a row id), and
    `due_at` (Micros) when it is due then.
    """

    code: str
    number: int | None
    detail: str
    release: int | None = None
    inbound: int | None = None
    due_at: int | None = None


def raise_items(connection: Connection, now: int, items: Sequence[Raised]) -> None:
    """Opens work items, each tied to the release, state and audience of its message. `now` is Micros.

    What keeps a message from being sent is due when that message is.
    """
    about = _about(connection, [item.number for item in items if item.number is not None])
    rows = []
    for item in items:
        release, audience, state, due = about.get(item.number, (item.release, None, None, None))
        due = due if item.inbound is None else item.due_at
        opened = NewWorkItem(
            code=item.code,
            opened_at=now,
            release=release,
            number=item.number,
            audience=audience,
            state=state,
            rule="",
            detail=item.detail,
            due_at=due,
            inbound=item.inbound,
        )
        rows.append(opened)
    open_all(connection, rows)


def _about(connection: Connection, numbers: Sequence[int]) -> dict[int | None, tuple[Any, Any, Any, Any]]:
    if not numbers:
        return {}
    columns = (MESSAGE.c.number, MESSAGE.c.release, MESSAGE.c.audience, MESSAGE.c.state, MESSAGE.c.due_at)
    rows = connection.execute(select(*columns).where(MESSAGE.c.number.in_(numbers)))
    return {row.number: (row.release, row.audience, row.state, row.due_at) for row in rows}
