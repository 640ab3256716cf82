"""How much a reader of a notice can tell of what it must not show.

A notice has no field for a charge, but its very being tells something: a reader who knows the rulebook knows that one of the
charges for which such a notice is sent must stand behind it. So for each message and copy, and for all that a reader sees of the
facts, the values that stay possible are counted; a `never` in the messages file says how many there must be at the least.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

from app.rulebook.engine.cases import Axes, axes
from app.rulebook.engine.joint import Asked, CaseMark, stretches
from app.rulebook.language.model import CONVICTION_FACTS, DecisionTable, Messages, Send, Template
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems

_SEEN = {"release_reason": "release_reason"}
"""Fields of a template that show a fact besides the states, and that fact."""
_STATES = ("release_state", "residence_state")


@dataclass(frozen=True, slots=True)
class Possible:
    """For a message and copy: how many values of a fact stay possible for the reader who learns most, and from when."""

    fact: str
    message: str
    copy: str
    values: int
    first_day: str


def prove_non_disclosure(
    eligibility: DecisionTable, routing: DecisionTable, messages: Messages, views: Sequence[View], problems: Problems
) -> tuple[Possible, ...]:
    """The least number of values that stay possible, for each fact that a `never` names; tells those below its bound (R270)."""
    least: dict[tuple[str, str, str], Possible] = {}
    facts = [fact for fact, _, _ in messages.keep_possible]
    for view in views:
        for fact in facts:
            for found in _possible(fact=fact, eligibility=eligibility, routing=routing, messages=messages, view=view):
                key = (found.fact, found.message, found.copy)
                if key not in least or found.values < least[key].values:
                    least[key] = found
    for fact, bound, spot in messages.keep_possible:
        for found in least.values():
            if found.fact == fact and found.values < bound:
                message = f"a reader of `{found.message}` ({found.copy}) can tell `{fact}` down to {found.values} of its values"
                help = f"at least {bound} must stay possible, from {found.first_day}: widen what qualifies, or show less"
                problems.error("R270", message, spot, help=help)
    return tuple(least.values())


def _possible(
    fact: str, eligibility: DecisionTable, routing: DecisionTable, messages: Messages, view: View
) -> Iterator[Possible]:
    tests = [(view, test) for table in (eligibility, routing) for rule in table.rules for test in rule.tests()]
    found = axes(view, tuple(view.facts), tests)
    size = [len(values) for values in found.classes[fact]]
    classes = found.class_of[fact]
    told = [CaseMark((fact,), lambda values: classes[values[fact]])]
    seen = _seen_facts(eligibility, routing, messages)
    told += [_what_is_learned(name, found) for name in seen]
    behind: dict[tuple[Send, tuple[Hashable, ...]], set[int]] = {}
    for stretch in stretches(view, (Asked(eligibility, view), Asked(routing, view)), told):
        owed, routed = stretch.verdicts
        for reply in routed.replies if owed.outcome == "notify" else ():
            if isinstance(reply, Send):
                template = messages.templates[reply.message]
                marks = zip(seen, stretch.marks[1:], strict=True)
                known = tuple(mark for name, mark in marks if _is_seen(name, template))
                behind.setdefault((reply, known), set()).add(int(str(stretch.marks[0])))
    least: dict[tuple[str, str], int] = {}
    for (send, _), places in behind.items():
        values = sum(size[place] for place in places)
        key = (send.message, send.copy)
        least[key] = min(least.get(key, values), values)
    first = view.first.isoformat() if view.first.year > 1 else "the beginning"
    for (message, copy), values in least.items():
        yield Possible(fact=fact, message=message, copy=copy, values=values, first_day=first)


def _seen_facts(eligibility: DecisionTable, routing: DecisionTable, messages: Messages) -> list[str]:
    """The facts a reader may see that could tell something: those shown by a field, and the states where eligibility or a
    charge has to do with them.
    """
    shown = [fact for field, fact in _SEEN.items() if any(_uses(t, field) for t in messages.templates.values())]
    tied = set(eligibility.reads) & set(routing.reads) or set(routing.reads) & set(CONVICTION_FACTS)
    return shown + (list(_STATES) if tied or set(eligibility.reads) & set(_STATES) else [])


def _is_seen(fact: str, template: Template) -> bool:
    return fact in _STATES or any(_uses(template, field) for field, of in _SEEN.items() if of == fact)


def _uses(template: Template, field: str) -> bool:
    return any((field,) in line.parts for line in template.lines)


def _what_is_learned(fact: str, found: Axes) -> CaseMark:
    """What a reader learns from seeing a fact: its class, since values that no test tells apart tell the same; and for a state
    whether it is the other one too.
    """
    classes = found.class_of[fact]
    pairs = [pair for pair in found.pairs if fact in pair]
    if not pairs:
        return CaseMark((fact,), lambda values: classes[values[fact]])
    left, right = pairs[0]
    return CaseMark(
        (fact, right if fact == left else left), lambda values: (classes[values[fact]], values[left] == values[right])
    )
