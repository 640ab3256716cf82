"""Bundles: a rulebook as one tar file, with a manifest that names every file by its hash and, where it is signed, a signature.

    rules/…  ref_data/…     the files, sorted, without owner, mode or time: the same files always make the same bytes
    manifest.json           version and hash of the whole, hash of every file, when it was packed, id of the signing key
    manifest.sig            base64 of the ed25519 signature of manifest.json

A plain tar of `rules/` and `ref_data/` is a bundle too, without manifest. What is read is hostile until shown otherwise: no links,
no devices, no path that leads elsewhere, nothing that a rulebook has no use for, and bounds on everything. Read in memory only;
nothing is ever unpacked to a disk.
"""

import base64
import binascii
import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from app.errors import Fault, Refused
from app.rulebook.bundles.signing import Signer
from app.rulebook.files.folder_files import FILES_LIMIT, SIZE_LIMIT, TOTAL_LIMIT, NotRegular, entries_beside
from app.rulebook.files.source import SourceFile, read_folder
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import content_hash, full_hash

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
KIND = "lens-rulebook/v1"
TOPS = ("rules", "ref_data")
SUFFIXES = (".yaml", ".yml", ".csv")

SEQUENCE_LIMIT = 2**53
"""The highest sequence of a bundle: what every program that reads JSON can hold."""
PATH_LIMIT = 200
FAULTS_TOLD = 100
"""Faults of what was sent, told in an answer."""
_TAR_LIMIT = TOTAL_LIMIT + FILES_LIMIT * 2048 + 64 * 1024
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Bundle:
    """A rulebook's files, sorted by name, and what vouches for them: manifest and signature (64 bytes), where there are any."""

    files: tuple[SourceFile, ...]
    manifest: bytes | None = None
    signature: bytes | None = None

    @property
    def version(self) -> str:
        """The label: the first 12 hexadecimal digits of the full hash."""
        return content_hash(self.files)

    @property
    def sha256(self) -> str:
        """The full hash, which identifies the rulebook."""
        return full_hash(self.files)

    @property
    def sequence(self) -> int | None:
        """The sequence of its manifest, None where it has none or nobody signed it."""
        return None if self.manifest is None or self.signature is None else sequence_of(self.manifest)


class FileEntry(msgspec.Struct, frozen=True):
    """A file of a manifest; `sha256` in hex."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a manifest says. `created` is RFC 3339; `signer` the id of the key that signs it, None where nobody does.

    `sequence` rises with every bundle, so that an old one is known as such.
    """

    kind: str
    version: str
    sha256: str
    created: str
    signer: str | None
    files: tuple[FileEntry, ...]
    sequence: Annotated[int, msgspec.Meta(ge=0, le=SEQUENCE_LIMIT)] | None = None


def sequence_of(manifest: bytes) -> int:
    """The sequence of a manifest that was found to be one. Bundles packed before they had one count by when they were packed."""
    told = msgspec.json.decode(manifest, type=Manifest)
    return seconds_of(told.created) if told.sequence is None else told.sequence


def seconds_of(created: str) -> int:
    """Seconds since 1970 of a moment in RFC 3339; 0 for what is none."""
    try:
        return max(0, int(datetime.fromisoformat(created).timestamp()))
    except (ValueError, OverflowError):
        return 0


def manifest_of(files: Sequence[SourceFile], created: str, signer: str | None, sequence: int | None = None) -> bytes:
    """The manifest of these files as JSON, each member on a line of its own."""
    entries = tuple(
        FileEntry(file.name, len(file.content), hashlib.sha256(file.content).hexdigest())
        for file in sorted(files, key=lambda file: file.name)
    )
    manifest = Manifest(
        kind=KIND,
        version=content_hash(files),
        sha256=full_hash(files),
        created=created,
        signer=signer,
        files=entries,
        sequence=sequence,
    )
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def pack(files: Sequence[SourceFile], created: str, signer: Signer | None = None, sequence: int | None = None) -> bytes:
    """A bundle of these files as a tar file. The same files, time, key and sequence give the same bytes."""
    manifest = manifest_of(files, created, signer.id if signer else None, sequence)
    members = sorted([*files, SourceFile(MANIFEST, manifest)], key=lambda file: file.name)
    if signer is not None:
        members.append(SourceFile(SIGNATURE, base64.b64encode(signer.sign(manifest)) + b"\n"))
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in members:
            info = tarfile.TarInfo(file.name)
            info.size, info.mode = len(file.content), 0o644
            tar.addfile(info, io.BytesIO(file.content))
    return out.getvalue()


def read_tar(data: bytes) -> Bundle:
    """The bundle in a tar file, gzipped or not. Raises Refused with every fault."""
    faults: list[Fault] = []
    members = list(_members(_plain(data), faults))
    if faults:
        raise Refused(tuple(faults[:FAULTS_TOLD]), _refusal(faults))
    return bundle_of(members)


def bundle_of(members: Sequence[SourceFile]) -> Bundle:
    """The bundle of files that came in whatever way. Raises Refused with every fault."""
    faults: list[Fault] = []
    seen: set[str] = set()
    for file in members:
        fault = _path_fault(file.name)
        if fault is None and file.name in seen:
            fault = ("twice", "the same file stands here twice")
        if fault is None and len(file.content) > SIZE_LIMIT:
            fault = ("too-large", f"the file has over {SIZE_LIMIT:,} bytes")
        if fault is not None:
            faults.append(_fault(file.name, *fault))
        seen.add(file.name)
    if len(members) > FILES_LIMIT or sum(len(file.content) for file in members) > TOTAL_LIMIT:
        faults.append(_fault("", "too-large", f"a rulebook has at most {FILES_LIMIT} files and {TOTAL_LIMIT:,} bytes"))
    if not faults and not any(file.name not in {MANIFEST, SIGNATURE} for file in members):
        faults.append(_fault("", "empty", "there is no file of a rulebook: pack the folders rules/ and ref_data/"))
    if faults:
        raise Refused(tuple(faults[-FAULTS_TOLD:]), _refusal(faults))
    return _match_manifest(members)


def read_bundle_folder(folder: Path, *, vouched: bool) -> Bundle:
    """The bundle of a folder that holds `rules/` and `ref_data/`, and with `vouched` the manifest and signature beside them.

    Raises Refused with every fault, OSError when the folder cannot be read.
    """
    problems = Problems()
    members = list(read_folder(folder, problems))
    faults = tuple(
        Fault(f"/{problem.spot.file}", problem.code, problem.message, file=problem.spot.file) for problem in problems.sorted()
    )
    if faults:
        raise Refused(faults, _refusal(faults))
    if vouched:
        members += _read_vouching(folder)
    return bundle_of(members)


def _read_vouching(folder: Path) -> Iterator[SourceFile]:
    for entry in entries_beside(folder, (MANIFEST, SIGNATURE)):
        name = entry.path.name
        try:
            yield SourceFile(name, entry.read(SIZE_LIMIT))
        except NotRegular:
            fault = _fault(name, "link", "this must be a regular file: links are not followed")
            raise Refused((fault,), _refusal([fault])) from None


def _match_manifest(members: Sequence[SourceFile]) -> Bundle:
    """The bundle, once its manifest (where it has one) is found to be about these very files."""
    by_name = {file.name: file.content for file in members}
    manifest, signature = by_name.pop(MANIFEST, None), by_name.pop(SIGNATURE, None)
    files = tuple(SourceFile(name, content) for name, content in sorted(by_name.items()))
    if manifest is not None and (fault := manifest_fault(manifest, files)):
        raise Refused((_fault(MANIFEST, "manifest", fault),), "The bundle is not what its manifest says; nothing was stored.")
    if signature is None:
        return Bundle(files, manifest)
    try:
        raw = base64.b64decode(signature.strip(), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if manifest is None or len(raw) != 64:
        fault = "it is no signature of a manifest.json beside it"
        raise Refused((_fault(SIGNATURE, "signature", fault),), "The bundle's signature cannot be read; nothing was stored.")
    return Bundle(files, manifest, raw)


def manifest_fault(manifest: bytes, files: Sequence[SourceFile]) -> str | None:
    """How a manifest fails to describe these very files, or None when it does."""
    try:
        told = msgspec.json.decode(manifest, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "this is no manifest of a rulebook; pack it again with `lens rulebook pack`"
    expected = msgspec.json.decode(manifest_of(files, told.created, told.signer, told.sequence), type=Manifest)
    if told.kind != KIND:
        return f"it is not of kind {KIND}"
    named = {entry.name: entry for entry in told.files}
    real = {entry.name: entry for entry in expected.files}
    wrong = sorted(name for name in named.keys() | real.keys() if named.get(name) != real.get(name))
    if wrong:
        return f"these files are not those it was made for: {', '.join(wrong[:5])}{' and more' if len(wrong) > 5 else ''}"
    return None if told == expected else "its hashes are not those of the files"


def _path_fault(name: str) -> tuple[str, str] | None:
    """Code and words of what is wrong with a path, or None for one that a rulebook may have."""
    if name in {MANIFEST, SIGNATURE}:
        return None
    parts = name.split("/")
    if len(name) > PATH_LIMIT or not name.isprintable() or "\\" in name:
        return "path", f"a path is at most {PATH_LIMIT} printable characters, its parts joined by /"
    if name.startswith("/") or not {"", ".", ".."}.isdisjoint(parts):
        return "path", "a path must lead down from the rulebook's folder: not absolute, without . or .."
    if parts[0] not in TOPS or len(parts) < 2:
        return "path", "a rulebook has files below rules/ and ref_data/ only; pack these two folders by themselves"
    if any(part.startswith(".") for part in parts) or not name.endswith(SUFFIXES):
        return "file-kind", f"a rulebook has files *{', *'.join(SUFFIXES)} only, and no hidden ones; leave this one out"
    return None


def _fault(name: str, code: str, message: str) -> Fault:
    shown = "".join(char if char.isprintable() else "?" for char in name[:_SHOWN])
    return Fault(f"/{shown.replace('~', '~0')}" if name else "", code, message, file=shown or None)


def _refusal(faults: Sequence[Fault]) -> str:
    return f"{len(faults)} fault{'s' if len(faults) != 1 else ''} found in what was sent as a rulebook; nothing was stored."


def _plain(data: bytes) -> bytes:
    """The tar file itself, unzipped no further than the limit."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as unzipped:
                data = unzipped.read(_TAR_LIMIT + 1)
        except (OSError, EOFError, zlib.error):
            raise Refused((_fault("", "not-a-tar", "the gzip data is damaged"),), "The body is not whole.") from None
    if len(data) > _TAR_LIMIT:
        fault = _fault("", "too-large", f"a rulebook has at most {TOTAL_LIMIT:,} bytes")
        raise Refused((fault,), "The rulebook is too large; nothing was stored.")
    return data


class _Careful(tarfile.TarInfo):
    """A header with a negative size would make older versions of tarfile go round for ever (CVE-2025-8194)."""

    def _block(self, count: int) -> int:
        if count < 0:
            raise tarfile.HeaderError("negative size")
        return super()._block(count)  # type: ignore[misc,no-any-return]


def _members(data: bytes, faults: list[Fault]) -> Iterator[SourceFile]:
    """The regular files of a tar file, in its order; whatever else it has goes into `faults`, folders apart."""
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", tarinfo=_Careful) as tar:
            for count, member in enumerate(tar):
                if count >= 2 * FILES_LIMIT:
                    faults.append(_fault("", "too-large", f"a rulebook has at most {FILES_LIMIT} files"))
                    return
                name = member.name.removeprefix("./")
                if member.isdir():
                    continue
                if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or member.issparse():
                    faults.append(
                        _fault(name, "link", "only plain files may be in it: no links, devices, pipes or sparse files")
                    )
                    continue
                file = tar.extractfile(member)
                yield SourceFile(name, file.read() if file is not None else b"")
    except (tarfile.TarError, ValueError, ArithmeticError, LookupError, EOFError, OSError, RecursionError):
        faults.append(_fault("", "not-a-tar", "this is not a whole tar file; make it with `lens rulebook pack` or tar"))
