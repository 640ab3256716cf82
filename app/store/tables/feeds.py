"""The table about those who send releases."""

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from app.store.tables.columns import big


class FeedRow(SQLModel, table=True):
    """A caller that has sent a heartbeat: what it told and what came, and whether it is silent. Changed under the counters' lock."""

    __tablename__ = "feed"
    caller: str = Field(primary_key=True, max_length=80, description="name of the key")
    heartbeat_at: int = Field(sa_column=big(nullable=False), description="of the last heartbeat")
    sent_at: int | None = Field(
        default=None, sa_column=big(nullable=True), description="when it was sent, by the caller's clock"
    )
    last_count: int = Field(sa_column=big(nullable=False), description="releases that the last heartbeat told of")
    last_release: int = Field(sa_column=big(nullable=False), description="counted up to this row of `release`")
    told: int = Field(sa_column=big(nullable=False), description="releases that all its heartbeats told of, together")
    received: int = Field(sa_column=big(nullable=False), description="releases that came meanwhile")
    differences: int = Field(sa_column=big(nullable=False), description="heartbeats whose count was wrong")
    count_item: int | None = Field(default=None, sa_column=big(nullable=True), description="last work item feed-count")
    silent_since: int | None = Field(
        default=None, sa_column=big(nullable=True), description="last heard of; none while it is heard"
    )
    silent_item: int | None = Field(default=None, sa_column=big(nullable=True), description="last work item feed-silent")
    answer_json: str = Field(sa_column=Column(Text, nullable=False), description="what the last heartbeat was answered")


FEED = SQLModel.metadata.tables["feed"]
"""The same as SQLAlchemy Core sees it."""
