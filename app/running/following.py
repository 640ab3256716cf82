"""The rulebooks of a program: how its settings ask for them, and the following of what is live."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import structlog

from app.errors import BadRulebook, BadSetting, Refused
from app.publishing.desk import Desk
from app.publishing.folder import FolderWatch
from app.publishing.following import Follower
from app.publishing.library import Library, Versions
from app.publishing.opening import open_shelf
from app.publishing.rulebooks import Rulebooks
from app.publishing.shelf import Shelf
from app.rulebook.book import load
from app.rulebook.bundles.signing import Trusted, read_trusted
from app.running.database import clock
from app.running.deciding import terms_of
from app.settings import Settings
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.rulebooks.rulebook_reads import bundle_of_version, identify
from app.store.rulebooks.rulebooks import Published

_log = structlog.get_logger()

_SLOWEST_SECONDS = 15.0
"""How long a request that publishes waits until this process has changed; the publication stands in any case."""


class Current(NamedTuple):
    """What decides in this process, and what people do with rulebooks."""

    shelf: Shelf
    rulebooks: Rulebooks


def desk_of(settings: Settings, store: Store, writer: Writer) -> Desk:
    """What handling rulebooks needs. Raises BadSetting when the trusted keys cannot be read."""
    versions = Versions(
        identify=lambda name: look(store, lambda connection: identify(connection, name)),
        fetch=lambda name: look(store, lambda connection: bundle_of_version(connection, name)),
    )
    library = Library(versions, terms_of(settings), trusted_of(settings))
    return Desk(store, writer, library, clock, failing_too=not settings.require_scenarios)


def trusted_of(settings: Settings) -> Trusted | None:
    """The keys of LENS_RULEBOOK_TRUSTED_KEYS, None where it is not set. Raises BadSetting."""
    if settings.rulebook_trusted_keys is None:
        return None
    return read_trusted_file(settings.rulebook_trusted_keys, "LENS_RULEBOOK_TRUSTED_KEYS")


def read_trusted_file(file: Path, name: str) -> Trusted:
    """The keys of a file of public keys; a BadSetting calls it by `name`."""
    try:
        return read_trusted(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{name}: the file cannot be read ({getattr(error, 'strerror', 'it is no text')})") from None
    except BadSetting as error:
        raise BadSetting(f"{name}: {error.detail}") from None


@contextmanager
def following(settings: Settings, desk: Desk) -> Iterator[Current]:
    """What is live decides for as long as the block lasts, and what goes live meanwhile does from then on.

    Raises BadRulebook with every error when the database is empty and the folder has no rulebook that can be used.
    """
    follows_folder = settings.follows_folder
    if follows_folder and desk.store.dialect == "postgresql":
        advice = "with several machines set LENS_RULEBOOK_SOURCE=published, so that not each of them brings its own folder"
        _log.warning("rulebook_folder_beside_shared_database", advice=advice)
    watch = watch_of(settings)
    shelf = open_first(settings, desk, watch)
    with Follower(desk, shelf, watch if follows_folder else None) as follower:

        def until_live(published: Published) -> None:
            follower.nudge()
            shelf.wait_for(published.seq, _SLOWEST_SECONDS)

        yield Current(shelf, Rulebooks(desk, until_live))


def watch_of(settings: Settings) -> FolderWatch:
    """The folder of LENS_RULEBOOK_DIR; an unpacked bundle where only signed rulebooks are used."""
    return FolderWatch(settings.rulebook_dir, vouched=settings.rulebook_trusted_keys is not None)


def open_first(settings: Settings, desk: Desk, watch: FolderWatch) -> Shelf:
    """What decides at the start. Raises BadRulebook, with every error as text, when nothing can."""
    try:
        return open_shelf(desk, watch, follow_folder=settings.follows_folder)
    except Refused as refused:
        load(settings.rulebook_dir)  # tells the same errors with their lines
        faults = "\n".join(f"{fault.file or ''} {fault.code}: {fault.message}".strip() for fault in refused.faults)
        raise BadRulebook(f"{refused.detail}\n{faults}") from None
    except OSError as error:
        raise BadRulebook(f"LENS_RULEBOOK_DIR: {settings.rulebook_dir} cannot be read: {error.strerror}") from None
