"""What changes between two rulebooks: over every possible case, exactly.

The cases are those of both rulebooks together: a row that only one of them has counts too, and in the other one it is what that
one makes of an unknown code. The regimes are the runs of days on which neither changes. A case has changed when its outcome, its
sends (audience, copy, ORI, message) or its work items differ.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from app.rulebook.content import Content
from app.rulebook.evaluate import Verdict
from app.rulebook.joint import Asked, Stretch, Told, stretches, total
from app.rulebook.model import AskPerson, Fact, Reply, Send
from app.rulebook.view import View

REJECTED = "rejected"
"""The outcome of a case with a value that a rulebook refuses (a state that it does not know)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a rulebook answers in a case, in the words of a scenario."""

    outcome: str
    rules: tuple[str, ...]
    sends: tuple[Mapping[str, str], ...]
    work_items: tuple[Mapping[str, str], ...]

    @property
    def effect(self) -> tuple[object, ...]:
        """What counts as a change when it differs."""
        return self.outcome, [dict(send) for send in self.sends], [dict(item) for item in self.work_items]


@dataclass(slots=True)
class Group:
    """Changed cases with the same outcome and rules before, and the same after. `before` and `after` are those of `example`."""

    before: Answered
    after: Answered
    example: Mapping[str, str]
    count: int = 0


@dataclass(slots=True)
class Changes:
    """All that changes. `cases` is how many there are in all.

    `outcome_order` is the outcomes before and after, strongest first, where their order differs: no case shows that, as a case has
    one conviction, but somebody with several may be decided otherwise.
    """

    cases: int = 0
    groups: dict[Hashable, Group] = field(default_factory=dict)
    outcome_order: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    @property
    def changed(self) -> int:
        """How many cases change."""
        return sum(group.count for group in self.groups.values())


@dataclass(frozen=True, slots=True)
class Side:
    """One rulebook on some days, with the values of both: `view` answers for values it lacks, `known` are those it has."""

    content: Content
    view: View
    known: Mapping[str, frozenset[str]]

    def rejects(self, fact: str, value: str) -> bool:
        """Whether this rulebook refuses a release with this value."""
        return value not in self.known[fact] and _stand_in(self.content.facts[fact]) is None

    def answer(self, values: Mapping[str, str], verdicts: tuple[Verdict, Verdict]) -> Answered:
        """What this rulebook answers in a case, given its two verdicts."""
        if any(self.rejects(fact, value) for fact, value in values.items()):
            return Answered(REJECTED, (), (), ())
        owed, routed = verdicts
        taken = [owed, routed] if owed.outcome == "notify" else [owed]
        replies = routed.replies if owed.outcome == "notify" else ()
        rules = tuple(rule.id for verdict in taken for rule in verdict.rules)
        sends = tuple(self._send(reply, values) for reply in replies if isinstance(reply, Send))
        items = tuple({"to": reply.audience, "code": reply.code} for reply in replies if isinstance(reply, AskPerson))
        return Answered(owed.outcome, rules, tuple(sorted(sends, key=_key)), tuple(sorted(items, key=_key)))

    def ori(self, fact: str, column: str, value: str) -> str | None:
        """The text of an ORI column for a state, None where the rulebook has no such row."""
        return self.view.cells[self.view.facts[fact].table or ""].get(value, {}).get(column)

    def _send(self, send: Send, values: Mapping[str, str]) -> Mapping[str, str]:
        ori = self.ori(send.audience, send.ori_column, values[send.audience]) or ""
        return {"to": send.audience, "copy": send.copy, "ori": ori, "message": send.message}


def _key(entry: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(entry.values())


def _stand_in(fact: Fact) -> str | None:
    """The row that stands for a value that is not in the fact's table; None where the release is refused."""
    return None if fact.when_unknown in {None, Fact.REJECT} else fact.when_unknown


def compare(old: Content, new: Content, only: tuple[str, str] | None = None) -> Changes:
    """Everything that changes from `old` to `new`. With `only` (a fact and a value) just the cases with that value are looked at."""
    changes = Changes()
    if old.eligibility.outcomes != new.eligibility.outcomes:
        changes.outcome_order = old.eligibility.outcomes, new.eligibility.outcomes
    for before, after in sides(old, new):
        changes.cases += total(before.view)
        if only is not None:
            before, after = _with_value(before, *only), _with_value(after, *only)  # noqa: PLW2901 - the same, narrowed
        for stretch in stretches(before.view, _asked(before, after), list(_told(before, after))):
            _count(stretch, before, after, changes)
    return changes


def _with_value(side: Side, fact: str, value: str) -> Side:
    """A side with only the cases in which a fact has this value."""
    table = side.view.facts[fact].table or ""
    return replace(side, view=replace(side.view, rows={**side.view.rows, table: (value,)}))


def _asked(before: Side, after: Side) -> tuple[Asked, ...]:
    return tuple(Asked(table, side.view) for side in (before, after) for table in side.content.decisions())


def _count(stretch: Stretch, before: Side, after: Side, changes: Changes) -> None:
    was = before.answer(stretch.values, (stretch.verdicts[0], stretch.verdicts[1]))
    becomes = after.answer(stretch.values, (stretch.verdicts[2], stretch.verdicts[3]))
    if was.effect == becomes.effect:
        return
    key = (was.outcome, was.rules, becomes.outcome, becomes.rules)
    if key not in changes.groups:
        day = before.view.first if before.view.first.year > 1 else before.view.last
        changes.groups[key] = Group(was, becomes, {"release_date": day.isoformat(), **stretch.values})
    changes.groups[key].count += stretch.count


def sides(old: Content, new: Content) -> Iterator[tuple[Side, Side]]:
    """The two rulebooks side by side, once for each run of days on which neither changes."""
    old_views, new_views = old.views(), new.views()
    firsts = sorted({view.first for view in (*old_views, *new_views)})
    lasts = [date.fromordinal(first.toordinal() - 1) for first in firsts[1:]] + [date.max]
    rows = _union_rows(old, new)
    for first, last in zip(firsts, lasts, strict=True):
        yield _side(old, old_views, rows, first, last), _side(new, new_views, rows, first, last)


def _union_rows(old: Content, new: Content) -> dict[str, tuple[str, ...]]:
    """For each fact with a table, the rows of both rulebooks: the old one's in order, then what only the new one has."""
    found = {}
    for name in old.facts:
        rows = [row for content in (old, new) if (table := content.facts[name].table) for row in content.tables[table].rows]
        found[name] = tuple(dict.fromkeys(rows))
    return found


def _side(content: Content, views: Sequence[View], rows: Mapping[str, tuple[str, ...]], first: date, last: date) -> Side:
    view = next(view for view in views if view.first <= first <= view.last)
    by_table = {fact.table: rows[name] for name, fact in content.facts.items() if fact.table}
    stands_for = {}
    for fact in content.facts.values():
        row = _stand_in(fact)
        if fact.table and row:
            missing = [value for value in rows[fact.name] if value not in content.tables[fact.table].rows]
            stands_for[fact.table] = dict.fromkeys(missing, row)
    lifted = replace(view, first=first, last=last, rows={**view.rows, **by_table}, stands_for=stands_for, _members={})
    known = {name: frozenset(view.domain(name)) for name in content.facts}
    return Side(content, lifted, known)


def _told(before: Side, after: Side) -> Iterator[Told]:
    """Marks that tell apart what verdicts do not: a state whose ORI differs, a value that one of the two refuses."""
    pairs = {
        (reply.audience, reply.ori_column)
        for side in (before, after)
        for rule in side.content.routing.rules
        if (reply := _send(rule.reply))
    }
    for fact, column in sorted(pairs):
        yield _mark(fact, _differs(before, after, fact, column))
    for fact in before.content.facts:
        if any(side.known[fact] != frozenset(before.view.domain(fact)) for side in (before, after)):
            yield _mark(fact, _refusals(before, after, fact))


def _send(reply: Reply) -> Send | None:
    return reply if isinstance(reply, Send) else None


def _differs(before: Side, after: Side, fact: str, column: str) -> Callable[[str], Hashable]:
    return lambda value: before.ori(fact, column, value) == after.ori(fact, column, value)


def _refusals(before: Side, after: Side, fact: str) -> Callable[[str], Hashable]:
    return lambda value: (before.rejects(fact, value), after.rejects(fact, value))


def _mark(fact: str, tell: Callable[[str], Hashable]) -> Told:
    return Told((fact,), lambda values: tell(values[fact]), (), ((fact, tell),))
