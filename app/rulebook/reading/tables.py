"""Reads the reference tables of `ref_data/` into the model."""

import re
from collections.abc import Collection
from collections.abc import Mapping as AbstractMapping

from app.rulebook.files.csv_rows import CsvRow, read_csv
from app.rulebook.files.source import Mapping, Node, Scalar, Sequence, SourceFile
from app.rulebook.language import grammar
from app.rulebook.language.model import Change, Column, Row, SetDefinition, Table
from app.rulebook.problems import lookalikes
from app.rulebook.problems.problem import Problems, Spot, did_you_mean, one_of
from app.rulebook.reading import patterns
from app.rulebook.reading.shapes import Keys, Shapes

_NAME = re.compile(grammar.NAME)
_NAME_HELP = "small letters, digits and _, beginning with a letter, e.g. into_us"
_ROW_LOST = frozenset({"R002", "R003", "R004", "R005", "R006", "R103", "R109", "R114"})
_SIMPLE_PATTERN = re.compile(grammar.SIMPLE_PATTERN)


def read_table(name: str, node: Node | None, files: AbstractMapping[str, SourceFile], shapes: Shapes) -> Table | None:
    """One reference table from its YAML file; `files` holds the CSV files it may name in `rows_from`."""
    top = shapes.keys(node, "a reference table", *grammar.TABLE_FILE)
    if top is None:
        return None
    word = shapes.scalar(top.get("name"), "`name`")
    if word is not None and not _NAME.fullmatch(word.text):
        shapes.problems.error("R104", f"a table cannot be called `{word.text}`", word.spot, help=_NAME_HELP)
    if top.get("as_of") is not None:
        shapes.choice(top.get("as_of"), "`as_of`", ("release_date",))
    columns = _columns(top.get("columns"), shapes)
    rows, lost, csv_whole = _csv_rows(name=name, top=top, columns=columns, files=files, shapes=shapes)
    _yaml_rows(top.get("rows"), columns, rows, shapes)
    lost -= rows.keys()
    sources = {name, *(file for file in files if file.endswith(".csv") and top.get("rows_from") is not None)}
    whole = csv_whole and not shapes.problems.told_in(sources, _ROW_LOST)
    changes = tuple(
        change
        for entry in shapes.items(top.get("changes"), "`changes`")
        if (change := _change(node=entry, columns=columns, rows=rows, lost=lost, shapes=shapes)) is not None
    )
    sensitive = top.get("sensitive") is not None and shapes.yes_no(top.get("sensitive"), "`sensitive`")
    every = top.get("every_row_in_a_set") is not None
    every = every and shapes.yes_no(top.get("every_row_in_a_set"), "`every_row_in_a_set`")
    sets = _sets(top.get("sets"), columns, dict.fromkeys((*rows, *sorted(lost))), shapes)
    if whole:
        _check_where(node=top.get("sets"), sets=sets, columns=columns, rows=rows, changes=changes, shapes=shapes)
    named, spot = (word.text, word.spot) if word else ("", top.spot)
    return Table(
        name=named,
        spot=spot,
        columns=columns,
        rows=rows,
        changes=changes,
        sets=sets,
        sensitive=sensitive,
        whole=whole,
        lost=lost,
        every_row_in_a_set=every,
    )


def _columns(node: Node | None, shapes: Shapes) -> dict[str, Column]:
    columns = {}
    mapping = shapes.mapping(node, "`columns`")
    for key, entry in mapping.items if mapping else ():
        what = f"the column `{key.text}`"
        keys = shapes.keys(entry, what, *grammar.COLUMN)
        if keys is None:
            continue
        if keys.get("one_of") is not None:
            allowed = tuple(word.text for word in shapes.words(keys.get("one_of"), f"`one_of` of {what}"))
            columns[key.text] = Column(key.text, "one_of", key.spot, allowed)
        elif shapes.choice(keys.get("type"), f"`type` of {what}", ("text", "yes_no")) == "yes_no":
            columns[key.text] = Column(key.text, "yes_no", key.spot, ("yes", "no"))
        else:
            columns[key.text] = Column(
                name=key.text,
                kind="text",
                spot=key.spot,
                allowed=(),
                matches=_pattern(keys, what, shapes),
                starts_with=_starts_with(keys, what, shapes),
            )
    for column in columns.values():
        if column.starts_with is not None and column.starts_with not in columns:
            label = did_you_mean(column.starts_with, columns)
            shapes.problems.error(
                "R109", f"there is no column `{column.starts_with}`", column.spot, help=one_of(columns), label=label
            )
    return columns


def _pattern(keys: Keys, what: str, shapes: Shapes) -> str | None:
    if keys.get("matches") is None:
        return None
    word = shapes.scalar(keys.get("matches"), f"`matches` of {what}")
    if word is None:
        return None
    if not _SIMPLE_PATTERN.fullmatch(word.text):
        help = "use letters, digits, classes such as [A-Z0-9], counts such as {7} and ?; nothing else"
        shapes.problems.error("R119", f"the pattern of {what} is not a simple one", word.spot, help=help)
        return None
    parts = patterns.parts_of(word.text)
    if isinstance(parts, str):
        help = "say what a cell looks like with fewer parts, and counts and ranges from the least to the most"
        shapes.problems.error("R119", f"the pattern of {what} cannot be used: {parts}", word.spot, help=help)
        return None
    return word.text


def _starts_with(keys: Keys, what: str, shapes: Shapes) -> str | None:
    if keys.get("starts_with") is None:
        return None
    return shapes.text(keys.get("starts_with"), f"`starts_with` of {what}") or None


def _csv_rows(
    name: str, top: Keys, columns: dict[str, Column], files: AbstractMapping[str, SourceFile], shapes: Shapes
) -> tuple[dict[str, Row], frozenset[str], bool]:
    """The rows of the CSV file, the codes of those lost to a fault, and whether no other can be missing."""
    if top.get("rows_from") is None:
        return {}, frozenset(), True
    word = shapes.scalar(top.get("rows_from"), "`rows_from`")
    folder = name.rpartition("/")[0]
    csv_names = [file.removeprefix(f"{folder}/") for file in files if file.endswith(".csv")]
    if word is not None and shapes.problems.told_in([f"{folder}/{word.text}"]):
        return {}, frozenset(), False  # it is there and cannot be read, which is told already
    if word is None or not shapes.known(word, "R109", "there is no file {} beside this one", csv_names):
        return {}, frozenset(), False
    file = files[f"{folder}/{word.text}"]
    heading, csv_rows, lost, whole = read_csv(file, shapes.problems)
    expected = ("code", *columns)
    if not heading:
        return {}, frozenset(), False
    if sorted(heading) != sorted(expected):
        help = f"the heading is `{','.join(expected)}`"
        if len(heading) == 1 and sorted(re.split("[;\t|]", heading[0])) == sorted(expected):
            help = f"{help}: part the cells with commas, which a spreadsheet asks about when it exports"
        elif sorted(filter(None, heading)) == sorted(expected):
            help = f"{help}: a spreadsheet has left columns without a name; `lens fmt` takes empty ones out"
        shapes.problems.error("R109", "the heading does not name the table's columns", Spot(file.name), help=help)
        return {}, frozenset(), False
    rows: dict[str, Row] = {}
    for csv_row in csv_rows:
        _add_csv_row(csv_row, columns, rows, shapes)
    return rows, lost, whole


def _add_csv_row(csv_row: CsvRow, columns: dict[str, Column], rows: dict[str, Row], shapes: Shapes) -> None:
    key, spot = csv_row.cells["code"], csv_row.spot
    if not key.strip():
        shapes.problems.error("R103", "a row has no code", spot, help="the first cell is the code")
    elif key in rows:
        shapes.problems.error("R114", f"the row `{key}` stands twice", spot, help="keep one", also=(rows[key].spot,))
    else:
        cells = {name: csv_row.cells[name] for name in columns}
        for name, column in columns.items():
            _check_cell(column=column, text=cells[name], cells=cells, spot=csv_row.spot_of(name), problems=shapes.problems)
        rows[key] = Row(key, cells, spot)


def _yaml_rows(node: Node | None, columns: dict[str, Column], rows: dict[str, Row], shapes: Shapes) -> None:
    mapping = shapes.mapping(node, "`rows`")
    for key, entry in mapping.items if mapping else ():
        if not key.text.strip():
            shapes.problems.error("R103", "a row has no code", key.spot, help="what stands before the colon is the code")
            continue
        if key.text in rows:
            shapes.problems.error(
                "R114", f"the row `{key.text}` stands twice", key.spot, help="keep one", also=(rows[key.text].spot,)
            )
            continue
        keys = shapes.keys(entry, f"the row `{key.text}`", list(columns))
        if keys is None:
            continue
        cells, spots = _cells(keys, columns, shapes)
        for name, text in cells.items():
            _check_cell(column=columns[name], text=text, cells=cells, spot=spots[name], problems=shapes.problems)
        rows[key.text] = Row(key.text, cells, key.spot, spots)


def _cells(keys: Keys, columns: dict[str, Column], shapes: Shapes) -> tuple[dict[str, str], dict[str, Spot]]:
    scalars = {name: scalar for name in columns if (scalar := shapes.scalar(keys.get(name), f"`{name}`")) is not None}
    for name, scalar in scalars.items():
        if columns[name].kind == "text":
            shapes.check_whole(scalar, f"`{name}` of a row")
    return {name: scalar.text for name, scalar in scalars.items()}, {name: scalar.spot for name, scalar in scalars.items()}


def _check_cell(column: Column, text: str, cells: dict[str, str], spot: Spot, problems: Problems) -> None:
    """Whether a cell fits its column. An empty text is a cell left open; whether it may be is for whoever reads it."""
    if column.kind != "text":
        if text not in column.allowed:
            label = did_you_mean(text, column.allowed)
            help = "write yes or no, in small letters" if column.kind == "yes_no" else one_of(column.allowed)
            wrong = f"cannot be `{text}`" if text else "is empty"
            problems.error("R117", f"`{column.name}` {wrong}", spot, help=help, label=label, like=f"{wrong[:2]} {column.name}")
    elif text and column.matches is not None and not patterns.fits(column.matches, text):
        _tell_malformed(name=column.name, matches=column.matches, text=text, spot=spot, problems=problems)
    elif text and column.starts_with is not None and not text.startswith(cells.get(column.starts_with, "")):
        start = cells[column.starts_with]
        help = f"it must begin with the row's `{column.starts_with}`, {start}"
        problems.error("R120", f"`{column.name}` {text} belongs to another row than `{start}`", spot, help=help)


def _tell_malformed(name: str, matches: str, text: str, spot: Spot, problems: Problems) -> None:
    help, size = f"it must be {patterns.in_words(matches)}", patterns.length(matches)
    if size is not None and size != len(text):
        help += f": {size} characters, and these are {len(text)}"
    near = [word for word in (text.upper(), lookalikes.plain(text)) if word != text and patterns.fits(matches, word)]
    label = f"did you mean `{near[0]}`?" if near else ""
    problems.error("R117", f"`{name}` is malformed: `{text}`", spot, help=help, label=label, like=f"form {name}")


def _change(
    node: Node, columns: dict[str, Column], rows: dict[str, Row], lost: frozenset[str], shapes: Shapes
) -> Change | None:
    keys = shapes.keys(node, "a change", *grammar.CHANGE.without_demand("authority"))
    if keys is None:
        return None
    row = shapes.scalar(keys.get("row"), "`row`")
    new = shapes.keys(keys.get("set"), "`set` of a change", [], list(columns))
    if row is None or new is None or row.text in lost or not shapes.known(row, "R107", "there is no row {} to change", rows):
        return None
    if not new.values:
        help = "name the cells that change, e.g. `set: {tier: A}`"
        shapes.problems.error("R103", f"the change of `{row.text}` sets nothing", new.spot, help=help)
    cells, spots = _cells(new, {name: column for name, column in columns.items() if new.get(name)}, shapes)
    merged = {**rows[row.text].cells, **cells}
    for name, text in cells.items():
        _check_cell(column=columns[name], text=text, cells=merged, spot=spots[name], problems=shapes.problems)
    period = shapes.period(keys, f"the change of `{row.text}`")
    authority = shapes.authority(keys, f"the change of `{row.text}`", row.spot)
    return Change(row=row.text, period=period, cells=cells, authority=authority, spot=row.spot, spots=spots)


def _sets(node: Node | None, columns: dict[str, Column], rows: Collection[str], shapes: Shapes) -> dict[str, SetDefinition]:
    sets = {}
    mapping = shapes.mapping(node, "`sets`")
    for key, entry in mapping.items if mapping else ():
        if not _NAME.fullmatch(key.text):
            shapes.problems.error("R104", f"a set cannot be called `{key.text}`", key.spot, help=_NAME_HELP)
        sets[key.text] = _set(key=key, node=entry, columns=columns, rows=rows, shapes=shapes)
    return sets


def _check_where(
    node: Node | None,
    sets: dict[str, SetDefinition],
    columns: dict[str, Column],
    rows: dict[str, Row],
    changes: Collection[Change],
    shapes: Shapes,
) -> None:
    """In a column of texts, a `where` names what some row has on some day, and every row says what it has."""
    by_set = dict.fromkeys(name for definition in sets.values() for name, _ in definition.where)
    for name in by_set:
        if columns[name].kind != "text":
            continue
        cells = [(row.cells.get(name), row.spots.get(name, row.spot)) for row in rows.values()]
        cells += [(change.cells[name], change.spots[name]) for change in changes if name in change.cells]
        texts = dict.fromkeys(text for text, _ in cells if text)
        for word in _words_of_where(node, name):
            if word.text:
                shapes.known(word, "R130", f"no row has {{}} in `{name}`, on any day", texts)
        for text, spot in cells:
            if text == "":
                help = f"a set goes by `{name}`, so every row says what it is"
                shapes.problems.error("R130", f"`{name}` is empty", spot, help=help)


def _words_of_where(node: Node | None, column: str) -> list[Scalar]:
    """The words that the `where` of any set has for a column."""
    found: list[Scalar] = []
    for _, entry in node.items if isinstance(node, Mapping) else ():
        wheres = [value for key, value in entry.items if key.text == "where"] if isinstance(entry, Mapping) else []
        for where in wheres:
            values = [value for key, value in where.items if key.text == column] if isinstance(where, Mapping) else []
            for value in values:
                items = value.items if isinstance(value, Sequence) else (value,)
                found += [item for item in items if isinstance(item, Scalar)]
    return found


def _set(key: Scalar, node: Node, columns: dict[str, Column], rows: Collection[str], shapes: Shapes) -> SetDefinition:
    what = f"the set `{key.text}`"
    if not isinstance(node, Mapping):
        listed = shapes.words(node, what)
        known = [word for word in listed if shapes.known(word, "R107", "there is no row {}", rows)]
        return SetDefinition(
            name=key.text,
            spot=key.spot,
            listed=tuple(w.text for w in known),
            where=(),
            excepted=(),
            spots={w.text: w.spot for w in known},
        )
    keys = shapes.keys(node, what, *grammar.SET)
    asked = shapes.said(keys.get("where"), f"`where` of {what}", "write `{}` for all rows") if keys else None
    where = shapes.keys(asked, f"`where` of {what}", [], list(columns))
    tests = []
    for name, value in where.values.items() if where else ():
        words = shapes.words(value, f"`{name}` of {what}")
        column = columns.get(name)
        if column is None:
            continue
        if column.allowed:
            words = tuple(w for w in words if shapes.known(w, "R104", f"`{name}` is never {{}}", column.allowed))
        tests.append((name, tuple(word.text for word in words)))
    excepted = shapes.words(keys.get("except"), f"`except` of {what}") if keys and keys.get("except") else ()
    known = [word for word in excepted if shapes.known(word, "R107", "there is no row {}", rows)]
    return SetDefinition(
        name=key.text,
        spot=key.spot,
        listed=None,
        where=tuple(tests),
        excepted=tuple(w.text for w in known),
        spots={w.text: w.spot for w in known},
    )
