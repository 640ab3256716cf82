"""The table of the processes that work on this store."""

from sqlalchemy import Column, Text
from sqlmodel import Field, SQLModel

from app.store.tables.columns import big


class RunningRow(SQLModel, table=True):
    """A process of `lens serve` or `lens work` and the settings it runs with, so that whoever looks need not guess them."""

    __tablename__ = "running"
    name: str = Field(primary_key=True, max_length=80, description="host, process id and a random part")
    kind: str = Field(max_length=10, description="serve or work")
    version: str = Field(max_length=20, description="of LENS")
    started_at: int = Field(sa_column=big(nullable=False))
    seen_at: int = Field(sa_column=big(nullable=False), description="when it last said that it runs, by the database's clock")
    settings_json: str = Field(sa_column=Column(Text, nullable=False), description="settings without secrets")


RUNNING = SQLModel.metadata.tables["running"]
