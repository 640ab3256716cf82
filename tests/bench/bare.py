"""The yardstick: a bare FastAPI endpoint that validates a release's shape and commits one row, synchronous=FULL. Nothing else."""

import os
import threading
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from pysqlite3 import dbapi2

Code = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class Strict(BaseModel):
    """Refuses unknown fields."""

    model_config = ConfigDict(extra="forbid")


class Name(Strict):
    """A person's name."""

    last: str = Field(min_length=1, max_length=60)
    first: str | None = None
    middle: str | None = None
    suffix: str | None = None


class Subject(Strict):
    """The person."""

    name: Name
    aliases: list[Name] = []
    date_of_birth: date | None = None
    sex: str | None = None
    race: str | None = None
    place_of_birth: str | None = None
    fbi_number: str | None = Field(None, pattern="^[A-Z0-9]{1,9}$")


class Stay(Strict):
    """The stay."""

    ended: bool
    released_at: datetime
    reason: str
    state: Code
    facility: str | None = None


class Residence(Strict):
    """The address."""

    street: str | None = None
    city: str | None = None
    state: Code | None = None
    zip: str | None = None


class Conviction(Strict):
    """A charge."""

    charge_code: str = Field(pattern="^[0-9]{4}$")
    status: Literal["convicted", "pending", "dismissed", "not_stated"]
    convicted_on: date | None = None


class Release(Strict):
    """A release."""

    release_id: str = Field(pattern="^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")
    stay: Stay
    subject: Subject
    residence: Residence | None = None
    convictions: list[Conviction]
    holds: list[str] = []


database = dbapi2.connect(os.environ["BARE_DATABASE"], check_same_thread=False, isolation_level=None)
for setting in ("journal_mode=WAL", "synchronous=FULL"):
    database.execute(f"PRAGMA {setting}")
database.execute("CREATE TABLE release (id TEXT PRIMARY KEY, body TEXT)")
lock = threading.Lock()
app = FastAPI()


@app.post("/v1/releases", status_code=201)
def accept(release: Release) -> dict[str, str]:
    """Commits one row."""
    with lock:
        database.execute("INSERT INTO release VALUES (?, ?)", (release.release_id, release.model_dump_json()))
    return {"release_id": release.release_id}


@app.get("/healthz")
def alive() -> str:
    """Whether it takes requests."""
    return "alive"
