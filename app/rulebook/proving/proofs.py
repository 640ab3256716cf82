"""What `lens check` proves over every possible case: no two rules clash, no rule is dead, every promise holds, nothing runs out
unseen, no notice gives the crime away. Each is counted exactly and shown with a real case.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.rulebook.engine.joint import Asked, CaseMark, Mark, Stretch, facts_of, stretches
from app.rulebook.language.evaluate import Verdict, audience_of
from app.rulebook.language.model import AskPerson, Comparison, DecisionTable, Nothing, Outcome, Rule, Send, Test, day_after
from app.rulebook.language.scenarios import Promise, PromisedAnswer, Suite
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems
from app.rulebook.proving.idle_promises import is_kept_anyway, tell_kept_anyway, tell_never_asked, tell_never_meant

_MOST_CAREFUL_LAST = ("notify", "do_not_notify", "hold_for_review")


@dataclass(slots=True)
class _Found:
    """How many cases, and the first of them."""

    count: int = 0
    example: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()

    def add(self, view: View, stretch: Stretch, path: tuple[str, ...] = ()) -> None:
        if not self.count:
            self.example = {"release_date": _day(view), **stretch.values}
            self.path = path
        self.count += stretch.count


def _day(view: View) -> str:
    """A day of the view to show: its first, or its last where it has no beginning."""
    return (view.first if view.first.year > 1 else view.last).isoformat()


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Cases that no rule of a decision answers, so that its `otherwise` does."""

    rule: str
    cases: int
    example: Mapping[str, str]


class _Promised:
    """What is found out of each promise: in which cases it is broken, and whether it is about any."""

    def __init__(self, promises: Sequence[Promise]) -> None:
        self._promises = promises
        self._broken: dict[int, _Found] = {}
        self._meant: set[int] = set()
        self._asked: set[int] = set()

    def look(self, view: View, stretch: Stretch, told: Sequence[Sequence[CaseMark]]) -> None:
        """Holds the promises against cases that are alike; `told` are the marks that each promise asked for."""
        taken = taken_verdicts(stretch)
        place = 0
        for number, (promise, group) in enumerate(zip(self._promises, told, strict=True)):
            own = stretch.marks[place : place + len(group)]
            place += len(group)
            if all(own[: len(promise.when)]):
                self._meant.add(number)
                if promise.outcome in {None, taken[0].outcome}:
                    self._asked.add(number)
            if not _kept(promise, taken, own):
                path = tuple(rule.id for verdict in taken for rule in verdict.rules)
                self._broken.setdefault(number, _Found()).add(view, stretch, path)

    def tell(self, views: Sequence[View], problems: Problems) -> None:
        """Tells the promises that are broken, and those that prove nothing."""
        for number, found in self._broken.items():
            _tell_broken(self._promises[number], found, problems)
        for number, promise in enumerate(self._promises):
            if number not in self._meant:
                tell_never_meant(promise, views, problems)
            elif is_kept_anyway(promise):
                tell_kept_anyway(promise, problems)
            elif number not in self._asked and "R202" not in problems.codes:  # a rule that is dead may be why
                tell_never_asked(promise, problems)


def prove_rules(
    eligibility: DecisionTable, routing: DecisionTable, suite: Suite, views: Sequence[View], problems: Problems
) -> tuple[Uncovered, ...]:
    """Tells every overlap, dead rule and broken promise. Returns what falls to each `otherwise`, as something to know."""
    clashes: dict[tuple[Rule, Rule], _Found] = {}
    fired: Counter[str] = Counter()
    beaten: Counter[str] = Counter()
    unasked: set[str] = set()
    idle: dict[tuple[Rule, Rule], _Found] = {}
    promised = _Promised(suite.promises)
    gaps = {eligibility.otherwise.id: _Found(), routing.otherwise.id: _Found()}
    for view in views:
        told = [_marks(promise, view) for promise in suite.promises]
        marks = [mark for group in told for mark in group]
        for stretch in stretches(view, (Asked(eligibility, view), Asked(routing, view)), marks):
            taken = taken_verdicts(stretch)
            unasked.update(rule.id for verdict in stretch.verdicts[len(taken) :] for rule in verdict.rules)
            for verdict in taken:
                for pair in _told_all_the_same(verdict):
                    idle.setdefault(pair, _Found()).add(view, stretch)
                for pair in verdict.clashes:
                    clashes.setdefault(pair, _Found()).add(view, stretch)
                fired.update(rule.id for rule in verdict.rules)
                beaten.update(rule.id for rule in verdict.beaten)
                if verdict.rules[0].id in gaps:
                    gaps[verdict.rules[0].id].add(view, stretch)
            promised.look(view, stretch, told)
    _tell_clashes(clashes, problems)
    _tell_idle(idle, problems)
    _tell_dead(tables=(eligibility, routing), fired=fired, beaten=beaten, unasked=unasked, problems=problems)
    promised.tell(views, problems)
    return tuple(Uncovered(rule, found.count, found.example) for rule, found in gaps.items())


def taken_verdicts(stretch: Stretch) -> tuple[Verdict, ...]:
    """The verdicts that count: routing is only decided where a notice is owed."""
    owed, routed = stretch.verdicts[:2]
    return (owed, routed) if owed.outcome == "notify" else (owed,)


def _marks(promise: Promise, view: View) -> list[CaseMark]:
    """A mark for each condition of a promise (whether it holds), and one for whether both states have the same address."""
    marks = []
    for condition in promise.when:
        facts = facts_of(condition.tests)
        marks.append(CaseMark(facts, _holds(view, condition.tests), condition.tests))
    if promise.distinct:
        marks += _same_address(view)
    return marks


def _holds(view: View, tests: tuple[Test, ...]) -> Mark:
    return lambda values: all(view.holds(test, values) for test in tests)


def _same_address(view: View) -> Iterator[CaseMark]:
    """Whether the two states' addresses are the same: told apart are the same state, and rows that share an ORI."""
    states = [fact for fact in ("release_state", "residence_state") if view.facts[fact].table is not None]
    if len(states) < 2:
        return
    left, right = states
    oris = {
        fact: {row: cells.get("ori", "") for row, cells in view.cells[view.facts[fact].table or ""].items()} for fact in states
    }
    shared = {ori for ori, times in Counter(ori for fact in states for ori in oris[fact].values()).items() if ori and times > 2}
    splits = tuple(
        (fact, lambda value, own=oris[fact]: own.get(value) if own.get(value) in shared else None) for fact in states
    )
    same = Comparison(left, right, negated=False, spot=view.facts[left].spot)
    yield CaseMark(
        (left, right), lambda values: oris[left].get(values[left]) == oris[right].get(values[right]), (same,), splits
    )


def _kept(promise: Promise, taken: tuple[Verdict, ...], marks: Sequence[object]) -> bool:
    conditions, rest = marks[: len(promise.when)], marks[len(promise.when) :]
    if not all(conditions) or promise.outcome not in {None, taken[0].outcome}:
        return True
    return _expected(promise, taken, rest) != promise.never


def _expected(promise: Promise, taken: tuple[Verdict, ...], rest: Sequence[object]) -> bool:
    """Whether what the promise expects is so in this case."""
    replies = taken[1].replies if len(taken) > 1 else ()
    sends = [reply for reply in replies if isinstance(reply, Send)]
    if promise.no_sends and sends:
        return False
    if promise.distinct and len(sends) > 1 and (not rest or rest[0] or len({send.audience for send in sends}) < len(sends)):
        return False
    if promise.outcome_is is not None and taken[0].outcome != promise.outcome_is:
        return False
    return not promise.some_of or any(_is_wanted(wanted, reply) for wanted in promise.some_of for reply in replies)


def _is_wanted(wanted: PromisedAnswer, reply: object) -> bool:
    if wanted.kind == "send" and isinstance(reply, Send):
        found = {
            "to": reply.audience,
            "copy": reply.copy,
            "message": reply.message,
            "ori": f"{{{reply.audience}.{reply.ori_column}}}",
        }
    elif wanted.kind == "work_item" and isinstance(reply, AskPerson):
        found = {"to": reply.audience, "code": reply.code}
    else:
        return False
    return all(found.get(key) == value for key, value in wanted.values.items())


def _told_all_the_same(verdict: Verdict) -> Iterator[tuple[Rule, Rule]]:
    """Each rule with `then: {}` that looks at a state, and the rule that sends to that very state in the same case."""
    for rule in verdict.rules:
        if isinstance(rule.reply, Nothing):
            facts = {test.fact for test in rule.tests()}
            yield from (
                (rule, other) for other in verdict.rules if isinstance(other.reply, Send) and other.reply.audience in facts
            )


def _tell_idle(idle: Mapping[tuple[Rule, Rule], _Found], problems: Problems) -> None:
    for (rule, other), found in idle.items():
        audience = str(audience_of(other.reply)).replace("_", " ")
        problems.warning(
            "R341",
            f"{rule.id} has `then: {{}}`, and {other.id} tells the {audience} all the same",
            rule.spot,
            help=f"`then: {{}}` stops no other rule; where {other.id} is not to answer, say so in its own `when`, with `not` or `not_in`",
            cases=found.count,
            example=found.example,
            also=(other.spot,),
        )


def _tell_clashes(clashes: Mapping[tuple[Rule, Rule], _Found], problems: Problems) -> None:
    for (first, second), found in clashes.items():
        weaker, safer = (second, first) if _caution(first) > _caution(second) else (first, second)
        problems.error(
            "R201",
            f"{first.id} and {second.id} meet and disagree",
            first.spot,
            help=f"say which one wins, e.g. `overrides: [{weaker.id}]` in {safer.id}",
            also=(second.spot,),
            cases=found.count,
            example=found.example,
        )


def _caution(rule: Rule) -> int:
    """How careful an answer is: a notice that was sent cannot be taken back, and a person who is asked can still send it."""
    if isinstance(rule.reply, Outcome):
        return _MOST_CAREFUL_LAST.index(rule.reply.outcome) if rule.reply.outcome in _MOST_CAREFUL_LAST else 0
    return 1 if isinstance(rule.reply, AskPerson) else 0


def _tell_dead(
    tables: Sequence[DecisionTable], fired: Counter[str], beaten: Counter[str], unasked: set[str], problems: Problems
) -> None:
    for table in tables:
        if not any(fired[rule.id] for rule in table.all_rules()):
            continue  # it is never asked, since no notice is ever owed
        for rule in table.rules:
            if fired[rule.id]:
                continue
            if beaten[rule.id]:
                winners = ", ".join(sorted(table.beaten_by[rule.id]))
                message = f"{rule.id} is always beaten"
                help = (
                    f"{winners} beats it in every case: has that lost a condition? "
                    f"If not, take {rule.id} out, which changes no answer"
                )
            elif rule.id in unasked:
                message = f"{rule.id} never fires: no notice is owed in any case in which it holds"
                help = (
                    f"take {rule.id} out, and what only it reads out of `reads`; who is protected, and whether a notice is owed, "
                    "is decided in eligibility alone"
                )
            else:
                message, help = (
                    f"{rule.id} never fires, on any day",
                    "its conditions exclude each other, or name sets that are empty",
                )
            problems.error("R202", message, rule.spot, help=help)


def _tell_broken(promise: Promise, found: _Found, problems: Problems) -> None:
    path = " -> ".join(found.path)
    problems.error(
        "R250",
        f'promise broken: "{promise.name}"',
        promise.spot,
        help=f"path: {path}; mend those rules, or change the promise if policy has changed",
        cases=found.count,
        example=found.example,
    )


def prove_no_expiry(eligibility: DecisionTable, routing: DecisionTable, views: Sequence[View], problems: Problems) -> None:
    """Tells each rule that ends while nothing follows: cases it decided fall to `otherwise`, or an audience has no answer any more.

    A warning, since a pilot may well end so.
    """
    for rule in (*eligibility.rules, *routing.rules):
        next_day = day_after(rule.period.last)
        after = next((view for view in views if view.first == next_day), None)
        before = next((view for view in views if view.last == rule.period.last), None)
        if after is None or before is None:
            continue
        if isinstance(rule.reply, Outcome):
            _tell_undecided(table=eligibility, rule=rule, before=before, after=after, problems=problems)
        else:
            _tell_unanswered(eligibility=eligibility, routing=routing, rule=rule, before=before, after=after, problems=problems)


def _tell_undecided(table: DecisionTable, rule: Rule, before: View, after: View, problems: Problems) -> None:
    found = _Found()
    codes: set[str] = set()
    code_marks = [CaseMark(("charge_code",), lambda values: values["charge_code"], (), (("charge_code", lambda code: code),))]
    for stretch in stretches(before, (Asked(table, before), Asked(table, after)), code_marks):
        was, becomes = stretch.verdicts
        if rule in was.rules and table.otherwise in becomes.rules:
            found.add(after, stretch)
            codes.add(str(stretch.marks[0]))
    what = f"{len(codes)} charge codes" if "charge_code" in table.reads else f"{found.count:,} cases"
    _tell_expiry(rule, f"{what} then fall to {table.otherwise.id}", found, problems)


def _tell_unanswered(
    eligibility: DecisionTable, routing: DecisionTable, rule: Rule, before: View, after: View, problems: Problems
) -> None:
    """Routing is only asked where a notice is owed; what counts is whether the rule's audience still gets an answer."""
    found = _Found()
    audience = audience_of(rule.reply)
    asked = (Asked(eligibility, before), Asked(routing, before), Asked(eligibility, after), Asked(routing, after))
    for stretch in stretches(before, asked):
        owed, routed, owed_then, routed_then = stretch.verdicts
        still = any(audience_of(reply) == audience for reply in routed_then.replies)
        if owed.outcome == owed_then.outcome == "notify" and rule in routed.rules and not still:
            found.add(after, stretch)
    what = f"in {found.count:,} cases the {str(audience).replace('_', ' ')} then has no answer"
    _tell_expiry(rule, what, found, problems)


def _tell_expiry(rule: Rule, what: str, found: _Found, problems: Problems) -> None:
    if not found.count:
        return
    problems.warning(
        "R310",
        f"{rule.id} ends {rule.period.last.isoformat()} and nothing replaces it; {what}",
        rule.spots.get("effective", rule.spot),
        help="say what holds from the next day on, or take `through` out",
        cases=found.count,
        example=found.example,
    )
