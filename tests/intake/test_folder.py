import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import Refused
from app.publishing.folder import FolderWatch
from app.rulebook.bundles.bundle import MANIFEST
from app.rulebook.files.folder_files import Entry
from tests.intake.desks import WORDS, folder_in, rewrite
from tests.rulebook.refusing import refuse_to_open


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped rulebook."""
    return folder_in(tmp_path / "book")


def taken(folder: Path) -> FolderWatch:
    """A watch that has dealt with the folder as it is."""
    watch = FolderWatch(folder, rest=0)
    assert watch.read() is not None
    watch.taken()
    assert not watch.at_rest()
    return watch


def test_a_change_counts_once_it_has_come_to_rest(folder: Path) -> None:
    """Not at the first look, not while more is saved, and not again once it is taken."""
    watch = taken(folder)
    rewrite(folder, "rules/messages.yaml", *WORDS)
    assert not watch.at_rest()
    (folder / "rules/more.yaml").write_text("kind: x\n")
    assert not watch.at_rest()
    assert watch.at_rest()
    assert watch.at_rest()
    assert watch.read() is not None
    watch.taken()
    assert not watch.at_rest()


def test_two_files_that_are_saved_one_after_the_other_are_taken_together(folder: Path) -> None:
    """However often one looks in between, as after a publication: the rest begins anew with each change."""
    now = [100.0]
    watch = FolderWatch(folder, clock=lambda: now[0])
    assert watch.read() is not None
    watch.taken()
    rewrite(folder, "rules/messages.yaml", *WORDS)
    looks = []
    for seconds in (0.0, 0.1, 1.0, 0.8):
        now[0] += seconds
        looks.append(watch.at_rest())
    (folder / "rules/more.yaml").write_text("kind: x\n")
    for seconds in (0.1, 1.0, 0.9, 0.1):
        now[0] += seconds
        looks.append(watch.at_rest())
    assert looks == [False] * 7 + [True]


def test_what_is_saved_between_the_look_and_the_reading_has_not_rested(folder: Path) -> None:
    """It is left alone until it has."""
    watch = taken(folder)
    rewrite(folder, "rules/messages.yaml", *WORDS)
    assert not watch.at_rest()
    assert watch.at_rest()
    (folder / "rules/more.yaml").write_text("kind: x\n")
    assert watch.read() is None
    assert watch.at_rest()
    assert watch.read() is not None


def test_every_kind_of_change_is_seen(folder: Path) -> None:
    """A file more or less, renamed, replaced by one of the same size and time."""
    watch = taken(folder)
    file = folder / "rules/messages.yaml"

    def replaced() -> None:
        stat = file.stat()
        (folder / "new").write_bytes(b"x" * stat.st_size)
        os.utime(folder / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        (folder / "new").rename(file)

    for change in (replaced, lambda: file.rename(folder / "rules/renamed.yaml"), (folder / "ref_data/x.csv").touch):
        change()
        assert not watch.at_rest()
        assert watch.at_rest()
        watch.taken()


def test_what_is_no_file_of_a_rulebook_is_not_looked_at(folder: Path) -> None:
    """An editor's own files change nothing."""
    watch = taken(folder)
    (folder / "rules/messages.yaml~").touch()
    (folder / "rules/.messages.yaml.swp").touch()
    (folder / "notes.yaml").touch()
    assert not watch.at_rest()
    assert not watch.at_rest()


@pytest.mark.parametrize("deed", ["another comes", "it is away"])
def test_a_folder_that_changes_while_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch, deed: str) -> None:
    """Is not taken: half of it would be old and half new. A file that is away is no fault: whoever saves it anew took it out first."""
    watch = taken(folder)
    read = Entry.read

    def reading(entry: Entry, limit: int) -> bytes:
        if entry.path.name == "states.yaml" and deed == "it is away":
            entry.path.unlink()
        elif entry.path.name == "states.yaml":
            (folder / "rules/more.yaml").write_text("kind: x\n")
        return read(entry, limit)

    monkeypatch.setattr(Entry, "read", reading)
    assert watch.read() is None


def test_what_cannot_be_read_is_a_change_and_then_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of scenarios that may not be looked into is not one without scenarios; once it may, that is a change again."""
    watch = taken(folder)
    with monkeypatch.context() as patch:
        refuse_to_open(patch, "scenarios")
        assert not watch.at_rest()
        assert watch.at_rest()
        with pytest.raises(Refused) as caught:
            watch.read()
        watch.taken()
    assert [(fault.code, fault.file) for fault in caught.value.faults] == [("R001", "rules/scenarios/")]
    assert not watch.at_rest()
    assert watch.at_rest()


def test_rights_that_change_are_a_change(folder: Path) -> None:
    """They change no size and no time of a file, and it may not be readable any more."""
    watch = taken(folder)
    for mode in (0o000, 0o644):
        (folder / "rules/messages.yaml").chmod(mode)
        assert not watch.at_rest()
        assert watch.at_rest()
        watch.taken()


def test_what_is_no_file_is_seen_to_come_and_to_go(folder: Path) -> None:
    """A pipe, a link to nothing or to itself: each is a fault while it is there, and none when it is gone."""
    watch = taken(folder)
    odd = folder / "rules/odd.yaml"
    makes: tuple[Callable[[], None], ...] = (
        lambda: os.mkfifo(odd),
        lambda: odd.symlink_to("nowhere"),
        lambda: odd.symlink_to("odd.yaml"),
    )
    for make in makes:
        make()
        assert not watch.at_rest()
        assert watch.at_rest()
        with pytest.raises(Refused):
            watch.read()
        watch.taken()
        odd.unlink()
        assert not watch.at_rest()
        assert watch.at_rest()
        assert watch.read() is not None
        watch.taken()


def test_a_manifest_counts_where_it_is_asked_for(folder: Path) -> None:
    """Then it is watched too, and must be about these files."""
    watch = FolderWatch(folder, vouched=True, rest=0)
    assert watch.read() is not None
    watch.taken()
    (folder / MANIFEST).write_text("{}")
    assert not watch.at_rest()
    assert watch.at_rest()
    with pytest.raises(Refused):
        watch.read()
    assert FolderWatch(folder).read() is not None


def test_a_folder_that_goes_away(folder: Path) -> None:
    """Is a change like any other, and then a fault with the code of `lens check`."""
    watch = taken(folder)
    shutil.rmtree(folder)
    assert not watch.at_rest()
    assert watch.at_rest()
    with pytest.raises(Refused) as caught:
        watch.read()
    assert {fault.code for fault in caught.value.faults} == {"R001"}


def test_a_mounted_volume_is_seen_to_change(tmp_path: Path) -> None:
    """Kubernetes swaps the link `..data`: then every file is another, though no link to a file has changed."""
    folder = folder_in(tmp_path)
    rules = folder / "rules"
    for version in ("..one", "..two"):
        (rules / version).mkdir()
        (rules / version / "messages.yaml").write_bytes((rules / "messages.yaml").read_bytes() + version.encode())
    (rules / "messages.yaml").unlink()
    (rules / "messages.yaml").symlink_to("..data/messages.yaml")
    (rules / "..data").symlink_to("..one")
    watch = taken(folder)
    (rules / "..tmp").symlink_to("..two")
    (rules / "..tmp").rename(rules / "..data")
    assert not watch.at_rest()
    assert watch.at_rest()
    bundle = watch.read()
    assert bundle is not None
    assert any(file.content.endswith(b"..two") for file in bundle.files)


def test_a_link_in_the_folder_is_refused_and_nothing_of_it_is_read(folder: Path) -> None:
    """A manifest that is a link too."""
    watch = FolderWatch(folder, vouched=True)
    (folder / "ref_data/zz.csv").symlink_to("/proc/self/environ")
    (folder / MANIFEST).symlink_to("/proc/self/environ")
    with pytest.raises(Refused) as caught:
        watch.read()
    assert [(fault.code, fault.file) for fault in caught.value.faults] == [("R001", "ref_data/zz.csv")]
    (folder / "ref_data/zz.csv").unlink()
    assert watch.read() is None
    with pytest.raises(Refused) as caught:
        watch.read()
    assert [(fault.code, fault.file) for fault in caught.value.faults] == [("link", MANIFEST)]
