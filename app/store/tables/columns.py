"""What columns of the tables are made of, and how their indexes and constraints are called."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer
from sqlmodel import SQLModel

SQLModel.metadata.naming_convention = {  # so that a later migration can name what it changes
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


def big(**more: object) -> Column[int]:
    """A column of 64 bits. On SQLite every INTEGER has them, and only an INTEGER primary key is the row's own address."""
    return Column(BigInteger().with_variant(Integer, "sqlite"), **more)  # type: ignore[arg-type]


def of_release(*, nullable: bool) -> Column[int]:
    """A column that names a release by its row id."""
    return Column(BigInteger().with_variant(Integer, "sqlite"), ForeignKey("release.id"), nullable=nullable, index=True)


def key_of(column: str, **more: object) -> Column[int]:
    """Part of a primary key, that refers to a row of another table by its `table.column`."""
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column(kind, ForeignKey(column), primary_key=True, autoincrement=False, **more)  # type: ignore[arg-type]
