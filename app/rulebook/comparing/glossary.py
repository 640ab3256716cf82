"""What names in two rulebooks stand for: titles of rules, names of rows, and the sets that have the same rows in both."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.rulebook.language.model import Table
from app.rulebook.reading.content import Content

_NAMING = ("description", "name", "text", "title")
"""Columns that say what a row is, the best first."""
FEW = 12
"""Values at the most that are written out where a set or what is missing says it in a word."""


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A set of a table as rules name it, e.g. `charges.violent_or_serious`, with its rows."""

    name: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """Values of a fact as they are told: written out, as a set, or as all but a few."""

    fact: str
    values: tuple[str, ...]
    named: NamedSet | None = None
    missing: tuple[str, ...] = ()
    out_of: int = 0

    def __str__(self) -> str:
        if self.named is not None:
            return f"{self.fact} {self.named.name} ({len(self.values):,} values)"
        if self.missing:
            return f"{self.fact} all but {', '.join(self.missing)} ({len(self.values):,} of {self.out_of:,})"
        return f"{self.fact} {', '.join(self.values)}"


class Glossary:
    """Looks up what names stand for; the new rulebook's word counts where the two differ."""

    def __init__(self, old: Content, new: Content) -> None:
        self._titles = {id: rule.title for content in (old, new) for id, rule in content.rules().items()}
        self._tables = {name: fact.table for name, fact in new.facts.items()}
        self._names: dict[tuple[str, str], str] = {}
        self._rows: dict[str, tuple[str, ...]] = {}
        for content in (old, new):
            for table in content.tables.values():
                self._names |= {(table.name, row): text for row, text in _named_rows(table)}
                rows = (*self._rows.get(table.name, ()), *table.rows)
                self._rows[table.name] = tuple(dict.fromkeys(rows))
        self._sets = tuple(_named_sets(old, new))

    def title(self, rule: str) -> str:
        """The title of a rule; empty where it has none."""
        return self._titles.get(rule, "")

    def name(self, fact: str, value: str) -> str:
        """What a value of a fact stands for, e.g. the name of a charge; empty where its row does not say."""
        return self._names.get((self._tables.get(fact) or "", value), "")

    def told(self, touched: Mapping[str, tuple[str, ...]]) -> tuple[Values, ...]:
        """The values of each fact as they are told, the facts with fewest values first."""
        found = [self._values(fact, values) for fact, values in touched.items()]
        return tuple(sorted(found, key=lambda values: len(values.values)))

    def sets_in(self, all_told: Iterable[Values]) -> tuple[NamedSet, ...]:
        """The sets that stand for values, each once, to be written out."""
        return tuple(dict.fromkeys(values.named for values in all_told if values.named is not None))

    def _values(self, fact: str, values: tuple[str, ...]) -> Values:
        table = self._tables.get(fact)
        if table is None or len(values) <= FEW:
            return Values(fact, values)
        for found in self._sets:
            if found.name.startswith(f"{table}.") and set(found.rows) == set(values):
                return Values(fact, values, found)
        rows = self._rows[table]
        missing = tuple(row for row in rows if row not in set(values))
        return Values(fact=fact, values=values, named=None, missing=missing if len(missing) <= FEW else (), out_of=len(rows))


def _named_rows(table: Table) -> Iterator[tuple[str, str]]:
    column = next((name for name in _NAMING if name in table.columns), None)
    for key, row in table.rows.items():
        if column is not None and row.cells.get(column):
            yield key, row.cells[column]


def _named_sets(old: Content, new: Content) -> Iterator[NamedSet]:
    """The sets that have the same rows on every day; one that only one rulebook has so is told as it was, or as it becomes."""
    before, after = _lasting_sets(old), _lasting_sets(new)
    for name in dict.fromkeys([*before, *after]):
        was, becomes = before.get(name), after.get(name)
        if was == becomes and was is not None:
            yield NamedSet(name, was)
            continue
        if was is not None:
            yield NamedSet(f"{name} as it was", was)
        if becomes is not None:
            yield NamedSet(f"{name} as it becomes", becomes)


def _lasting_sets(content: Content) -> dict[str, tuple[str, ...]]:
    views = content.views()
    found = {}
    for table in content.tables.values():
        for name in table.sets:
            rows = {view.sets[table.name][name] for view in views}
            if len(rows) == 1:
                members = rows.pop()
                found[f"{table.name}.{name}"] = tuple(row for row in table.rows if row in members)
    return found
