"""Finding releases by the FBI number of their subject, which stands only inside their JSON.

For each version of a release a digest of its number is kept: keyed with a secret of this store and cut to 24 bits, so that each
digest is shared by some 17,000 FBI numbers and none can be read from it. A digest therefore only narrows the search; what it
finds is compared with the releases themselves. See docs/explanation/privacy.md.

Digests are written after acceptance, a few at a time, in the order in which releases were stored: accepting costs nothing, and
releases stored by an earlier version of LENS are taken up in the same way.
"""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, exists, select, update

from app.store.statements.rows import insert, insert_absent
from app.store.tables.inquiries import SUBJECT_DIGEST, SUBJECT_INDEX
from app.store.tables.main import RELEASE, RELEASE_VERSION

BY_SUBJECT = "FBI number"
"""How a release is said to be found so."""

_DIGEST_BYTES = 3
_CANDIDATES = 1000
_BODIES_AT_ONCE = 100
_HEAD = ("id", "secret", "release", "first_message")


class Learn(NamedTuple):
    """To take up what was stored since the last time: at most `limit` releases and as many corrections."""

    limit: int


class _Subject(msgspec.Struct):
    fbi_number: str | None = None


class _Body(msgspec.Struct):
    subject: _Subject | None = None


_read_body = msgspec.json.Decoder(_Body)


def digest_of(secret: str, fbi_number: str) -> int:
    """The digest of an FBI number under a store's secret (hex)."""
    digest = hashlib.blake2b(fbi_number.encode(), key=bytes.fromhex(secret), digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(digest)


def learn(connection: Connection, steps: Sequence[Learn]) -> list[bool]:
    """Takes up stored releases and corrections; each result says whether more may be left. Has the shape `Writer.do` takes.

    Releases get their row ids in the order of their commits, on whatever host, so none comes late below the mark.
    """
    return [_learn(connection, step.limit) for step in steps]


def _learn(connection: Connection, limit: int) -> bool:
    index = _lock_index(connection)
    releases = connection.execute(
        select(RELEASE.c.id, RELEASE.c.body_json).where(RELEASE.c.id > index.release).order_by(RELEASE.c.id).limit(limit)
    ).all()
    # Several versions may begin at one message, so the mark itself is looked at again, and what is known left out.
    known = exists().where(
        SUBJECT_DIGEST.c.release == RELEASE_VERSION.c.release, SUBJECT_DIGEST.c.version == RELEASE_VERSION.c.version
    )
    columns = (
        RELEASE_VERSION.c.release,
        RELEASE_VERSION.c.version,
        RELEASE_VERSION.c.body_json,
        RELEASE_VERSION.c.first_message,
    )
    corrected = select(*columns).where(RELEASE_VERSION.c.first_message >= index.first_message, ~known)
    versions = connection.execute(corrected.order_by(RELEASE_VERSION.c.first_message).limit(limit)).all()
    rows = [(row.id, 1, _digest_in(index.secret, row.body_json)) for row in releases]
    rows += [(row.release, row.version, _digest_in(index.secret, row.body_json)) for row in versions]
    insert(connection, "subject_digest", ("release", "version", "digest"), rows)
    if rows:
        mark = {"release": releases[-1].id if releases else index.release}
        mark["first_message"] = versions[-1].first_message if versions else index.first_message
        connection.execute(update(SUBJECT_INDEX).values(mark))
    return limit in {len(releases), len(versions)}


def _lock_index(connection: Connection) -> Any:  # noqa: ANN401 - a row of the table
    """How far the digests go. Locked, so that one process at a time goes on, on whatever host."""
    statement = select(SUBJECT_INDEX).with_for_update()
    index = connection.execute(statement).first()
    if index is None:
        insert_absent(connection, "subject_index", _HEAD, [(1, secrets.token_hex(32), 0, 0)])
        index = connection.execute(statement).one()
    return index


def _digest_in(secret: str, body: str) -> int | None:
    number = _number_in(body)
    return None if number is None else digest_of(secret, number)


def _number_in(body: str) -> str | None:
    try:
        subject = _read_body.decode(body).subject
    except msgspec.DecodeError:
        return None
    return (subject.fbi_number or None) if subject else None


def releases_of(connection: Connection, fbi_numbers: Sequence[str]) -> list[int]:
    """The row ids of the releases that have one of these FBI numbers in any version, newest first; what `learn` took up so far."""
    secret = connection.scalar(select(SUBJECT_INDEX.c.secret))
    if secret is None or not fbi_numbers:
        return []
    digests = sorted({digest_of(secret, number) for number in fbi_numbers})
    wanted = select(SUBJECT_DIGEST.c.release).where(SUBJECT_DIGEST.c.digest.in_(digests)).distinct()
    candidates = connection.scalars(wanted.order_by(SUBJECT_DIGEST.c.release.desc()).limit(_CANDIDATES)).all()
    found: list[int] = []
    for first in range(0, len(candidates), _BODIES_AT_ONCE):
        some = candidates[first : first + _BODIES_AT_ONCE]
        having = _having(connection, some, frozenset(fbi_numbers))
        found += [release for release in some if release in having]
    return found


def _having(connection: Connection, releases: Sequence[int], fbi_numbers: frozenset[str]) -> set[int]:
    first = select(RELEASE.c.id, RELEASE.c.body_json).where(RELEASE.c.id.in_(releases))
    later = select(RELEASE_VERSION.c.release, RELEASE_VERSION.c.body_json).where(RELEASE_VERSION.c.release.in_(releases))
    return {key for key, body in connection.execute(first.union_all(later)) if _number_in(body) in fbi_numbers}
