"""What the watched folder must not do unsaid: be refused, guard less, handle people otherwise, be tried by nothing."""

from pathlib import Path

import pytest

from app.decide.decide import Decider
from app.errors import Refused
from app.publishing.desk import Desk
from app.publishing.folder import FolderWatch
from app.publishing.opening import open_shelf
from app.publishing.shelf import Shelf
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.intake.desks import ROOT, desk_over, folder_in, rewrite
from tests.store.invented import rows


@pytest.fixture
def desk(store: Store, writer: Writer, decider: Decider) -> Desk:
    """A desk over an empty database."""
    return desk_over(store, writer, decider)


def opened(desk: Desk, folder: Path = ROOT, *, follow: bool = True) -> Shelf:
    """What decides at a start."""
    return open_shelf(desk, FolderWatch(folder), follow_folder=follow)


def refusals(desk: Desk) -> list[tuple[object, ...]]:
    """What the trail says of folders that were not taken."""
    return rows(
        desk.store,
        "SELECT object, detail_json FROM audit WHERE action = 'take_in_rulebook' AND outcome = 'refused' ORDER BY id",
    )


def test_a_refused_folder_is_in_the_trail_once_for_each_content(desk: Desk, tmp_path: Path) -> None:
    """Whoever looks at it, however often: with the codes of its faults, never their words. Another content is another row."""
    folder = folder_in(tmp_path / "book")
    opened(desk, folder)
    rewrite(folder, "rules/eligibility.yaml", "release_reasons.into_us", "release_reasons.in_us")
    for _ in range(3):
        assert "R106" in str(opened(desk, folder).problem)
    (first,) = refusals(desk)
    assert '"R106"' in str(first[1])
    assert "in_us" not in str(first[1])
    rewrite(folder, "rules/eligibility.yaml", "release_reasons.in_us", "release_reasons.into_us")
    for file in ("ref_data/states.yaml", "rules/scenarios/tables_test.yaml"):
        rewrite(folder, file, "WISIR0000", "WI0130000")
    for _ in range(2):
        assert "changes-the-past" in str(opened(desk, folder).problem)
    assert len(refusals(desk)) == 2
    assert "changes-the-past" in str(refusals(desk)[1][1])


def test_a_correction_for_another_rulebook_is_said_to_be(desk: Desk, tmp_path: Path) -> None:
    """It excuses nothing, and `/readyz` says which one it is for, and which one is live."""
    folder = folder_in(tmp_path / "book")
    first = opened(desk, folder).in_force.version
    for file in ("ref_data/states.yaml", "rules/scenarios/tables_test.yaml"):
        rewrite(folder, file, "WISIR0000", "WI0130000")
    entry = "{date: 2026-11-23, corrects: 0123456789ab, reason: It began too early, authority: {cite: Memo}}"
    (folder / "rules/corrections.yaml").write_text(f"kind: corrections/v1\ncorrections: [{entry}]\n")
    problem = str(opened(desk, folder).problem)
    assert problem.startswith("changes-the-past")
    assert f"are for 0123456789ab, not for {first}" in problem


def test_a_folder_without_scenarios_does_not_go_live_unless_one_tries_out(desk: Desk, tmp_path: Path) -> None:
    """Nothing has tried what it decides; with `LENS_REQUIRE_SCENARIOS=no` the shelf says so as long as it decides."""
    folder = folder_in(tmp_path / "book")
    for file in (folder / "rules/scenarios").iterdir():
        file.unlink()
    with pytest.raises(Refused, match="no scenario"):
        opened(desk, folder)
    shelf = opened(desk._replace(failing_too=True), folder)
    assert shelf.problem == f"{shelf.in_force.version} decides although it has no scenario"
    assert opened(desk, folder, follow=False).problem == shelf.problem


def test_what_the_folder_guards_no_longer_is_in_the_log(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By count and name, with what it handles otherwise; and the trail has how many safeguards are gone."""
    folder = folder_in(tmp_path / "book")
    opened(desk, folder)
    capsys.readouterr()
    rewrite(folder, "rules/messages.yaml", "    - 'DOB/{date_of_birth}'\n", "")
    rewrite(folder, "ref_data/holds.yaml", '208.6", stops: yes, lift: two_people', '208.6", stops: yes, lift: one_person')
    rewrite(folder, "rules/scenarios/release_test.yaml", "because: [LENS-E10, LENS-R10, LENS-R30]\n      sends:", "sends:")
    assert opened(desk, folder).problem is None
    told = capsys.readouterr().out
    assert "1 text that a message must say is gone" in told
    assert "1 scenario is weaker" in told
    assert "1 flag is lifted by one person instead of two people: asylum" in told
    (detail,) = rows(desk.store, "SELECT detail_json FROM audit WHERE action = 'take_in_rulebook' ORDER BY id DESC LIMIT 1")
    assert '"losses":2' in str(detail[0]).replace(" ", "")
