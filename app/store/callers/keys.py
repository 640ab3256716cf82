"""API keys: made once, shown once, kept as SHA-256. A key is 256 random bits, so a slow hash would add nothing.

A caller may have several keys, so that a new one can be put in place before the old one is revoked; all have one role.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import msgspec
from sqlalchemy import Connection, func, select, update

from app.domain.people import is_reserved, look_alike
from app.domain.times import rfc3339
from app.errors import Conflict, Fault, LensError, NotFound, NotSignedIn, Refused
from app.store.ledger.audit import AuditEntry, append
from app.store.statements.rows import insert, lock_counters
from app.store.tables.main import API_KEY

Role = Literal["system_of_record", "operator", "policy", "approver", "auditor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
BOOTSTRAP = "bootstrap"
"""The name and the role of the key of LENS_BOOTSTRAP_KEY, which holds every role."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@:-]{0,79}")
_COLUMNS = ("name", "role", "digest", "created_at", "expires_at", "may_backfill")


class NewKey(NamedTuple):
    """A key to make. `by` is who makes it, for the audit trail; times are Micros, `expires_at` None for never.

    With `may_backfill`, which only a system of record can have, it may send releases that are stored and never sent.
    """

    name: str
    role: str
    by: str
    at: int
    expires_at: int | None
    may_backfill: bool = False


class StoredKey(msgspec.Struct, frozen=True):
    """What is known of a key; not the key itself. Times are Micros."""

    id: int
    name: str
    role: str
    digest: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    may_backfill: bool | None = None

    @property
    def backfills(self) -> bool:
        """Whether it may send with `LENS-Mode: backfill`: made so, or the bootstrap key."""
        return self.role == BOOTSTRAP or bool(self.may_backfill)

    @property
    def roles(self) -> frozenset[str]:
        """The roles it holds: its own, or every one for the bootstrap key."""
        return frozenset(ROLES) if self.role == BOOTSTRAP else frozenset({self.role})

    def usable(self, now: int) -> bool:
        """Whether it lets its caller in at this time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class Revoke(NamedTuple):
    """To end every key of a name, or the one key with an id written in digits, from `at` (Micros) on."""

    which: str
    by: str
    at: int


def digest_of(key: str) -> str:
    """The SHA-256 of a key, hex: all that is stored of it."""
    return hashlib.sha256(key.encode()).hexdigest()


def create(connection: Connection, items: Sequence[NewKey]) -> list[str | LensError]:
    """Makes keys and returns each one's text, which cannot be had again. Has the shape `Writer.do` takes.

    A result is Refused for a bad name, role or expiry, Conflict when the name has a usable key of another role, or looks like the
    name of another usable key.
    """
    lock_counters(connection)
    return [_create_one(connection, item) for item in items]


def _create_one(connection: Connection, item: NewKey) -> str | LensError:
    faults = []
    if not _NAME.fullmatch(item.name):
        faults.append(Fault("/name", "pattern", "a name is 1 to 80 letters, digits, spaces or . _ @ : -"))
    elif is_reserved(item.name):
        message = "LENS itself acts under this name, or one that looks like it; choose the name of the system or person"
        faults.append(Fault("/name", "reserved", message))
    if item.role not in ROLES:
        faults.append(Fault("/role", "enum", "there is no such role", ROLES))
    if item.expires_at is not None and item.expires_at <= item.at:
        faults.append(Fault("/expires_at", "past", "a key expires after it is made"))
    if item.may_backfill and item.role in ROLES and item.role != "system_of_record":
        faults.append(Fault("/may_backfill", "wrong-role", "only a key of the role system_of_record sends releases"))
    if faults:
        return Refused(tuple(faults))
    clash = _clash(connection, item)
    if clash is not None:
        return clash
    key = f"lens_{secrets.token_urlsafe(32)}"
    values = (item.name, item.role, digest_of(key), item.at, item.expires_at, item.may_backfill)
    insert(connection, "api_key", _COLUMNS, [values])
    expires_at = None if item.expires_at is None else rfc3339(item.expires_at)
    detail = {"role": item.role, "expires_at": expires_at, "may_backfill": item.may_backfill}
    row = _row_of(connection, key)
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="create_key",
                target=f"key {item.name}",
                outcome="created",
                detail=detail,
                covers=(row,),
            )
        ],
    )
    return key


def _clash(connection: Connection, item: NewKey) -> Conflict | None:
    """Why the name cannot be given beside the keys that work, or None."""
    for other in list_keys(connection):
        if not other.usable(item.at) or not look_alike(other.name, item.name):
            continue
        if other.name != item.name:
            return Conflict(_ALIKE.format(name=other.name))
        if other.role != item.role:
            return Conflict(f"{item.name} has a key with the role {other.role}; revoke it first, or choose another name.")
    return None


_ALIKE = (
    "The name looks like that of another key, {name}, so both would count as one person where two are asked for. For a second key of "
    "the same caller give exactly that name; for another caller choose a name that differs in more than case, spaces, marks or "
    "look-alike characters; or revoke that key first."
)


def _row_of(connection: Connection, key: str) -> str:
    """What the audit trail calls the row of a key."""
    found = connection.scalar(select(API_KEY.c.id).where(API_KEY.c.digest == digest_of(key)))
    return f"api_key {found}"


class Bootstrap(NamedTuple):
    """The key of LENS_BOOTSTRAP_KEY, and the time in Micros."""

    key: str
    at: int


def bootstrap(connection: Connection, items: Sequence[Bootstrap]) -> list[bool]:
    """Takes the key into a database that has none yet; each result says whether it did. Has the shape `Writer.do` takes."""
    lock_counters(connection)
    results = []
    for item in items:
        empty = connection.execute(select(func.count()).select_from(API_KEY)).scalar_one() == 0
        if empty:
            insert(connection, "api_key", _COLUMNS, [(BOOTSTRAP, BOOTSTRAP, digest_of(item.key), item.at, None, None)])
            row = _row_of(connection, item.key)
            target = f"key {BOOTSTRAP}"
            append(
                connection,
                [AuditEntry(at=item.at, actor=BOOTSTRAP, action="create_key", target=target, outcome="created", covers=(row,))],
            )
        results.append(empty)
    return results


def exposed_bootstrap(keys: Sequence[StoredKey], now: int) -> str | None:
    """What is odd about keys of a service that others can reach: one that holds every role works. None when none does."""
    for key in keys:
        if key.role == BOOTSTRAP and key.usable(now):
            return f"key {key.id} ({key.name}) holds every role, and others can reach this address; make keys, then revoke it"
    return None


class TryOut(NamedTuple):
    """A key with every role that lasts for a while. Times are Micros."""

    key: str
    at: int
    expires_at: int


def try_out(connection: Connection, items: Sequence[TryOut]) -> list[None]:
    """Takes keys for trying out (`lens serve --with-simulator`). Has the shape `Writer.do` takes."""
    for item in items:
        values = ("try-out", BOOTSTRAP, digest_of(item.key), item.at, item.expires_at, None)
        insert(connection, "api_key", _COLUMNS, [values])
        detail = {"expires_at": rfc3339(item.expires_at)}
        row = _row_of(connection, item.key)
        append(
            connection,
            [
                AuditEntry(
                    at=item.at,
                    actor="try-out",
                    action="create_key",
                    target="key try-out",
                    outcome="created",
                    detail=detail,
                    covers=(row,),
                )
            ],
        )
    return [None] * len(items)


def list_keys(connection: Connection) -> tuple[StoredKey, ...]:
    """Every key there ever was, oldest first."""
    rows = connection.execute(select(API_KEY).order_by(API_KEY.c.id))
    return tuple(StoredKey(**row._mapping) for row in rows)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def find_key(connection: Connection, key: str, now: int) -> StoredKey:
    """The usable key with this text. Raises NotSignedIn, for every reason alike."""
    digest = digest_of(key)
    row = connection.execute(select(API_KEY).where(API_KEY.c.digest == digest)).first()
    found = None if row is None else StoredKey(**row._mapping)  # noqa: SLF001 - as above
    if found is None or not hmac.compare_digest(found.digest, digest) or not found.usable(now):
        raise NotSignedIn
    return found


def revoke(connection: Connection, items: Sequence[Revoke]) -> list[int | LensError]:
    """Revokes keys; each result is how many, or NotFound when none is left to revoke. Has the shape `Writer.do` takes."""
    return [_revoke_one(connection, item) for item in items]


def _revoke_one(connection: Connection, item: Revoke) -> int | LensError:
    which = API_KEY.c.id == int(item.which) if re.fullmatch("[0-9]{1,18}", item.which) else API_KEY.c.name == item.which
    change = update(API_KEY).where(which, API_KEY.c.revoked_at.is_(None)).values(revoked_at=item.at).returning(API_KEY.c.id)
    revoked = sorted(connection.scalars(change))
    if not revoked:
        return NotFound(f"There is no key {item.which} to revoke.")
    rows = tuple(f"api_key {key}" for key in revoked)
    detail = {"keys": len(revoked)}
    append(
        connection,
        [
            AuditEntry(
                at=item.at,
                actor=item.by,
                action="revoke_key",
                target=f"key {item.which}",
                outcome="revoked",
                detail=detail,
                covers=rows,
            )
        ],
    )
    return len(revoked)
