"""The table about residences, beside the digest of each in its release."""

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from app.store.tables.columns import big


class AddressKeyRow(SQLModel, table=True):
    """The one key under which digests of addresses are made in this store, so that they tell nothing without it."""

    __tablename__ = "address_key"
    id: int = Field(sa_column=big(primary_key=True, autoincrement=False))
    key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
