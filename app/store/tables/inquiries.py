"""The tables that link what comes from the network to the releases it is about."""

from sqlalchemy import Column, Integer
from sqlmodel import Field, SQLModel

from app.store.tables.columns import big, key_of


class InboundReleaseRow(SQLModel, table=True):
    """A release that a text from the network may be about, and how that was found."""

    __tablename__ = "inbound_release"
    inbound: int = Field(sa_column=key_of("inbound.id"))
    release: int = Field(sa_column=key_of("release.id", index=True))
    found_by: str = Field(max_length=40, description="control field, quoted number or FBI number")


class SubjectDigestRow(SQLModel, table=True):
    """By which a release is found by the FBI number of its subject, in each of its versions; none where no number is given."""

    __tablename__ = "subject_digest"
    release: int = Field(sa_column=key_of("release.id"))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    digest: int | None = Field(default=None, index=True)


class SubjectIndexRow(SQLModel, table=True):
    """The one row that says how far `subject_digest` goes, and the secret that its digests are made with."""

    __tablename__ = "subject_index"
    id: int = Field(sa_column=big(primary_key=True, autoincrement=False))
    secret: str = Field(max_length=64, description="random, hex")
    release: int = Field(sa_column=big(nullable=False), description="releases up to this one are in it")
    first_message: int = Field(sa_column=big(nullable=False), description="versions that begin before this message too")


class InboundPaceRow(SQLModel, table=True):
    """How many texts of an origin have opened a work item of their own in this hour, and the one that counts the rest."""

    __tablename__ = "inbound_pace"
    origin: str = Field(primary_key=True, max_length=9, description="an ORI; empty for texts that say none")
    hour: int = Field(sa_column=big(nullable=False), description="hours since 1970")
    asked: int = Field(sa_column=Column(Integer, nullable=False), description="work items opened in it")
    work_item: int | None = Field(default=None, sa_column=big(nullable=True), description="`inbound-flood`, opened last")
    first: int | None = Field(default=None, sa_column=big(nullable=True), description="the first text that it counts")
    texts: int = Field(sa_column=Column(Integer, nullable=False), description="how many it counts")


INBOUND_RELEASE, SUBJECT_DIGEST, SUBJECT_INDEX = (
    SQLModel.metadata.tables[name] for name in ("inbound_release", "subject_digest", "subject_index")
)
"""The same as SQLAlchemy Core sees them."""
