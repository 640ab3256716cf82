"""Releases accepted straight into a store, so that a test of sending has something to send, and the checker its journal."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from app.errors import LensError
from app.store.accepted.release_rows import Acceptance
from app.store.database.engine import Store, open_store, upgrade
from tests.faults.records import Told, answers_of
from tests.postgresql import PostgreSQL
from tests.store.invented import accept, acceptance, notice

STATES = (
    "AZ",
    "TX",
    "NM",
    "CA",
    "NV",
    "UT",
    "CO",
    "OK",
    "KS",
    "LA",
    "AR",
    "MO",
    "IA",
    "MN",
    "WI",
    "IL",
    "IN",
    "OH",
    "KY",
    "TN",
)
_AT_ONCE = 200


def fill(store: Store, messages: int, name: str = "BACK", states: Sequence[str] = STATES) -> list[Told]:
    """Accepts so many messages, two a release, spread over the lanes of these states; the journal."""
    items = [_release(f"{name}-{number}", number, states) for number in range(messages // 2)]
    told: list[Told] = []
    for first in range(0, len(items), _AT_ONCE):
        answers = accept(store, *items[first : first + _AT_ONCE])
        told += answers_of(answer.answer_json for answer in answers if not isinstance(answer, LensError))
    assert len(told) == 2 * len(items)
    return told


def _release(release_id: str, number: int, states: Sequence[str]) -> Acceptance:
    item = acceptance(release_id)
    one, other = states[2 * number % len(states)], states[(2 * number + 1) % len(states)]
    notices = (notice("departing", one), notice("receiving", other))
    return item._replace(decision=msgspec.structs.replace(item.decision, notices=notices))


@contextmanager
def database(kind: Literal["sqlite", "postgresql"], folder: Path) -> Iterator[tuple[str, Store, PostgreSQL | None]]:
    """A new database with every table: its URL, open, and the server that has it (which waits for the disk, as in earnest)."""
    if kind == "sqlite":
        url = f"sqlite:///{folder}/lens.db"
        with closing(open_store(url)) as store:
            upgrade(store)
            yield url, store, None
    else:
        with PostgreSQL(durable=True) as server, server.database() as url, closing(open_store(url)) as store:
            yield url, store, server
