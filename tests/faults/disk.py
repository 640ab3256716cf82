"""A disk as a power cut leaves it: made again from the record of what a program did (disk_log.c).

The model is a strict one. What was synced is there. Of what was written to a file since its last sync anything may be there: nothing,
all, the first part, or any of its sectors. A name made, changed or taken away is sure only once its folder was synced; of the
changes since then the first ones, however many, have come to be.
"""

import struct
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

SECTOR = 512
_HEAD = struct.Struct("<cqqq")


class Record(NamedTuple):
    """One deed of the program; the letters stand in disk_log.c."""

    kind: str
    file: int
    offset: int
    data: bytes


def recorder(folder: Path) -> Path:
    """disk_log.c, compiled into `folder`; gcc is needed to install LENS anyway."""
    made, source = folder / "disk_log.so", Path(__file__).with_name("disk_log.c")
    words = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(made), str(source), "-ldl", "-lpthread"]
    subprocess.run(words, check=True, timeout=60)
    return made


def read_records(file: Path) -> list[Record]:
    """Everything that was recorded, in order."""
    raw, place, records = file.read_bytes(), 0, []
    while place + _HEAD.size <= len(raw):
        kind, inode, offset, length = _HEAD.unpack_from(raw, place)
        place += _HEAD.size + length
        records.append(Record(kind.decode(), inode, offset, raw[place - length : place]))
    return records


Write = tuple[int, bytes | None]
"""Where, and the bytes; None: the file was cut or filled up to there."""


@dataclass(slots=True)
class _File:
    synced: bytearray = field(default_factory=bytearray)
    since: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        _apply(self.synced, self.since)
        self.since.clear()

    def cut(self, rng: Random) -> bytes:
        """What may be there after a cut now."""
        left = bytearray(self.synced)
        match rng.choice(("nothing", "all", "first", "sectors")):
            case "all":
                _apply(left, self.since)
            case "first":
                _apply(left, self.since[: rng.randint(0, len(self.since))])
            case "sectors":
                _apply(left, [part for write in self.since for part in _sectors(write) if rng.random() < 0.5])
        return bytes(left)


def _apply(content: bytearray, writes: Iterable[Write]) -> None:
    for place, data in writes:
        end = place if data is None else place + len(data)
        if len(content) < end:
            content.extend(bytes(end - len(content)))
        if data is None:
            del content[place:]
        else:
            content[place:end] = data


def _sectors(write: Write) -> Iterable[Write]:
    place, data = write
    if data is None:
        yield write
        return
    first = 0
    while first < len(data):
        end = min(len(data), first + SECTOR - (place + first) % SECTOR)
        yield place + first, data[first:end]
        first = end


_Named = _File | Literal["folder"]
_Names = Mapping[str, _Named | None]


class _Change(NamedTuple):
    """Names changed at once in a folder, each to what it names from then on; None: it is gone."""

    folder: str
    names: _Names


class Disk:
    """Follows the records; at any time, what a cut would leave."""

    def __init__(self, root: Path) -> None:
        """`root` is the folder that was watched; it was empty at the start."""
        self._root = str(root.resolve())
        self._files: dict[int, _File] = {}
        self._named: dict[str, _Named] = {}
        self._sure: dict[str, _Named] = {}
        self._since: list[_Change] = []

    def follow(self, records: Sequence[Record]) -> None:
        """The next deeds."""
        for record in records:
            if record.kind in "OWTS":
                self._content(record)
            elif record.kind in "MURD":
                self._naming(record.kind, record.data.decode())

    def _content(self, record: Record) -> None:
        match record.kind:
            case "O" if record.offset or record.file not in self._files:
                self._files[record.file] = _File()
                path = record.data.decode()
                self._change(path, {path: self._files[record.file]})
            case "W":
                self._files[record.file].since.append((record.offset, record.data))
            case "T":
                self._files[record.file].since.append((record.offset, None))
            case "S":
                self._files[record.file].sync()

    def _naming(self, kind: str, path: str) -> None:
        match kind:
            case "M":
                self._change(path, {path: "folder"})
            case "U":
                self._change(path, {path: None})
            case "R":
                old, new = path.split("\0")
                self._change(new, {new: self._named[old], old: None})
            case "D":
                for change in self._since:
                    if change.folder == path:
                        _rename(self._sure, change.names)
                self._since = [change for change in self._since if change.folder != path]

    def _change(self, path: str, names: _Names) -> None:
        self._since.append(_Change(path.rpartition("/")[0], names))
        _rename(self._named, names)

    def cut(self, rng: Random, folder: Path) -> None:
        """Writes into `folder` what may be there after a cut now. Memory shared between processes (-shm) is gone."""
        names = dict(self._sure)
        for change in self._since[: rng.choice((0, len(self._since), rng.randint(0, len(self._since))))]:
            _rename(names, change.names)
        folder.mkdir()
        for path, file in sorted(names.items()):
            target = folder / path.removeprefix(self._root).lstrip("/")
            if target.parent.is_dir() and not path.endswith("-shm"):
                if isinstance(file, _File):
                    target.write_bytes(file.cut(rng))
                    target.chmod(0o600)  # as every file of a service is
                else:
                    target.mkdir(mode=0o700)


def _rename(names: dict[str, _Named], changed: _Names) -> None:
    for path, file in changed.items():
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file
