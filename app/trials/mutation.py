"""Would the scenarios notice? Every small wrong edit of a rulebook is made and judged.

An edit is *refused* when the checks find an error, *killed* when a scenario fails, *equivalent* when it is proved over every case
that no answer changes, and has *survived* otherwise: then it is told which answers differ, and a scenario that kills it is written
out, unless it would pin down that a protected person is announced.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.rulebook.book import prove, tried
from app.rulebook.comparing.changes import Changes, compare
from app.rulebook.comparing.outcome_order import decided_by_order
from app.rulebook.files.source import Mapping, Node, Scalar
from app.rulebook.language.model import CONVICTION_FACTS, Membership
from app.rulebook.language.scenarios import Scenario, Suite
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems, Spot
from app.rulebook.reading.content import Content, read_suite
from app.rulebook.reading.messages import check_messages
from app.trials.mutants import Mutant, mutants
from app.trials.pasting import Proposal, pair_to_paste, ready_to_paste, words_to_paste
from app.trials.suite import run

Fate = Literal["refused", "killed", "equivalent", "survived"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A wrong edit and what became of it. `by` is the code of the check or the sentence of the scenario that noticed it.

    Of one that survived, `advice` says what to decide, and `scenario` notices it if what is answered today is right.
    """

    spot: Spot
    edit: str
    verdict: Fate
    by: str
    scenario: str | None = None
    advice: str = ""


class Judge:
    """Judges wrong edits of one rulebook.

    An edit of a row can only change cases with that row, so only those are run again; and rows that no rule, set or scenario can
    tell apart before and after an edit share one proof.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._views = content.views()
        self._book = tried(content, self._views)
        self._named = _rows_named(content)
        self._named_sets = frozenset(name for scenario in content.suite.scenarios for name in scenario.named)
        self._words = frozenset(word for _, node in content.scenario_nodes for word in _words(node))
        self._concerned = _by_row(content, content.suite)
        self._proofs: dict[Hashable, str | None] = {}
        self._harmless: dict[Hashable, Changes] = {}
        self._of_words = tuple(scenario for scenario in content.suite.scenarios if _reads_words(scenario))

    def all(self) -> Iterator[Judged]:
        """Every wrong edit, judged."""
        for mutant in mutants(self._content):
            yield self.judge(mutant)

    def judge(self, mutant: Mutant) -> Judged:
        """What becomes of one wrong edit."""
        if (code := self._missing_row_problem(mutant)) is not None:
            return Judged(mutant.spot, mutant.edit, "refused", code)
        content, views = mutant.content, mutant.content.views()
        scenarios = self._unchanged_scenarios(mutant, views)
        if scenarios is None:
            problems = Problems()
            content = replace(content, suite=read_suite(content, problems))
            if problems.has_errors:
                return Judged(mutant.spot, mutant.edit, "refused", problems.sorted()[0].code)
            scenarios = _by_row(content, content.suite)[mutant.row] if mutant.row else content.suite.scenarios
        code = self._first_error(mutant, content, views)
        if code is not None:
            return Judged(mutant.spot, mutant.edit, "refused", code)
        book = tried(content, _narrow_views(views, content, mutant.row, scenarios))
        killer = next((scenario for scenario in scenarios if run(book, scenario).faults), None)
        if killer is not None:
            return Judged(mutant.spot, mutant.edit, "killed", killer.title)
        return self._compare(mutant, content, views)

    def _compare(self, mutant: Mutant, content: Content, views: tuple[View, ...]) -> Judged:
        """An edit that nothing notices: whether it changes an answer."""
        changes = self._changes(mutant, content, views)
        if not changes.groups:
            pair = decided_by_order(self._content, content)
            if pair is not None:
                return _survivor(mutant, pair_to_paste(self._book, tried(content, views), pair, mutant.edit))
            return Judged(mutant.spot, mutant.edit, "equivalent", f"proved over {changes.cases:,} cases")
        group = next((group for group in changes.groups.values() if not group.difference.reworded), None)
        if group is None:
            reworded = next(iter(changes.groups.values()))
            return _survivor(mutant, words_to_paste(self._book, tried(content, views), reworded, mutant.edit))
        return _survivor(mutant, ready_to_paste(self._book, tried(content, views), group, mutant.edit))

    def _unchanged_scenarios(self, mutant: Mutant, views: tuple[View, ...]) -> Sequence[Scenario] | None:
        """The scenarios to run, where the edit cannot have changed what any scenario's words stand for; None where it can."""
        if mutant.words:
            return self._of_words
        if mutant.row is None:
            gone = self._content.rules().keys() - mutant.content.rules().keys()
            return None if gone else self._content.suite.scenarios
        table, row = mutant.row
        if len(views) != len(self._views) or (row not in mutant.content.tables[table].rows and row in self._words):
            return None
        for before, after in zip(self._views, views, strict=True):
            for name, rows in before.sets[table].items():
                if (row in rows) != (row in after.sets[table][name]) and f"{table}.{name}" in self._named_sets:
                    return None
        return self._concerned[mutant.row]

    def _changes(self, mutant: Mutant, content: Content, views: tuple[View, ...]) -> Changes:
        """What the edit changes. Where an edit of a row like this one changed nothing, this one does not either."""
        key = self._likeness(mutant, views)
        if key is not None and key in self._harmless:
            return self._harmless[key]
        facts = [name for name, fact in content.facts.items() if mutant.row and fact.table == mutant.row[0]]
        only = (facts[0], mutant.row[1]) if mutant.row and len(facts) == 1 else None
        changes = compare(self._content, content, only)
        if key is not None and not changes.groups:
            self._harmless[key] = changes
        return changes

    def _missing_row_problem(self, mutant: Mutant) -> str | None:
        """R107 where a row was taken out that a rule, a set, a change or a fact names."""
        if mutant.row is None or mutant.row[1] in mutant.content.tables[mutant.row[0]].rows:
            return None
        return "R107" if mutant.row in self._named else None

    def _first_error(self, mutant: Mutant, content: Content, views: tuple[View, ...]) -> str | None:
        """The code of the first error the proofs find. Rows alike before and alike after an edit share one proof."""
        key = self._likeness(mutant, views)
        if key is None or key not in self._proofs:
            problems = Problems()
            if mutant.words:
                check_messages(content.messages, problems)
            prove(content, views, problems)
            found = next((problem.code for problem in problems.sorted() if problem.severity == "error"), None)
            if key is None:
                return found
            self._proofs[key] = found
        return self._proofs[key]

    def _likeness(self, mutant: Mutant, views: tuple[View, ...]) -> Hashable | None:
        """What a proof can see of an edit of a row; None for an edit of a rule, or of a row that something names."""
        if mutant.row is None or mutant.row in self._named:
            return None
        return mutant.row[0], _row_meaning(self._views, *mutant.row), _row_meaning(views, *mutant.row)


def _survivor(mutant: Mutant, proposal: Proposal) -> Judged:
    return Judged(
        spot=mutant.spot, edit=mutant.edit, verdict="survived", by="", scenario=proposal.scenario, advice=proposal.advice
    )


def _reads_words(scenario: Scenario) -> bool:
    """Whether a scenario looks at lines of a notice, so that an edit of one can fail it."""
    return scenario.expect.text is not None or scenario.expect.no_text is not None


def _row_meaning(views: Sequence[View], table: str, row: str) -> Hashable:
    """All that tells a row from others: its sets, its address and its stage. Rows with no address are alike where their sets are."""
    seen = []
    for view in views:
        cells = view.cells[table].get(row)
        sets = frozenset(name for name, rows in view.sets[table].items() if row in rows)
        printed = [cells.get(name, "") for name in ("ori", "nlets", "stage")] if cells else []
        seen.append((view.first, cells is None, sets, *printed))
    return tuple(seen)


def _rows_named(content: Content) -> frozenset[tuple[str, str]]:
    """The rows that rules, promises, sets, changes or facts name one by one, as (table, row)."""
    named = set()
    conditions = [condition for table in content.decisions() for rule in table.rules for condition in rule.when]
    conditions += [condition for promise in content.suite.promises for condition in promise.when]
    for condition in conditions:
        for test in condition.tests:
            if isinstance(test, Membership):
                named |= {(content.facts[test.fact].table or "", row) for row in test.rows}
    for table in content.tables.values():
        for definition in table.sets.values():
            named |= {(table.name, row) for row in (*(definition.listed or ()), *definition.excepted)}
        named |= {(table.name, change.row) for change in table.changes}
    for fact in content.facts.values():
        named |= {(fact.table or "", row) for row in (fact.when_missing, fact.when_unknown) if row}
    return frozenset(named)


def _words(node: Node) -> Iterator[str]:
    """Every word of a file, keys left out."""
    if isinstance(node, Scalar):
        yield node.text
    elif isinstance(node, Mapping):
        for _, value in node.items:
            yield from _words(value)
    else:
        for item in node.items:
            yield from _words(item)


def _by_row(content: Content, suite: Suite) -> defaultdict[tuple[str, str], list[Scenario]]:
    """The scenarios by each (table, row) that their case has as a value."""
    found: defaultdict[tuple[str, str], list[Scenario]] = defaultdict(list)
    for scenario in suite.scenarios:
        for key in _rows_of(content, scenario):
            found[key].append(scenario)
    return found


def _rows_of(content: Content, scenario: Scenario) -> set[tuple[str, str]]:
    values = [*scenario.case.values.items()]
    values += [(fact, value) for pair in scenario.case.convictions for fact, value in zip(CONVICTION_FACTS, pair, strict=True)]
    return {(content.facts[fact].table or "", value) for fact, value in values}


def _narrow_views(
    views: tuple[View, ...], content: Content, row: tuple[str, str] | None, scenarios: Sequence[Scenario]
) -> tuple[View, ...]:
    """The views with just the rows that the scenarios need of the table edited, which makes them quick to ask."""
    if row is None:
        return views
    needed = {name for scenario in scenarios for table, name in _rows_of(content, scenario) if table == row[0]}
    return tuple(replace(view, rows={**view.rows, row[0]: tuple(sorted(needed))}) for view in views)
