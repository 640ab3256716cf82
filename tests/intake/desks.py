"""A desk over a real store, with the shipped rulebook known, and folders to change."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.decide.decide import Decider
from app.publishing.desk import Desk
from app.publishing.library import Library, LoadedRulebook, Versions
from app.rulebook.bundles.bundle import Bundle, read_bundle_folder
from app.rulebook.bundles.signing import Trusted
from app.rulebook.bundles.versions import CheckResult, Proofs, ScenarioRun, check_result
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.rulebooks.rulebook_reads import bundle_of_version, identify, pointer
from app.store.rulebooks.rulebooks import Approve, Draft, Publish, Published, approve, draft, publish
from tests.store.invented import NOON

ROOT = Path(__file__).parents[2]
WORDS = ("INFORMATION ONLY", "FOR INFORMATION ONLY")
"""A harmless change of the shipped rulebook: a wording."""


def desk_over(store: Store, writer: Writer, decider: Decider, trusted: Trusted | None = None) -> Desk:
    """A desk whose library has the shipped rulebook at hand, so that it is not proved again for each test."""
    versions = Versions(
        lambda name: look(store, lambda connection: identify(connection, name)),
        lambda name: look(store, lambda connection: bundle_of_version(connection, name)),
    )
    library = Library(versions, decider.terms, trusted)
    library.keep(LoadedRulebook(decider, check_result(decider.book, ScenarioRun(1, ())), 0.1))
    return Desk(store, writer, library, lambda: NOON)


def folder_in(place: Path) -> Path:
    """A copy of the shipped rulebook's folder."""
    for top in ("rules", "ref_data"):
        shutil.copytree(ROOT / top, place / top)
    return place


def rewrite(folder: Path, file: str, old: str, new: str) -> None:
    """Changes a file of a folder; where it is the words of a notice, the scenario that has them too.

    Each file is whole under its name at any moment: a watch that looks every few hundredths of a second would else find it cut.
    """
    paths = [folder / file]
    words = folder / "rules/scenarios/words_test.yaml"
    if file == "rules/messages.yaml" and words.exists():
        paths.append(words)
    assert old in paths[0].read_text()
    written = []
    for place, path in enumerate(paths):
        beside = folder.with_name(f"{folder.name}-rewritten-{place}")
        beside.write_text(path.read_text().replace(old, new))
        written.append((beside, path))
    for beside, path in written:
        beside.replace(path)


def reworded(tmp_path: Path) -> Bundle:
    """The shipped rulebook with another wording."""
    folder = folder_in(tmp_path / "reworded")
    rewrite(folder, "rules/messages.yaml", *WORDS)
    return read_bundle_folder(folder, vouched=False)


def go_live(desk: Desk, bundle: Bundle, lead: int = 0) -> Published:
    """Puts a rulebook live behind the back of whoever follows: as another process would. It need not be one that can be used."""
    check = msgspec.json.encode(CheckResult((), Proofs(0, 0, (), ()), ScenarioRun(1, ()))).decode()
    desk.writer.do_and_wait(draft, Draft(bundle, check, "ann", NOON))
    desk.writer.do_and_wait(approve, Approve(bundle.version, look(desk.store, pointer).version, "ben", NOON))
    done: Published = desk.writer.do_and_wait(publish, Publish(bundle.version, "ben", NOON, lead))
    return done


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns once it holds; fails when it does not in time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
