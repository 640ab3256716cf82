"""Every table LENS stores, as SQLModel classes. Alembic's migrations build them; a test holds the two together.

Times are whole microseconds since 1970 in UTC (`Micros`), the same on SQLite and PostgreSQL. Columns named `*_json` hold JSON
text. Personal data stands only in `message.text`, `inbound.text`, and `body_json` and `answer_json` of `release` and
`release_version`. `subject_digest` holds digests of FBI numbers, each shared by thousands of numbers; `residence_digest` is
keyed, under `address_key`.
"""

from sqlalchemy import Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.store.tables.addresses import AddressKeyRow  # noqa: F401 - so that whoever imports the tables has them all
from app.store.tables.columns import big as _big
from app.store.tables.columns import key_of
from app.store.tables.columns import of_release as _of_release
from app.store.tables.feeds import FEED  # noqa: F401 - same
from app.store.tables.inquiries import INBOUND_RELEASE  # noqa: F401 - same
from app.store.tables.pace import PaceRow  # noqa: F401 - same
from app.store.tables.running import RUNNING  # noqa: F401 - same
from app.store.tables.surges import SURGE  # noqa: F401 - same


class ReleaseRow(SQLModel, table=True):
    """A release accepted, with its decision as evidence: what came in, what the rules saw, what was answered."""

    __tablename__ = "release"
    __table_args__ = (Index("release_by_caller", "caller", "id"),)
    id: int = Field(sa_column=_big(primary_key=True, autoincrement=False), description="from counter `release`")
    release_id: str = Field(max_length=64, unique=True, description="the system of record's id; the idempotency key")
    fingerprint: str = Field(max_length=64, description="SHA-256 of the canonical content, hex")
    mode: str = Field(max_length=10, description="normal or backfill")
    caller: str = Field(max_length=80, description="name of the key that sent it")
    outcome: str = Field(max_length=20)
    as_of: str = Field(max_length=10, description="YYYY-MM-DD, the day of the release at the facility")
    rulebook: str = Field(max_length=64, description="full hash of everything that decided; its label in rows of old")
    body_json: str = Field(sa_column=Column(Text, nullable=False))
    evidence_json: str = Field(sa_column=Column(Text, nullable=False), description="facts as the rules saw them, rules beaten")
    answer_json: str = Field(sa_column=Column(Text, nullable=False), description="the decision as first answered")
    accepted_at: int = Field(sa_column=_big(nullable=False, index=True))
    residence_digest: int | None = Field(
        default=None, sa_column=_big(nullable=True, index=True), description="keyed; of the residence as last corrected"
    )


class ReleaseVersionRow(SQLModel, table=True):
    """A correction or cancellation of a release, decided as the release itself was; never changed. The release is version 1."""

    __tablename__ = "release_version"
    __table_args__ = (Index("release_version_first_message", "first_message"),)
    release: int = Field(sa_column=key_of("release.id"))
    version: int = Field(primary_key=True, description="2 and up")
    kind: str = Field(max_length=12, description="correction or cancellation")
    fingerprint: str = Field(max_length=64, description="SHA-256 of the canonical content, hex; none for a cancellation")
    caller: str = Field(max_length=80, description="name of the key that sent it")
    rulebook: str = Field(max_length=64, description="full hash of everything that decided; its label in rows of old")
    body_json: str = Field(sa_column=Column(Text, nullable=False), description="the content that stands from then on")
    reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True), description="a cancellation's, in words")
    evidence_json: str = Field(sa_column=Column(Text, nullable=False))
    answer_json: str = Field(sa_column=Column(Text, nullable=False), description="the decision as answered")
    first_message: int = Field(sa_column=_big(nullable=False), description="messages from this number on belong to it")
    at: int = Field(sa_column=_big(nullable=False))


class MessageRow(SQLModel, table=True):
    """One administrative message. `number` orders it for ever; its text is frozen at acceptance.

    A message under way keeps status `sending`; a crash leaves it so, and whoever next holds its lane sends it again with the
    same number and `maybe_duplicate` set. Nothing but a status change touches a row after acceptance.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_ready", "ori", "number", postgresql_where=text("ready"), sqlite_where=text("ready")),
        Index(
            "message_sent",
            "status",  # always the same here, but without it SQLite takes message_by_status
            "changed_at",
            postgresql_where=text("status = 'sent'"),
            sqlite_where=text("status = 'sent'"),
        ),
        Index("message_by_status", "status", "number", "state"),  # the state, so that all can be counted over the index alone
        Index("message_by_state", "state", "number"),
        Index("message_by_time", "created_at", "number"),
        Index(
            "message_not_before",
            "not_before",
            postgresql_where=text("not_before IS NOT NULL AND NOT ready"),
            sqlite_where=text("not_before IS NOT NULL AND NOT ready"),
        ),
    )
    number: int = Field(sa_column=_big(primary_key=True, autoincrement=False))
    release: int = Field(sa_column=_of_release(nullable=False))
    type: str = Field(max_length=10, description="NEW, CORRECTION or CANCEL")
    copy_: str = Field(sa_column=Column("copy", Text, nullable=False), description="departing, receiving or only")
    audience: str
    state: str = Field(max_length=2, description="USPS code")
    ori: str = Field(max_length=9, description="destination; also the lane")
    format: str = Field(max_length=6, description="legacy or niem")
    text: str = Field(sa_column=Column(Text, nullable=False), description="whole text, lines ended by LF; the wire has CR LF")
    status: str = Field(max_length=20)
    ready: bool = Field(description="whether the dispatcher is to send it: queued, sending or waiting_for_state")
    attempts: int = Field(default=0, description="tries so far; never set back")
    failures: int = Field(default=0, description="tries refused or lost since it was queued last; at the limit it is dead")
    maybe_duplicate: bool = Field(default=False, description="a try's outcome is unknown, so the network may have it twice")
    created_at: int = Field(sa_column=_big(nullable=False))
    changed_at: int = Field(sa_column=_big(nullable=False), description="of the current status; see `tries.postpone`")
    due_at: int | None = Field(default=None, sa_column=_big(nullable=True), description="when policy wants it out (`within`)")
    refers_to: int | None = Field(default=None, sa_column=_big(nullable=True), description="number corrected or cancelled")
    not_before: int | None = Field(
        default=None, sa_column=_big(nullable=True), description="queued, it becomes ready only at this time"
    )
    rulebook: str | None = Field(default=None, max_length=64, description="full hash of what decided; null in rows of old")


class MessageEventRow(SQLModel, table=True):
    """Each status a message has had, with its time and cause; the tries stand here too, as `sending` and what followed."""

    __tablename__ = "message_event"
    id: int | None = Field(default=None, sa_column=_big(primary_key=True))
    number: int = Field(sa_column=_big(nullable=False, index=True))
    status: str = Field(max_length=20)
    at: int = Field(sa_column=_big(nullable=False))
    cause: str = Field(sa_column=Column(Text, nullable=False), description="in words; never personal data")
    worker: str | None = Field(default=None, max_length=80)
    attempt: int | None = Field(default=None, description="which try, from 1")


class LaneRow(SQLModel, table=True):
    """The messages to one ORI, in order, and who may send them now. `token` rises with every claim and fences old owners."""

    __tablename__ = "lane"
    ori: str = Field(primary_key=True, max_length=9)
    owner: str | None = Field(default=None, max_length=80)
    until: int = Field(default=0, sa_column=_big(nullable=False), description="the lease ends")
    token: int = Field(default=0, sa_column=_big(nullable=False))
    due: int = Field(default=0, sa_column=_big(nullable=False, index=True), description="not before this time")
    fails: int = Field(default=0, description="failed sends in a row; while there are any, one message goes at a time")


class PauseRow(SQLModel, table=True):
    """While a row stands, nothing is sent to its scope: to one ORI, or to any (`*`). Each source lifts only its own."""

    __tablename__ = "pause"
    scope: str = Field(primary_key=True, max_length=9, description="an ORI, or * for all")
    source: str = Field(primary_key=True, max_length=20, description="network, operator or move")
    why: str = Field(max_length=200, description="in words; never personal data")
    since: int = Field(sa_column=_big(nullable=False))


_TO_ESCALATE = "status = 'open' AND escalated_at IS NULL"


class WorkItemRow(SQLModel, table=True):
    """What a person must do."""

    __tablename__ = "work_item"
    __table_args__ = (
        Index("work_item_by_status", "status", "id"),
        Index("work_item_by_code", "code", "id"),
        Index("work_item_to_escalate", "due_at", postgresql_where=text(_TO_ESCALATE), sqlite_where=text(_TO_ESCALATE)),
    )
    id: int = Field(sa_column=_big(primary_key=True, autoincrement=False), description="from counter `work_item`")
    code: str
    release: int | None = Field(default=None, sa_column=_of_release(nullable=True))
    number: int | None = Field(default=None, sa_column=_big(nullable=True, index=True), description="the message it is about")
    inbound: int | None = Field(default=None, sa_column=_big(nullable=True), description="the text that opened it")
    audience: str | None = None
    state: str | None = Field(default=None, max_length=2)
    rule: str = Field(default="", sa_column=Column(Text, nullable=False))
    detail: str = Field(default="", sa_column=Column(Text, nullable=False), description="in words; never personal data")
    status: str = Field(default="open", max_length=10, description="open or resolved")
    opened_at: int = Field(sa_column=_big(nullable=False))
    due_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    assigned_to: str | None = Field(default=None, max_length=80, description="who has it in hand")
    escalated_at: int | None = Field(default=None, sa_column=_big(nullable=True), description="when it was found overdue")
    lift: str | None = Field(default=None, max_length=12, description="two_people where lifting takes two; None: one")
    first_lift_by: str | None = Field(default=None, max_length=80, description="who lifted it first, where two must")
    first_lift_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    first_lift_reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    resolved_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    resolved_by: str | None = Field(default=None, max_length=80)
    reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    resolution: str | None = Field(default=None, max_length=12, description="how it was closed; None where that was not kept")
    changed_at: int | None = Field(default=None, sa_column=_big(nullable=True), description="when a person changed it last")
    changed_by: str | None = Field(default=None, max_length=80)


class InboundRow(SQLModel, table=True):
    """A text that came from the network: ER, SM, AM or something else. Stored before it is acted on, acted on once."""

    __tablename__ = "inbound"
    id: int | None = Field(default=None, sa_column=_big(primary_key=True))
    source: str = Field(max_length=200, unique=True, description="names the arrival, so that it is taken once")
    occurrence: str | None = Field(
        default=None, max_length=200, description="this saying of its words, where they may be said again"
    )
    kind: str = Field(max_length=10, description="ER, SM, AM or other")
    text: str = Field(sa_column=Column(Text, nullable=False))
    number: int | None = Field(default=None, sa_column=_big(nullable=True, index=True), description="the message it is about")
    matched_by: str | None = Field(default=None, max_length=40)
    origin: str | None = Field(default=None, max_length=9, description="the ORI it came from, where it says one")
    received_at: int = Field(sa_column=_big(nullable=False))


class AuditRow(SQLModel, table=True):
    """The audit trail: who did what to what, when, with what outcome. Each row's hash covers the row before; ids have no gaps.

    Rows of earlier versions (`form` is None) are linked in the chain of their process only, in order of `seq`.
    """

    __tablename__ = "audit"
    __table_args__ = (UniqueConstraint("chain", "seq"),)
    id: int | None = Field(default=None, sa_column=_big(primary_key=True))
    form: int | None = Field(default=None, description="how its hash is made; None: as earlier versions did")
    chain: str = Field(max_length=40, description="the writing process")
    seq: int = Field(sa_column=_big(nullable=False), description="the same as id; the place in the chain where form is None")
    at: int = Field(sa_column=_big(nullable=False))
    actor: str = Field(max_length=80)
    actor_key: int | None = Field(default=None, sa_column=_big(nullable=True), description="id of the actor's API key, if any")
    action: str = Field(max_length=60)
    object: str = Field(max_length=120, description="e.g. release EX-1, message LN00000001; never a person")
    outcome: str = Field(max_length=40)
    detail_json: str = Field(sa_column=Column(Text, nullable=False))
    prev: str = Field(max_length=64)
    hash: str = Field(max_length=64)


class AuditHeadRow(SQLModel, table=True):
    """One row: the newest row of the trail as LENS last wrote it. Whoever adds to the trail locks it, as the last thing."""

    __tablename__ = "audit_head"
    id: int = Field(sa_column=_big(primary_key=True, autoincrement=False))
    last: int | None = Field(default=None, sa_column=_big(nullable=True), description="its id; None before the braid begins")
    hash: str | None = Field(default=None, max_length=64)


class ApiKeyRow(SQLModel, table=True):
    """A key of a named caller. Only the SHA-256 of the key is kept; keys are 256 random bits, so no slow hash is needed."""

    __tablename__ = "api_key"
    id: int | None = Field(default=None, sa_column=_big(primary_key=True))
    name: str = Field(max_length=80, index=True, description="of the caller; it may have several keys, all of one role")
    role: str = Field(max_length=20)
    digest: str = Field(max_length=64, unique=True)
    created_at: int = Field(sa_column=_big(nullable=False))
    expires_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    revoked_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    may_backfill: bool | None = Field(default=None, description="whether it may send with LENS-Mode: backfill; null: no")


class CounterRow(SQLModel, table=True):
    """Numbers given out in order, inside the transaction that uses them (so none is used twice and none is skipped)."""

    __tablename__ = "counter"
    name: str = Field(primary_key=True, max_length=20)
    last: int = Field(sa_column=_big(nullable=False))


class RulebookRow(SQLModel, table=True):
    """A version of the rulebook that passed its check. Its files never change; what people said of it is added."""

    __tablename__ = "rulebook"
    id: int | None = Field(default=None, sa_column=_big(primary_key=True))
    version: str = Field(max_length=12, unique=True, description="the label: first digits of the hash, as decisions name it")
    sha256: str = Field(max_length=64, description="the full hash, which identifies it")
    drafted_by: str = Field(max_length=80)
    drafted_at: int = Field(sa_column=_big(nullable=False))
    approved_by: str | None = Field(default=None, max_length=80)
    approved_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    approved_against: str | None = Field(default=None, max_length=12, description="version the diff shown began at")
    check_json: str = Field(sa_column=Column(Text, nullable=False))
    manifest: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    signature: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    sequence: int | None = Field(default=None, sa_column=_big(nullable=True), description="of its signed bundle")
    title: str | None = Field(default=None, max_length=200)
    reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True), description="why it was drafted")
    comment: str | None = Field(default=None, sa_column=Column(Text, nullable=True), description="of who approved or rejected")
    rejected_by: str | None = Field(default=None, max_length=80)
    rejected_at: int | None = Field(default=None, sa_column=_big(nullable=True))
    corrects_past: str | None = Field(
        default=None, sa_column=Column(Text, nullable=True), description="why it may change days before today"
    )


class RulebookFileRow(SQLModel, table=True):
    """A file of a version, byte for byte."""

    __tablename__ = "rulebook_file"
    version: str = Field(primary_key=True, max_length=12, foreign_key="rulebook.version")
    name: str = Field(primary_key=True, max_length=200)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class RulebookPublicationRow(SQLModel, table=True):
    """Each time a version went live; never changed. `back_to` is the publication that one step back leads to, if any."""

    __tablename__ = "rulebook_publication"
    seq: int = Field(sa_column=_big(primary_key=True, autoincrement=False))
    version: str = Field(max_length=12, foreign_key="rulebook.version", index=True)
    back_to: int | None = Field(default=None, sa_column=_big(nullable=True))
    way: str = Field(max_length=10, description="publish, rollback or folder")
    named: str = Field(max_length=12, description="the version that the request named")
    published_by: str = Field(max_length=80)
    published_at: int = Field(sa_column=_big(nullable=False))
    live_at: int = Field(sa_column=_big(nullable=False), description="when every process begins to decide under it")
    reason: str | None = Field(default=None, sa_column=Column(Text, nullable=True), description="why, where one was given")


class RulebookLiveRow(SQLModel, table=True):
    """The one row that says what is live; every change of a rulebook's life locks it. `seq` is that of its publication."""

    __tablename__ = "rulebook_live"
    id: int = Field(sa_column=_big(primary_key=True, autoincrement=False))
    seq: int = Field(sa_column=_big(nullable=False))
    version: str | None = Field(default=None, max_length=12)
    live_at: int = Field(sa_column=_big(nullable=False))
    folder: str | None = Field(default=None, max_length=12, description="version last taken from the folder")


RELEASE, MESSAGE, MESSAGE_EVENT, LANE, WORK_ITEM, AUDIT, API_KEY = (
    SQLModel.metadata.tables[name] for name in ("release", "message", "message_event", "lane", "work_item", "audit", "api_key")
)
RULEBOOK, RULEBOOK_FILE, RULEBOOK_PUBLICATION, RULEBOOK_LIVE = (
    SQLModel.metadata.tables[name] for name in ("rulebook", "rulebook_file", "rulebook_publication", "rulebook_live")
)
RELEASE_VERSION, INBOUND, PAUSE = (SQLModel.metadata.tables[name] for name in ("release_version", "inbound", "pause"))
AUDIT_HEAD = SQLModel.metadata.tables["audit_head"]
"""The same tables as SQLAlchemy Core sees them."""
