"""Promises that prove nothing: about no possible case, or kept by every answer that there could be."""

from collections.abc import Sequence

from app.rulebook.language.model import Membership
from app.rulebook.language.scenarios import Promise
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems

_NOTIFY = "notify"


def tell_never_meant(promise: Promise, views: Sequence[View], problems: Problems) -> None:
    """Tells a promise whose `when` holds in no possible case, but not one that waits for a row that is in its set some day."""
    if _waits_for_rows(promise, views):
        return
    message = f'the promise "{promise.name}" is about no case, on any day, so it proves nothing'
    help = "the lines of its `when` exclude each other: mend them, or take the promise out"
    problems.error("R251", message, promise.spot, help=help)


def _waits_for_rows(promise: Promise, views: Sequence[View]) -> bool:
    """Whether a line names only sets that are empty on every day: rows may come to be in them, and then it means those."""
    for test in (test for condition in promise.when for test in condition.tests):
        if not isinstance(test, Membership) or test.rows or not test.sets or test.negated:
            continue
        table = views[0].facts[test.fact].table or ""
        if not any(view.sets[table][name] for view in views for name in test.sets):
            return True
    return False


def tell_never_asked(promise: Promise, problems: Problems) -> None:
    """Tells a promise of whose cases none has the outcome that it names, under the rules as they are."""
    message = f'as the rules are, no case that the promise "{promise.name}" means has the outcome {promise.outcome}'
    help = "if there is to be none, promise that: leave `outcome` out of `when`, and say under `expect` what the outcome is"
    problems.warning("R352", message, promise.spot, help=help)


def tell_kept_anyway(promise: Promise, problems: Problems) -> None:
    """Tells a promise that no answer could break, whatever the rules say: its `when` says already what it expects."""
    message = f'the promise "{promise.name}" holds whatever the rules say, so it proves nothing'
    help = f"where the outcome is {promise.outcome}, this is so already: take `outcome` out of `when`, or expect something else"
    problems.warning("R352", message, promise.spot, help=help)


def is_kept_anyway(promise: Promise) -> bool:
    """Whether no answer could break it. Nothing is sent but for `notify`, so any other outcome leaves no answer open."""
    if promise.outcome is None:
        return False
    other_outcome = promise.outcome_is is not None and promise.outcome_is != promise.outcome
    if promise.outcome == _NOTIFY:
        open_answers = promise.no_sends or promise.distinct or bool(promise.some_of)
        return other_outcome if promise.never else not (open_answers or other_outcome)
    never_expected = other_outcome or bool(promise.some_of)
    return never_expected if promise.never else not never_expected
