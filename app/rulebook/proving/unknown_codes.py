"""A code that no table has goes to a person: the rules cannot know what it means, so they neither send on it nor drop it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.rulebook.engine.joint import Asked, Stretch, stretches
from app.rulebook.language.model import DecisionTable, Fact, Outcome
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems


def prove_unknown_codes_ask(
    eligibility: DecisionTable, facts: Mapping[str, Fact], views: Sequence[View], problems: Problems
) -> None:
    """Tells each `when_unknown` row with which a notice is owed in some case, or with which no case asks a person."""
    for fact in facts.values():
        if fact.name in eligibility.reads and fact.when_unknown not in {None, Fact.REJECT}:
            _prove_one(fact, eligibility, views, problems)


def _asks_a_person(eligibility: DecisionTable) -> bool:
    """Whether any rule holds cases for a person; a rulebook without one asks nobody about anything."""
    return any(isinstance(rule.reply, Outcome) and rule.reply.outcome == "hold_for_review" for rule in eligibility.rules)


def _prove_one(fact: Fact, eligibility: DecisionTable, views: Sequence[View], problems: Problems) -> None:
    counts: Counter[str] = Counter()
    sent: tuple[View, Stretch] | None = None
    for view in views:
        unknown = replace(view, rows={**view.rows, fact.table or "": (fact.when_unknown or "",)}, _members={})
        for stretch in stretches(unknown, (Asked(eligibility, unknown),)):
            outcome = stretch.verdicts[0].outcome or ""
            counts[outcome] += stretch.count
            if outcome == "notify" and sent is None:
                sent = view, stretch
    help = f"let `when_unknown` of `{fact.name}` name a row for which the rules answer `hold_for_review`, as no rule knows the code"
    row = fact.when_unknown
    if sent is not None:
        view, stretch = sent
        rule = stretch.verdicts[0].rules[0].id
        day = view.first if view.first.year > 1 else view.last
        problems.error(
            "R204",
            f"a code of `{fact.name}` that nobody knows counts as `{row}`, and {rule} owes a notice all the same",
            fact.spot,
            help=help,
            cases=counts["notify"],
            example={"release_date": day.isoformat(), **stretch.values},
        )
    elif not counts["hold_for_review"] and _asks_a_person(eligibility):
        message = f"a code of `{fact.name}` that nobody knows counts as `{row}`, and no person is ever asked about it"
        problems.error("R204", message, fact.spot, help=help)
