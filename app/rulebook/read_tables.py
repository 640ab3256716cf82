"""Reads `rules/facts.yaml` and the reference tables of `ref_data/` into the model."""

import re
from collections.abc import Mapping as AbstractMapping

from app.rulebook.model import CONVICTION_FACTS, Change, CodeTables, Column, Fact, Row, SetDefinition, Table
from app.rulebook.problems import Problems, Spot, did_you_mean, one_of
from app.rulebook.shapes import Keys, Shapes
from app.rulebook.source import CsvRow, Mapping, Node, Scalar, SourceFile, read_csv

FACTS = {
    **dict.fromkeys(CONVICTION_FACTS, True),
    **dict.fromkeys(("release_reason", "stay_ended", "hold", "release_state", "residence_state"), False),
}
"""The facts that LENS finds in a release, and whether each belongs to one conviction; `decide/facts.py` finds them."""

CODE_FIELDS = {"SEX": "sex", "RAC": "race", "EYE": "eyes", "HAI": "hair"}
"""Fields of person_codes.csv that a release's values are looked up in, and the names of those values."""

_SIMPLE_PATTERN = re.compile(r"((\[[A-Za-z0-9 _.-]+\]|[A-Za-z0-9 _-])(\{[0-9]{1,3}(,[0-9]{1,3})?\}|\?)?)+")


def read_facts(node: Node | None, tables: AbstractMapping[str, Table], shapes: Shapes) -> dict[str, Fact]:
    """The facts of facts.yaml. Each must be one that LENS finds in a release, and all of those must be there."""
    top = shapes.keys(node, "facts.yaml", ["kind", "facts"], ["title", "owner"])
    listed = shapes.keys(top.get("facts") if top else None, "`facts`", list(FACTS)) if top else None
    facts = {}
    for name in FACTS:
        entry = listed.get(name) if listed else None
        fact = _fact(name, entry, listed.spots[name], tables, shapes) if listed and entry else None
        if fact:
            facts[name] = fact
    return facts


def _fact(name: str, node: Node, spot: Spot, tables: AbstractMapping[str, Table], shapes: Shapes) -> Fact | None:
    optional = ["one_of", "type", "per", "sensitive", "when_missing", "when_unknown", "title"]
    keys = shapes.keys(node, f"the fact `{name}`", [], optional)
    if keys is None:
        return None
    per = keys.get("per")
    per_conviction = per is not None and shapes.choice(per, f"`per` of `{name}`", ("conviction",)) == "conviction"
    if per_conviction != FACTS[name]:
        help = "write `per: conviction`" if FACTS[name] else "leave `per` out"
        shapes.problems.error("R104", f"the fact `{name}` is found once a {'conviction' if FACTS[name] else 'release'}", spot, help=help)
    sensitive = keys.get("sensitive") is not None and shapes.yes_no(keys.get("sensitive"), f"`sensitive` of `{name}`")
    if keys.get("type") is not None:
        shapes.choice(keys.get("type"), f"`type` of `{name}`", ("yes_no",))
        return Fact(name, None, per_conviction, sensitive, None, None, spot)
    table_word = shapes.scalar(keys.get("one_of"), f"`one_of` of `{name}`")
    if table_word is None or not shapes.known(table_word, "R108", "there is no table {}", tables):
        if table_word is None and keys.get("one_of") is None:
            shapes.problems.error("R102", f"the fact `{name}` lacks `one_of`", spot, help="add `one_of: TABLE`, or `type: yes_no`")
        return None
    table = tables[table_word.text]
    missing = _fallback(keys.get("when_missing"), f"`when_missing` of `{name}`", table, shapes)
    unknown = _fallback(keys.get("when_unknown"), f"`when_unknown` of `{name}`", table, shapes, Fact.REJECT)
    return Fact(name, table.name, per_conviction, sensitive or table.sensitive, missing, unknown, spot)


def _fallback(node: Node | None, what: str, table: Table, shapes: Shapes, *more: str) -> str | None:
    if node is None:
        return None
    word = shapes.scalar(node, what)
    if word is None or not shapes.known(word, "R107", f"`{table.name}` has no row {{}}", [*table.rows, *more]):
        return None
    return word.text


def read_table(name: str, node: Node | None, files: AbstractMapping[str, SourceFile], shapes: Shapes) -> Table | None:
    """One reference table from its YAML file; `files` holds the CSV files it may name in `rows_from`."""
    required = ["kind", "name", "columns", "rows", "sets"]
    top = shapes.keys(node, "a reference table", required, ["title", "owner", "as_of", "sensitive", "rows_from", "changes"])
    if top is None:
        return None
    word = shapes.scalar(top.get("name"), "`name`")
    if top.get("as_of") is not None:
        shapes.choice(top.get("as_of"), "`as_of`", ("release_date",))
    columns = _columns(top.get("columns"), shapes)
    rows = _csv_rows(name, top, columns, files, shapes)
    _yaml_rows(top.get("rows"), columns, rows, shapes)
    changes = tuple(
        change
        for entry in shapes.items(top.get("changes"), "`changes`")
        if (change := _change(entry, columns, rows, shapes)) is not None
    )
    sensitive = top.get("sensitive") is not None and shapes.yes_no(top.get("sensitive"), "`sensitive`")
    sets = _sets(top.get("sets"), columns, rows, shapes)
    return Table(word.text if word else "", word.spot if word else top.spot, columns, rows, changes, sets, sensitive)


def _columns(node: Node | None, shapes: Shapes) -> dict[str, Column]:
    columns = {}
    mapping = shapes.mapping(node, "`columns`")
    for key, entry in mapping.items if mapping else ():
        what = f"the column `{key.text}`"
        keys = shapes.keys(entry, what, [], ["type", "one_of", "matches", "starts_with", "title"])
        if keys is None:
            continue
        if keys.get("one_of") is not None:
            allowed = tuple(word.text for word in shapes.words(keys.get("one_of"), f"`one_of` of {what}"))
            columns[key.text] = Column(key.text, "one_of", key.spot, allowed)
        elif shapes.choice(keys.get("type"), f"`type` of {what}", ("text", "yes_no")) == "yes_no":
            columns[key.text] = Column(key.text, "yes_no", key.spot, ("yes", "no"))
        else:
            columns[key.text] = Column(key.text, "text", key.spot, (), _pattern(keys, what, shapes), _starts_with(keys, what, shapes))
    for column in columns.values():
        if column.starts_with is not None and column.starts_with not in columns:
            label = did_you_mean(column.starts_with, columns)
            shapes.problems.error("R109", f"there is no column `{column.starts_with}`", column.spot, help=one_of(columns), label=label)
    return columns


def _pattern(keys: Keys, what: str, shapes: Shapes) -> str | None:
    if keys.get("matches") is None:
        return None
    word = shapes.scalar(keys.get("matches"), f"`matches` of {what}")
    if word is None:
        return None
    if not _SIMPLE_PATTERN.fullmatch(word.text) or len(word.text) > 200:
        help = "use letters, digits, classes such as [A-Z0-9], counts such as {7} and ?; nothing else"
        shapes.problems.error("R119", f"the pattern of {what} is not a simple one", word.spot, help=help)
        return None
    return word.text


def _starts_with(keys: Keys, what: str, shapes: Shapes) -> str | None:
    if keys.get("starts_with") is None:
        return None
    return shapes.text(keys.get("starts_with"), f"`starts_with` of {what}") or None


def _csv_rows(name: str, top: Keys, columns: dict[str, Column], files: AbstractMapping[str, SourceFile], shapes: Shapes) -> dict[str, Row]:
    if top.get("rows_from") is None:
        return {}
    word = shapes.scalar(top.get("rows_from"), "`rows_from`")
    folder = name.rpartition("/")[0]
    csv_names = [file.removeprefix(f"{folder}/") for file in files if file.endswith(".csv")]
    if word is None or not shapes.known(word, "R109", "there is no file {} beside this one", csv_names):
        return {}
    file = files[f"{folder}/{word.text}"]
    heading, csv_rows = read_csv(file, shapes.problems)
    expected = ("code", *columns)
    if set(heading) != set(expected):
        help = f"the heading is `{','.join(expected)}`"
        shapes.problems.error("R109", "the heading does not name the table's columns", Spot(file.name), help=help)
        return {}
    rows: dict[str, Row] = {}
    for csv_row in csv_rows:
        _add_csv_row(csv_row, columns, rows, shapes)
    return rows


def _add_csv_row(csv_row: CsvRow, columns: dict[str, Column], rows: dict[str, Row], shapes: Shapes) -> None:
    key, spot = csv_row.cells["code"], csv_row.spot
    if not key:
        shapes.problems.error("R103", "a row has no code", spot, help="the first cell is the code")
    elif key in rows:
        shapes.problems.error("R114", f"the row `{key}` stands twice", spot, help="keep one", also=(rows[key].spot,))
    else:
        cells = {name: csv_row.cells[name] for name in columns}
        for name, column in columns.items():
            _check_cell(column, cells[name], cells, spot, shapes.problems)
        rows[key] = Row(key, cells, spot)


def _yaml_rows(node: Node | None, columns: dict[str, Column], rows: dict[str, Row], shapes: Shapes) -> None:
    mapping = shapes.mapping(node, "`rows`")
    for key, entry in mapping.items if mapping else ():
        if key.text in rows:
            shapes.problems.error("R114", f"the row `{key.text}` stands twice", key.spot, help="keep one", also=(rows[key.text].spot,))
            continue
        keys = shapes.keys(entry, f"the row `{key.text}`", list(columns))
        if keys is None:
            continue
        cells, spots = _cells(keys, columns, shapes)
        for name, text in cells.items():
            _check_cell(columns[name], text, cells, spots[name], shapes.problems)
        rows[key.text] = Row(key.text, cells, key.spot, spots)


def _cells(keys: Keys, columns: dict[str, Column], shapes: Shapes) -> tuple[dict[str, str], dict[str, Spot]]:
    scalars = {name: scalar for name in columns if (scalar := shapes.scalar(keys.get(name), f"`{name}`")) is not None}
    return {name: scalar.text for name, scalar in scalars.items()}, {name: scalar.spot for name, scalar in scalars.items()}


def _check_cell(column: Column, text: str, cells: dict[str, str], spot: Spot, problems: Problems) -> None:
    """Whether a cell fits its column. An empty text is a cell left open; whether it may be is for whoever reads it."""
    if column.kind != "text":
        if text not in column.allowed:
            label = did_you_mean(text, column.allowed)
            help = "write yes or no, in small letters" if column.kind == "yes_no" else one_of(column.allowed)
            problems.error("R117", f"`{column.name}` cannot be `{text}`", spot, help=help, label=label)
    elif text and column.matches is not None and not re.fullmatch(column.matches, text):
        problems.error("R117", f"`{column.name}` is malformed: `{text}`", spot, help=f"it must match {column.matches}")
    elif text and column.starts_with is not None and not text.startswith(cells.get(column.starts_with, "")):
        start = cells[column.starts_with]
        help = f"it must begin with the row's `{column.starts_with}`, {start}"
        problems.error("R120", f"`{column.name}` {text} belongs to another row than `{start}`", spot, help=help)


def _change(node: Node, columns: dict[str, Column], rows: dict[str, Row], shapes: Shapes) -> Change | None:
    keys = shapes.keys(node, "a change", ["row", "from", "set"], ["through", "authority", "note"])
    if keys is None:
        return None
    row = shapes.scalar(keys.get("row"), "`row`")
    new = shapes.keys(keys.get("set"), "`set` of a change", [], list(columns))
    if row is None or new is None or not shapes.known(row, "R107", "there is no row {} to change", rows):
        return None
    cells, spots = _cells(new, {name: column for name, column in columns.items() if new.get(name)}, shapes)
    merged = {**rows[row.text].cells, **cells}
    for name, text in cells.items():
        _check_cell(columns[name], text, merged, spots[name], shapes.problems)
    period = shapes.period(keys, f"the change of `{row.text}`")
    return Change(row.text, period, cells, shapes.authority(keys.get("authority"), "a change"), row.spot, spots)


def _sets(node: Node | None, columns: dict[str, Column], rows: dict[str, Row], shapes: Shapes) -> dict[str, SetDefinition]:
    sets = {}
    mapping = shapes.mapping(node, "`sets`")
    for key, entry in mapping.items if mapping else ():
        if not re.fullmatch("[a-z][a-z0-9_]*", key.text):
            help = "small letters, digits and _, beginning with a letter, e.g. into_us"
            shapes.problems.error("R104", f"a set cannot be called `{key.text}`", key.spot, help=help)
        sets[key.text] = _set(key, entry, columns, rows, shapes)
    return sets


def _set(key: Scalar, node: Node, columns: dict[str, Column], rows: dict[str, Row], shapes: Shapes) -> SetDefinition:
    what = f"the set `{key.text}`"
    if not isinstance(node, Mapping):
        listed = shapes.words(node, what)
        known = [word for word in listed if shapes.known(word, "R107", "there is no row {}", rows)]
        return SetDefinition(key.text, key.spot, tuple(w.text for w in known), (), (), {w.text: w.spot for w in known})
    keys = shapes.keys(node, what, ["where"], ["except"])
    where = shapes.keys(keys.get("where") if keys else None, f"`where` of {what}", [], list(columns))
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
    return SetDefinition(key.text, key.spot, None, tuple(tests), tuple(w.text for w in known), {w.text: w.spot for w in known})


def read_code_tables(files: AbstractMapping[str, SourceFile], problems: Problems) -> CodeTables:
    """The NCIC person and place codes. An unknown code in a release is only a warning, so these have no sets and no dates."""
    codes: dict[str, set[str]] = {}
    for name, heading, field in (
        ("ref_data/person_codes.csv", ("field", "code", "description"), "field"),
        ("ref_data/place_codes.csv", ("kind", "code", "name"), None),
    ):
        if name not in files:
            problems.error("R001", f"the rulebook has no file `{name}`", Spot(name), help="take it from the default rulebook")
            continue
        found, rows = read_csv(files[name], problems)
        if found != heading:
            problems.error("R109", "the heading is not as it must be", Spot(name), help=f"the heading is `{','.join(heading)}`")
            continue
        for row in rows:
            key = CODE_FIELDS.get(row.cells[field]) if field else "place_of_birth"
            if key is not None:
                codes.setdefault(key, set()).add(row.cells["code"])
    return CodeTables({name: frozenset(values) for name, values in codes.items()})
