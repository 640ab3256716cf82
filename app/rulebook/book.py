"""A rulebook that can be used: its content proved over every case, its engine in agreement with the plain evaluator."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from app.errors import BadRulebook
from app.rulebook.engine.durable import EngineFault
from app.rulebook.engine.joint import total
from app.rulebook.engine.verdicts import LookUp, all_verdicts, compile_table, representatives_needed
from app.rulebook.files.report import as_text
from app.rulebook.files.source import SourceFile, read_folder
from app.rulebook.language.evaluate import Verdict
from app.rulebook.language.model import HOLD
from app.rulebook.language.view import View, view_at
from app.rulebook.problems.problem import Problem, Problems, Spot
from app.rulebook.proving.disclosure import Possible, prove_non_disclosure
from app.rulebook.proving.flags import check_flag_order
from app.rulebook.proving.named_rows import check_rows_named
from app.rulebook.proving.proofs import Uncovered, prove_no_expiry, prove_rules
from app.rulebook.proving.room import check_room
from app.rulebook.proving.telling_words import check_words_told
from app.rulebook.proving.tidiness import check_changes_matter, check_rows_end, check_scenarios, check_sets, check_stages_tried
from app.rulebook.proving.unknown_codes import prove_unknown_codes_ask
from app.rulebook.reading.agreement import check_addresses
from app.rulebook.reading.content import Content, read_content
from app.rulebook.reading.corrections import check_corrections_made

MOST_REPRESENTATIVES = 150_000
"""Kinds of cases at the most. The shipped rulebook has 162; one near the bound takes some ten seconds to prove, and hangs nothing."""

MOST_REGIMES = 500
"""Runs of days on which nothing changes, at the most: each is proved by itself, in some hundredth of a second."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What the proofs found besides faults: what falls to each `otherwise`, what a reader of a notice can tell, how many cases."""

    uncovered: tuple[Uncovered, ...]
    possible: tuple[Possible, ...]
    cases: int
    regimes: int


@dataclass(frozen=True, slots=True)
class RuleBook:
    """A rulebook that can be used: read without errors, its engine in agreement with the plain evaluator on every case."""

    content: Content
    eligibility: tuple[LookUp, ...]
    routing: tuple[LookUp, ...]
    first_days: list[int]
    proved: Proved
    warnings: tuple[Problem, ...]

    @property
    def hash(self) -> str:
        """The label: the first 12 hexadecimal digits of the full hash."""
        return self.content.hash

    @property
    def sha256(self) -> str:
        """The full hash, which identifies this rulebook for ever."""
        return self.content.sha256

    def regime(self, day: date) -> int:
        """The index of the regime a day is in."""
        return view_at(self.first_days, day)

    def routed(self, day: date, values: Mapping[str, str]) -> Verdict:
        """Who is to be told on a day (only asked where a notice is owed). Raises EngineDisagreement."""
        return self.routing[self.regime(day)].verdict(values)


def load(folder: Path) -> RuleBook:
    """The rulebook in `folder` (`rules/` and `ref_data/`). Raises BadRulebook with every error as text when it has any."""
    problems = Problems()
    book = load_with_problems(folder, problems)
    if book is None:
        errors = [problem for problem in problems.sorted() if problem.severity == "error"]
        raise BadRulebook(as_text(errors, read_folder(folder, Problems())))
    return book


def load_with_problems(folder: Path, problems: Problems, today: date | None = None) -> RuleBook | None:
    """The rulebook in `folder`, or None where it has errors; everything found goes into `problems`. `today` as in `read_to_use`."""
    return read_to_use(read_folder(folder, problems), problems, today)


def read_to_use(files: tuple[SourceFile, ...], problems: Problems, today: date | None) -> RuleBook | None:
    """The rulebook in these files, or None where it has errors. With `today`, one that is to go into force: no correction in it is of a
    day to come.
    """
    content = read_content(files, problems)
    if content is None:
        return None
    if today is not None:
        check_corrections_made(content.corrections, today, problems)
    return use(content, problems)


def use(content: Content, problems: Problems) -> RuleBook | None:
    """Proves the rulebook over every case and lets durable_rules agree with the plain evaluator; None where there are errors."""
    if not content.facts_whole:
        return None
    whole = not problems.has_errors
    regimes = content.days_of_change()
    if regimes > MOST_REGIMES:
        message = (
            f"rules and rows change on so many days that there are {regimes:,} regimes; at most {MOST_REGIMES:,} can be proved"
        )
        help = "let changes begin on the same days, and take out rules and changes of days that no release is of any more"
        problems.error("R262", message, Spot(content.eligibility.file), help=help)
        return None
    all_views = content.views()
    needed = representatives_needed(content.intact().decisions(), all_views)
    if needed > MOST_REPRESENTATIVES:
        message = f"the rules tell {needed:,} kinds of cases apart; at most {MOST_REPRESENTATIVES:,} can be proved"
        help = "put values into sets and name the sets in the rules, instead of single values in many rules"
        problems.error("R262", message, Spot(content.eligibility.file), help=help)
        return None
    proved = prove(content.intact(), all_views, problems)
    look_ups = _look_ups(content, all_views, problems) if whole else None
    if look_ups is None or problems.has_errors:
        return None
    firsts = [view.first.toordinal() for view in all_views]
    return RuleBook(
        content=content,
        eligibility=look_ups["eligibility"],
        routing=look_ups["routing"],
        first_days=firsts,
        proved=proved,
        warnings=problems.sorted(),
    )


def tried(content: Content, all_views: tuple[View, ...]) -> RuleBook:
    """A rulebook only to be asked "what if": nothing is proved, the plain evaluator decides, and no service ever uses it."""
    look_ups = {}
    for table in content.decisions():
        program = compile_table(table)
        look_ups[table.name] = tuple(
            LookUp(view=view, program=program, network=None, axes=program.axes(view), verdicts={}) for view in all_views
        )
    firsts = [view.first.toordinal() for view in all_views]
    return RuleBook(
        content=content,
        eligibility=look_ups["eligibility"],
        routing=look_ups["routing"],
        first_days=firsts,
        proved=Proved((), (), 0, len(all_views)),
        warnings=(),
    )


def prove(content: Content, all_views: tuple[View, ...], problems: Problems) -> "Proved":
    """Everything `lens check` proves or notes but the agreement of the engine; faults go into `problems`."""
    decisions = content.decisions()
    check_addresses(routing=content.routing, facts=content.facts, tables=content.tables, views=all_views, problems=problems)
    scenario_files = {name for name, _ in content.scenario_nodes}
    suite_whole = not problems.told_in(scenario_files, problems.codes | {"R331"})
    check_sets(
        tables=content.tables,
        decisions=decisions,
        suite=content.suite,
        views=all_views,
        problems=problems,
        unused=content.whole and suite_whole,
    )
    check_rows_end(content.tables, problems)
    check_changes_matter(content.tables, problems)
    check_room(content.messages, problems)
    check_words_told(content.messages, content.facts, content.tables, problems)
    if (flags := content.facts[HOLD].table) is not None:
        check_flag_order(content.eligibility, content.tables[flags], all_views, problems)
    uncovered = prove_rules(*decisions, content.suite, all_views, problems)
    possible: tuple[Possible, ...] = ()
    if content.whole and suite_whole:
        check_stages_tried(content.tables, content.facts, content.suite, problems)
        check_scenarios(decisions, content.suite, {found.rule for found in uncovered if not found.cases}, problems)
    if content.whole:
        if problems.codes.isdisjoint({"R201", "R250"}):  # these tell such cases already, with the rules that are at fault
            prove_unknown_codes_ask(content.eligibility, content.facts, all_views, problems)
        check_rows_named(content.tables, decisions, all_views, problems)
        prove_no_expiry(*decisions, all_views, problems)
        possible = prove_non_disclosure(*decisions, content.messages, all_views, problems)
    return Proved(uncovered, possible, sum(total(view) for view in all_views), len(all_views))


def _look_ups(content: Content, all_views: tuple[View, ...], problems: Problems) -> dict[str, tuple[LookUp, ...]] | None:
    try:
        look_ups, differences = all_verdicts(content.decisions(), all_views)
    except EngineFault as fault:
        help = "the rules are more than the engine can hold; tell the developers"
        message = f"the rules engine cannot run these rules: {fault}"
        problems.error("R261", message, Spot(content.eligibility.file), help=help)
        return None
    for difference in differences:
        message = f"the rules engine does not answer what the rules of {difference.table.name} say"
        spot, example = Spot(difference.table.file), dict(difference.values)
        problems.error("R260", message, spot, help="tell the developers", example=example)
    return look_ups
