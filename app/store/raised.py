"""Work items that delivery raises, written inside the transaction of what gave rise to them."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from app.store.tables import WorkItemRow

_tables = WorkItemRow.metadata.tables
_item, _message, _counter = _tables["work_item"], _tables["message"], _tables["counter"]


class Raised(NamedTuple):
    """Something for a person to do. `number`: the message it is about, if any; `detail`: in words, without personal data."""

    code: str
    number: int | None
    detail: str


def raise_items(connection: Connection, now: int, items: Sequence[Raised]) -> None:
    """Opens work items, each tied to the release, state and audience of its message. `now` is Micros."""
    if not items:
        return
    last = connection.scalar(
        update(_counter)
        .where(_counter.c.name == "work_item")
        .values(last=_counter.c.last + len(items))
        .returning(_counter.c.last)
    )
    if last is None:
        raise LookupError("the counter work_item is missing: run lens db upgrade")
    about = _about(connection, {item.number for item in items if item.number is not None})
    rows = [
        {
            "id": last - len(items) + 1 + place,
            "code": item.code,
            "number": item.number,
            "rule": "",
            "detail": item.detail,
            "status": "open",
            "opened_at": now,
            **about.get(item.number, {"release": None, "audience": None, "state": None}),
        }
        for place, item in enumerate(items)
    ]
    connection.execute(insert(_item), rows)


def _about(connection: Connection, numbers: set[int]) -> dict[int | None, dict[str, object]]:
    columns = (_message.c.number, _message.c.release, _message.c.audience, _message.c.state)
    rows = connection.execute(select(*columns).where(_message.c.number.in_(numbers))).mappings()
    return {row["number"]: {name: row[name] for name in ("release", "audience", "state")} for row in rows}
