"""Decides about one release: what is owed, to whom, in what words. Pure: the same release, rulebook and moment, the same answer."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from app.decide.cautions import cautions
from app.decide.compose import Addressee, Composer, Filled, TooLong
from app.decide.facts import FactFinder, FactValues
from app.decide.terms import Terms
from app.domain.decision import Caution, Copy, Decision, Errand, Notice, Outcome, Reason
from app.domain.release import Release, read_release
from app.rulebook.book import RuleBook
from app.rulebook.evaluate import Verdict, strongest
from app.rulebook.model import AskPerson, Rule, Send
from app.rulebook.verdicts import EngineDisagreement

REVIEW = "review"
ENGINE_DISAGREEMENT = "engine-disagreement"
TOO_LONG = "message-too-long"
NOT_CONFIRMED = "ori-not-confirmed"


class Decider:
    """Decides releases under one rulebook and one service's terms. Holds no state: safe to share between threads."""

    def __init__(self, book: RuleBook, terms: Terms) -> None:
        self.book = book
        self.terms = terms
        self._finder = FactFinder(book.content.facts, book.content.tables)
        self._allowed = {pointer: frozenset(states) for pointer, states in self._finder.allowed_states().items()}
        self._composer = Composer(book.content.messages, terms)
        self._reasons = {rule.id: Reason(rule.id, rule.title, rule.authority) for rule in book.content.rules().values()}

    def read(self, raw: bytes) -> Release:
        """One release from JSON bytes. Raises NotJson, TooLarge or Refused with every fault at once."""
        return read_release(raw, self._allowed)

    def decide(self, release: Release, now: datetime, as_of: date | None = None, *, reviewed: bool = False) -> Decision:
        """The decision about a release at a moment (`now` has an offset). `as_of` decides as of another day than its own.

        `reviewed`: a person has looked at it, so that what would be held for review is sent as routing says.
        Never raises for a release that `read` gave: where the engine cannot be trusted, a person decides and nothing is sent.
        """
        day = as_of or release.stay.day
        values, found = self._finder.find(release)
        try:
            owed = self._owed(values, day)
            sends = owed.outcome == "notify" or (reviewed and owed.outcome == "hold_for_review")
            routed = self.book.routed(day, values.shared) if sends else None
        except EngineDisagreement:
            unsure = _Answered("hold_for_review", (), (), (Errand(ENGINE_DISAGREEMENT, ""),))
            return self._decision(release, day, values, unsure, found)
        warnings = (*found, *cautions(release, self.book.content.codes))
        if routed is not None:
            late = (now - release.stay.instant).total_seconds() > self.terms.late_after
            answered, replaced = self._carry_out(owed, routed, release, day, values.shared, late=late)
            return self._decision(release, day, values, answered, warnings + replaced)
        errands: tuple[Errand, ...] = ()
        if owed.outcome == "hold_for_review":
            errands = (Errand(REVIEW, ", ".join(rule.id for rule in owed.rules)),)
        answered = _Answered(_OUTCOMES[owed.outcome], owed.rules, (), errands, owed.beaten)
        return self._decision(release, day, values, answered, warnings)

    def _owed(self, values: FactValues, day: date) -> Verdict:
        """The eligibility verdict over all convictions."""
        look_up = self.book.eligibility[self.book.regime(day)]
        verdicts = look_up.verdicts_of(values.shared, values.convictions)
        return verdicts[0] if len(verdicts) == 1 else strongest(look_up.program.table, verdicts)

    def _carry_out(
        self, owed: Verdict, routed: Verdict, release: Release, day: date, shared: Mapping[str, str], *, late: bool
    ) -> tuple["_Answered", tuple[Caution, ...]]:
        """The notices and errands that a routing verdict asks for, departing first; and a caution where a character is lost."""
        sends = sorted((reply for reply in routed.replies if isinstance(reply, Send)), key=lambda send: _ORDER[send.copy])
        filled = {name: self._composer.fill(name, release, late=late) for name in dict.fromkeys(send.message for send in sends)}
        notices = [self._notice(send, sends, filled[send.message], day, shared) for send in sends]
        if None in notices:
            # A state that is not told for want of room must not stand as told in the other's notice.
            sends = [send for send, notice in zip(sends, notices, strict=True) if notice is not None]
            notices = [self._notice(send, sends, filled[send.message], day, shared) for send in sends]
        told = tuple([notice for notice in notices if notice is not None])
        errands = _errands(routed, {notice.audience for notice in told}, shared)
        replaced = {field: None for part in filled.values() for field in part.replaced}
        answered = _Answered("notify", owed.rules + routed.rules, told, errands, owed.beaten + routed.beaten)
        return answered, (_replaced(replaced),) if replaced else ()

    def _notice(self, send: Send, sends: list[Send], filled: Filled, day: date, shared: Mapping[str, str]) -> Notice | None:
        """The notice for one state, or None where its text is longer than the rulebook allows."""
        cells = self._cells(send, day)
        state = shared[send.audience]
        row = cells[state]
        other = next((cells[shared[also.audience]]["nlets"] for also in sends if also.audience != send.audience), None)
        copy = _COPIES[send.copy]
        to = Addressee(row[send.ori_column], row["nlets"], copy, other, row["stage"] == "testing")
        held = None if self.terms.allow_generic_ori or row["ori_status"] == "confirmed" else NOT_CONFIRMED
        try:
            text = self._composer.text(filled, to)
        except TooLong:
            return None
        return Notice(send.audience, copy, state, to.ori, text, "NEW", send.within, held)

    def _cells(self, send: Send, day: date) -> Mapping[str, Mapping[str, str]]:
        view = self.book.routing[self.book.regime(day)].view
        return view.cells[view.facts[send.audience].table or ""]

    def _decision(
        self, release: Release, day: date, values: FactValues, answered: "_Answered", warnings: tuple[Caution, ...]
    ) -> Decision:
        return Decision(
            release.release_id,
            answered.outcome,
            day,
            self.book.hash,
            tuple([self._reasons[rule.id] for rule in answered.rules]),
            answered.notices,
            answered.errands,
            warnings,
            tuple([rule.id for rule in answered.beaten]),
            values.evidence(),
        )


class _Answered(NamedTuple):
    """What the rules and their carrying out gave."""

    outcome: Outcome
    rules: tuple[Rule, ...]
    notices: tuple[Notice, ...]
    errands: tuple[Errand, ...]
    beaten: tuple[Rule, ...] = ()


_ORDER = {"departing": 0, "only": 1, "receiving": 2}
_COPIES: Mapping[str, Copy] = {"departing": "departing", "receiving": "receiving", "only": "only"}
_OUTCOMES: Mapping[str, Outcome] = {
    "notify": "notify",
    "hold_for_review": "hold_for_review",
    "do_not_notify": "do_not_notify",
}


def _errands(routed: Verdict, told: set[str], shared: Mapping[str, str]) -> tuple[Errand, ...]:
    """What a person must do: the work items the rules ask for, and one for each send that could not be told."""
    errands = []
    for reply in routed.replies:
        if isinstance(reply, AskPerson) or (isinstance(reply, Send) and reply.audience not in told):
            code = reply.code if isinstance(reply, AskPerson) else TOO_LONG
            rule = next(rule for rule in routed.rules if rule.reply == reply)
            errands.append(Errand(code, rule.id, reply.audience, shared[reply.audience], reply.within))
    return tuple(errands)


def _replaced(fields: Iterable[str]) -> Caution:
    names = ", ".join(sorted(fields))
    return Caution("character-replaced", f"characters with no ASCII form were written ? in: {names}")
