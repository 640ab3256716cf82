"""What the tests of sending share: a store with messages in it, all about plainly invented releases, and looks into it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from sqlalchemy import text

from app.domain.identifiers import message_id
from app.store.database.engine import Store, now_micros, open_store, upgrade
from app.store.statements.rows import insert, insert_absent, take_numbers

AZ, TX, NM = "AZSIR0000", "TXSIR0000", "NMSIR0000"
ORIGIN = "VTINS07S0"


def store_in(folder: Path) -> Store:
    """A new SQLite store with its tables."""
    file = folder / "lens.db"
    file.write_bytes(_with_tables())
    return open_store(f"sqlite:///{file}")


@cache
def _with_tables() -> bytes:
    """The file of such a store: copying it is quicker than migrating for each test."""
    with TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/lens.db")
        upgrade(store)
        store.close()
        return Path(folder, "lens.db").read_bytes()


def text_of(number: int, ori: str) -> str:
    """A short notice as it is stored."""
    name = message_id(number)
    return f"AM.{ORIGIN}.{ori}.*{name}.TXT\nLENS {name} ICE RELEASE NOTICE - INFORMATION ONLY\nNAM/TESTPERSON, INVENTED"


def wire(text: str, form: Literal["legacy", "niem"]) -> bytes:
    """The bytes of a legacy text."""
    assert form == "legacy"
    return text.replace("\n", "\r\n").encode("ascii")


def queue(store: Store, oris: Sequence[str], refers_to: int | None = None, status: str = "queued") -> list[int]:
    """Stores one release with a message to each ORI, in that order; the message numbers."""
    with store.write.begin() as connection:
        now = now_micros(connection)
        release = take_numbers(connection, "release", 1)
        first = take_numbers(connection, "message", len(oris))
        row = (release, f"EX-{release}", "0" * 64, "normal", "test", "notify", "2026-11-23", "0" * 12, "{}", "{}", "{}", now)
        insert(connection, "release", _RELEASE, [row])
        numbers = list(range(first, first + len(oris)))
        rows = []
        for number, ori in zip(numbers, oris, strict=True):
            start = (number, release, "NEW", "only", "sib", ori[:2], ori, "legacy", text_of(number, ori), status)
            rows.append((*start, status == "queued", 0, 0, False, now, now, refers_to))
        insert(connection, "message", _MESSAGE, rows)
        insert(
            connection, "message_event", ("number", "status", "at", "cause"), [(n, status, now, "accepted") for n in numbers]
        )
        insert_absent(connection, "lane", ("ori", "until", "token", "due", "fails"), [(o, 0, 0, 0, 0) for o in set(oris)])
    return numbers


_RELEASE: tuple[str, ...] = ("id", "release_id", "fingerprint", "mode", "caller", "outcome", "as_of", "rulebook")
_RELEASE += ("body_json", "evidence_json", "answer_json", "accepted_at")
_MESSAGE: tuple[str, ...] = ("number", "release", "type", "copy", "audience", "state", "ori", "format", "text")
_MESSAGE += ("status", "ready", "attempts", "failures", "maybe_duplicate", "created_at", "changed_at", "refers_to")


def rows(store: Store, statement: str, **values: object) -> list[tuple[object, ...]]:
    """The rows of a query, as plain tuples."""
    with store.read.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), values)]


def change(store: Store, statement: str, **values: object) -> None:
    """Carries out a statement, to bring a store into the state that a test needs."""
    with store.write.begin() as connection:
        connection.execute(text(statement), values)


def statuses(store: Store) -> dict[int, str]:
    """Each message's status."""
    return {
        int(str(number)): str(status) for number, status in rows(store, "SELECT number, status FROM message ORDER BY number")
    }


def history(store: Store, number: int) -> list[str]:
    """The statuses a message has had, oldest first."""
    return [str(row[0]) for row in rows(store, "SELECT status FROM message_event WHERE number = :n ORDER BY id", n=number)]


def flagged(store: Store) -> set[int]:
    """The messages that the network may have twice."""
    return {int(str(row[0])) for row in rows(store, "SELECT number FROM message WHERE maybe_duplicate")}


def work_items(store: Store) -> list[tuple[object, ...]]:
    """Code, message number and release of each work item."""
    return rows(store, "SELECT code, number, release FROM work_item ORDER BY id")


def lane(store: Store, ori: str) -> dict[str, object]:
    """A lane's row."""
    found = rows(store, "SELECT owner, until, token, due, fails FROM lane WHERE ori = :ori", ori=ori)[0]
    return dict(zip(("owner", "until", "token", "due", "fails"), found, strict=True))
