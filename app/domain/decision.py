"""What was decided about one release: frozen values that someone else stores, sends and shows.

A `Decision` is what `decide` returns: nothing in it has a number or a time yet. `answer` turns it, with the numbers the store
gave out, into the public shape of the API and of `lens decide`.
"""

from datetime import date, datetime
from typing import Literal

import msgspec

from app.domain.codes import WarningCode, WorkItemCode
from app.domain.identifiers import DRY_RUN_ID
from app.domain.statuses import StatusWord
from app.domain.times import Timestamp

Outcome = Literal["notify", "hold_for_review", "do_not_notify"]
Copy = Literal["departing", "receiving", "only"]
NoticeType = Literal["NEW", "CORRECTION", "CANCEL"]
Mode = Literal["normal", "backfill"]
WorkItemStatus = Literal["open", "resolved"]

NUMBER_MARK = "\0" * len(DRY_RUN_ID)
"""Stands in an unnumbered text wherever the message number goes. No value can contain it: folding removes every NUL."""


class Reason(msgspec.Struct, frozen=True):
    """A rule that gave the outcome, with its title and the authorities it cites."""

    rule: str
    """The rule's id, e.g. `LENS-E10`."""
    title: str
    """What the rule says, in one line."""
    authority: tuple[str, ...]
    """What it rests on: statutes, regulations, notices."""


class Caution(msgspec.Struct, frozen=True):
    """Something a person may want to look at; it never changes the decision. The message repeats no personal value."""

    code: WarningCode
    """Which caution it is."""
    message: str
    """The same in words, without any personal value."""


class Notice(msgspec.Struct, frozen=True):
    """What one state is to be told, before it has a message number.

    `state` is a USPS code, `ori` nine characters, `within` seconds from acceptance by which it should be out (None: no limit),
    `not_before` is when it may go out at the earliest, None for at once.
    `text` the whole text, lines ended by LF, with NUMBER_MARK for its number. `held_because` is the work item code that keeps
    the message from being sent, or None. `refers_to` is the id of the message that a CORRECTION or CANCEL follows.
    """

    audience: str
    copy: Copy
    state: str
    ori: str
    text: str
    type: NoticeType = "NEW"
    within: int | None = None
    held_because: str | None = None
    refers_to: str | None = None
    rule: str = ""
    """The rule that sends it, where it is held and a person must know."""
    not_before: datetime | None = None

    def numbered(self, message_id: str) -> str:
        """The text with the message number filled in."""
        return self.text.replace(NUMBER_MARK, message_id)


class NotifiedOri(msgspec.Struct, frozen=True):
    """What an ORI was, or may have been, told last of a release.

    `message_id` is what a message after it refers to; `at` when its words were decided; `state` a USPS code.
    """

    message_id: str
    audience: str
    copy: Copy
    state: str
    ori: str
    at: datetime


class Errand(msgspec.Struct, frozen=True):
    """What a person must do, before it is a stored work item. `within` is seconds from acceptance, None for no limit."""

    code: str
    rule: str
    audience: str | None = None
    state: str | None = None
    within: int | None = None


class Decision(msgspec.Struct, frozen=True):
    """The whole answer about one release.

    `facts` are the inputs as the rules saw them (evidence, no personal data); `beaten` the rules that matched and were
    overridden. `rulebook` is the label of everything that decided, `rulebook_sha256` the full hash that identifies it.
    """

    release_id: str
    outcome: Outcome
    as_of: date
    rulebook: str
    rulebook_sha256: str
    because: tuple[Reason, ...]
    notices: tuple[Notice, ...]
    errands: tuple[Errand, ...]
    warnings: tuple[Caution, ...]
    beaten: tuple[str, ...] = ()
    facts: dict[str, object] = {}
    two_people: bool = False
    """Whether the release has a flag that takes two people to lift."""


class Message(msgspec.Struct, frozen=True):
    """A message as callers see it. `status` is one of the contract's message statuses."""

    message_id: str
    """The message number, which is also the Nlets control field; `LN--------` in a dry run."""
    type: NoticeType
    """A first notice, or one that corrects or cancels what the state was told before."""
    copy: Copy
    """Whether the state is the one of release, the one of residence, or both."""
    state: str
    """USPS code of the state addressed."""
    ori: str
    """The nine-character address on the network."""
    text: str
    """The whole text as it is sent, lines ended by LF."""
    status: StatusWord
    """What is known of it now."""


class WorkItem(msgspec.Struct, frozen=True):
    """A work item as callers see it. Times are RFC 3339 in UTC; `id`, `opened_at` and `due_at` are None in a dry run."""

    id: int | None
    """Its number; null in a dry run."""
    code: WorkItemCode
    """What kind of work it is."""
    audience: str | None
    """The audience that it is about; null where it is about none."""
    state: str | None
    """USPS code of the state that it is about; null where it is about none."""
    rule: str
    """The ids of the rules that ask for it; empty where no rule does."""
    opened_at: Timestamp | None
    """When it was opened; null in a dry run."""
    due_at: Timestamp | None
    """By when it should be done; null for no limit, and in a dry run."""
    status: WorkItemStatus
    """Whether it is still to be done."""


class Answer(msgspec.Struct, frozen=True):
    """A decision as callers see it (contract: "A decision")."""

    release_id: str
    """The system of record's own id of the release."""
    outcome: Outcome
    """What was decided."""
    as_of: date
    """The day that decides: that of the release at the facility."""
    rulebook: str
    """The version of the rulebook that decided: the first 12 digits of its SHA-256."""
    because: tuple[Reason, ...]
    """The rules that gave the outcome."""
    messages: tuple[Message, ...]
    """The messages it became: departing first, then receiving."""
    work_items: tuple[WorkItem, ...]
    """What a person must do for it."""
    warnings: tuple[Caution, ...]
    """What a person may want to look at; it changes nothing."""


def dry_run_answer(decision: Decision) -> Answer:
    """The public shape of a decision that is not stored: no message numbers are used, nothing has a time."""
    messages = tuple(message_of(notice, DRY_RUN_ID, "held" if notice.held_because else "queued") for notice in decision.notices)
    items = tuple(
        WorkItem(
            id=None,
            code=errand.code,
            audience=errand.audience,
            state=errand.state,
            rule=errand.rule,
            opened_at=None,
            due_at=None,
            status="open",
        )
        for errand, _ in tasks(decision)
    )
    return answer(decision, messages, items)


def tasks(decision: Decision, *, backfill: bool = False) -> list[tuple[Errand, int | None]]:
    """What a person must do for it: the errands decided, then one for each notice kept back, with that notice's place.

    Of a backfill nothing is kept back, and its past is in no hurry: what is left is to review what is for review.
    """
    if backfill:
        review = decision.errands if decision.outcome == "hold_for_review" else ()
        return [(msgspec.structs.replace(errand, within=None), None) for errand in review]
    found: list[tuple[Errand, int | None]] = [(errand, None) for errand in decision.errands]
    for place, notice in enumerate(decision.notices):
        if notice.held_because is not None:
            found.append(
                (
                    Errand(
                        code=notice.held_because,
                        rule=notice.rule,
                        audience=notice.audience,
                        state=notice.state,
                        within=notice.within,
                    ),
                    place,
                )
            )
    return found


def message_of(notice: Notice, message_id: str, status: str) -> Message:
    """The message that carries this notice under this number."""
    return Message(
        message_id=message_id,
        type=notice.type,
        copy=notice.copy,
        state=notice.state,
        ori=notice.ori,
        text=notice.numbered(message_id),
        status=status,
    )


def answer(decision: Decision, messages: tuple[Message, ...], work_items: tuple[WorkItem, ...]) -> Answer:
    """The public shape of a decision, with the messages and work items it became."""
    return Answer(
        release_id=decision.release_id,
        outcome=decision.outcome,
        as_of=decision.as_of,
        rulebook=decision.rulebook,
        because=decision.because,
        messages=messages,
        work_items=work_items,
        warnings=decision.warnings,
    )
