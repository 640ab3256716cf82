"""The plain evaluator: what the language means, in as few lines as can be. The reference that durable_rules is held against.

`match` finds the rules that hold; `settle` takes out the beaten ones. The engine does the first in its own way (a Rete network
in C); the second is shared, since both must agree on which rules hold for it to mean anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from app.rulebook.language.model import DecisionTable, Outcome, Reply, Rule, Send
from app.rulebook.language.view import View


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a decision table answers for one case: the replies, the rules that gave them, the rules that were beaten.

    `clashes` are pairs of rules that hold, disagree and do not override one another; a rulebook where that can happen is refused. `outcome` is eligibility's ("" for
    routing).
    """

    replies: tuple[Reply, ...]
    rules: tuple[Rule, ...]
    beaten: tuple[Rule, ...]
    clashes: tuple[tuple[Rule, Rule], ...] = ()
    outcome: str = ""


def match(table: DecisionTable, view: View, values: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules in force whose every condition holds, in the order of the file."""
    return tuple(rule for rule in table.rules if holds(rule, view, values))


def holds(rule: Rule, view: View, values: Mapping[str, str]) -> bool:
    """Whether a rule is in force and its every condition holds."""
    return rule.period.covers(view.first) and all(
        view.holds(test, values) for condition in rule.when for test in condition.tests
    )


def settle(table: DecisionTable, matching: tuple[Rule, ...]) -> Verdict:
    """Takes out the rules that another matching rule overrides (in one step or through others) and joins what is left."""
    over = table.beaten_by
    ids = {rule.id for rule in matching}
    beaten = tuple(rule for rule in matching if over[rule.id] & ids)
    standing = tuple(rule for rule in matching if not over[rule.id] & ids)
    if not standing:
        return Verdict(
            replies=(table.otherwise.reply,),
            rules=(table.otherwise,),
            beaten=beaten,
            clashes=(),
            outcome=_outcome(table.otherwise.reply),
        )
    replies: dict[str | None, Reply] = {}
    for rule in standing:
        replies.setdefault(audience_of(rule.reply), rule.reply)
    clashes = tuple(pair for pair in combinations(standing, 2) if _disagree(*pair))
    outcome = _outcome(standing[0].reply)
    return Verdict(replies=tuple(replies.values()), rules=standing, beaten=beaten, clashes=clashes, outcome=outcome)


def _disagree(first: Rule, second: Rule) -> bool:
    return first.reply != second.reply and audience_of(first.reply) == audience_of(second.reply)


def _outcome(reply: Reply) -> str:
    return reply.outcome if isinstance(reply, Outcome) else ""


def evaluate(table: DecisionTable, view: View, values: Mapping[str, str]) -> Verdict:
    """The answer of one decision table for one case."""
    return settle(table, match(table, view, values))


def audience_of(reply: Reply) -> str | None:
    """Whom a reply is about; replies about different audiences do not compete. None for eligibility."""
    return None if isinstance(reply, Outcome) else reply.audience


def strongest(table: DecisionTable, verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several convictions: the strongest outcome, with every rule that gave it, in the order of the file."""
    all_verdicts = tuple(verdicts)
    best = min(all_verdicts, key=lambda verdict: table.outcomes.index(verdict.outcome))
    same = [verdict for verdict in all_verdicts if verdict.outcome == best.outcome]
    if len(same) == 1:
        return best
    gave = {rule.id for verdict in same for rule in verdict.rules}
    beaten = {rule.id for verdict in same for rule in verdict.beaten}
    return Verdict(
        replies=best.replies,
        rules=tuple(rule for rule in table.all_rules() if rule.id in gave),
        beaten=tuple(rule for rule in table.rules if rule.id in beaten - gave),
        clashes=(),
        outcome=best.outcome,
    )


def sends(verdict: Verdict) -> tuple[Send, ...]:
    """The sends among a routing verdict's replies."""
    return tuple(reply for reply in verdict.replies if isinstance(reply, Send))
