"""A service that has known four quiet weeks, and a flood that comes upon it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec

from app.decide.decide import Decider
from app.domain.decision import Answer
from app.domain.surge import HOUR, Breaker
from app.errors import LensError
from app.intake.accept import Intake
from app.intake.follow_up import Requester, cancel, correct
from app.intake.guards import Guards
from app.intake.lift import lift_hold, resolve_item
from app.store.accepted.releases import StoredRelease
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk.work_items import Resolve, StoredWorkItem, WorkItemFilter, list_work_items
from tests.intake.invented import document
from tests.store.invented import NOON, rows

BAND = Breaker(floor=10)


class Service:
    """One process of LENS: its writer, its breaker, and a clock that stands until a test moves it."""

    def __init__(self, store: Store, writer: Writer, decider: Decider, breaker: Breaker = BAND) -> None:
        self.store, self.writer, self.decider, self.breaker = store, writer, decider, breaker
        self.now = NOON

    def clock(self) -> int:
        """The time now, in Micros."""
        return self.now

    def accept(self, *release_ids: str, backfill: bool = False) -> list[Answer]:
        """Accepts releases that are each told to two states, all at once."""
        intake = Intake(self.writer, lambda: self.decider, self.clock, guards=Guards(self.breaker))

        async def all_at_once() -> list[Answer]:
            bodies = [json.dumps(document(each)).encode() for each in release_ids]
            found = await asyncio.gather(*(intake.accept(body, "sor", backfill=backfill) for body in bodies))
            return [msgspec.json.decode(each.answer_json, type=Answer) for each in found]

        return asyncio.run(all_at_once())

    def correct(self, release_id: str, state: str) -> Answer:
        """Corrects the state of residence."""
        home = {"street": "1 Old Rd", "city": "Elsewhere", "state": state, "zip": "87501"}
        body = json.dumps(document(release_id) | {"residence": home}).encode()
        given = (release_id, body, Requester("sor", own=True), self.clock, Guards(self.breaker))
        return msgspec.json.decode(asyncio.run(correct(self.writer, self.decider, *given)).answer_json, type=Answer)

    def cancel(self, release_id: str) -> Answer:
        """Cancels it."""
        given = (release_id, "wrong person", Requester("sor", own=True), self.clock, Guards(self.breaker))
        return msgspec.json.decode(asyncio.run(cancel(self.writer, self.decider, *given)).answer_json, type=Answer)

    def release(self, work_item: int) -> StoredRelease | StoredWorkItem:
        """A person looks, and lifts the surge."""
        return asyncio.run(
            lift_hold(
                writer=self.writer,
                decider=self.decider,
                work_item=work_item,
                reason="a true bulk",
                caller="op",
                clock=self.clock,
            )
        )

    def drop(self, work_item: int) -> StoredWorkItem:
        """A person looks, and drops what it held."""
        return asyncio.run(resolve_item(self.writer, Resolve(work_item, "a false bulk", "op", self.now)))

    def surges(self) -> list[StoredWorkItem]:
        """The work items of all surges."""
        with self.store.read.connect() as connection:
            return list(list_work_items(connection, WorkItemFilter(code="surge"), 100).items)

    def statuses(self) -> dict[str, int]:
        """Messages by status."""
        return {
            str(status): count for status, count in rows(self.store, "SELECT status, count(*) FROM message GROUP BY status")
        }


def ids(first: int, last: int) -> list[str]:
    """Ids of releases, both numbers included."""
    return [f"R-{number}" for number in range(first, last + 1)]


def history(store: Store, counts: dict[int, int], kind: str = "notice") -> None:
    """What the hours before brought: messages by how many hours ago."""
    now = NOON // HOUR
    with store.write.begin() as connection:
        for back, count in counts.items():
            values = (kind, now - back, count, count)
            mark = "?" if store.dialect == "sqlite" else "%s"
            statement = f"INSERT INTO hour_count (kind, hour, messages, passed) VALUES ({', '.join([mark] * 4)})"  # noqa: S608
            connection.exec_driver_sql(statement, values)


def outcome(act: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it gives
    """What it gives, or the LensError it raises."""
    try:
        return act()
    except LensError as error:
        return error
