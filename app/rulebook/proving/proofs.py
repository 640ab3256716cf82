"""What `lens check` proves over every possible case: no two rules clash, no rule is dead, every promise holds, nothing runs out
unseen, no notice gives the crime away. Each is counted exactly and shown with a real case.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.rulebook.engine.joint import Asked, CaseMark, Stretch, representatives_of, stretches
from app.rulebook.language.evaluate import Verdict, audience_of
from app.rulebook.language.model import AskPerson, DecisionTable, Nothing, Outcome, Rule, Send, day_after
from app.rulebook.language.scenarios import Suite
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems, Spot
from app.rulebook.proving.found import Found
from app.rulebook.proving.promises import PromiseProof

MOST_KINDS = 500_000
"""Kinds of cases that rules and promises together may tell apart: each is looked at by itself, which takes some seconds in all."""

MOST_LOOKS = 3_000_000
"""Promises held against a kind of cases that each is about, at the most in all."""

MOST_PROMISES = 20_000
"""Promises times regimes, at the most: each is read anew for the rows and sets of each regime."""

_MOST_CAREFUL_LAST = ("notify", "do_not_notify", "hold_for_review")


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Cases that no rule of a decision answers, so that its `otherwise` does."""

    rule: str
    cases: int
    example: Mapping[str, str]


def prove_rules(
    eligibility: DecisionTable, routing: DecisionTable, suite: Suite, views: Sequence[View], problems: Problems
) -> tuple[Uncovered, ...]:
    """Tells every overlap, dead rule and broken promise. Returns what falls to each `otherwise`, as something to know."""
    clashes: dict[tuple[Rule, Rule], Found] = {}
    fired: Counter[str] = Counter()
    beaten: Counter[str] = Counter()
    unasked: set[str] = set()
    idle: dict[tuple[Rule, Rule], Found] = {}
    if len(suite.promises) * len(views) > MOST_PROMISES:
        _tell_too_many_promises(suite, views, problems)
        return ()
    promised = PromiseProof(suite.promises)
    room = MOST_KINDS
    gaps = {eligibility.otherwise.id: Found(), routing.otherwise.id: Found()}
    for view in views:
        asked = (Asked(eligibility, view), Asked(routing, view))
        marks = promised.marks(view, asked)
        room -= representatives_of(view, asked, marks)
        for stretch in stretches(view, asked, marks) if room >= 0 else ():
            room -= 1
            if room < 0 or promised.looked > MOST_LOOKS:
                break
            taken = taken_verdicts(stretch)
            unasked.update(rule.id for verdict in stretch.verdicts[len(taken) :] for rule in verdict.rules)
            for verdict in taken:
                for pair in _told_all_the_same(verdict):
                    idle.setdefault(pair, Found()).add(view, stretch)
                for pair in verdict.clashes:
                    clashes.setdefault(pair, Found()).add(view, stretch)
                fired.update(rule.id for rule in verdict.rules)
                beaten.update(rule.id for rule in verdict.beaten)
                if verdict.rules[0].id in gaps:
                    gaps[verdict.rules[0].id].add(view, stretch)
            promised.look(view, stretch, taken)
        if room < 0 or promised.looked > MOST_LOOKS:
            _tell_too_many_kinds(eligibility, suite, problems)
            return ()
    _tell_clashes(clashes, problems)
    _tell_idle(idle, problems)
    _tell_dead(tables=(eligibility, routing), fired=fired, beaten=beaten, unasked=unasked, problems=problems)
    promised.tell(views, problems)
    return tuple(Uncovered(rule, found.count, found.example) for rule, found in gaps.items())


def taken_verdicts(stretch: Stretch) -> tuple[Verdict, ...]:
    """The verdicts that count: routing is only decided where a notice is owed."""
    owed, routed = stretch.verdicts[:2]
    return (owed, routed) if owed.outcome == "notify" else (owed,)


def _told_all_the_same(verdict: Verdict) -> Iterator[tuple[Rule, Rule]]:
    """Each rule with `then: {}` that looks at a state, and the rule that sends to that very state in the same case."""
    for rule in verdict.rules:
        if isinstance(rule.reply, Nothing):
            facts = {test.fact for test in rule.tests()}
            yield from (
                (rule, other) for other in verdict.rules if isinstance(other.reply, Send) and other.reply.audience in facts
            )


def _tell_too_many_promises(suite: Suite, views: Sequence[View], problems: Problems) -> None:
    message = f"there are {len(suite.promises):,} promises to be proved in {len(views):,} regimes each; at most {MOST_PROMISES:,} proofs can be made"
    help = "join promises that say the same of several charges, states or reasons into one with a list; let changes begin on the same days"
    problems.error("R262", message, suite.promises[0].spot, help=help)


def _tell_too_many_kinds(eligibility: DecisionTable, suite: Suite, problems: Problems) -> None:
    spot = suite.promises[0].spot if suite.promises else Spot(eligibility.file)
    message = f"rules and {len(suite.promises):,} promises together tell too many kinds of cases apart to be proved"
    help = "let promises name sets, or join those that say the same of several charges, states or reasons into one with a list"
    problems.error("R262", message, spot, help=help)


def _tell_idle(idle: Mapping[tuple[Rule, Rule], Found], problems: Problems) -> None:
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


def _tell_clashes(clashes: Mapping[tuple[Rule, Rule], Found], problems: Problems) -> None:
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
    found = Found()
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
    found = Found()
    audience = audience_of(rule.reply)
    asked = (Asked(eligibility, before), Asked(routing, before), Asked(eligibility, after), Asked(routing, after))
    for stretch in stretches(before, asked):
        owed, routed, owed_then, routed_then = stretch.verdicts
        still = any(audience_of(reply) == audience for reply in routed_then.replies)
        if owed.outcome == owed_then.outcome == "notify" and rule in routed.rules and not still:
            found.add(after, stretch)
    what = f"in {found.count:,} cases the {str(audience).replace('_', ' ')} then has no answer"
    _tell_expiry(rule, what, found, problems)


def _tell_expiry(rule: Rule, what: str, found: Found, problems: Problems) -> None:
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
