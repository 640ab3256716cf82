import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refused
from app.rulebook.bundles.bundle import MANIFEST, SIGNATURE, Manifest, bundle_of, pack, read_bundle_folder, read_tar
from app.rulebook.bundles.signing import new_signer
from app.rulebook.files.folder_files import FILES_LIMIT, SIZE_LIMIT
from app.rulebook.files.source import SourceFile
from app.rulebook.reading.content import content_hash

FILES = (
    SourceFile("ref_data/states.csv", b"code,name\nTX,Texas\n"),
    SourceFile("rules/deep/er/more.yml", b"kind: x\n"),
    SourceFile("rules/eligibility.yaml", b"kind: rules/v1\r\n"),
)
NOON = "2026-11-23T12:00:00Z"


def a_tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar file of these members, whatever they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """One member of a tar file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    info.size = len(content) if kind == tarfile.REGTYPE else 0
    return info, content


def codes(read: Callable[[], object]) -> list[tuple[str, str | None]]:
    """Code and file of each fault that reading tells."""
    with pytest.raises(Refused) as caught:
        read()
    return [(fault.code, fault.file) for fault in caught.value.faults]


def test_a_bundle_comes_back_as_it_was_packed() -> None:
    """Files byte for byte, under the same hash, gzipped or not, signed or not."""
    signer = new_signer()
    for packed in (pack(FILES, NOON), pack(FILES, NOON, signer), gzip.compress(pack(FILES, NOON))):
        found = read_tar(packed)
        assert found.files == FILES
        assert found.version == content_hash(FILES)
        assert found.manifest is not None
        assert msgspec.json.decode(found.manifest, type=Manifest).created == NOON


def test_packing_is_deterministic() -> None:
    """The same files, in whatever order, time and key give the same bytes, which tell of no user, mode or time."""
    signer = new_signer()
    first, again = pack(FILES, NOON, signer), pack(FILES[::-1], NOON, signer)
    assert first == again
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert {(info.uid, info.gid, info.uname, info.mtime, info.mode) for info in tar} == {(0, 0, "", 0, 0o644)}


def test_what_tar_makes_is_a_bundle() -> None:
    """A plain tar of the two folders, with their entries and `./` before names, as people make it."""
    found = read_tar(a_tar(member("./rules", kind=tarfile.DIRTYPE), member("./rules/a.yaml"), member("ref_data/b.csv")))
    assert [file.name for file in found.files] == ["ref_data/b.csv", "rules/a.yaml"]
    assert (found.manifest, found.signature) == (None, None)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (member("/rules/a.yaml"), "path"),
        (member("rules/../../a.yaml"), "path"),
        (member("rules//a.yaml"), "path"),
        (member("rules/./a.yaml"), "path"),
        (member("../rules/a.yaml"), "path"),
        (member("etc/passwd.yaml"), "path"),
        (member("rules.yaml"), "path"),
        (member("rules/a\\..\\b.yaml"), "path"),
        (member("rules/a\nb.yaml"), "path"),
        (member("rules/" + "a" * 200 + ".yaml"), "path"),
        (member("rules/run.py"), "file-kind"),
        (member("rules/.hidden.yaml"), "file-kind"),
        (member("rules/.git/a.yaml"), "file-kind"),
        (member("rules/a.yaml.exe"), "file-kind"),
        (member("rules/a.yaml", kind=tarfile.SYMTYPE, target="/etc/passwd"), "link"),
        (member("rules/a.yaml", kind=tarfile.LNKTYPE, target="rules/b.yaml"), "link"),
        (member("rules/a.yaml", kind=tarfile.FIFOTYPE), "link"),
        (member("rules/a.yaml", kind=tarfile.CHRTYPE), "link"),
        (member("rules/a.yaml", b"x" * (SIZE_LIMIT + 1)), "too-large"),
    ],
    ids=lambda part: part if isinstance(part, str) else part[0].name[:30].replace("\n", " "),
)
def test_what_a_rulebook_may_not_have_is_refused(bad: tuple[tarfile.TarInfo, bytes], code: str) -> None:
    """Links, devices, paths that lead elsewhere, files that no rulebook has: each by its code, with all others at once."""
    found = codes(lambda: read_tar(a_tar(bad, member("rules/other.txt"), member("rules/good.yaml"))))
    assert code in [each for each, _ in found]
    if code != "link":  # these are told before paths are looked at
        assert ("file-kind", "rules/other.txt") in found


def test_the_same_file_twice() -> None:
    """Which of the two would count is nobody's guess."""
    assert codes(lambda: read_tar(a_tar(member("rules/a.yaml"), member("./rules/a.yaml")))) == [("twice", "rules/a.yaml")]


def test_a_tar_bomb_is_refused_early() -> None:
    """What unzips to far more than it is, is unzipped to the limit and no further; too many files and too large ones are refused."""
    bomb = gzip.compress(bytes(64 * 1024 * 1024), 1)
    assert len(bomb) < 512 * 1024
    assert codes(lambda: read_tar(bomb)) == [("too-large", None)]
    many = tuple(SourceFile(f"rules/{number}.yaml", b"") for number in range(FILES_LIMIT + 1))
    assert codes(lambda: bundle_of(many)) == [("too-large", None)]
    large = tuple(SourceFile(f"rules/{number}.yaml", bytes(SIZE_LIMIT)) for number in range(5))
    assert codes(lambda: bundle_of(large)) == [("too-large", None)]


def test_many_members_of_no_use_are_not_gone_through() -> None:
    """Of a tar file of links only the first hundred are told."""
    info = tarfile.TarInfo("rules/a.yaml")
    info.type = tarfile.SYMTYPE
    found = codes(lambda: read_tar(info.tobuf() * 5000))
    assert found == [("link", "rules/a.yaml")] * 100


def test_a_negative_size_does_not_hang() -> None:
    """The header that made tarfile go round for ever (CVE-2025-8194) is no tar file."""
    info = tarfile.TarInfo("rules/a.yaml")
    info.size = -(2**40)
    assert codes(lambda: read_tar(info.tobuf(tarfile.GNU_FORMAT) + bytes(2048)))[-1][0] == "not-a-tar"


def test_a_sparse_file_is_refused() -> None:
    """A terabyte of holes in half a kilobyte would be read as zeros."""
    raw = bytearray(tarfile.TarInfo("rules/a.yaml").tobuf(tarfile.GNU_FORMAT))
    raw[156:157] = tarfile.GNUTYPE_SPARSE
    raw[386:410] = b"00000000000\0" * 2
    raw[483:495] = b"77777777777\0"
    raw[148:156] = b"        "
    raw[148:156] = f"{sum(raw):06o}\0 ".encode()
    assert [code for code, _ in codes(lambda: read_tar(bytes(raw) + bytes(1024)))] == ["link"]


@pytest.mark.parametrize("nothing", [b"", b"hello", b"\x1f\x8bhello", gzip.compress(b"hello", mtime=0), bytes(10240), a_tar()])
def test_what_is_no_tar_or_has_no_file(nothing: bytes) -> None:
    """Told in one fault, without a trace."""
    assert codes(lambda: read_tar(nothing)) in ([("not-a-tar", None)], [("empty", None)])


@given(st.data())
def test_a_damaged_tar_is_refused_or_read_within_bounds(data: st.DataObject) -> None:
    """Whatever bytes are changed or cut off, the answer is a bundle of proper paths, or Refused."""
    raw = bytearray(pack(FILES, NOON))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        found = read_tar(cut)
    except Refused:
        return
    assert all(file.name.startswith(("rules/", "ref_data/")) and ".." not in file.name for file in found.files)


def rewritten(change: Callable[[dict[str, bytes]], object]) -> bytes:
    """A signed bundle with its members changed."""
    packed = pack(FILES, NOON, new_signer())
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        parts = {info.name: file.read() for info in tar if (file := tar.extractfile(info)) is not None}
    change(parts)
    return a_tar(*(member(name, content) for name, content in parts.items()))


@pytest.mark.parametrize(
    ("change", "file"),
    [
        (lambda parts: parts.update({"rules/eligibility.yaml": b"kind: other\n"}), MANIFEST),
        (lambda parts: parts.update({"rules/more.yaml": b"kind: more\n"}), MANIFEST),
        (lambda parts: parts.pop("ref_data/states.csv"), MANIFEST),
        (lambda parts: parts.update({MANIFEST: b"{}"}), MANIFEST),
        (lambda parts: parts.update({MANIFEST: b"\xff"}), MANIFEST),
        (lambda parts: parts.update({MANIFEST: parts[MANIFEST].replace(b"lens-rulebook/v1", b"lens-rulebook/v2")}), MANIFEST),
        (lambda parts: parts.update({SIGNATURE: b"short"}), SIGNATURE),
        (lambda parts: parts.pop(MANIFEST), SIGNATURE),
    ],
)
def test_a_bundle_that_is_not_what_its_manifest_says(change: Callable[[dict[str, bytes]], object], file: str) -> None:
    """One byte of a file, one file more or less, a foreign manifest or signature: refused, and told where."""
    assert [name for _, name in codes(lambda: read_tar(rewritten(change)))] == [file]


def test_a_folder_is_a_bundle_too(tmp_path: Path) -> None:
    """An unpacked bundle is read as it was packed; its manifest counts only where it is asked for."""
    with tarfile.open(fileobj=io.BytesIO(pack(FILES, NOON, new_signer()))) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            (tmp_path / member.name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / member.name).write_bytes(content.read())
    vouched, plain = (read_bundle_folder(tmp_path, vouched=each) for each in (True, False))
    assert vouched.files == plain.files == FILES
    assert vouched.signature is not None
    assert plain.manifest is None
    (tmp_path / "rules/eligibility.yaml").write_bytes(b"kind: changed\n")
    assert codes(lambda: read_bundle_folder(tmp_path, vouched=True)) == [("manifest", MANIFEST)]
    assert read_bundle_folder(tmp_path, vouched=False).version != plain.version


def test_a_folder_without_its_parts(tmp_path: Path) -> None:
    """As `lens check` says it."""
    assert codes(lambda: read_bundle_folder(tmp_path, vouched=False)) == [("R001", "ref_data/"), ("R001", "rules/")]
