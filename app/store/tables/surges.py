"""The tables of the surge breaker: what each hour brought, the surges there were, and the messages they held back."""

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from app.store.tables.columns import big, key_of


class HourCountRow(SQLModel, table=True):
    """How many messages of one kind a clock hour brought: what the breaker learns from, and counts by."""

    __tablename__ = "hour_count"
    kind: str = Field(primary_key=True, max_length=10, description="notice or withdrawal")
    hour: int = Field(primary_key=True, description="hours since 1970 in UTC")
    messages: int = Field(description="accepted and not held back, or released since: what counts as normal")
    passed: int = Field(description="accepted and not held back, since a person last decided about such a surge in that hour")
    usual: int | None = Field(default=None, description="what this hour brings, as known when it began; none: too little known")


class SurgeRow(SQLModel, table=True):
    """A time when all messages of one kind were held back as one work item, which says who decided, when and why."""

    __tablename__ = "surge"
    __table_args__ = (
        Index(
            "surge_open",
            "kind",
            unique=True,
            postgresql_where=text("decision IS NULL"),
            sqlite_where=text("decision IS NULL"),
        ),
        Index(
            "surge_under_way",
            "work_item",
            postgresql_where=text("decision IS NOT NULL AND finished_at IS NULL"),
            sqlite_where=text("decision IS NOT NULL AND finished_at IS NULL"),
        ),
    )
    work_item: int = Field(sa_column=key_of("work_item.id"))
    kind: str = Field(max_length=10, description="notice or withdrawal")
    band: int = Field(description="messages that may pass in the hour in which it began")
    held: int = Field(description="messages it ever held back")
    decision: str | None = Field(default=None, max_length=10, description="release or drop; none: nobody has decided yet")
    done_to: int = Field(default=0, sa_column=big(nullable=False), description="carried out up to this message number")
    done: int = Field(default=0, description="messages queued or cancelled by the decision; the rest were cancelled before")
    finished_at: int | None = Field(default=None, sa_column=big(nullable=True), description="carried out for all of them")


class SurgeHoldRow(SQLModel, table=True):
    """A message that a surge held back. The row stays, whatever was decided."""

    __tablename__ = "surge_hold"
    surge: int = Field(sa_column=key_of("surge.work_item"))
    number: int = Field(sa_column=key_of("message.number"))


HOUR_COUNT, SURGE, SURGE_HOLD = (SQLModel.metadata.tables[name] for name in ("hour_count", "surge", "surge_hold"))
"""The same tables as SQLAlchemy Core sees them."""
