"""The table of what keeps sending to a rate."""

from sqlmodel import Field, SQLModel

from app.store.tables.columns import big


class PaceRow(SQLModel, table=True):
    """A token bucket: the messages begun so far are spread, at the rate that is set, up to time `at`. No rate, no row."""

    __tablename__ = "pace"
    scope: str = Field(primary_key=True, max_length=9, description="an ORI, or * for all together")
    at: int = Field(sa_column=big(nullable=False))
