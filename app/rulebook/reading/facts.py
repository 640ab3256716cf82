"""Reads `rules/facts.yaml`, and the NCIC code tables that a release's descriptive codes are looked up in."""

import re
from collections.abc import Mapping as AbstractMapping

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
            help = "has a zero in front been lost?" if key.isdigit() else "take it out, or write the code that releases have"
            message = f"`{key}` can never be met: a value of `{table.name}` matches {form}"
            lost = key.isdigit() and re.fullmatch(form, key.zfill(len(key) + 1)) is not None
            lost = lost or (key.isdigit() and re.fullmatch(form, key.zfill(len(key) + 2)) is not None)
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
