"""Reads the rulebook's files: YAML as a tree of texts with their places. The one door to PyYAML.

Every scalar is text, as it stands in the file: YAML 1.1 would turn `0101` into 65 and `NO` into false. Anchors, aliases, tags,
duplicate keys and several documents in a file are faults. Size, depth and number of nodes are bounded, so that a hostile file
is a fault and not a hang.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import yaml

from app.rulebook.files.folder_files import FILES_LIMIT, SIZE_LIMIT, TOTAL_LIMIT, Entry, NotRegular, entries
from app.rulebook.files.misread import Misread, tell_misread
from app.rulebook.problems.problem import Problems, Spot

DEPTH_LIMIT = 20
NODE_LIMIT = 400_000
"""Values in all YAML files of a rulebook at the most. A short file can hold very many, and each takes memory and time."""


class Allowance:
    """How many values may still come: of one file, or of all that are read one after another."""

    def __init__(self) -> None:
        self.left = NODE_LIMIT


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, as written. `rest` is what follows a text without quotes where YAML begins a comment: the blanks and the `#…`."""

    text: str
    spot: Spot
    rest: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple["Node", ...]
    spot: Spot


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values, in the order written."""

    items: tuple[tuple[Scalar, "Node"], ...]
    spot: Spot


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the rulebook: its path relative to the rulebook's folder (with `/`) and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Token:
    """A word or mark of a YAML text, of a kind as YAML calls it (`Scalar`, `Key`, `BlockEntry`, …).

    `start` and `end` (not included) are offsets into the text, in characters; marks that are not written have no length.
    """

    kind: str
    start: int
    end: int


_MISNAMED = re.compile(r"[^.~#].*\.((yaml|yml|csv)(\.[a-z0-9_-]+)?|yam|ymal|yaml_|json|tsv|xlsx?|xlsm|ods)", re.IGNORECASE)
"""Names under which a file was meant to be one of the rulebook, and is not read."""
_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What YAML allows nowhere in a file."""
_CONFLICT = re.compile(r"""^(?:[ \t"]*(?:<{7}|>{7})|"?(?:={7}|\|{7}))(?=[ ,"\r\n]|\Z)""", re.MULTILINE)
"""A line that git writes around two versions which it could not merge, also as a spreadsheet saves it."""
_COMMENT = re.compile(r"[ \t]+#.*")
"""A comment behind a text on the same line."""
_ALIASES = "YAML aliases (`*name`) are not used in a rulebook"


class _Stop(Exception):
    """Reading this file cannot go on; the reason has been told."""


def read_folder(folder: Path, problems: Problems) -> tuple[SourceFile, ...]:
    """The files of `rules/` and `ref_data/` under `folder`, sorted by name: *.yaml, *.yml and *.csv; hidden files are left out.

    Links are not followed, but `rules/` and `ref_data/` may be ones themselves.
    """
    files: list[SourceFile] = []
    size = 0
    for top in ("rules", "ref_data"):
        if not (folder / top).is_dir():
            problems.error(
                "R001",
                f"the rulebook has no folder `{top}/`",
                Spot(f"{top}/"),
                help="it holds rules/ and ref_data/: name the right folder, or take it from the default rulebook",
            )
            continue
        unread = partial(_tell_unread, folder, problems)
        for entry in rulebook_entries(folder / top, unread):
            file = _read_file(entry, entry.path.relative_to(folder).as_posix(), problems)
            size += len(file.content) if file is not None else 0
            if size > TOTAL_LIMIT or len(files) == FILES_LIMIT:
                message = f"a rulebook has at most {FILES_LIMIT:,} files and {TOTAL_LIMIT:,} bytes"
                problems.error("R003", message, Spot(f"{top}/"), help="look what is in the folder")
                return ()
            files += [file] if file is not None else []
    return tuple(sorted(files, key=lambda file: file.name))


def rulebook_entries(top: Path, unread: Callable[[OSError], object]) -> Iterator[Entry]:
    """Every entry below `top` that is a file of the rulebook by its name, or nearly, and every link that is not followed. Hidden
    folders are left out, as hidden files are. `unread` is told of each folder that cannot be looked into.
    """
    for entry in entries(top, unread):
        name = entry.path.name
        if is_rulebook_file(name) or _MISNAMED.fullmatch(name) or entry.is_link:
            yield entry


def _tell_unread(folder: Path, problems: Problems, error: OSError) -> None:
    place = _printable(Path(error.filename).relative_to(folder).as_posix())
    help = "let whoever runs LENS read it"
    problems.error("R001", f"the folder cannot be read: {error.strerror}", Spot(f"{place}/"), help=help)


def _printable(name: str) -> str:
    """A name as it can be printed, also where it is not UTF-8."""
    return name.encode(errors="backslashreplace").decode()


def _read_file(entry: Entry, name: str, problems: Problems) -> SourceFile | None:
    shown = _printable(name)
    spot = Spot(shown)
    if shown != name:
        problems.error("R002", "the name of the file is not UTF-8", spot, help="rename it")
        return None
    if not is_rulebook_file(entry.path.name) and not entry.is_link:
        help = "let its name end in .yaml or .csv, in small letters, or take it out; a system may hide that it ends in .txt"
        problems.error("R001", "a file of this name is not read", spot, help=help)
        return None
    try:
        content = entry.read(SIZE_LIMIT)
    except NotRegular as error:  # what should stand here is not used, so it must not pass unseen
        message = "this is a link, and links are not followed" if error.link else "this is not a regular file"
        problems.error("R001", message, spot, help="put the file or folder itself here, or remove it")
    except OSError as error:
        problems.error("R001", f"the file cannot be read: {error.strerror}", spot, help="let whoever runs LENS read it")
    else:
        if len(content) <= SIZE_LIMIT:
            return SourceFile(name, content)
        problems.error("R003", f"the file is over {SIZE_LIMIT:,} bytes", spot, help="split it, or look what is in it")
    return None


def is_rulebook_file(name: str) -> bool:
    """Whether a file of this name, in `rules/` or `ref_data/`, belongs to the rulebook."""
    return name.endswith((".yaml", ".yml", ".csv")) and not name.rpartition("/")[2].startswith(".")


def read_yaml(file: SourceFile, problems: Problems, allowance: Allowance | None = None) -> Node | None:
    """The tree of one YAML file, or None when it has none or a fault kept it from being read (told in `problems`)."""
    text = decoded(file, problems)
    if text is None:
        return None
    builder = _Builder(file.name, text, problems, allowance or Allowance())
    try:
        return builder.document(iter(yaml.parse(text, Loader=yaml.CBaseLoader)))
    except yaml.MarkedYAMLError as error:
        spots = [Spot(file.name, m.line + 1, m.column + 1) if m else None for m in (error.problem_mark, error.context_mark)]
        said = Misread(
            problem=error.problem or "",
            context=error.context or "",
            at=spots[0] or Spot(file.name),
            began=spots[1],
            long_quote=builder.long_quote,
        )
        tell_misread(said, text, problems)
    except yaml.YAMLError:
        found = _UNPRINTABLE.search(text)
        place = found.start() if found else 0
        spot = Spot(file.name, text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place))
        shown = f"U+{ord(text[place]):04X}"
        problems.error("R002", f"this is not YAML: the character {shown} may not stand in it", spot, help="take it out")
    except _Stop:
        pass
    return None


def tokens(text: str) -> Iterator[Token]:
    """The words and marks of a text that `read_yaml` has read without a fault, in order. Comments lie between them."""
    for token in yaml.scan(text, Loader=yaml.CBaseLoader):
        yield Token(type(token).__name__.removesuffix("Token"), token.start_mark.index, token.end_mark.index)


def decoded(file: SourceFile, problems: Problems) -> str | None:
    """The text of a file; None where it is not UTF-8 or holds two versions left by a merge (told in `problems`)."""
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.content.count(b"\n", 0, error.start) + 1
        column = error.start - (file.content.rfind(b"\n", 0, error.start) + 1) + 1
        kind = "UTF-16 text" if file.content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "not UTF-8 text"
        problems.error("R002", f"this is {kind}", Spot(file.name, line, column), help="save the file as UTF-8")
        return None
    spots = tuple(_conflicts(file.name, text))
    if spots:
        help = "keep one version, and take out the lines with <<<<<<<, ======= and >>>>>>>"
        message = "git has left two versions here that it could not merge"
        problems.error("R002", message, spots[0], help=help, also=spots[1:])
        return None
    return text


def _conflicts(name: str, text: str) -> Iterator[Spot]:
    """Where each conflict begins, or what is left of one."""
    inside = False
    for found in _CONFLICT.finditer(text):
        mark, start = found[0].lstrip(' \t"'), found.end() - 7
        if not inside or mark.startswith("<"):
            yield Spot(name, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start), len(mark))
        inside = not mark.startswith(">")


class _Builder:
    """Builds the tree from YAML events, within the bounds."""

    def __init__(self, file: str, text: str, problems: Problems, allowance: Allowance) -> None:
        self._file = file
        self._text = text
        self._problems = problems
        self._allowance = allowance
        self._told: set[tuple[str, int]] = set()
        self.long_quote: tuple[Spot, int] | None = None
        """The last text in quotes that goes over several lines: where it begins, and its last line."""

    def document(self, events: Iterator[yaml.Event]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(
                        "R005", "a second document begins here", self._spot(event), "keep one document a file; leave out `---`"
                    )
                root = self._node(next(events), events, 0)
        if root is None or (isinstance(root, Scalar) and not root.text):
            self._problems.error("R006", "the file is empty", Spot(self._file), help="begin with `kind: …`, or remove the file")
            return None
        return root

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        self._allowance.left -= 1
        spot = self._spot(event)
        if self._allowance.left < 0:
            self._stop("R003", f"the rulebook has over {NODE_LIMIT:,} values", spot, "look what is in its files")
        if depth > DEPTH_LIMIT:
            self._stop("R003", f"values are nested deeper than {DEPTH_LIMIT}", spot, "no rulebook file needs that")
        if isinstance(event, yaml.AliasEvent):
            self._once_a_line(_ALIASES, spot)
            return Scalar("", spot)
        self._refuse_extras(event, spot)
        if isinstance(event, yaml.ScalarEvent):
            end = event.end_mark
            if event.style in {"'", '"'} and end is not None and end.line >= spot.line:
                self.long_quote = (spot, end.line + 1)
            return Scalar(event.value, spot, "" if event.style or end is None else self._rest(end.index))
        if isinstance(event, yaml.SequenceStartEvent):
            return Sequence(tuple(self._items(events, depth, yaml.SequenceEndEvent)), spot)
        return Mapping(tuple(self._pairs(events, depth)), spot)

    def _rest(self, end: int) -> str:
        """The comment that follows on the line, with the blanks before it; "" where none does."""
        comment = _COMMENT.match(self._text, end)
        return comment[0] if comment else ""

    def _items(self, events: Iterator[yaml.Event], depth: int, end: type[yaml.Event]) -> Iterator[Node]:
        while not isinstance(event := next(events), end):
            yield self._node(event, events, depth + 1)

    def _pairs(self, events: Iterator[yaml.Event], depth: int) -> Iterator[tuple[Scalar, Node]]:
        seen: dict[str, Spot] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, depth + 1)
            merge = isinstance(key, Scalar) and key.text == "<<"
            if merge:  # with the alias that usually follows it is one fault
                self._once_a_line("YAML merge keys (`<<`) are not used in a rulebook", key.spot)
                self._told.add((_ALIASES, key.spot.line))
            value = self._node(next(events), events, depth + 1)
            if merge:
                continue
            if not isinstance(key, Scalar):
                self._problems.error("R005", "a key is one word", key.spot, help="write `key: value`")
                continue
            if key.text in seen:
                also = (seen[key.text],)
                self._problems.error("R004", f"`{key.text}` stands here twice", key.spot, help="keep one of the two", also=also)
                continue
            seen[key.text] = key.spot
            yield key, value

    def _refuse_extras(self, event: yaml.Event, spot: Spot) -> None:
        if getattr(event, "anchor", None) is not None:
            self._once_a_line("YAML anchors (`&name`) are not used in a rulebook", spot)
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            help = "leave the tag out"
            if not tag.startswith(("tag:", "!!")):
                help = "`not` is written `{not: …}`, or for a set `{not_in: …}`; a text that begins with ! stands in quotes"
            self._problems.error("R005", "YAML tags (`!name`) are not used in a rulebook", spot, help=help)

    def _once_a_line(self, message: str, spot: Spot) -> None:
        if (message, spot.line) not in self._told:  # a line full of them is one fault
            self._told.add((message, spot.line))
            self._problems.error("R005", message, spot, help="write the value out")

    def _spot(self, event: yaml.Event) -> Spot:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            return Spot(self._file)
        length = end.column - start.column if end.line == start.line else 1
        return Spot(self._file, start.line + 1, start.column + 1, max(length, 1))

    def _stop(self, code: str, message: str, spot: Spot, help: str) -> None:
        self._problems.error(code, message, spot, help=help)
        raise _Stop
