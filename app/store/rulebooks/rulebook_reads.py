"""Reading versions of the rulebook: which one is live, what each is, and its files."""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Connection, Row, ScalarSelect, Select, exists, func, select

from app.domain.times import Timestamp, rfc3339
from app.errors import NotFound
from app.rulebook.bundles.bundle import Bundle
from app.rulebook.bundles.versions import CheckResult, Failing, PastDays, State, VersionState, Way
from app.rulebook.comparing.handling import Handling
from app.rulebook.comparing.safeguards import Loss
from app.rulebook.files.source import SourceFile
from app.store.database.engine import now_micros
from app.store.statements.paging import Page, after, cursor
from app.store.tables.main import RULEBOOK, RULEBOOK_FILE, RULEBOOK_LIVE, RULEBOOK_PUBLICATION

_KIND = "rulebooks"
SHA256_LENGTH = 64


class Pointer(NamedTuple):
    """Which version is live, by which publication, and from when on; None and 0 before the first. `folder` is the version last
    taken from the folder. Times are Micros; `now` is the database's, as `live_at` is. `…sha256` are the full hashes of both.
    """

    seq: int
    version: str | None
    live_at: int
    folder: str | None
    now: int
    sha256: str | None
    folder_sha256: str | None


class Publication(msgspec.Struct, frozen=True):
    """Once that a version went live. `at` is when that was decided, `live_at` when every process began to decide under it."""

    seq: int
    """Its number among all publications."""
    way: Way
    """How it went live."""
    by: str
    """Who did it."""
    at: Timestamp
    """When it was decided."""
    live_at: Timestamp
    """When every process began to decide under it."""
    reason: str | None
    """Why, where a reason was given; null otherwise."""


class RulebookVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the rulebook, identified by `sha256`; `version` is its first 12 digits, a label.

    `title` and `reason` are of who drafted it, `comment` of who approved or rejected it. An approval is for the change from
    `approved_against`, the version live when it was given. `sequence` is that of its signed bundle. `corrects_past` says why it
    may change what is decided of days before today. What it changes against the version live is told in the answer to what is done
    with it: `past` of days before today, `losses` of scenarios, promises and other safeguards that are gone or weaker, `handling`
    of what decides about people and is no answer in a case. `warnings` say all that in words, and which scenarios fail.
    """

    past: PastDays | None = None
    """What it changes of days before today; null where that was not worked out."""
    losses: tuple[Loss, ...] = ()
    """The safeguards of the version live that are gone or weaker in it; empty where that was not worked out."""
    handling: tuple[Handling, ...] = ()
    """What it handles otherwise without answering a case otherwise; empty where that was not worked out."""
    warnings: tuple[str, ...] = ()
    """All that in words, and which scenarios fail; empty where it was not worked out."""
    version: str
    """The first 12 digits of `sha256`, a label."""
    sha256: str
    """What identifies it: the SHA-256 of its files."""
    state: State
    """How far it has come."""
    title: str | None
    """What the change is, in one line; null where none was given."""
    reason: str | None
    """Why it is made, in one line; null where none was given."""
    drafted_by: str
    """Who drafted it."""
    drafted_at: Timestamp
    """When it was drafted."""
    approved_by: str | None
    """Who approved it; null where nobody did."""
    approved_at: Timestamp | None
    """When it was approved; null where it was not."""
    approved_against: str | None
    """The version that was live when it was approved: the approval is for the change from that one."""
    rejected_by: str | None
    """Who sent it back; null where nobody did."""
    rejected_at: Timestamp | None
    """When it was sent back; null where it was not."""
    comment: str | None
    """What the person who approved or rejected it found; null where nothing was said."""
    corrects_past: str | None
    """Why it may change what is decided of days before today; null where nothing was said."""
    signed: bool
    """Whether it is a signed bundle."""
    sequence: int | None
    """The number of its signed bundle; null where it is not signed."""
    publications: tuple[Publication, ...]
    """Each time it went live."""
    check: CheckResult
    """What the check of it found."""


class FileDigest(msgspec.Struct, frozen=True):
    """A file of a rulebook. `bytes` is its size, `sha256` in hex."""

    name: str
    """Its path in the rulebook."""
    bytes: int
    """Its size."""
    sha256: str
    """Its SHA-256 in hexadecimal."""


class RulebookFile(FileDigest, frozen=True):
    """A file of a version, whole."""

    text: str
    """Its content."""


class RulebookWithFiles(RulebookVersion, frozen=True, kw_only=True):
    """A version with its files."""

    files: tuple[RulebookFile, ...]
    """Its files, whole."""


def pointer(connection: Connection) -> Pointer:
    """What is live."""
    return _pointer(connection, _live())


def lock_pointer(connection: Connection) -> Pointer:
    """The same, until the end of the transaction: no other changes the life of a rulebook meanwhile."""
    return _pointer(connection, _live().with_for_update(of=RULEBOOK_LIVE))


def _live() -> Select[Any]:
    live, folder = (_sha256_of(RULEBOOK_LIVE.c[name]) for name in ("version", "folder"))
    return select(RULEBOOK_LIVE, live.label("sha256"), folder.label("folder_sha256"))


def _sha256_of(version: Column[Any]) -> ScalarSelect[Any]:
    return select(RULEBOOK.c.sha256).where(RULEBOOK.c.version == version).scalar_subquery()


def _pointer(connection: Connection, statement: Select[Any]) -> Pointer:
    row = connection.execute(statement).one()
    now = now_micros(connection)
    return Pointer(
        seq=row.seq,
        version=row.version,
        live_at=row.live_at,
        folder=row.folder,
        now=now,
        sha256=row.sha256,
        folder_sha256=row.folder_sha256,
    )


def identify(connection: Connection, name: str) -> str:
    """The full hash of the version that is named by it, or by its label. Raises NotFound."""
    return str(_row(connection, name).sha256)


def _row(connection: Connection, name: str) -> Row[Any]:
    """A version by its full hash or its label: nothing else names one. Raises NotFound."""
    column = RULEBOOK.c.sha256 if len(name) == SHA256_LENGTH else RULEBOOK.c.version
    row = connection.execute(select(RULEBOOK).where(column == name)).first()
    if row is None:
        raise NotFound(f"There is no rulebook {name}.")
    return row


def publication(connection: Connection, seq: int) -> Row[Any] | None:
    """A row of the table of publications."""
    return connection.execute(select(RULEBOOK_PUBLICATION).where(RULEBOOK_PUBLICATION.c.seq == seq)).first()


def formerly_live(connection: Connection) -> tuple[str, ...]:
    """The versions that were ever live, the latest first, each once."""
    rows = connection.execute(select(RULEBOOK_PUBLICATION.c.version).order_by(RULEBOOK_PUBLICATION.c.seq.desc()))
    return tuple(dict.fromkeys(str(row.version) for row in rows))


def standing(connection: Connection, version: str, live: str | None) -> VersionState:
    """What decides about a version's next step. Raises NotFound."""
    row = _row(connection, version)
    was_live = select(exists().where(RULEBOOK_PUBLICATION.c.version == row.version))
    return _standing(row, live, newest_sequence(connection), was_live=bool(connection.scalar(was_live)))


def failing_scenarios(connection: Connection, version: str) -> Failing:
    """The scenarios that failed when a stored version was checked. Raises NotFound."""
    return standing(connection, version, None).failing


def has_no_scenario(connection: Connection, version: str) -> bool:
    """Whether a stored version has no scenario at all. Raises NotFound."""
    return standing(connection, version, None).untried


def newest_sequence(connection: Connection) -> int:
    """The highest sequence of a signed bundle that was ever live; 0 where none was."""
    published = RULEBOOK.join(RULEBOOK_PUBLICATION, RULEBOOK.c.version == RULEBOOK_PUBLICATION.c.version)
    return connection.scalar(select(func.max(RULEBOOK.c.sequence)).select_from(published)) or 0


def _standing(row: Row[Any], live: str | None, newest: int, *, was_live: bool) -> VersionState:
    check = msgspec.json.decode(row.check_json, type=CheckResult)
    return VersionState(
        version=row.version,
        drafted_by=row.drafted_by,
        approved_by=row.approved_by,
        approved_against=row.approved_against,
        was_live=was_live,
        live=live,
        rejected_by=row.rejected_by,
        failing=check.scenarios.failing,
        untried=check.scenarios.run == 0,
        sequence=row.sequence or 0,
        newest=newest,
    )


def bundle_of_version(connection: Connection, version: str) -> Bundle:
    """A version's files, byte for byte, with its manifest and signature where it came with them. Raises NotFound."""
    row = _row(connection, version)
    rows = connection.execute(
        select(RULEBOOK_FILE).where(RULEBOOK_FILE.c.version == row.version).order_by(RULEBOOK_FILE.c.name)
    ).all()
    # The order of the database's collation need not be Python's.
    files = sorted((SourceFile(file.name, bytes(file.content)) for file in rows), key=lambda file: file.name)
    signature = None if row.signature is None else bytes(row.signature)
    return Bundle(tuple(files), None if row.manifest is None else bytes(row.manifest), signature)


def get_version(connection: Connection, version: str) -> RulebookVersion:
    """One version. Raises NotFound."""
    return _versions(connection, [_row(connection, version)])[0]


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
        entry = Publication(
            seq=each.seq,
            way=each.way,
            by=each.published_by,
            at=rfc3339(each.published_at),
            live_at=rfc3339(each.live_at),
            reason=each.reason,
        )
        published[each.version].append(entry)
    return [_version(row, tuple(published[row.version]), live) for row in rows]


def _version(row: Row[Any], publications: tuple[Publication, ...], live: str | None) -> RulebookVersion:
    place = _standing(row, live, 0, was_live=bool(publications))
    return RulebookVersion(
        version=row.version,
        sha256=row.sha256,
        state=place.state,
        title=row.title,
        reason=row.reason,
        drafted_by=row.drafted_by,
        drafted_at=rfc3339(row.drafted_at),
        approved_by=row.approved_by,
        approved_at=None if row.approved_at is None else rfc3339(row.approved_at),
        approved_against=row.approved_against,
        rejected_by=row.rejected_by,
        rejected_at=None if row.rejected_at is None else rfc3339(row.rejected_at),
        comment=row.comment,
        corrects_past=row.corrects_past,
        signed=row.signature is not None,
        sequence=row.sequence,
        publications=publications,
        check=msgspec.json.decode(row.check_json, type=CheckResult),
    )
