from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.errors import NotFound, Refused
from app.publishing import library
from app.publishing.desk import Desk
from app.publishing.folder import FolderWatch
from app.publishing.following import Follower, lead_for
from app.publishing.library import Unusable
from app.publishing.opening import open_shelf
from app.publishing.rulebooks import Rulebooks
from app.publishing.shelf import Shelf
from app.rulebook.bundles.bundle import Bundle, read_bundle_folder
from app.rulebook.files.source import SourceFile
from app.rulebook.reading import content
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.database.writer import Writer
from app.store.rulebooks.rulebook_reads import pointer
from app.store.rulebooks.rulebooks import Barred, Publish, roll_back
from tests.intake.desks import ROOT, WORDS, desk_over, folder_in, go_live, reworded, rewrite, until
from tests.store.invented import NOON, rows

QUICK = 0.05
"""Seconds from one look to the next."""

BAD = Bundle((SourceFile("rules/a.yaml", b"kind: rules/v9\n"),))
"""No rulebook that could be used."""


@pytest.fixture
def desk(store: Store, writer: Writer, decider: Decider) -> Desk:
    """A desk over an empty database."""
    return desk_over(store, writer, decider)


def opened(desk: Desk, folder: Path = ROOT, *, follow: bool = True) -> Shelf:
    """What decides at a start."""
    return open_shelf(desk, FolderWatch(folder), follow_folder=follow)


@contextmanager
def following(desk: Desk, shelf: Shelf, watch: FolderWatch | None = None) -> Iterator[Follower]:
    """A follower at work."""
    with Follower(desk, shelf, watch, QUICK) as follower:
        yield follower


def test_the_first_start_takes_the_folder(desk: Desk, decider: Decider) -> None:
    """An empty database gets the folder's rulebook as its first version, live, published by `folder`; then it is there already."""
    for follow in (False, True):
        shelf = opened(desk, follow=follow)
        now = shelf.in_force
        assert (now.version, now.seq, now.by, now.way) == (decider.book.hash, 1, "folder", "folder")
        assert shelf.problem is None
    assert rows(desk.store, "SELECT action FROM audit WHERE actor = 'folder' ORDER BY id") == [
        ("draft_rulebook",),
        ("take_in_rulebook",),
    ]


def test_of_two_that_start_first_one_is(desk: Desk, decider: Decider) -> None:
    """The other finds that it is done, and decides under the same."""

    class Slow(FolderWatch):
        def read(self) -> Bundle | None:
            """As ever; meanwhile another process has started."""
            found = super().read()
            opened(desk)
            return found

    shelf = open_shelf(desk, Slow(ROOT), follow_folder=False)
    assert (shelf.in_force.version, shelf.in_force.seq, shelf.problem) == (decider.book.hash, 1, None)
    assert rows(desk.store, "SELECT count(*) FROM rulebook_publication") == [(1,)]


def test_a_first_folder_with_errors_is_refused(desk: Desk, tmp_path: Path) -> None:
    """There is nothing to fall back on."""
    with pytest.raises(Refused):
        opened(desk, tmp_path)
    assert look(desk.store, pointer).version is None


def test_a_folder_changed_while_the_service_was_down(desk: Desk, tmp_path: Path) -> None:
    """Goes live at the start where the folder is followed, and nowhere else; with errors it is told and the live one decides."""
    folder = folder_in(tmp_path / "book")
    first = opened(desk, folder).in_force.version
    rewrite(folder, "rules/messages.yaml", *WORDS)
    assert opened(desk, folder, follow=False).in_force.version == first
    second = opened(desk, folder).in_force
    assert (second.version != first, second.seq) == (True, 2)
    rewrite(folder, "rules/eligibility.yaml", "release_reasons.into_us", "release_reasons.in_us")
    third = opened(desk, folder)
    assert third.in_force.version == second.version
    assert third.problem is not None
    assert third.problem.startswith("R106")


def test_what_was_taken_back_stays_so_though_the_folder_has_it(desk: Desk, tmp_path: Path) -> None:
    """A start after a rollback finds the folder unchanged since it was taken, so the rollback stands."""
    folder = folder_in(tmp_path / "book")
    first = opened(desk, folder).in_force.version
    rewrite(folder, "rules/messages.yaml", *WORDS)
    second = opened(desk, folder).in_force.version
    desk.writer.do_and_wait(roll_back, Publish(second, "ben", NOON, 0))
    assert opened(desk, folder).in_force.version == first


def test_a_publication_is_followed(desk: Desk, tmp_path: Path) -> None:
    """It is seen without being told, loaded, and put in force; then the version before it is, when it is taken back."""
    shelf = opened(desk)
    first = shelf.in_force.version
    bundle = reworded(tmp_path)
    desk.library.examine(bundle)
    with following(desk, shelf) as follower:
        done = go_live(desk, bundle)
        assert shelf.wait_for(done.seq, 20)
        now = shelf.in_force
        assert (now.version, now.seq, now.since, now.by, now.way) == (bundle.version, done.seq, done.live_at, "ben", "publish")
        desk.writer.do_and_wait(roll_back, Publish(bundle.version, "ben", NOON, 0))
        follower.nudge()
        assert shelf.wait_for(done.seq + 1, 20)
        assert (shelf.in_force.version, shelf.in_force.way) == (first, "rollback")


def test_all_processes_change_at_the_moment_that_was_set(desk: Desk, tmp_path: Path) -> None:
    """Two that follow the same database, one told and one not: neither changes before the moment, and both do."""
    shelves = [opened(desk), opened(desk)]
    bundle = reworded(tmp_path)
    desk.library.examine(bundle)
    with following(desk, shelves[0]) as told, following(desk, shelves[1]):
        done = go_live(desk, bundle, lead=lead_for(0, QUICK))
        told.nudge()
        until(lambda: any(shelf.in_force.seq == done.seq for shelf in shelves))
        assert look(desk.store, pointer).now >= done.live_at
        assert all(shelf.wait_for(done.seq, 20) for shelf in shelves)


def test_what_is_published_and_cannot_be_used(desk: Desk, tmp_path: Path) -> None:
    """The last good one stays and the fault is told with its code; the next good one ends that."""
    shelf = opened(desk)
    first = shelf.in_force.version
    with following(desk, shelf) as follower:
        go_live(desk, BAD)
        follower.nudge()
        until(lambda: shelf.problem is not None)
        assert "R104" in str(shelf.problem)
        assert f"{first} goes on deciding" in str(shelf.problem)
        bundle = reworded(tmp_path)
        desk.library.examine(bundle)
        done = go_live(desk, bundle)
        assert shelf.wait_for(done.seq, 20)
        until(lambda: shelf.problem is None)


def test_a_start_with_a_live_version_that_cannot_be_used(desk: Desk) -> None:
    """The last that was live and can be used decides, and the fault is told; with none, the start fails."""
    first = opened(desk, follow=False).in_force.version
    go_live(desk, BAD)
    shelf = opened(desk, follow=False)
    assert (shelf.in_force.version, shelf.in_force.seq) == (first, 0)
    assert "R104" in str(shelf.problem)
    with desk.store.write.begin() as connection:
        connection.exec_driver_sql("DELETE FROM rulebook_publication WHERE seq = 1")
    with pytest.raises(Unusable):
        opened(desk, follow=False)


def test_a_change_in_the_folder_goes_live(desk: Desk, tmp_path: Path) -> None:
    """By itself, once it rests; one with errors does not, is told once, and is forgotten when it is mended."""
    folder = folder_in(tmp_path / "book")
    watch = FolderWatch(folder, rest=0)
    shelf = open_shelf(desk, watch, follow_folder=True)
    first = shelf.in_force.version
    with following(desk, shelf, watch):
        rewrite(folder, "rules/messages.yaml", *WORDS)
        assert shelf.wait_for(2, 30)
        second = shelf.in_force.version
        assert second != first
        rewrite(folder, "rules/messages.yaml", "{message_id}", "{mesage_id}")
        until(lambda: shelf.problem is not None)
        assert str(shelf.problem).startswith("R11")
        assert "rules/messages.yaml:9:" in str(shelf.problem)
        assert shelf.in_force.version == second
        rewrite(folder, "rules/messages.yaml", "{mesage_id}", "{message_id}")
        until(lambda: shelf.problem is None)
        assert shelf.in_force.version == second
    assert look(desk.store, pointer).seq == 2


def test_a_folder_does_not_undo_what_was_published_since(desk: Desk, tmp_path: Path) -> None:
    """A change of files that are not what is live is told and not used; once they are, the folder is in charge again."""
    folder = folder_in(tmp_path / "book")
    watch = FolderWatch(folder, rest=0)
    shelf = open_shelf(desk, watch, follow_folder=True)
    bundle = reworded(tmp_path)
    desk.library.examine(bundle)
    with following(desk, shelf, watch):
        done = go_live(desk, bundle)
        assert shelf.wait_for(done.seq, 20)
        rewrite(folder, "rules/messages.yaml", "INFORMATION ONLY", "STALE")
        until(lambda: shelf.problem is not None)
        assert str(shelf.problem).startswith("superseded: the rulebook in the folder is not used.")
        rewrite(folder, "rules/messages.yaml", "STALE", WORDS[1])
        until(lambda: shelf.problem is None)
        assert shelf.in_force.version == bundle.version
        rewrite(folder, "rules/messages.yaml", WORDS[1], "FRESH")
        assert shelf.wait_for(done.seq + 1, 30)
    assert open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version == shelf.in_force.version


def test_several_who_watch_one_folder_publish_it_once(desk: Desk, tmp_path: Path) -> None:
    """Two processes see the same change; one puts it live, the other finds that it is."""
    folder = folder_in(tmp_path / "book")
    watches = [FolderWatch(folder, rest=0), FolderWatch(folder, rest=0)]
    shelves = [open_shelf(desk, watch, follow_folder=True) for watch in watches]
    with following(desk, shelves[0], watches[0]), following(desk, shelves[1], watches[1]):
        rewrite(folder, "rules/messages.yaml", *WORDS)
        assert all(shelf.wait_for(2, 30) for shelf in shelves)
    assert shelves[0].in_force.version == shelves[1].in_force.version
    assert rows(desk.store, "SELECT count(*) FROM rulebook_publication") == [(2,)]


def test_a_fault_of_ours_stops_nothing(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rulebook at which LENS itself fails, published or in the folder, at a start or later, is told like any other fault."""
    folder = folder_in(tmp_path / "book")
    first = opened(desk, folder).in_force.version
    bundle = reworded(tmp_path)
    go_live(desk, bundle)

    def failing(*_: object) -> None:
        raise RecursionError

    for name in ("read_content", "read_to_use"):
        monkeypatch.setattr(library, name, failing)
    watch = FolderWatch(folder, rest=0)
    shelf = open_shelf(desk, watch, follow_folder=True)
    assert shelf.in_force.version == first
    assert "(broken): LENS failed at it with RecursionError" in str(shelf.problem)
    desk.writer.do_and_wait(roll_back, Publish(bundle.version, "ben", NOON, 0))
    with following(desk, shelf, watch):
        until(lambda: shelf.problem is None)
        rewrite(folder, "rules/messages.yaml", *WORDS)
        until(lambda: shelf.problem is not None)
        assert str(shelf.problem).startswith("broken: LENS failed at the rulebook in the folder")


def test_a_rollback_to_what_cannot_be_used_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Rather the version that decides now than none that does."""
    opened(desk)
    go_live(desk, BAD)
    bundle = reworded(tmp_path)
    desk.library.examine(bundle)
    go_live(desk, bundle)
    with pytest.raises(Unusable):
        Rulebooks(desk).roll_back(bundle.version, "ben", "Wrong words")
    assert look(desk.store, pointer).version == bundle.version


@pytest.mark.parametrize(("seconds", "lead"), [(0.0, 1.25), (0.5, 2.0), (60.0, 3.0)])
def test_how_far_ahead_a_publication_is_put(seconds: float, lead: float) -> None:
    """Time for others to see it and load it, but never so long that whoever publishes waits."""
    assert lead_for(seconds) == lead * 1_000_000


def test_a_folder_whose_scenarios_fail_does_not_go_live(desk: Desk, tmp_path: Path) -> None:
    """Neither while it is watched nor at a start: the scenario is named, the last good rulebook decides, until it is fixed."""
    folder = folder_in(tmp_path / "book")
    watch = FolderWatch(folder, rest=0)
    shelf = open_shelf(desk, watch, follow_folder=True)
    first = shelf.in_force.version
    name = "To the U.S. Marshals, a person decides"
    good, wrong = (f"  - name: {name}\n    but: {{release_reason: USM}}\n    expect: {{outcome: {word}" for word in OUTCOMES)
    with following(desk, shelf, watch):
        rewrite(folder, "rules/scenarios/release_test.yaml", good, wrong)
        until(lambda: shelf.problem is not None)
        assert str(shelf.problem).startswith("scenario-failed")
        assert name in str(shelf.problem)
        assert list(shelf.failing) == [name]
        assert shelf.in_force.version == first
        again = opened(desk, folder)
        assert (again.in_force.version, again.failing) == (first, (name,))
        rewrite(folder, "rules/scenarios/release_test.yaml", wrong, good)
        until(lambda: shelf.problem is None)
    assert list(shelf.failing) == []
    assert look(desk.store, pointer).seq == 1


OUTCOMES = ("hold_for_review", "notify")


def test_a_first_folder_whose_scenarios_fail_is_refused_unless_one_tries_out(desk: Desk, tmp_path: Path) -> None:
    """There is nothing to fall back on; `LENS_REQUIRE_SCENARIOS=no` takes it."""
    folder = folder_in(tmp_path / "book")
    rewrite(folder, "rules/scenarios/release_test.yaml", "outcome: hold_for_review", "outcome: notify")
    with pytest.raises(Refused, match="scenarios fail"):
        opened(desk, folder)
    assert look(desk.store, pointer).version is None
    assert opened(desk._replace(failing_too=True), folder).in_force.way == "folder"


def test_a_live_rulebook_whose_scenarios_fail_is_told_of_whatever_way_it_went_live(desk: Desk, tmp_path: Path) -> None:
    """Taken in for a try-out, found at a later start, or come back by a rollback: the shelf is degraded and names them."""
    folder = folder_in(tmp_path / "book")
    rewrite(folder, "rules/scenarios/release_test.yaml", "outcome: hold_for_review", "outcome: notify")
    tried = opened(desk._replace(failing_too=True), folder)
    assert tried.failing
    assert f"{tried.in_force.version} decides although" in str(tried.problem)
    shelf = opened(desk, folder, follow=False)
    assert (shelf.failing, shelf.problem) == (tried.failing, tried.problem)
    with following(desk, shelf):
        go_live(desk, reworded(tmp_path))
        until(lambda: shelf.problem is None)
        assert shelf.failing == ()
        live = look(desk.store, pointer).version
        desk.writer.do_and_wait(roll_back, Publish(str(live), "ben", NOON, 0))
        until(lambda: shelf.problem is not None)
        assert shelf.failing == tried.failing


def variant(number: int, files: tuple[SourceFile, ...]) -> Bundle:
    """The rulebook with a remark more."""
    remark = f"# {number}\n".encode()
    return Bundle(tuple(SourceFile(f.name, f.content + remark if f.name == MESSAGES else f.content) for f in files))


MESSAGES = "rules/messages.yaml"


def test_a_rulebook_with_the_label_of_another_decides_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With labels of 8 bits: neither drafted nor found in the folder, neither in memory nor in the store, does it take a place."""
    monkeypatch.setattr(content, "HASH_LENGTH", 2)
    folder = folder_in(tmp_path / "book")
    watch = FolderWatch(folder, rest=0)
    shelf = open_shelf(desk, watch, follow_folder=True)
    files = read_bundle_folder(folder, vouched=False).files
    label, sha256 = shelf.in_force.version, shelf.in_force.sha256
    other = next(found for number in range(10_000) if (found := variant(number, files)).version == label)
    rulebooks = Rulebooks(desk)
    with pytest.raises(Barred):
        rulebooks.draft(other, "eve")
    assert desk.library.decider(label).book.sha256 == sha256
    with pytest.raises(NotFound):
        desk.library.decider(other.sha256)
    (folder / MESSAGES).write_bytes(next(file.content for file in other.files if file.name == MESSAGES))
    with following(desk, shelf, watch):
        until(lambda: shelf.problem is not None)
    assert str(shelf.problem).startswith("label-taken")
    assert shelf.in_force.sha256 == sha256
    again = opened(desk, folder)
    assert (again.in_force.sha256, str(again.problem)[:11]) == (sha256, "label-taken")
    assert rows(desk.store, "SELECT count(*) FROM rulebook") == [(1,)]
    assert ("eve", "refused") in rows(desk.store, "SELECT actor, outcome FROM audit")


def test_a_refused_draft_is_kept_nowhere_and_stands_in_the_trail(desk: Desk) -> None:
    """Which one it was, by whom, and the codes of its faults."""
    with pytest.raises(Refused):
        Rulebooks(desk).draft(BAD, "eve")
    with pytest.raises(NotFound):
        desk.library.decider(BAD.version)
    (detail,) = rows(desk.store, "SELECT detail_json FROM audit WHERE actor = 'eve' AND outcome = 'refused'")[0]
    assert BAD.sha256 in detail
    assert "R104" in detail
