import stat
from pathlib import Path

import msgspec
import pytest

from app.publishing import rulebooks
from app.rulebook.bundles.bundle import read_tar
from tests.cli.conftest import Lens
from tests.cli.programs import EXAMPLE
from tests.intake.desks import WORDS, folder_in, rewrite


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A copy of the shipped rulebook, in the folder `book` of the current one."""
    return folder_in(tmp_path / "book")


def as_user(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    """From now on the command line is used by this user id."""
    monkeypatch.setattr("app.cli.record.os.getuid", lambda: uid)


def first_word(said: str) -> str:
    """The version that a command tells first."""
    return said.split(maxsplit=1)[0]


def test_two_people_put_a_rulebook_live_and_take_it_back(lens: Lens, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draft, approval by another, publication; then a second one, seen as a diff, and one step back; the trail is whole."""
    monkeypatch.setattr(rulebooks, "lead_for", lambda _: 0)  # no process is there to be waited for
    assert "there is no database" in lens("rulebook", "list")[2]
    first = first_word(lens("rulebook", "draft", "book", "--as", "ann")[1])
    code, _, err = lens("rulebook", "approve", first, "--diff-seen", "nothing", "--as", "ann")
    assert (code, "another person must approve it" in err) == (1, True)
    code, _, err = lens("rulebook", "approve", first, "--diff-seen", "nothing", "--as", "ben", LOGNAME="ben", USER="ben")
    assert (code, "one user id at the command line is one person" in err) == (1, True)
    as_user(monkeypatch, 4242)
    assert lens("rulebook", "approve", first, "--diff-seen", "nothing", "--as", "ben")[0] == 0
    assert "is live since" in lens("rulebook", "publish", first, "--as", "ben")[1]
    rewrite(book, "rules/messages.yaml", *WORDS)
    as_user(monkeypatch, 0)
    second = first_word(lens("rulebook", "draft", "book", "--as", "ann")[1])
    as_user(monkeypatch, 4242)
    code, out, err = lens("rulebook", "approve", second, "--as", "ben")
    assert (code, f"{first} -> {second}: 0 of" in out, "--diff-seen" in err) == (2, True, True), "nobody is there to be asked"
    assert lens("rulebook", "approve", second, "--as", "ben", "--diff-seen", first)[0] == 0
    assert lens("rulebook", "publish", second, "--as", "ben")[0] == 0
    assert first_word(lens("rulebook", "rollback", "--as", "ben", "--reason", "Notices said too little")[1]) == first
    rows = lens("rulebook", "list")[1].splitlines()
    assert [row.split()[:2] for row in rows[1:]] == [[first, "live"], [second, "retired"]]
    shown = msgspec.json.decode(lens("rulebook", "show", "live", "--format", "json")[1])
    assert [each["way"] for each in shown["publications"]] == ["publish", "rollback"]
    assert "as ben (rollback): Notices said too little" in lens("rulebook", "show", first)[1]
    assert lens("audit", "verify")[0] == 0


def test_a_version_is_written_out_as_it_was(lens: Lens, book: Path, tmp_path: Path) -> None:
    """Every file byte for byte, into a new folder only; and compared in every form."""
    first = first_word(lens("rulebook", "draft", "book")[1])
    assert lens("rulebook", "show", first, "--out", "out")[0] == 0
    files = sorted(path.relative_to(book) for path in book.rglob("*") if path.is_file())
    assert sorted(path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()) == files
    assert all((tmp_path / "out" / file).read_bytes() == (book / file).read_bytes() for file in files)
    code, _, err = lens("rulebook", "show", first, "--out", "out")
    assert (code, "is there already" in err) == (2, True)
    rewrite(book, "rules/messages.yaml", *WORDS)
    second = first_word(lens("rulebook", "draft", "book")[1])
    diff = msgspec.json.decode(lens("rulebook", "diff", first, second, "--format", "json")[1])
    names = ["rules/messages.yaml", "rules/scenarios/words_test.yaml"]
    assert [(file["name"], file["change"]) for file in diff["files"]] == [(name, "changed") for name in names]
    for form, sign in (("text", "+++ new/rules"), ("markdown", "```diff"), ("html", "<html")):
        assert sign in lens("rulebook", "diff", first, second, "--format", form)[1]


def test_deciding_again_under_a_stored_version(lens: Lens, book: Path, tmp_path: Path) -> None:
    """`lens decide`, `explain` and `diff` take a version wherever they take a folder, and decide as it did."""
    file = tmp_path / "release.ndjson"
    file.write_bytes(msgspec.json.encode(EXAMPLE))
    then = ("decide", str(file), "--accepted-at", "2026-11-24T00:00:00Z", "--rulebook")
    before = lens(*then, "book")[1]
    first = first_word(lens("rulebook", "draft", "book")[1])
    rewrite(book, "rules/messages.yaml", *WORDS)
    assert lens(*then, "book")[1] != before
    assert lens(*then, first)[1] == before
    assert msgspec.json.decode(lens("explain", str(file), "--rulebook", first, "--format", "json")[1])["rulebook"] == first
    assert f"{first} -> " in lens("diff", first, "book")[1]
    for words in ((*then, "live"), (*then, "0123456789ab")):
        assert lens(*words)[0] == 1
    assert lens("diff", "0123456789ab", "book")[0] == 2, "it might have been a git revision"


def test_a_draft_with_errors(lens: Lens, book: Path) -> None:
    """Every error with its place on standard error, exit code 1, and nothing is stored."""
    rewrite(book, "rules/eligibility.yaml", "release_reasons.into_us", "release_reasons.in_us")
    code, _, err = lens("rulebook", "draft", "book")
    assert (code, "rules/eligibility.yaml:" in err, "R106" in err) == (1, True, True)
    assert "no versions" in lens("rulebook", "list")[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("draft", "nowhere"), 2, "cannot be read"),
        (("pack", "nowhere", "-o", "x.tar"), 2, "there is no folder nowhere"),
        (("draft", "book", "--as", "a b"), 2, "--as"),
        (("show", "latest"), 2, "is not a version"),
        (("show", "live"), 1, "No rulebook is live"),
        (("show", "0123456789ab"), 1, "There is no rulebook"),
        (("publish", "0123456789ab"), 1, "There is no rulebook"),
        (("rollback",), 2, "--reason"),
        (("rollback", "--reason", "."), 2, "words that say why"),
        (("rollback", "--reason", "Wrong ORI"), 1, "No rulebook is live"),
        (("pack", "book", "-o", "none/x.tar"), 2, "cannot be written"),
        (("pack", "book", "-o", "x.tar", "--sign", "none.key"), 2, "cannot be read"),
        (("pack", "book", "-o", "x.tar", "--created", "today"), 2, "--created"),
        (("verify", "book"), 2, "--trusted"),
        (("keygen", "a b"), 2, "NAME"),
    ],
)
def test_wrong_use(lens: Lens, book: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """Told in words, with the exit code of its kind."""
    lens("db", "upgrade")
    found, _, err = lens("rulebook", *words)
    assert (found, said in err) == (code, True), err


def test_a_signed_bundle(lens: Lens, book: Path, tmp_path: Path) -> None:
    """Packed and signed it verifies, also unpacked; changed, or signed by another, it does not; unsigned it is not drafted."""
    line = lens("rulebook", "keygen", "ann")[1]
    lens("rulebook", "keygen", "eve")
    assert stat.S_IMODE((tmp_path / "ann.key").stat().st_mode) == 0o600
    assert line == (tmp_path / "ann.pub").read_text()
    code, _, err = lens("rulebook", "keygen", "ann")
    assert (code, "exists" in err) == (2, True)
    for name in ("ann", "eve"):
        assert lens("rulebook", "pack", "book", "-o", f"{name}.tar", "--sign", f"{name}.key")[0] == 0
    code, out, _ = lens("rulebook", "verify", "ann.tar", "--trusted", "ann.pub")
    assert (code, "signed by ann" in out) == (0, True)
    code, _, err = lens("rulebook", "verify", "eve.tar", "--trusted", "ann.pub")
    assert (code, "signed by no trusted key" in err) == (1, True)
    code, _, err = lens("rulebook", "verify", "book", "--trusted", "ann.pub")
    assert (code, "is not signed" in err) == (1, True)
    bundle = read_tar((tmp_path / "ann.tar").read_bytes())
    assert bundle.manifest is not None
    (book / "manifest.json").write_bytes(bundle.manifest)
    code, _, err = lens("rulebook", "draft", "book", RULEBOOK_TRUSTED_KEYS="ann.pub")
    assert (code, "not-signed" in err) == (1, True)
    assert lens("rulebook", "draft", "ann.tar", RULEBOOK_TRUSTED_KEYS="ann.pub")[0] == 0
    rewrite(book, "rules/messages.yaml", *WORDS)
    code, _, err = lens("rulebook", "verify", "book", "--trusted", "ann.pub")
    assert (code, "not those it was made for: rules/messages.yaml" in err) == (1, True)
