"""Several flags on one release: the first in the order of their table stands for all, so a harmless one must not hide another."""

from collections.abc import Iterator, Sequence

from app.rulebook.engine.cases import axes, representatives
from app.rulebook.engine.masks import Matcher
from app.rulebook.language.model import HOLD, DecisionTable, Membership, Outcome, Table
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems

_SENDS = "notify"


def check_flag_order(eligibility: DecisionTable, table: Table, views: Sequence[View], problems: Problems) -> None:
    """Tells each flag with which a notice is sent although one further down its table, on the same release, would stop it."""
    hidden: dict[str, tuple[str, int]] = {}
    for view in views:
        for flag, behind, count in _hidden(eligibility, view):
            first, cases = hidden.get(flag, (behind, 0))
            hidden[flag] = (first, cases + count)
    for flag, (behind, cases) in hidden.items():
        problems.warning(
            "R340",
            f"{flag} stands before {behind}: a release with both is decided by {flag}, and the notice is sent",
            table.rows[flag].spot,
            help=_help(flag, behind, eligibility, views),
            cases=cases,
        )


def _help(flag: str, behind: str, eligibility: DecisionTable, views: Sequence[View]) -> str:
    """What to do about a flag above one that stops a notice. It comes first whether the flag itself should stop one.

    A flag that is only moved would send the notice of whoever has that flag alone, and nothing would be told of it any more.
    """
    stopping = [rule for rule in eligibility.rules if isinstance(rule.reply, Outcome) and rule.reply.outcome != _SENDS]
    tests = [test for rule in stopping for test in rule.tests() if isinstance(test, Membership) and test.fact == HOLD]
    found = {
        f"{view.facts[HOLD].table}.{name}": None
        for view in views
        for test in tests
        for name in test.sets
        if not test.negated and behind in view.sets[view.facts[HOLD].table or ""][name]
    }
    named = f"make `{next(iter(found))}` name it" if found else f"let the rules treat it as they treat {behind}"
    return (
        f"decide first whether {flag} should stop a notice; today it does not. If it should, {named}; "
        f"only if it should not, move {flag} below every flag that stops one"
    )


def _hidden(eligibility: DecisionTable, view: View) -> Iterator[tuple[str, str, int]]:
    """A flag that lets a notice go, the first one behind it that would not, and in how many cases; for each kind of cases."""
    matcher = Matcher(eligibility, view)
    tests = [(view, test) for rule in eligibility.rules for test in rule.tests()]
    facts = tuple(dict.fromkeys([*eligibility.reads, HOLD]))
    found = axes(view, facts, tests)
    class_of, sizes = found.class_of[HOLD], [len(flags) for flags in found.classes[HOLD]]
    outcomes: dict[tuple[tuple[str, str], ...], dict[int, tuple[str, int]]] = {}
    for case in representatives(found):
        others = tuple((name, value) for name, value in case.values.items() if name != HOLD)
        kind = class_of[case.values[HOLD]]
        outcomes.setdefault(others, {})[kind] = (str(matcher.verdict(case.values).outcome), case.count // sizes[kind])
    flags = view.domain(HOLD)
    for by_kind in outcomes.values():
        for place, flag in enumerate(flags):
            outcome, count = by_kind[class_of[flag]]
            behind = next((other for other in flags[place + 1 :] if by_kind[class_of[other]][0] != _SENDS), None)
            if outcome == _SENDS and behind is not None:
                yield flag, behind, count
