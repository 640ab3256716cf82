"""Decides about one release: what is owed, to whom, in what words. Pure: the same release, rulebook and moment, the same answer."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from app.decide.cautions import cautions
from app.decide.compose import Addressee, Composer, Filled, TooLong
from app.decide.facts import FactFinder, FactValues
from app.decide.instructions import INSTRUCTION, Instructions
from app.decide.terms import Terms
from app.domain.decision import Caution, Copy, Decision, Errand, Notice, NoticeType, NotifiedOri, Outcome, Reason
from app.domain.release import Release, read_release
from app.rulebook.book import RuleBook
from app.rulebook.engine.verdicts import EngineDisagreement
from app.rulebook.language.evaluate import Verdict, strongest
from app.rulebook.language.model import AskPerson, Send

REVIEW = "review"
IN_FUTURE = Caution(
    "released-in-future", "released_at lies ahead; compare it with the record. Lifted, it is sent when the day has come"
)
ENGINE_DISAGREEMENT = "engine-disagreement"
TOO_LONG = "message-too-long"
NOT_CONFIRMED = "ori-not-confirmed"

_NOBODY: Mapping[str, str] = {}


TWO_PEOPLE = "two_people"
"""The word for a flag that one person alone cannot lift."""


class Decider:
    """Decides releases under one rulebook and one service's terms. Holds no state: safe to share between threads."""

    def __init__(self, book: RuleBook, terms: Terms) -> None:
        self.book = book
        self.terms = terms
        self._finder = FactFinder(book.content.facts, book.content.tables)
        self._allowed = {pointer: frozenset(states) for pointer, states in self._finder.allowed_states().items()}
        self._composer = Composer(book.content.messages, terms)
        self._instructions = Instructions(book.content.messages)
        self._joined: dict[tuple[int, ...], Verdict] = {}
        self._plans: dict[tuple[int, int], _Plan] = {}
        self._reasons = {rule.id: Reason(rule.id, rule.title, rule.authority) for rule in book.content.rules().values()}

    @property
    def states(self) -> frozenset[str]:
        """The USPS codes that a release may name; empty where the rulebook takes any."""
        return frozenset[str]().union(*self._allowed.values())

    def read(self, raw: bytes) -> Release:
        """One release from JSON bytes. Raises NotJson, TooLarge or Refused with every fault at once."""
        return read_release(raw, self._allowed)

    def decide(
        self,
        release: Release,
        now: datetime,
        as_of: date | None = None,
        *,
        reviewed: bool = False,
        told: Mapping[str, str] = _NOBODY,
    ) -> Decision:
        """The decision about a release at a moment (`now` has an offset). `as_of` decides as of another day than its own.

        `reviewed`: a person has looked at it, so that what would be held for review is sent as routing says, once its day has come.
        `told`: the id of
        the message that each ORI was told last of this release; a notice to one of these is a CORRECTION of that message.
        Never raises for a release that `read` gave: where the engine cannot be trusted, a person decides and nothing is sent.
        """
        day = as_of or release.stay.day
        values, found = self._finder.find(release)
        try:
            place = self.book.regime(day)
            owed = self._eligibility_of(values, place)
            sends = owed.outcome == "notify" or (reviewed and owed.outcome == "hold_for_review")
            routed = self.book.routing[place].verdict(values.shared) if sends else None
        except EngineDisagreement:
            errand = Errand(ENGINE_DISAGREEMENT, "", within=self.terms.review_within)
            return self._decision(
                release=release, day=day, values=values, plan=_UNSURE, notices=(), errands=(errand,), warnings=found
            )
        warnings = (*found, *cautions(release, self.book.content.codes))
        age = (now - release.stay.instant).total_seconds()
        doubts = () if reviewed else self._doubts(release, age, owed)
        if doubts:
            plan = self._held(owed)
            return self._decision(
                release=release, day=day, values=values, plan=plan, notices=(), errands=plan.errands, warnings=warnings + doubts
            )
        plan = self._plan(owed, routed)
        if routed is None:
            return self._decision(
                release=release, day=day, values=values, plan=plan, notices=(), errands=plan.errands, warnings=warnings
            )
        notices, errands, replaced = self._carry_out(plan, release, day, values.shared, told, late=age > self.terms.late_after)
        if reviewed and age < 0:
            notices = self._once_the_day_has_come(notices, release, now)
        return self._decision(
            release=release, day=day, values=values, plan=plan, notices=notices, errands=errands, warnings=warnings + replaced
        )

    def _doubts(self, release: Release, age: float, owed: Verdict) -> tuple[Caution, ...]:
        """Why a person must look at a release before anything of it is sent, whatever the rules say.

        Its date chooses the rules, so one that cannot be believed makes no answer of theirs right, `do_not_notify` neither. Its
        texts matter only where they would be printed.
        """
        doubts = []
        if age < -self.terms.future_tolerance:
            doubts.append(IN_FUTURE)
        if owed.outcome != "do_not_notify" and self._instructions.found(release):
            doubts.append(INSTRUCTION)
        return tuple(doubts)

    def _held(self, owed: Verdict) -> "_Plan":
        """What becomes of a release that is in doubt: a person decides, under the rules that answered."""
        rules = ", ".join(rule.id for rule in owed.rules)
        plan = self._plan(owed, None)
        return plan._replace(outcome="hold_for_review", errands=(Errand(REVIEW, rules, within=self.terms.review_within),))

    def _once_the_day_has_come(self, notices: tuple[Notice, ...], release: Release, now: datetime) -> tuple[Notice, ...]:
        """The notices of a release that a person let go: a state hears of it on its day, as it would if it were reported then.

        What corrects or takes back something told goes at once: that was wrong already.
        """
        instant = release.stay.instant
        day_begins = instant.replace(hour=0, minute=0, second=0, microsecond=0)
        earliest = max(day_begins, instant - timedelta(seconds=self.terms.future_tolerance))
        if earliest <= now:
            return notices
        return tuple(replace(notice, not_before=earliest) if notice.type == "NEW" else notice for notice in notices)

    def _eligibility_of(self, values: FactValues, place: int) -> Verdict:
        """The eligibility verdict over all convictions, in the regime at this place."""
        look_up = self.book.eligibility[place]
        verdicts = look_up.verdicts_of(values.shared, values.convictions)
        if len(verdicts) == 1:
            return verdicts[0]
        key = tuple(sorted(map(id, verdicts)))
        joined = self._joined.get(key)
        if joined is None:
            joined = self._joined[key] = strongest(look_up.program.table, verdicts)
        return joined

    def _plan(self, owed: Verdict, routed: Verdict | None) -> "_Plan":
        """What two verdicts come to, whatever the release; worked out once for each pair (the look-ups keep the verdicts)."""
        key = (id(owed), id(routed))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = _plan(owed, routed, self._reasons, self.terms.review_within)
        return plan

    def _carry_out(
        self, plan: "_Plan", release: Release, day: date, shared: Mapping[str, str], told: Mapping[str, str], *, late: bool
    ) -> tuple[tuple[Notice, ...], tuple[Errand, ...], tuple[Caution, ...]]:
        """The notices and errands that a plan asks for, departing first; and a caution where a character is lost."""
        sends = plan.sends
        filled = {name: self._composer.fill(name, release, late=late) for name in plan.messages}
        notices = [self._notice(send, sends, filled[send.message], day, shared, told) for send in sends]
        if None in notices:
            # A state that is not told for want of room must not stand as told in the other's notice.
            sends = tuple(send for send, notice in zip(sends, notices, strict=True) if notice is not None)
            notices = [self._notice(send, sends, filled[send.message], day, shared, told) for send in sends]
        fit = tuple([notice for notice in notices if notice is not None])
        if any(notice.held_because for notice in fit):
            rules = {send.audience: rule for send, rule in zip(plan.sends, plan.senders, strict=True)}
            fit = tuple(replace(notice, rule=rules[notice.audience]) for notice in fit)
        errands = [
            Errand(code=ask.code, rule=rule, audience=ask.audience, state=shared[ask.audience], within=ask.within)
            for ask, rule in plan.asks
        ]
        if len(fit) < len(plan.sends):
            reached = {notice.audience for notice in fit}
            errands += [
                Errand(code=TOO_LONG, rule=rule, audience=send.audience, state=shared[send.audience], within=send.within)
                for send, rule in zip(plan.sends, plan.senders, strict=True)
                if send.audience not in reached
            ]
        replaced = [field for part in filled.values() for field in part.replaced]
        return fit, tuple(errands), (_replacement_caution(replaced),) if replaced else ()

    def _notice(
        self,
        send: Send,
        sends: tuple[Send, ...],
        filled: Filled,
        day: date,
        shared: Mapping[str, str],
        told: Mapping[str, str],
    ) -> Notice | None:
        """The notice for one state, or None where its text is longer than the rulebook allows."""
        cells = self._cells(send, day)
        state = shared[send.audience]
        row = cells[state]
        others = [cells[shared[also.audience]]["nlets"] for also in sends if also.audience != send.audience]
        copy = _COPIES[send.copy]
        ori = row[send.ori_column]
        follows = told.get(ori)
        kind: NoticeType = "NEW" if follows is None else "CORRECTION"
        to = Addressee(
            ori=ori,
            state=row["nlets"],
            copy=copy,
            also_sent_to=others[0] if others else None,
            testing=row["stage"] == "testing",
            type=kind,
            refers_to=follows,
        )
        held = None if self.terms.allow_generic_ori or row["ori_status"] == "confirmed" else NOT_CONFIRMED
        try:
            text = self._composer.text(filled, to)
        except TooLong:
            return None
        return Notice(
            audience=send.audience,
            copy=copy,
            state=state,
            ori=ori,
            text=text,
            type=kind,
            within=send.within,
            held_because=held,
            refers_to=follows,
        )

    def withdraw(self, release: Release, told: NotifiedOri, others: tuple[NotifiedOri, ...]) -> Notice | None:
        """The CANCEL of what an ORI was told, in the words of `release` as it then stood; None where it is longer than allowed.

        `others` are those told of it besides. Never raises and never kept back: the ORI has the notice already.
        """
        day = release.stay.day
        send = self._send_to(told.audience, release, day)
        template = send.message if send is not None else self._composer.briefest
        late = (told.at - release.stay.instant).total_seconds() > self.terms.late_after
        codes = sorted({self._nlets(other, day) for other in others if other.state != told.state})
        testing = self._row_of(told, day).get("stage") == "testing"
        to = Addressee(
            ori=told.ori,
            state=self._nlets(told, day),
            copy=told.copy,
            also_sent_to=" ".join(codes) or None,
            testing=testing,
            type="CANCEL",
            refers_to=told.message_id,
        )
        try:
            text = self._composer.text(self._composer.fill(template, release, late=late), to)
        except TooLong:
            return None
        within = None if send is None else send.within
        return Notice(
            audience=told.audience,
            copy=told.copy,
            state=told.state,
            ori=told.ori,
            text=text,
            type="CANCEL",
            within=within,
            held_because=None,
            refers_to=told.message_id,
        )

    def _send_to(self, audience: str, release: Release, day: date) -> Send | None:
        """How routing tells an audience of this release today, if it does."""
        try:
            routed = self.book.routed(day, self._finder.find(release)[0].shared)
        except (EngineDisagreement, KeyError):  # or a state that has left the tables since
            return None
        return next((reply for reply in routed.replies if isinstance(reply, Send) and reply.audience == audience), None)

    def _nlets(self, told: NotifiedOri, day: date) -> str:
        """The Nlets code of a state told: from its row, or as its ORI begins."""
        return self._row_of(told, day).get("nlets", told.ori[:2])

    def _row_of(self, told: NotifiedOri, day: date) -> Mapping[str, str]:
        view = self.book.routing[self.book.regime(day)].view
        fact = view.facts.get(told.audience)
        return view.cells.get((fact.table if fact else None) or "", {}).get(told.state, {})

    def _cells(self, send: Send, day: date) -> Mapping[str, Mapping[str, str]]:
        view = self.book.routing[self.book.regime(day)].view
        return view.cells[view.facts[send.audience].table or ""]

    def _decision(
        self,
        release: Release,
        day: date,
        values: FactValues,
        plan: "_Plan",
        notices: tuple[Notice, ...],
        errands: tuple[Errand, ...],
        warnings: tuple[Caution, ...],
    ) -> Decision:
        return Decision(
            release_id=release.release_id,
            outcome=plan.outcome,
            as_of=day,
            rulebook=self.book.hash,
            rulebook_sha256=self.book.sha256,
            because=plan.because,
            notices=notices,
            errands=errands,
            warnings=warnings,
            beaten=plan.beaten,
            facts=values.evidence(),
            two_people=bool(release.holds) and self._takes_two(release.holds, day),
        )

    def _takes_two(self, holds: tuple[str, ...], day: date) -> bool:
        """Whether the rulebook says of any of these flags that two people lift it: `lift: two_people` in the table of `hold`."""
        table = self.book.content.facts["hold"].table
        rows = self.book.routing[self.book.regime(day)].view.cells.get(table or "", {})
        unknown = self.book.content.facts["hold"].when_unknown or ""
        flags = [hold if hold in rows else unknown for hold in holds]
        return any(rows.get(flag, {}).get("lift") == TWO_PEOPLE for flag in flags)


class _Plan(NamedTuple):
    """What the verdicts come to: the answer's fixed parts, whom to tell in order (with the rules that say so), whom to ask."""

    outcome: Outcome
    because: tuple[Reason, ...]
    beaten: tuple[str, ...] = ()
    sends: tuple[Send, ...] = ()
    senders: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    asks: tuple[tuple[AskPerson, str], ...] = ()
    errands: tuple[Errand, ...] = ()


_UNSURE = _Plan("hold_for_review", ())
"""When durable_rules and the plain evaluator differ: a person decides, nothing is sent."""


def _plan(owed: Verdict, routed: Verdict | None, reasons: Mapping[str, Reason], review_within: int) -> _Plan:
    verdicts = [owed] if routed is None else [owed, routed]
    because = tuple(reasons[rule.id] for verdict in verdicts for rule in verdict.rules)
    beaten = tuple(rule.id for verdict in verdicts for rule in verdict.beaten)
    if routed is None:
        review = owed.outcome == "hold_for_review"
        rules = ", ".join(rule.id for rule in owed.rules)
        errands = (Errand(REVIEW, rules, within=review_within),) if review else ()
        return _Plan(_OUTCOMES[owed.outcome], because, beaten, errands=errands)
    giver = {reply: next(rule.id for rule in routed.rules if rule.reply == reply) for reply in routed.replies}
    sends = sorted((reply for reply in routed.replies if isinstance(reply, Send)), key=lambda send: _ORDER[send.copy])
    asks = tuple((reply, giver[reply]) for reply in routed.replies if isinstance(reply, AskPerson))
    messages = tuple(dict.fromkeys(send.message for send in sends))
    return _Plan(
        outcome="notify",
        because=because,
        beaten=beaten,
        sends=tuple(sends),
        senders=tuple(giver[send] for send in sends),
        messages=messages,
        asks=asks,
    )


_ORDER = {"departing": 0, "only": 1, "receiving": 2}
_COPIES: Mapping[str, Copy] = {"departing": "departing", "receiving": "receiving", "only": "only"}
_OUTCOMES: Mapping[str, Outcome] = {
    "notify": "notify",
    "hold_for_review": "hold_for_review",
    "do_not_notify": "do_not_notify",
}


def _replacement_caution(fields: Iterable[str]) -> Caution:
    names = ", ".join(sorted(set(fields)))
    return Caution("character-replaced", f"characters with no ASCII form were written ? in: {names}")
