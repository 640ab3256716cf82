"""Runs scenarios: decides each case with the rulebook and compares what came out with what was expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.decision import Decision
from app.domain.release import Conviction, Name, Release, Residence, Stay, Subject
from app.rulebook.book import RuleBook
from app.rulebook.evaluate import Verdict, strongest
from app.rulebook.model import AskPerson, Send
from app.rulebook.scenarios import Case, Expectation, Scenario
from app.rulebook.view import View


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """What a rulebook answers for one case, in the words of a scenario's `expect`."""

    outcome: str
    because: tuple[str, ...]
    beaten: tuple[str, ...]
    sends: tuple[dict[str, str], ...]
    work_items: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A scenario run. `faults` says what was not as expected, a line each; none when all was."""

    scenario: Scenario
    answer: CaseAnswer
    faults: tuple[str, ...]


def run_all(book: RuleBook) -> list[Result]:
    """Runs every scenario of a rulebook, in the order of the files."""
    return [run(book, scenario) for scenario in book.content.suite.scenarios]


def run(book: RuleBook, scenario: Scenario) -> Result:
    """Runs one scenario."""
    answer = answer_case(book, scenario.case)
    faults = list(_differences(answer, scenario.expect))
    if scenario.expect.text is not None:
        faults += _text_faults(book, scenario)
    return Result(scenario, answer, tuple(faults))


def answer_case(book: RuleBook, case: Case) -> CaseAnswer:
    """What the rulebook answers for a case of a scenario. Raises EngineDisagreement."""
    place = book.regime(case.day)
    eligibility = book.eligibility[place]
    owed = strongest(eligibility.program.table, eligibility.verdicts_of(case.values, case.convictions))
    if owed.outcome != "notify":
        return _answer(owed, None, eligibility.view, case)
    return _answer(owed, book.routing[place].verdict(case.values), eligibility.view, case)


def _answer(owed: Verdict, routed: Verdict | None, view: View, case: Case) -> CaseAnswer:
    sends, items = [], []
    for reply in routed.replies if routed else ():
        if isinstance(reply, Send):
            cells = view.cells[view.facts[reply.audience].table or ""][case.values[reply.audience]]
            ori = cells[reply.ori_column]
            sends.append({"to": reply.audience, "copy": reply.copy, "ori": ori, "message": reply.message})
        elif isinstance(reply, AskPerson):
            items.append({"to": reply.audience, "code": reply.code})
    sends.sort(key=lambda send: ("departing", "only", "receiving").index(send["copy"]))
    verdicts = [owed, routed] if routed else [owed]
    because = tuple(rule.id for verdict in verdicts for rule in verdict.rules)
    beaten = tuple(rule.id for verdict in verdicts for rule in verdict.beaten)
    return CaseAnswer(owed.outcome, because, beaten, tuple(sends), tuple(items))


def _differences(answer: CaseAnswer, expect: Expectation) -> Iterator[str]:
    if expect.outcome is not None and expect.outcome != answer.outcome:
        yield f"outcome: expected {expect.outcome}, found {answer.outcome}"
    for name in ("because", "beaten"):
        wanted, found = getattr(expect, name), getattr(answer, name)
        if wanted is not None and tuple(wanted) != found:
            yield f"{name}: expected {_list(wanted)}, found {_list(found)}"
    if expect.sends is not None:
        yield from _entry_differences("sends", expect.sends, answer.sends)
    if expect.work_items is not None:
        yield from _entry_differences("work_items", expect.work_items, answer.work_items)
    if expect.sends_to is not None:
        found_to = tuple(send["ori"] for send in answer.sends)
        if expect.sends_to == ("distinct",):
            if len(set(found_to)) < len(found_to):
                yield f"sends_to: expected no address twice, found {_list(found_to)}"
        elif expect.sends_to != found_to:
            yield f"sends_to: expected {_list(expect.sends_to)}, found {_list(found_to)}"


def _entry_differences(name: str, wanted: tuple[dict[str, str], ...], found: tuple[dict[str, str], ...]) -> Iterator[str]:
    """Entries are compared in order, each by the keys that the scenario names."""
    if len(wanted) != len(found):
        yield f"{name}: expected {len(wanted)}, found {len(found)}: {_list(_entry(entry) for entry in found)}"
        return
    for want, got in zip(wanted, found, strict=True):
        wrong = {key: got.get(key, "nothing") for key, value in want.items() if got.get(key) != value}
        if wrong:
            yield f"{name}: expected {_entry(want)}, found {_entry(got)}"


def _entry(entry: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in entry.items()) + "}"


def _list(words: object) -> str:
    return "[" + ", ".join(map(str, words if isinstance(words, tuple | list) else list(words))) + "]"  # type: ignore[call-overload]


def _text_faults(book: RuleBook, scenario: Scenario) -> Iterator[str]:
    """Lines that no message of this case has. The subject is an invented one, the notice is accepted on the day itself."""
    release = invented_release(scenario.case)
    decision: Decision = Decider(book, Terms()).decide(release, release.stay.instant)
    lines = {line for notice in decision.notices for line in notice.numbered("LN--------").splitlines()}
    for wanted in scenario.expect.text or ():
        if wanted not in lines:
            yield f"text: no message has the line {wanted!r}"


def invented_release(case: Case) -> Release:
    """A release with the facts of a case and a plainly invented subject; facts that no release can state are left out."""
    values = case.values
    moment = datetime(case.day.year, case.day.month, case.day.day, 12, tzinfo=UTC)
    convictions = tuple(
        Conviction("9999" if code == "unknown" else code, status) for code, status in case.convictions if code != "none"
    )
    stated = None if values["residence_state"] == "ZZ" else values["residence_state"]
    hold = values["hold"]
    return Release(
        release_id="SCENARIO",
        stay=Stay(values["stay_ended"] == "yes", moment.isoformat(), values["release_reason"], values["release_state"]),
        subject=Subject(Name("Sample", "Pat", "Q"), date_of_birth="1980-01-02", sex="U", fbi_number="12345678A"),
        convictions=convictions,
        residence=Residence(stated, "100 Example St Apt 2", "Sampletown", "00000") if stated else None,
        holds=() if hold == "none" else (hold,),
    )
