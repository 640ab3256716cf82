"""Reading versions of the rulebook: which one is live, what each is, and its files."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, exists, select

from app.domain.times import rfc3339
from app.errors import NotFound
from app.rulebook.bundle import Bundle
from app.rulebook.source import SourceFile
from app.rulebook.versions import CheckResult, Standing, State, Way
from app.store.engine import now_micros
from app.store.paging import Page, after, cursor
from app.store.tables import RULEBOOK, RULEBOOK_FILE, RULEBOOK_LIVE, RULEBOOK_PUBLICATION

_KIND = "rulebooks"


class Pointer(NamedTuple):
    """Which version is live, by which publication, and from when on; None and 0 before the first. `folder` is the version last
    taken from the folder. Times are Micros; `now` is the database's, as `live_at` is.
    """

    seq: int
    version: str | None
    live_at: int
    folder: str | None
    now: int


class Publication(msgspec.Struct, frozen=True):
    """Once that a version went live. `at` is when that was decided, `live_at` when every process began to decide under it."""

    seq: int
    way: Way
    by: str
    at: str
    live_at: str


class RulebookVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the rulebook. An approval is for the change from `approved_against`, the version live when it was given."""

    version: str
    state: State
    drafted_by: str
    drafted_at: str
    approved_by: str | None
    approved_at: str | None
    approved_against: str | None
    signed: bool
    publications: tuple[Publication, ...]
    check: CheckResult


class FileDigest(msgspec.Struct, frozen=True):
    """A file of a rulebook. `bytes` is its size, `sha256` in hex."""

    name: str
    bytes: int
    sha256: str


class RulebookFile(FileDigest, frozen=True):
    """A file of a version, whole."""

    text: str


class RulebookWithFiles(RulebookVersion, frozen=True, kw_only=True):
    """A version with its files."""

    files: tuple[RulebookFile, ...]


def pointer(connection: Connection) -> Pointer:
    """What is live."""
    row = connection.execute(select(RULEBOOK_LIVE)).one()
    return Pointer(row.seq, row.version, row.live_at, row.folder, now_micros(connection))


def lock_pointer(connection: Connection) -> Pointer:
    """The same, until the end of the transaction: no other changes the life of a rulebook meanwhile."""
    row = connection.execute(select(RULEBOOK_LIVE).with_for_update()).one()
    return Pointer(row.seq, row.version, row.live_at, row.folder, now_micros(connection))


def publication(connection: Connection, seq: int) -> Row[Any] | None:
    """A row of the table of publications."""
    return connection.execute(select(RULEBOOK_PUBLICATION).where(RULEBOOK_PUBLICATION.c.seq == seq)).first()


def formerly_live(connection: Connection) -> tuple[str, ...]:
    """The versions that were ever live, the latest first, each once."""
    rows = connection.execute(select(RULEBOOK_PUBLICATION.c.version).order_by(RULEBOOK_PUBLICATION.c.seq.desc()))
    return tuple(dict.fromkeys(str(row.version) for row in rows))


def standing(connection: Connection, version: str, live: str | None) -> Standing:
    """What decides about a version's next step. Raises NotFound."""
    was_live = exists().where(RULEBOOK_PUBLICATION.c.version == version)
    row = connection.execute(select(RULEBOOK, was_live.label("was_live")).where(RULEBOOK.c.version == version)).first()
    if row is None:
        raise _unknown(version)
    return Standing(version, row.drafted_by, row.approved_by, row.approved_against, bool(row.was_live), live)


def bundle_of_version(connection: Connection, version: str) -> Bundle:
    """A version's files, byte for byte, with its manifest and signature where it came with them. Raises NotFound."""
    row = connection.execute(select(RULEBOOK).where(RULEBOOK.c.version == version)).first()
    if row is None:
        raise _unknown(version)
    rows = connection.execute(
        select(RULEBOOK_FILE).where(RULEBOOK_FILE.c.version == version).order_by(RULEBOOK_FILE.c.name)
    ).all()
    # The order of the database's collation need not be Python's.
    files = sorted((SourceFile(file.name, bytes(file.content)) for file in rows), key=lambda file: file.name)
    signature = None if row.signature is None else bytes(row.signature)
    return Bundle(tuple(files), None if row.manifest is None else bytes(row.manifest), signature)


def get_version(connection: Connection, version: str) -> RulebookVersion:
    """One version. Raises NotFound."""
    row = connection.execute(select(RULEBOOK).where(RULEBOOK.c.version == version)).first()
    if row is None:
        raise _unknown(version)
    return _versions(connection, [row])[0]


def get_with_files(connection: Connection, version: str) -> RulebookWithFiles:
    """One version with its files. Raises NotFound."""
    files = tuple(map(_file, bundle_of_version(connection, version).files))
    return RulebookWithFiles(**msgspec.structs.asdict(get_version(connection, version)), files=files)


def digest_of(file: SourceFile) -> FileDigest:
    """A file by its hash."""
    return FileDigest(file.name, len(file.content), hashlib.sha256(file.content).hexdigest())


def _file(file: SourceFile) -> RulebookFile:
    return RulebookFile(**msgspec.structs.asdict(digest_of(file)), text=file.content.decode(errors="replace"))


def list_versions(connection: Connection, limit: int, given: str | None = None) -> Page[RulebookVersion]:
    """A page of versions, in the order they were drafted. Raises Refused for a bad cursor."""
    statement = select(RULEBOOK).where(RULEBOOK.c.id > after(_KIND, given)).order_by(RULEBOOK.c.id).limit(limit + 1)
    rows = connection.execute(statement).all()
    items = tuple(_versions(connection, rows[:limit]))
    return Page(items, cursor(_KIND, rows[limit - 1].id) if len(rows) > limit else None)


def all_versions(connection: Connection) -> list[RulebookVersion]:
    """Every version, in the order they were drafted."""
    return _versions(connection, connection.execute(select(RULEBOOK).order_by(RULEBOOK.c.id)).all())


def _versions(connection: Connection, rows: Sequence[Row[Any]]) -> list[RulebookVersion]:
    live = pointer(connection).version
    statement = select(RULEBOOK_PUBLICATION).order_by(RULEBOOK_PUBLICATION.c.seq)
    published: dict[str, list[Publication]] = {row.version: [] for row in rows}
    for each in connection.execute(statement.where(RULEBOOK_PUBLICATION.c.version.in_(list(published)))):
        entry = Publication(each.seq, each.way, each.published_by, rfc3339(each.published_at), rfc3339(each.live_at))
        published[each.version].append(entry)
    return [_version(row, tuple(published[row.version]), live) for row in rows]


def _version(row: Row[Any], publications: tuple[Publication, ...], live: str | None) -> RulebookVersion:
    place = Standing(row.version, row.drafted_by, row.approved_by, row.approved_against, bool(publications), live)
    return RulebookVersion(
        version=row.version,
        state=place.state,
        drafted_by=row.drafted_by,
        drafted_at=rfc3339(row.drafted_at),
        approved_by=row.approved_by,
        approved_at=None if row.approved_at is None else rfc3339(row.approved_at),
        approved_against=row.approved_against,
        signed=row.signature is not None,
        publications=publications,
        check=msgspec.json.decode(row.check_json, type=CheckResult),
    )


def _unknown(version: str) -> NotFound:
    return NotFound(f"There is no rulebook {version}.")
