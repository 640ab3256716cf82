"""Days before today were decided by the rulebook of then: what changes them is told first, and needs a reason."""

from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.errors import Conflict
from app.publishing.desk import Desk
from app.publishing.folder import FolderWatch
from app.publishing.opening import open_shelf
from app.publishing.rulebooks import Rulebooks, Said
from app.rulebook.bundles.bundle import Bundle, read_bundle_folder
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.intake.desks import WORDS, desk_over, folder_in, rewrite
from tests.intake.surging import Service
from tests.store.invented import rows

CHANGE = '  - {row: WY, from: 2026-11-24, set: {ori: WY0110000, ori_status: confirmed}, authority: {cite: "A letter"}}\n'
"""From tomorrow on."""


@pytest.fixture
def desk(store: Store, writer: Writer, decider: Decider) -> Desk:
    """A desk over an empty database; today is 23 November 2026. Scenarios that name what is changed here may fail."""
    return desk_over(store, writer, decider)._replace(failing_too=True)


def undated(folder: Path) -> None:
    """An ORI is changed in its row, and not by a change from a day on."""
    rewrite(folder, "ref_data/states.yaml", "WYSIR0000", "WY0110000")


def corrected(folder: Path, corrects: str, reason: str = "The address was never right") -> None:
    """An entry that says why."""
    entry = f'  - {{date: 2026-11-23, corrects: {corrects}, reason: "{reason}", authority: {{cite: "Letter of 3 November"}}}}\n'
    file = folder / "rules/corrections.yaml"
    if not file.exists():
        file.write_text("kind: corrections/v1\ncorrections:\n")
    file.write_text(file.read_text() + entry)


def bundle_of(folder: Path) -> Bundle:
    """What a folder holds."""
    return read_bundle_folder(folder, vouched=False)


def test_a_draft_that_changes_the_past_says_so_first_and_needs_a_reason(desk: Desk, tmp_path: Path) -> None:
    """In how many cases and in how many recorded releases; without a reason it is not approved, with one it goes live."""
    folder = folder_in(tmp_path)
    first = open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version
    undated(folder)
    rulebooks = Rulebooks(desk)
    version, _ = rulebooks.draft(bundle_of(folder), "ann")
    assert version.past is not None
    assert (version.past.against, version.past.changed > 1_000) == (first, True)
    with pytest.raises(Conflict, match="Days before today change"):
        rulebooks.approve(version.sha256, first, "ben")
    assert rulebooks.version(version.sha256).state == "draft"
    why = "The address was never right"
    approved = rulebooks.approve(version.sha256, first, "ben", Said(corrects_past=why))
    assert (approved.state, approved.corrects_past, approved.past) == ("approved", why, version.past)
    assert rulebooks.publish(version.sha256, "ben").state == "live"
    details = [
        detail for (detail,) in rows(desk.store, "SELECT detail_json FROM audit WHERE action = 'approve_rulebook' ORDER BY id")
    ]
    assert (why in details[0], why in details[1]) == (False, True)
    assert f'"past_cases":{version.past.changed}' in details[1]


def test_the_reason_may_come_with_the_draft(desk: Desk, tmp_path: Path) -> None:
    """Whoever approves it reads it."""
    folder = folder_in(tmp_path)
    first = open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version
    undated(folder)
    rulebooks = Rulebooks(desk)
    version, _ = rulebooks.draft(bundle_of(folder), "ann", Said(corrects_past="Never right"))
    assert rulebooks.approve(version.version, first, "ben").corrects_past == "Never right"


def test_a_change_from_a_day_to_come_needs_none(desk: Desk, tmp_path: Path) -> None:
    """The old rule ends and a new one begins: what was decided stays so."""
    folder = folder_in(tmp_path)
    first = open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version
    rewrite(folder, "ref_data/states.yaml", "changes: []  ", f"changes:\n{CHANGE}#")
    rulebooks = Rulebooks(desk)
    version, _ = rulebooks.draft(bundle_of(folder), "ann")
    assert version.past is None
    assert rulebooks.approve(version.version, first, "ben").state == "approved"


def test_days_that_passed_since_the_approval_count(desk: Desk, tmp_path: Path) -> None:
    """Approved for a day to come and published after it, it would change days that were decided meanwhile."""
    folder = folder_in(tmp_path)
    first = open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version
    rewrite(folder, "ref_data/states.yaml", "changes: []  ", f"changes:\n{CHANGE}#")
    version, _ = Rulebooks(desk).draft(bundle_of(folder), "ann")
    Rulebooks(desk).approve(version.version, first, "ben")
    two_days_later = desk._replace(clock=lambda: desk.clock() + 2 * 86_400_000_000)
    with pytest.raises(Conflict, match="Days before today change"):
        Rulebooks(two_days_later).publish(version.version, "ben")


def test_a_folder_that_changes_the_past_waits_for_an_entry(desk: Desk, tmp_path: Path) -> None:
    """The last good one decides and says why; an entry for this very change lets it in, and excuses no later one."""
    folder = folder_in(tmp_path)
    first = open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version
    undated(folder)
    shelf = open_shelf(desk, FolderWatch(folder), follow_folder=True)
    assert shelf.in_force.version == first
    assert str(shelf.problem).startswith("changes-the-past")
    assert f"corrects: {first}" in str(shelf.problem)
    corrected(folder, "0" * 12)
    assert open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version == first
    corrected(folder, first)
    second = open_shelf(desk, FolderWatch(folder), follow_folder=True)
    assert second.in_force.version != first
    # This desk tries out: what is left is told of the scenario that the new address fails.
    assert str(second.problem).startswith(f"{second.in_force.version} decides although 1 scenario fails")
    (detail,) = rows(desk.store, "SELECT detail_json FROM audit WHERE action = 'take_in_rulebook' ORDER BY id")[-1]
    assert "The address was never right (Letter of 3 November)" in detail
    rewrite(folder, "ref_data/states.yaml", "TXSIR0000", "TX0110000")
    third = open_shelf(desk, FolderWatch(folder), follow_folder=True)
    assert third.in_force.version == second.in_force.version
    assert str(third.problem).startswith("changes-the-past")


def test_recorded_releases_that_would_go_otherwise_are_counted(desk: Desk, decider: Decider, tmp_path: Path) -> None:
    """Of the newest ones: those of a state whose address changes."""
    folder = folder_in(tmp_path)
    open_shelf(desk, FolderWatch(folder), follow_folder=True)
    service = Service(desk.store, desk.writer, decider)
    service.accept("EX-1", "EX-2")
    rewrite(folder, "ref_data/states.yaml", "TXSIR0000", "TX0110000")
    version, _ = Rulebooks(desk).draft(bundle_of(folder), "ann")
    assert version.past is not None
    assert (version.past.releases, version.past.replayed) == (2, 2)


def one_state_tests(folder: Path, since: str | None = None) -> None:
    """Wyoming's notices become test notices: on all days, or from one on."""
    if since is None:
        rewrite(folder, "ref_data/states.yaml", 'stage: live, bureau: "Wyoming', 'stage: testing, bureau: "Wyoming')
        return
    change = f'  - {{row: WY, from: {since}, set: {{stage: testing}}, authority: {{cite: "A letter"}}}}\n'
    rewrite(folder, "ref_data/states.yaml", "changes: []  ", f"changes:\n{change}#")


@pytest.mark.parametrize("since", [None, "2026-01-01"])
def test_a_notice_that_becomes_a_test_notice_of_a_past_day_needs_a_reason(
    desk: Desk, tmp_path: Path, since: str | None
) -> None:
    """No case is decided otherwise, and a state would take what it was told for a test: in a draft and in a folder alike."""
    folder = folder_in(tmp_path)
    first = open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version
    one_state_tests(folder, since)
    rulebooks = Rulebooks(desk)
    version, _ = rulebooks.draft(bundle_of(folder), "ann")
    assert version.past is not None
    assert (version.past.changed, version.past.reworded_by_rows > 1_000) == (0, True)
    told = f"in {version.past.reworded_by_rows:,} cases a notice reads otherwise than under {first}."
    assert version.past.words == f"Days before today change: {told}"
    with pytest.raises(Conflict, match="a notice reads otherwise"):
        rulebooks.approve(version.sha256, first, "ben")
    shelf = open_shelf(desk, FolderWatch(folder), follow_folder=True)
    assert (shelf.in_force.version, str(shelf.problem).startswith("changes-the-past")) == (first, True)
    corrected(folder, first)
    assert open_shelf(desk, FolderWatch(folder), follow_folder=True).in_force.version != first


def test_test_notices_from_a_day_to_come_and_other_words_need_no_reason(desk: Desk, tmp_path: Path) -> None:
    """The lines of a message have no date, so they could not be changed from a day on."""
    folder = folder_in(tmp_path)
    open_shelf(desk, FolderWatch(folder), follow_folder=True)
    one_state_tests(folder, "2026-11-24")
    rewrite(folder, "rules/messages.yaml", *WORDS)
    version, _ = Rulebooks(desk).draft(bundle_of(folder), "ann")
    assert version.past is None
