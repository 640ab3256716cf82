"""Decisions for people at a terminal: the outcome and its rules, what a person must do, and each notice as it is sent."""

from collections.abc import Iterator

from app.domain.decision import Decision, dry_run_answer

_RULE = "-" * 72


def as_text(decision: Decision) -> str:
    """One decision, ended by a line end. Notices stand line by line as a state would read them, with dashes for a number."""
    return "\n".join(_lines(decision)) + "\n"


def _lines(decision: Decision) -> Iterator[str]:
    answer = dry_run_answer(decision)
    rules = ", ".join(reason.rule for reason in answer.because) or "no rule"
    yield f"{answer.release_id}: {answer.outcome}, because {rules} (as of {answer.as_of}, rulebook {answer.rulebook})"
    for reason in answer.because:
        yield f"  {reason.rule}: {reason.title}"
    for warning in answer.warnings:
        yield f"  warning {warning.code}: {warning.message}"
    for item in answer.work_items:
        about = f" about {item.state}" if item.state else ""
        rule = f" ({item.rule})" if item.rule else ""
        yield f"  a person must act: {item.code}{about}{rule}"
    count = len(answer.messages)
    if not count:
        until = " until a person has acted" if answer.work_items else ""
        yield f"  no message{until}"
    for number, message in enumerate(answer.messages, 1):
        held = ", held until a person has acted" if message.status == "held" else ""
        yield ""
        yield f"message {number} of {count}: {message.type}, {message.copy}, to {message.state} at {message.ori}{held}"
        yield _RULE
        yield from message.text.splitlines()
        yield _RULE
