"""Reads `rules/facts.yaml`, and the NCIC code tables that a release's descriptive codes are looked up in."""

import re
from collections.abc import Mapping as AbstractMapping

from app.domain.identifiers import NLETS_CODES
from app.domain.release_codes import code_form
from app.rulebook.files.csv_rows import read_csv
from app.rulebook.files.source import Node, SourceFile
from app.rulebook.language import grammar
from app.rulebook.language.model import CONVICTION_FACTS, CodeTables, Fact, Table
from app.rulebook.problems.problem import Problems, Spot, did_you_mean
from app.rulebook.reading.shapes import Keys, Shapes

FACTS = {name: name in CONVICTION_FACTS for name in grammar.FACTS}
"""The facts that LENS finds in a release, and whether each belongs to one conviction; `decide/facts.py` finds them."""

YES_NO_FACTS = ("stay_ended",)
"""The facts that are yes or no; all others have the rows of a table as values."""

FALLBACKS = {
    "charge_code": ("when_missing", "when_unknown"),
    "charge_status": ("when_missing",),
    "release_reason": ("when_unknown",),
    "hold": ("when_missing", "when_unknown"),
    "release_state": ("when_unknown",),
    "residence_state": ("when_missing", "when_unknown"),
}
"""What must be said of a fact, since a release may come without it, or with a code that its table lacks."""

REJECTABLE = ("release_state", "residence_state")
"""The facts for which a release with an unknown code can be refused."""

_KEPT = {"charge_code": "unknown", "charge_status": "not_stated", "release_state": "ZZ", "residence_state": "ZZ"}
"""Of facts whose codes have a form: a row that stands for what nobody said, as an example."""

CODE_FIELDS = {"SEX": "sex", "RAC": "race", "EYE": "eyes", "HAI": "hair"}
"""Fields of person_codes.csv that a release's values are looked up in, and the names of those values."""


CODE_TABLES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "ref_data/person_codes.csv": (("field", "code", "description"), "field"),
    "ref_data/place_codes.csv": (("kind", "code", "name"), None),
}
"""The files of NCIC codes: the heading of each, and the column that says which field of a release a code is for."""


def read_facts(node: Node | None, tables: AbstractMapping[str, Table], shapes: Shapes, *, unread: bool) -> dict[str, Fact]:
    """The facts of facts.yaml. Each must be one that LENS finds in a release, and all of those must be there.

    `unread`: a file of the rulebook could not be read, so a table that is not there may be in that one.
    """
    top = shapes.keys(node, "facts.yaml", *grammar.FACTS_FILE)
    listed = shapes.keys(top.get("facts"), "`facts`", list(FACTS)) if top is not None else None
    facts = {}
    for name in FACTS:
        entry = listed.get(name) if listed else None
        fact = (
            _fact(name=name, node=entry, spot=listed.spots[name], tables=tables, shapes=shapes, unread=unread)
            if listed and entry
            else None
        )
        if fact:
            facts[name] = fact
    return facts


def _fact(
    name: str, node: Node, spot: Spot, tables: AbstractMapping[str, Table], shapes: Shapes, *, unread: bool
) -> Fact | None:
    keys = shapes.keys(node, f"the fact `{name}`", *(grammar.YES_NO_FACT if name in YES_NO_FACTS else grammar.FACT))
    if keys is None:
        return None
    per = keys.get("per")
    per_conviction = per is not None and shapes.choice(per, f"`per` of `{name}`", ("conviction",)) == "conviction"
    if per_conviction != FACTS[name]:
        help = "write `per: conviction`" if FACTS[name] else "leave `per` out"
        shapes.problems.error(
            "R104", f"the fact `{name}` is found once a {'conviction' if FACTS[name] else 'release'}", spot, help=help
        )
    sensitive = keys.get("sensitive") is not None and shapes.yes_no(keys.get("sensitive"), f"`sensitive` of `{name}`")
    if name in YES_NO_FACTS:
        if keys.get("type") is None:
            shapes.problems.error("R102", f"the fact `{name}` lacks `type`", spot, help="write `type: yes_no`")
        else:
            shapes.choice(keys.get("type"), f"`type` of `{name}`", ("yes_no",))
        return Fact(
            name=name,
            table=None,
            per_conviction=per_conviction,
            sensitive=sensitive,
            when_missing=None,
            when_unknown=None,
            spot=spot,
        )
    if keys.get("one_of") is None:
        shapes.problems.error("R102", f"the fact `{name}` lacks `one_of`", spot, help="add `one_of: TABLE`")
        return None
    table_word = shapes.scalar(keys.get("one_of"), f"`one_of` of `{name}`")
    if table_word is None or (unread and table_word.text not in tables):
        return None
    if not shapes.known(table_word, "R108", "there is no table {}", tables):
        return None
    table = tables[table_word.text]
    _check_fallbacks(name, keys, spot, shapes)
    reject = (Fact.REJECT,) if name in REJECTABLE else ()
    missing = _fallback(keys.get("when_missing"), f"`when_missing` of `{name}`", table, shapes)
    unknown = _fallback(keys.get("when_unknown"), f"`when_unknown` of `{name}`", table, shapes, *reject)
    _check_stand_ins(name, keys, (missing, unknown), shapes.problems)
    _check_rows_can_be_met(name, table, {missing, unknown}, shapes)
    if keys.get("when_unknown") is None:
        _check_codes_have_rows(name, table, shapes)
    if name == "charge_code" and not (sensitive or table.sensitive):
        help = "write `sensitive: yes`: a notice never says what somebody was convicted of"
        shapes.problems.error("R271", "`charge_code` is not said to be sensitive", spot, help=help)
    return Fact(
        name=name,
        table=table.name,
        per_conviction=per_conviction,
        sensitive=sensitive or table.sensitive,
        when_missing=missing,
        when_unknown=unknown,
        spot=spot,
    )


def _check_fallbacks(name: str, keys: Keys, spot: Spot, shapes: Shapes) -> None:
    for fallback in FALLBACKS[name]:
        if keys.get(fallback) is None:
            why = (
                "a release may come without it"
                if fallback == "when_missing"
                else "a release may come with a code not in the table"
            )
            help = f"{why}; say which row stands for that, e.g. `{fallback}: ROW`"
            shapes.problems.error("R102", f"the fact `{name}` lacks `{fallback}`", spot, help=help)


def _check_stand_ins(name: str, keys: Keys, rows: tuple[str | None, str | None], problems: Problems) -> None:
    """Tells a row that stands for what nobody said or knows, and is also what a release can say."""
    missing, unknown = rows
    for key, row in (("when_missing", missing), ("when_unknown", unknown)):
        node = keys.get(key)
        if node is None or row is None or not _is_stated(name, row):
            continue
        nothing = "a value that a release does not state" if key == "when_missing" else "a code that no table has"
        help = f"name a row that is kept for this, whose code no release has, e.g. `{_KEPT[name]}`"
        problems.error("R132", f"{nothing} would count as `{row}`", node.spot, help=help)
    node = keys.get("when_unknown")
    if node is not None and unknown is not None and unknown == missing:
        help = "give unknown codes a row of their own in the table, in a set whose rules ask a person, and name it here"
        message = f"an unknown code of `{name}` would count as none at all: `{unknown}` is its `when_missing` too"
        problems.error("R132", message, node.spot, help=help)


def _is_stated(name: str, row: str) -> bool:
    """Whether the row is what a release can say; one that any text is let through for is judged by its answers, in the proofs."""
    if name in REJECTABLE:
        return row in NLETS_CODES
    words, form = code_form(name)
    if words:
        return row in words and row != _KEPT[name]
    return form is not None and re.fullmatch(form, row) is not None


def _check_rows_can_be_met(name: str, table: Table, fallbacks: set[str | None], shapes: Shapes) -> None:
    """A row of which no release can have the code, and which stands for no other, would only seem to count."""
    words, form = code_form(name)
    for key, row in table.rows.items():
        if key in fallbacks or (not words and form is None):
            continue
        if words and key not in words:
            message = f"`{key}` can never be met: a release has only these in `{table.name}`: {', '.join(words)}"
            label = did_you_mean(key, words)
            shapes.problems.error("R117", message, row.spot, help="a release with another one is refused", label=label)
        elif form is not None and not re.fullmatch(form, key):
            message = f"`{key}` can never be met: a value of `{table.name}` matches {form}"
            padded = [key.zfill(len(key) + zeros) for zeros in (1, 2, 3)] if key.isdigit() else []
            lost = any(re.fullmatch(form, code) for code in padded)
            help = "has a zero in front been lost?" if lost else "take it out, or write the code that releases have"
            many = "{count} cells of `code` have lost their leading zero" if lost else ""
            shapes.problems.error("R117", message, row.spot, help=help, like=many or "form", many=many)


def _check_codes_have_rows(name: str, table: Table, shapes: Shapes) -> None:
    """Each code of the few that a release can have has its row, so that none counts as if it were missing."""
    for word in code_form(name).words:
        if word not in table.rows and word not in table.lost and table.whole:
            help = f"add the row, or say in facts.yaml what it counts as: `when_unknown: ROW` of `{name}`"
            message = f"`{table.name}` has no row `{word}`, which releases have"
            shapes.problems.error("R131", message, table.spot, help=help)


def _fallback(node: Node | None, what: str, table: Table, shapes: Shapes, *more: str) -> str | None:
    if node is None:
        return None
    word = shapes.scalar(node, what)
    if (
        word is None
        or word.text in table.lost
        or not shapes.known(word, "R107", f"`{table.name}` has no row {{}}", [*table.rows, *more])
    ):
        return None
    return word.text


def read_code_tables(files: AbstractMapping[str, SourceFile], problems: Problems) -> CodeTables:
    """The NCIC person and place codes. An unknown code in a release is only a warning, so these have no sets and no dates."""
    codes: dict[str, set[str]] = {}
    for name, (heading, field) in CODE_TABLES.items():
        if name not in files:
            if problems.told_in([name, "ref_data/"]):
                continue  # neither it nor its folder can be read, which is told already
            problems.error("R001", f"the rulebook has no file `{name}`", Spot(name), help="take it from the default rulebook")
            continue
        found, rows, _, _ = read_csv(files[name], problems)
        if found and found != heading:
            problems.error("R109", "the heading is not as it must be", Spot(name), help=f"the heading is `{','.join(heading)}`")
            continue
        for row in rows:
            key = CODE_FIELDS.get(row.cells[field]) if field else "place_of_birth"
            if key is not None:
                codes.setdefault(key, set()).add(row.cells["code"])
    return CodeTables({name: frozenset(values) for name, values in codes.items()})
