"""What changes between two rulebooks: over every possible case, exactly.

The cases are those of both rulebooks together: a row that only one of them has counts too, and in the other one it is what that
one makes of an unknown code, as does a value that their facts count otherwise (`stand_ins.py`). The regimes are the runs of days on which neither changes. A case has changed when its outcome, its
sends (audience, copy, ORI, message) or its work items differ, and is reworded when only words differ that a state would read.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

from app.rulebook.comparing.differences import Answered, Difference, difference
from app.rulebook.comparing.outcome_order import OneSide, count_pairs
from app.rulebook.comparing.stand_ins import rows_standing_in, values_apart
from app.rulebook.comparing.words import NONE, RESIDENCE, WordFinder, cells_of, printed_fields, row_mark
from app.rulebook.engine.cases import spread
from app.rulebook.engine.joint import Asked, CaseMark, PartStretch, Stretch, stretches, total
from app.rulebook.language.evaluate import Verdict
from app.rulebook.language.model import AskPerson, Reply, Send
from app.rulebook.language.view import View
from app.rulebook.reading.content import Content

REJECTED = "rejected"
"""The outcome of a case with a value that a rulebook refuses (a state that it does not know)."""


class Affected(NamedTuple):
    """Numbers of cases that are answered otherwise, and of those in which only words differ."""

    changed: int
    reworded: int


class Due(NamedTuple):
    """A notice to an audience (`code` is None), or a work item about it, that is due in another number of seconds."""

    audience: str
    code: str | None
    before: int | None
    after: int | None


class Days(NamedTuple):
    """Days from `first` to `last`, both included."""

    first: date
    last: date


@dataclass(slots=True)
class Group:
    """Cases whose answers differ in the same way. `before` and `after` are those of `example`.

    `touched` has for each fact the values that the group's cases have, where these are not all there are.
    """

    difference: Difference
    before: Answered
    after: Answered
    example: Mapping[str, str]
    counts: dict[Days, int] = field(default_factory=dict)
    touched: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many cases."""
        return sum(self.counts.values())

    def past(self, today: date) -> int:
        """How many of the cases are of days before today."""
        return sum(count for days, count in self.counts.items() if days.first < today)


@dataclass(slots=True)
class Changes:
    """All that changes. `cases` is how many there are in all.

    `outcome_order` is the outcomes before and after, strongest first, where their order differs: no case shows that, as a case has
    one conviction, but somebody with several may be decided otherwise. `together` counts, by days, the pairs of convictions for which
    it is so. `dues` counts cases in which the same is due at another time.
    """

    cases: int = 0
    groups: dict[Difference, Group] = field(default_factory=dict)
    outcome_order: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    together: dict[Days, int] = field(default_factory=dict)
    dues: dict[Due, int] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """How many cases change."""
        return sum(group.count for group in self.groups.values() if not group.difference.reworded)

    @property
    def reworded(self) -> int:
        """In how many cases only words differ."""
        return sum(group.count for group in self.groups.values() if group.difference.reworded)

    def before(self, today: date) -> Affected:
        """How many cases of days before today change, and in how many of these only words differ."""
        counts = {True: 0, False: 0}
        for group in self.groups.values():
            counts[group.difference.reworded] += group.past(today)
        return Affected(changed=counts[False], reworded=counts[True])

    def reworded_by_rows_before(self, today: date) -> int:
        """In how many cases of days before today the row of a state changes words, and nothing else differs."""
        return sum(group.past(today) for group in self.groups.values() if group.difference.reworded_by_row)

    def pairs_before(self, today: date) -> int:
        """How many cases of two convictions and of days before today change, though each of the two is answered as before."""
        return sum(count for days, count in self.together.items() if days.first < today)


@dataclass(frozen=True, slots=True)
class Side:
    """One rulebook on some days, with the values of both: `view` answers for values it lacks, `known` are those it has."""

    content: Content
    view: View
    known: Mapping[str, frozenset[str]]
    stand_ins: Mapping[str, Mapping[str, str]]
    words: WordFinder

    def rejects(self, fact: str, value: str) -> bool:
        """Whether this rulebook refuses a release with this value."""
        return value not in self.known[fact] and value not in self.stand_ins[fact]

    def alone(self) -> OneSide:
        """What decides here about single convictions."""
        return OneSide(table=self.content.eligibility, view=self.view, refuses=self.rejects)

    def answer(self, values: Mapping[str, str], verdicts: tuple[Verdict, Verdict]) -> Answered:
        """What this rulebook answers in a case, given its two verdicts."""
        if any(self.rejects(fact, value) for fact, value in values.items()):
            return Answered(REJECTED, (), (), ())
        owed, routed = verdicts
        because = tuple(rule.id for rule in owed.rules)
        if owed.outcome != "notify":
            return Answered(outcome=owed.outcome, rules=because, sends=(), work_items=(), because=because)
        told = [reply for reply in routed.replies if isinstance(reply, Send)]
        asked = [reply for reply in routed.replies if isinstance(reply, AskPerson)]
        sends = [self._send(reply, values) for reply in told]
        items = [{"to": reply.audience, "code": reply.code} for reply in asked]
        due: dict[tuple[str, str | None], int | None] = {(reply.audience, None): reply.within for reply in told}
        due |= {(reply.audience, reply.code): reply.within for reply in asked}
        return Answered(
            outcome=owed.outcome,
            rules=because + tuple(rule.id for rule in routed.rules),
            sends=tuple(sorted(sends, key=_key)),
            work_items=tuple(sorted(items, key=_key)),
            because=because,
            words={send.audience: self.words.words(send, values, *self._printed(send, told, values)) for send in told},
            due=due,
        )

    def ori(self, fact: str, column: str, value: str) -> str | None:
        """The text of an ORI column for a state, None where the rulebook has no such row."""
        return cells_of(self.view, fact, value).get(column)

    def _send(self, send: Send, values: Mapping[str, str]) -> Mapping[str, str]:
        ori = self.ori(send.audience, send.ori_column, values[send.audience]) or ""
        return {"to": send.audience, "copy": send.copy, "ori": ori, "message": send.message}

    def _printed(self, send: Send, told: Sequence[Send], values: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
        """The row of the state told, and the Nlets code of another state that is told, or NONE."""
        others = [other.audience for other in told if other.audience != send.audience]
        codes = [cells_of(self.view, fact, values[fact]).get("nlets", "") for fact in others]
        return cells_of(self.view, send.audience, values[send.audience]), codes[0] if codes else NONE


def _key(entry: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(entry.values())


def compare(old: Content, new: Content, only: tuple[str, str] | None = None) -> Changes:
    """Everything that changes from `old` to `new`. With `only` (a fact and a value) just the cases with that value are looked at."""
    changes = Changes()
    if old.eligibility.outcomes != new.eligibility.outcomes:
        changes.outcome_order = old.eligibility.outcomes, new.eligibility.outcomes
    domains: dict[str, tuple[str, ...]] = {}
    for before, after in sides(old, new):
        changes.cases += total(before.view)
        domains = {fact: before.view.domain(fact) for fact in before.view.facts}
        if only is not None:
            before, after = _with_value(before, *only), _with_value(after, *only)  # noqa: PLW2901 - the same, narrowed
        counter = _Counter(before, after, changes)
        for stretch in stretches(before.view, _questions(before, after), list(_marks(before, after))):
            counter.count(stretch)
        counter.spread()
        if changes.outcome_order and only is None and (pairs := count_pairs(before.alone(), after.alone())):
            changes.together[Days(before.view.first, before.view.last)] = pairs
    for group in changes.groups.values():
        group.touched = {fact: group.touched[fact] for fact in domains if group.touched[fact] != domains[fact]}
    return changes


def _with_value(side: Side, fact: str, value: str) -> Side:
    """A side with only the cases in which a fact has this value."""
    table = side.view.facts[fact].table or ""
    return replace(side, view=replace(side.view, rows={**side.view.rows, table: (value,)}))


def _questions(before: Side, after: Side) -> tuple[Asked, ...]:
    return tuple(Asked(table, side.view) for side in (before, after) for table in side.content.decisions())


class _Counter:
    """Counts the cases of one regime into the groups of all."""

    def __init__(self, before: Side, after: Side, changes: Changes) -> None:
        self._before = before
        self._after = after
        self._changes = changes
        self._days = Days(before.view.first, before.view.last)
        self._parts: dict[Difference, dict[int, PartStretch]] = {}

    def count(self, stretch: Stretch) -> None:
        """Adds cases that are alike, if the two rulebooks do not answer them alike."""
        was = self._before.answer(stretch.values, (stretch.verdicts[0], stretch.verdicts[1]))
        becomes = self._after.answer(stretch.values, (stretch.verdicts[2], stretch.verdicts[3]))
        for what, seconds in was.due.items():
            if what in becomes.due and becomes.due[what] != seconds:
                due = Due(*what, seconds, becomes.due[what])
                self._changes.dues[due] = self._changes.dues.get(due, 0) + stretch.count
        differs = difference(was, becomes)
        if differs is None:
            return
        group = self._changes.groups.get(differs)
        if group is None:
            day = self._days.first if self._days.first.year > 1 else self._days.last
            example = {"release_date": day.isoformat(), **stretch.values}
            group = self._changes.groups[differs] = Group(differs, was, becomes, example)
        group.counts[self._days] = group.counts.get(self._days, 0) + stretch.count
        self._parts.setdefault(differs, {}).update((id(part), part) for part in stretch.parts)

    def spread(self) -> None:
        """Adds the values of each fact to those that a group touches."""
        for differs, parts in self._parts.items():
            values: dict[str, set[str]] = {}
            for part in parts.values():
                for fact, more in spread(part.axes, part.members).items():
                    values.setdefault(fact, set()).update(more)
            group = self._changes.groups[differs]
            for fact, found in values.items():
                found.update(group.touched.get(fact, ()))
                in_order = [value for value in self._before.view.domain(fact) if value in found]
                group.touched[fact] = tuple(in_order)


def sides(old: Content, new: Content) -> Iterator[tuple[Side, Side]]:
    """The two rulebooks side by side, once for each run of days on which neither changes."""
    old_views, new_views = old.views(), new.views()
    firsts = sorted({view.first for view in (*old_views, *new_views)})
    lasts = [date.fromordinal(first.toordinal() - 1) for first in firsts[1:]] + [date.max]
    apart = values_apart(old, new)
    own_rows = _union_rows(old, new)
    values = {name: (*rows, *apart[name]) for name, rows in own_rows.items()}
    tables = {name: (*rows, *_apart_in_table(old, name, apart)) for name, rows in own_rows.items()}
    stand_ins = rows_standing_in(old, values), rows_standing_in(new, values)
    finders = WordFinder(old, apart), WordFinder(new, apart)
    for first, last in zip(firsts, lasts, strict=True):
        views = [next(view for view in found if view.first <= first <= view.last) for found in (old_views, new_views)]
        days = [replace(view, first=first, last=last) for view in views]
        yield (
            _side(content=old, view=days[0], rows=tables, stand_ins=stand_ins[0], words=finders[0]),
            _side(content=new, view=days[1], rows=tables, stand_ins=stand_ins[1], words=finders[1]),
        )


def _union_rows(old: Content, new: Content) -> dict[str, tuple[str, ...]]:
    """For each fact with a table, the rows of both rulebooks: the old one's in order, then what only the new one has."""
    found = {}
    for name in old.facts:
        rows = [row for content in (old, new) if (table := content.facts[name].table) for row in content.tables[table].rows]
        found[name] = tuple(dict.fromkeys(rows))
    return found


def _apart_in_table(content: Content, name: str, apart: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The values besides rows of all facts that share this fact's table; a fact refuses those of another."""
    table = content.facts[name].table
    return tuple(value for other, values in apart.items() if content.facts[other].table == table for value in values)


def _side(
    content: Content,
    view: View,
    rows: Mapping[str, tuple[str, ...]],
    stand_ins: Mapping[str, Mapping[str, str]],
    words: WordFinder,
) -> Side:
    by_table = {fact.table: rows[name] for name, fact in content.facts.items() if fact.table}
    stands_for: dict[str, dict[str, str]] = {}
    for name, fact in content.facts.items():
        if fact.table:
            stands_for.setdefault(fact.table, {}).update(stand_ins[name])
    lifted = replace(view, rows={**view.rows, **by_table}, stands_for=stands_for, _members={})
    known = {name: frozenset(view.domain(name)) for name in content.facts}
    return Side(content=content, view=lifted, known=known, stand_ins=stand_ins, words=words)


def _marks(before: Side, after: Side) -> Iterator[CaseMark]:
    """Marks that tell apart what verdicts do not: a state whose ORI differs, a value that one of the two refuses."""
    pairs = {
        (reply.audience, reply.ori_column)
        for side in (before, after)
        for rule in side.content.routing.rules
        if (reply := _send(rule.reply))
    }
    for fact, column in sorted(pairs):
        yield _mark(fact, _addresses(before, after, fact, column))
    for fact in before.content.facts:
        if any(side.known[fact] != frozenset(before.view.domain(fact)) for side in (before, after)):
            yield _mark(fact, _refusals(before, after, fact))
    yield from _told_of_words(before, after, sorted({fact for fact, _ in pairs}))


def _told_of_words(before: Side, after: Side, audiences: Sequence[str]) -> Iterator[CaseMark]:
    """Marks that tell cases apart whose words differ in another way, or in which they do not differ."""
    messages = before.content.messages, after.content.messages
    fields = printed_fields(*messages)
    codes = fields is not None and bool({"state", "also_sent_to"} & fields)
    for fact in audiences:
        yield _mark(fact, _row_words(before, after, fact, codes=codes))
    if fields is None:
        return
    for fact in before.content.facts:
        if fact in fields:
            yield _mark(fact, lambda value: value)
        elif fact == RESIDENCE:
            yield _mark(fact, _missing(before, after))


def _send(reply: Reply) -> Send | None:
    return reply if isinstance(reply, Send) else None


def _addresses(before: Side, after: Side, fact: str, column: str) -> Callable[[str], Hashable]:
    """Both addresses of a state, where they differ."""

    def tell(value: str) -> Hashable:
        both = before.ori(fact, column, value), after.ori(fact, column, value)
        return both if both[0] != both[1] else None

    return tell


def _row_words(before: Side, after: Side, fact: str, *, codes: bool) -> Callable[[str], Hashable]:
    """What both rows of a state put into words; its codes where they differ, or where lines that print them do."""

    def tell(value: str) -> Hashable:
        (testing, code), (testing_then, code_then) = (row_mark(side.view, fact, value) for side in (before, after))
        both = (code, code_then) if codes or code != code_then else None
        return testing, testing_then, both

    return tell


def _missing(before: Side, after: Side) -> Callable[[str], Hashable]:
    """Whether the value stands for one that is not stated."""
    return lambda value: (before.words.may_be_missing(value), after.words.may_be_missing(value))


def _refusals(before: Side, after: Side, fact: str) -> Callable[[str], Hashable]:
    return lambda value: (before.rejects(fact, value), after.rejects(fact, value))


def _mark(fact: str, tell: Callable[[str], Hashable]) -> CaseMark:
    return CaseMark((fact,), lambda values: tell(values[fact]), (), ((fact, tell),))
