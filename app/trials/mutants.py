"""Small wrong edits of a rulebook, one at a time: what a slip of the hand could do to a rule, a set or a row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.rulebook.language.model import (
    FIRST_DAY,
    LAST_DAY,
    AskPerson,
    Change,
    Comparison,
    Condition,
    DecisionTable,
    Nothing,
    Outcome,
    Period,
    Reply,
    Row,
    Rule,
    Send,
    SetDefinition,
    Table,
    Test,
    closure,
)
from app.rulebook.problems.problem import Spot
from app.rulebook.reading.content import Content
from app.rulebook.reading.rules import COPIES
from app.trials.message_mutants import message_mutants

FEW = 12
"""Rows of a table at the most for which a condition is widened by each single row; of a longer one it is by each set."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rulebook with one wrong edit. `row` names the table and row whose cases alone can differ, where that is known."""

    spot: Spot
    edit: str
    content: Content
    row: tuple[str, str] | None = None
    words: bool = False
    """Whether only a line of a message is edited."""


def mutants(content: Content) -> Iterator[Mutant]:
    """Every small wrong edit of the rulebook's rules, sets, rows and lines of messages."""
    for table in content.decisions():
        yield from _rule_mutants(content, table)
    for reference in content.tables.values():
        yield from _set_mutants(content, reference)
        yield from _row_mutants(content, reference)
        yield from _change_mutants(content, reference)
    for wrong in message_mutants(content):
        yield Mutant(wrong.spot, wrong.edit, wrong.content, words=True)


def _rule_mutants(content: Content, table: DecisionTable) -> Iterator[Mutant]:
    for rule in table.rules:
        for spot, edit, wrong in _wrong_rules(content, table, rule):
            yield Mutant(spot, f"{rule.id}: {edit}", _with_rules(content, table, rule, wrong))
    for outcome in table.outcomes:
        if isinstance(table.otherwise.reply, Outcome) and outcome != table.otherwise.reply.outcome:
            wrong = replace(table.otherwise, reply=Outcome(outcome))
            edit = f"{wrong.id}: outcome {outcome}"
            yield Mutant(wrong.spot, edit, _with_table(content, replace(table, otherwise=wrong)))
    for place in range(len(table.outcomes) - 1):
        order = list(table.outcomes)
        order[place : place + 2] = reversed(order[place : place + 2])
        edit = f"the outcomes in the order {', '.join(order)}"
        yield Mutant(Spot(table.file), edit, _with_table(content, replace(table, outcomes=tuple(order))))


def _with_rules(content: Content, table: DecisionTable, rule: Rule, wrong: Rule | None) -> Content:
    rules = tuple(wrong if other is rule else other for other in table.rules)
    kept = tuple(other for other in rules if other is not None)
    return _with_table(content, replace(table, rules=kept, beaten_by=closure(kept)))


def _with_table(content: Content, table: DecisionTable) -> Content:
    return replace(content, eligibility=table) if table.name == "eligibility" else replace(content, routing=table)


def _wrong_rules(content: Content, table: DecisionTable, rule: Rule) -> Iterator[tuple[Spot, str, Rule | None]]:
    yield rule.spot, "taken out", None
    for place, condition in enumerate(rule.when):
        rest = rule.when[:place] + rule.when[place + 1 :]
        yield condition.spot, f"without the condition on `{condition.fact}`", replace(rule, when=rest)
        for edit, wrong in _wrong_conditions(content, condition):
            when = (*rule.when[:place], wrong, *rule.when[place + 1 :])
            yield condition.spot, edit, replace(rule, when=when)
    for edit, reply in _wrong_replies(content, table, rule.reply):
        yield rule.spots.get("then", rule.spot), edit, replace(rule, reply=reply)
    for edit, period in _wrong_periods(rule.period):
        yield rule.spots.get("effective", rule.spot), edit, replace(rule, period=period)
    for name in rule.overrides:
        rest_of = tuple(other for other in rule.overrides if other != name)
        yield rule.spots[f"overrides {name}"], f"no longer overrides {name}", replace(rule, overrides=rest_of)


def _wrong_conditions(content: Content, condition: Condition) -> Iterator[tuple[str, Condition]]:
    for place, test in enumerate(condition.tests):
        for edit, wrong in _wrong_tests(content, test):
            tests = (*condition.tests[:place], wrong, *condition.tests[place + 1 :])
            yield f"`{condition.fact}` {edit}", replace(condition, tests=tests)
        if len(condition.tests) > 1:
            rest = condition.tests[:place] + condition.tests[place + 1 :]
            yield f"`{condition.fact}` without its test {place + 1}", replace(condition, tests=rest)


def _wrong_tests(content: Content, test: Test) -> Iterator[tuple[str, Test]]:
    yield "the other way round", replace(test, negated=not test.negated)
    if isinstance(test, Comparison):
        return
    table = content.facts[test.fact].table
    if table is None:
        return
    members = content.tables[table]
    many = len(test.rows) + len(test.sets) > 1
    for name in test.rows if many else ():
        yield f"without {name}", replace(test, rows=tuple(row for row in test.rows if row != name))
    for name in test.sets if many else ():
        yield f"without {table}.{name}", replace(test, sets=tuple(other for other in test.sets if other != name))
    for name in members.sets:
        if name not in test.sets:
            yield f"also {table}.{name}", replace(test, sets=(*test.sets, name))
            if len(test.sets) == 1 and not test.rows:
                yield f"{table}.{name} instead", replace(test, sets=(name,))
    for name in members.rows if len(members.rows) <= FEW else ():
        if name not in test.rows:
            yield f"also {name}", replace(test, rows=(*test.rows, name))


def _wrong_replies(content: Content, table: DecisionTable, reply: Reply) -> Iterator[tuple[str, Reply]]:
    if isinstance(reply, Outcome):
        yield from ((f"outcome {other}", Outcome(other)) for other in table.outcomes if other != reply.outcome)
        return
    if isinstance(reply, Nothing):
        return
    yield "asks for nothing", Nothing()
    states = [name for name in table.reads if (of := content.facts[name].table) and "ori" in content.tables[of].columns]
    yield from ((f"about {other}", replace(reply, audience=other)) for other in states if other != reply.audience)
    if isinstance(reply, AskPerson):
        yield "another work item code", replace(reply, code=f"{reply.code}-wrong")
        return
    yield from ((f"copy {other}", replace(reply, copy=other)) for other in COPIES if other != reply.copy)
    messages = content.messages.templates
    yield from ((f"message {other}", replace(reply, message=other)) for other in messages if other != reply.message)


def _wrong_periods(period: Period) -> Iterator[tuple[str, Period]]:
    if period.first != FIRST_DAY:
        yield "from a day earlier", Period(period.first - timedelta(days=1), period.last)
        if period.first < period.last:
            yield "from a day later", Period(period.first + timedelta(days=1), period.last)
    if period.last != LAST_DAY:
        yield "through a day later", Period(period.first, _next(period.last))
        if period.first < period.last:
            yield "through a day earlier", Period(period.first, period.last - timedelta(days=1))


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _with_reference(content: Content, table: Table) -> Content:
    return replace(content, tables={**content.tables, table.name: table})


def _set_mutants(content: Content, table: Table) -> Iterator[Mutant]:
    """Each set with one row more or one less than on any day."""
    days = [view.sets[table.name] for view in content.views()]
    for name, definition in table.sets.items():
        for row in table.rows:
            wrong = []
            if any(row in sets[name] for sets in days):
                wrong.append(("without", replace(definition, excepted=(*definition.excepted, row))))
            if any(row not in sets[name] for sets in days):
                wrong.append(("also", _widen(definition, row)))
            for word, other in wrong:
                changed = replace(table, sets={**table.sets, name: other})
                edit = f"`{table.name}.{name}` {word} {row}"
                yield Mutant(definition.spot, edit, _with_reference(content, changed), (table.name, row))


def _widen(definition: SetDefinition, row: str) -> SetDefinition:
    excepted = tuple(other for other in definition.excepted if other != row)
    return replace(definition, also=(*definition.also, row), excepted=excepted)


def _row_mutants(content: Content, table: Table) -> Iterator[Mutant]:
    """Each cell that a set or an address depends on with another text, and each row taken out."""
    addresses = {rule.reply.ori_column for rule in content.routing.rules if isinstance(rule.reply, Send)}
    keys = list(table.rows)
    for place, (key, row) in enumerate(table.rows.items()):
        neighbour = table.rows[keys[(place + 1) % len(keys)]]
        for column in table.columns.values():
            found = row.cells.get(column.name, "")
            options: Sequence[str] = column.allowed
            if column.name in addresses:
                options = [_another_ori(found), neighbour.cells.get(column.name, "")] if found else ["AZSIR0000"]
            elif column.name == "nlets" and addresses & set(table.columns):
                options = [neighbour.cells.get(column.name, "")]
            for text in options:
                if text != found:
                    spot = row.spots.get(column.name, row.spot)
                    wrong = replace(row, cells={**row.cells, column.name: text})
                    edit = f"{key}: {column.name} {text or 'empty'} instead of {found or 'empty'}"
                    yield Mutant(spot, edit, _with_row(content, table, wrong), (table.name, key))
        yield Mutant(row.spot, f"{key} taken out", _without_row(content, table, key), (table.name, key))


def _another_ori(ori: str) -> str:
    """An ORI of the same state that differs in its last character."""
    return ori[:-1] + ("1" if ori[-1] != "1" else "2")


def _with_row(content: Content, table: Table, row: Row) -> Content:
    return _with_reference(content, replace(table, rows={**table.rows, row.key: row}))


def _without_row(content: Content, table: Table, key: str) -> Content:
    return _with_reference(content, replace(table, rows={name: row for name, row in table.rows.items() if name != key}))


def _change_mutants(content: Content, table: Table) -> Iterator[Mutant]:
    """Each dated change a day off, or taken out."""
    for place, change in enumerate(table.changes):
        wrong: list[tuple[str, Change | None]] = [("taken out", None)]
        wrong += [(edit, replace(change, period=period)) for edit, period in _wrong_periods(change.period)]
        for edit, other in wrong:
            changes = (*table.changes[:place], *((other,) if other else ()), *table.changes[place + 1 :])
            text = f"the change of {change.row}: {edit}"
            yield Mutant(change.spot, text, _with_reference(content, replace(table, changes=changes)), (table.name, change.row))
