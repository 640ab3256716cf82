"""Decides about one release: what is owed, to whom, in what words. Pure: the same release, rulebook and moment, the same answer."""

from collections.abc import Mapping
from datetime import date, datetime

from app.decide.cautions import cautions
from app.decide.compose import Addressee, Composer, Filled, TooLong
from app.decide.facts import FactFinder, FactValues
from app.decide.terms import Terms
from app.domain.decision import Caution, Copy, Decision, Errand, Notice, Outcome, Reason
from app.domain.release import Release, read_release
from app.rulebook.book import RuleBook
from app.rulebook.evaluate import Verdict, strongest
from app.rulebook.model import AskPerson, Reply, Rule, Send
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

    def decide(self, release: Release, now: datetime, as_of: date | None = None) -> Decision:
        """The decision about a release at a moment (`now` has an offset). `as_of` decides as of another day than its own.

        Never raises for a release that `read` gave: where the engine cannot be trusted, a person decides and nothing is sent.
        """
        day = as_of or release.stay.day
        values, found = self._finder.find(release)
        try:
            owed = self._owed(values, day)
            routed = self.book.routed(day, values.shared) if owed.outcome == "notify" else None
        except EngineDisagreement:
            return self._unsure(release, day, values, found)
        more = [*found, *cautions(release, self.book.content.codes)]
        notices: tuple[Notice, ...] = ()
        errands: tuple[Errand, ...] = ()
        rules = owed.rules
        beaten = owed.beaten
        if routed is not None:
            late = (now - release.stay.instant).total_seconds() > self.terms.late_after
            notices, errands = self._carry_out(routed, release, day, values, late, more)
            rules, beaten = rules + routed.rules, beaten + routed.beaten
        elif owed.outcome == "hold_for_review":
            errands = (Errand(REVIEW, ", ".join(rule.id for rule in owed.rules)),)
        return self._decision(release, _OUTCOMES[owed.outcome], day, rules, notices, errands, tuple(more), beaten, values)

    def _owed(self, values: FactValues, day: date) -> Verdict:
        """The eligibility verdict over all convictions."""
        look_up = self.book.eligibility[self.book.regime(day)]
        verdicts = look_up.verdicts_of(values.shared, values.convictions)
        return verdicts[0] if len(verdicts) == 1 else strongest(look_up.program.table, verdicts)

    def _carry_out(
        self, routed: Verdict, release: Release, day: date, values: FactValues, late: bool, more: list[Caution]
    ) -> tuple[tuple[Notice, ...], tuple[Errand, ...]]:
        """The notices and errands that a routing verdict asks for; departing first, then receiving."""
        sends = sorted((reply for reply in routed.replies if isinstance(reply, Send)), key=lambda send: _ORDER[send.copy])
        filled = {send.message: self._composer.fill(send.message, release, late=late) for send in sends}
        notices = [self._notice(send, sends, filled[send.message], day, values) for send in sends]
        if None in notices:
            # A state that is not told for want of room must not stand as told in the other's notice.
            sends = [send for send, notice in zip(sends, notices, strict=True) if notice is not None]
            notices = [self._notice(send, sends, filled[send.message], day, values) for send in sends]
        told = tuple(notice for notice in notices if notice is not None)
        more += [_replaced(fields) for fields in {part.replaced for part in filled.values()} if fields]
        audiences = {notice.audience for notice in told}
        errands = tuple(
            _errand(reply, _giver(routed, reply), values.shared)
            for reply in routed.replies
            if isinstance(reply, AskPerson) or (isinstance(reply, Send) and reply.audience not in audiences)
        )
        return told, errands

    def _notice(self, send: Send, sends: list[Send], filled: Filled, day: date, values: FactValues) -> Notice | None:
        """The notice for one state, or None where its text is longer than the rulebook allows."""
        cells = self._cells(send, day)
        state = values.shared[send.audience]
        row = cells[state]
        other = next((cells[values.shared[also.audience]]["nlets"] for also in sends if also.audience != send.audience), None)
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

    def _unsure(self, release: Release, day: date, values: FactValues, found: tuple[Caution, ...]) -> Decision:
        """What is decided when durable_rules and the plain evaluator differ: a person decides, nothing is sent."""
        errands = (Errand(ENGINE_DISAGREEMENT, ""),)
        return self._decision(release, "hold_for_review", day, (), (), errands, found, (), values)

    def _decision(
        self,
        release: Release,
        outcome: Outcome,
        day: date,
        rules: tuple[Rule, ...],
        notices: tuple[Notice, ...],
        errands: tuple[Errand, ...],
        warnings: tuple[Caution, ...],
        beaten: tuple[Rule, ...],
        values: FactValues,
    ) -> Decision:
        return Decision(
            release.release_id,
            outcome,
            day,
            self.book.hash,
            tuple([self._reasons[rule.id] for rule in rules]),
            notices,
            errands,
            warnings,
            tuple([rule.id for rule in beaten]),
            values.evidence(),
        )


_ORDER = {"departing": 0, "only": 1, "receiving": 2}
_COPIES: Mapping[str, Copy] = {"departing": "departing", "receiving": "receiving", "only": "only"}
_OUTCOMES: Mapping[str, Outcome] = {
    "notify": "notify",
    "hold_for_review": "hold_for_review",
    "do_not_notify": "do_not_notify",
}


def _giver(routed: Verdict, reply: Reply) -> Rule:
    """The first rule that gave a reply."""
    return next(rule for rule in routed.rules if rule.reply == reply)


def _errand(reply: AskPerson | Send, rule: Rule, shared: Mapping[str, str]) -> Errand:
    code = reply.code if isinstance(reply, AskPerson) else TOO_LONG
    return Errand(code, rule.id, reply.audience, shared[reply.audience], reply.within)


def _replaced(fields: frozenset[str]) -> Caution:
    names = ", ".join(sorted(fields))
    return Caution("character-replaced", f"characters with no ASCII form were written ? in: {names}")
