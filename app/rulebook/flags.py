"""Several flags on one release: the first in the order of their table stands for all, so a harmless one must not hide another."""

from collections.abc import Iterator, Sequence

from app.rulebook.cases import axes, representatives
from app.rulebook.masks import Matcher
from app.rulebook.model import DecisionTable, Table
from app.rulebook.problems import Problems
from app.rulebook.view import View

HOLD = "hold"
"""The one fact of which a release can have several values."""

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
            help=f"move {flag} below every flag that stops a notice",
            cases=cases,
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
