"""What two rulebooks make of values that no row has: codes of no table, and what a release does not state.

A row that only one of them has is an unknown code to the other. Where their facts say otherwise what an unlisted code or a
missing value counts as, there is one value more for it, so that such cases are counted as those of a row are.
"""

from collections.abc import Mapping

from app.rulebook.language.model import Fact
from app.rulebook.reading.content import Content

UNLISTED = "a code in no table"
UNSTATED = "nothing stated"


def values_apart(old: Content, new: Content) -> dict[str, tuple[str, ...]]:
    """For each fact the values, besides rows, that its two rulebooks count otherwise. A table of several facts names them."""
    found = {}
    for name, fact in old.facts.items():
        other = new.facts[name]
        shared = sum(fact.table == one.table for one in old.facts.values()) > 1
        suffix = f" for {name}" if shared else ""
        values = []
        if fact.table and fact.when_unknown and other.when_unknown and fact.when_unknown != other.when_unknown:
            values.append(f"{UNLISTED}{suffix}")
        if fact.table and fact.when_missing and other.when_missing and fact.when_missing != other.when_missing:
            values.append(f"{UNSTATED}{suffix}")
        found[name] = tuple(values)
    return found


def rows_standing_in(content: Content, values: Mapping[str, tuple[str, ...]]) -> dict[str, dict[str, str]]:
    """For each fact the row that stands for each of these values which its table lacks; those left out are refused."""
    found: dict[str, dict[str, str]] = {}
    for name, fact in content.facts.items():
        rows = content.tables[fact.table].rows if fact.table else {}
        lacking = [value for value in values[name] if fact.table and value not in rows]
        stand_ins = {value: _row_for(fact, value) for value in lacking}
        found[name] = {value: row for value, row in stand_ins.items() if row is not None}
    return found


def _row_for(fact: Fact, value: str) -> str | None:
    if value.startswith(UNSTATED):
        return fact.when_missing
    return None if fact.when_unknown in {None, Fact.REJECT} else fact.when_unknown
