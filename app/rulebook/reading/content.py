"""What the files of a rulebook say, every name resolved: read whole, under one content hash, before anything is proved."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from app.rulebook.files.source import Allowance, Node, Scalar, SourceFile, read_yaml
from app.rulebook.language.grammar import KINDS
from app.rulebook.language.model import CodeTables, Correction, DecisionTable, Fact, Messages, Rule, Table, day_after
from app.rulebook.language.scenarios import Suite
from app.rulebook.language.view import View, first_days, views
from app.rulebook.problems.problem import Problems, Spot
from app.rulebook.reading.agreement import check_changes, check_names
from app.rulebook.reading.conditions import ConditionReader
from app.rulebook.reading.corrections import read_corrections
from app.rulebook.reading.expected import ExpectedReader, answers_of, forms_of
from app.rulebook.reading.facts import FACTS, read_code_tables, read_facts
from app.rulebook.reading.messages import read_messages
from app.rulebook.reading.must_say import check_must_say
from app.rulebook.reading.rules import RulesReader
from app.rulebook.reading.scenarios import ScenarioReader
from app.rulebook.reading.shapes import Shapes
from app.rulebook.reading.stray_files import check_csv_files, check_tables_used
from app.rulebook.reading.tables import read_table

HASH_LENGTH = 12
"""Hexadecimal digits of the full hash that people write: a label, not an identity."""


CELL_FAULTS = frozenset({"R117", "R127", "R119", "R120", "R122"})
"""Faults of single cells of reference tables; the rules can be proved in spite of them."""


@dataclass(frozen=True, slots=True)
class Content:
    """What the files say, before anything is proved.

    `facts_whole`: the facts and the sets they name could be read, so something can be proved. `damaged`: ids of rules that could
    not be read fully; proofs leave them out. `sets_whole`: every cell fits its column, so that sets name what they are meant to.
    """

    sha256: str
    files: tuple[SourceFile, ...]
    facts: Mapping[str, Fact]
    tables: Mapping[str, Table]
    eligibility: DecisionTable
    routing: DecisionTable
    messages: Messages
    codes: CodeTables
    suite: Suite
    scenario_nodes: tuple[tuple[str, Node], ...]
    facts_whole: bool
    damaged: frozenset[str]
    sets_whole: bool
    corrections: tuple[Correction, ...] = ()

    @property
    def hash(self) -> str:
        """The label of this rulebook, as people write it."""
        return label(self.sha256)

    @property
    def whole(self) -> bool:
        """Whether nothing that rules and sets say had to be left out, so that what is missing is really missing."""
        return self.sets_whole and not self.damaged

    def decisions(self) -> tuple[DecisionTable, DecisionTable]:
        """Both decisions, in the order they are taken."""
        return self.eligibility, self.routing

    def intact(self) -> "Content":
        """Only what can be relied on in a proof: without damaged rules, and then without the promises they might keep."""
        if self.whole:
            return self
        eligibility, routing = (
            replace(table, rules=tuple(rule for rule in table.rules if rule.id not in self.damaged))
            for table in self.decisions()
        )
        return replace(self, eligibility=eligibility, routing=routing, suite=Suite(self.suite.scenarios))

    def rules(self) -> dict[str, Rule]:
        """All rules by id, both `otherwise` included."""
        return {rule.id: rule for table in self.decisions() for rule in table.all_rules()}

    def days_of_change(self) -> int:
        """How many days there are on which a rule or a row begins or ends, and so how many regimes at the most: none is made."""
        return len(first_days(self.tables, self._edges()))

    def _edges(self) -> set[date]:
        periods = [rule.period for rule in self.rules().values()]
        edges = {period.first for period in periods}
        return edges | {after for period in periods if (after := day_after(period.last)) is not None}

    def views(self) -> tuple[View, ...]:
        """The regimes: each a maximal run of days on which no rule, row or set changes."""
        periods = [rule.period for rule in self.rules().values()]
        found: list[View] = []
        for view in views(self.facts, self.tables, self._edges()):
            if (
                found
                and found[-1].cells == view.cells
                and all(p.covers(found[-1].first) == p.covers(view.first) for p in periods)
            ):
                found[-1] = replace(found[-1], last=view.last)
            else:
                found.append(view)
        return tuple(found)


def content_hash(files: Sequence[SourceFile]) -> str:
    """The first 12 hexadecimal digits of the full hash: a rulebook's label."""
    return label(full_hash(files))


def label(sha256: str) -> str:
    """The label of the rulebook with this full hash."""
    return sha256[:HASH_LENGTH]


def full_hash(files: Sequence[SourceFile]) -> str:
    """SHA-256 over names, lengths and bytes of all files, in order of name, in 64 hexadecimal digits.

    This is what a rulebook is identified by; its label is only the beginning.
    """
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        digest.update(f"{file.name}\0{len(file.content)}\0".encode())
        digest.update(file.content)
    return digest.hexdigest()


def read_content(files: tuple[SourceFile, ...], problems: Problems) -> Content | None:
    """What the files say, every name resolved; None where a part is missing. With errors told it is for proofs only."""
    shapes = Shapes(problems)
    by_kind, unread = _by_kind(files, shapes)
    unread = unread or "R001" in problems.codes
    by_name = {file.name: file for file in files}
    tables = _tables(by_kind["ref_data/v1"], by_name, shapes)
    check_changes(tables.values(), problems)
    if not unread:
        check_csv_files(files, by_kind["ref_data/v1"], problems)
    codes = read_code_tables(by_name, problems)
    facts_file = _only("facts/v1", by_kind, problems, unread=unread)
    facts = read_facts(facts_file[1], tables, shapes, unread=unread) if facts_file else {}
    if not unread:
        check_tables_used(tables, facts, problems)
    told = problems.codes
    facts_whole = len(facts) == len(FACTS) and told <= CELL_FAULTS | {"R129"}
    messages_file = _only("messages/v1", by_kind, problems, unread=unread)
    messages = read_messages(*messages_file, facts, shapes) if messages_file else None
    if messages is not None and not problems.told_in([messages.file], problems.codes):
        check_must_say(messages, problems)  # a line that could not be read may be the one that seems to be missing
    reader = RulesReader(facts, tables, tuple(messages.templates) if messages else (), shapes)
    decisions = _decisions(by_kind["rules/v1"], reader, problems, unread=unread)
    damaged = frozenset(rule.id for decision in decisions.values() for rule in decision.all_rules() if not rule.intact)
    damaged |= check_names(tuple(decisions.values()), problems)
    if messages is None or len(decisions) < 2:
        return None
    corrections_file = _at_most_one("corrections/v1", by_kind, problems)
    corrections = read_corrections(corrections_file[1], shapes) if corrections_file else ()
    content = Content(
        sha256=full_hash(files),
        files=files,
        facts=facts,
        tables=tables,
        eligibility=decisions["eligibility"],
        routing=decisions["routing"],
        messages=messages,
        codes=codes,
        suite=Suite(),
        scenario_nodes=tuple(by_kind["scenarios/v1"]),
        facts_whole=facts_whole,
        damaged=damaged,
        sets_whole="R117" not in told,
        corrections=corrections,
    )
    return replace(content, suite=read_suite(content, problems))


def _tables(files: Sequence[tuple[str, Node]], by_name: Mapping[str, SourceFile], shapes: Shapes) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for name, node in files:
        table = read_table(name, node, by_name, shapes)
        if table is not None and table.name in tables:
            shapes.problems.error("R114", f"there are two tables `{table.name}`", table.spot, also=(tables[table.name].spot,))
        elif table is not None:
            tables[table.name] = table
    return tables


def _decisions(
    files: Sequence[tuple[str, Node]], reader: RulesReader, problems: Problems, *, unread: bool
) -> dict[str, DecisionTable]:
    decisions: dict[str, DecisionTable] = {}
    for name, node in files:
        decision = reader.decision(name, node)
        if decision is None:
            unread = True
        elif decision.name in decisions:
            also = (Spot(decisions[decision.name].file),)
            problems.error("R114", f"a second file decides {decision.name}", Spot(name), also=also)
        else:
            decisions[decision.name] = decision
    for missing in sorted({"eligibility", "routing"} - set(decisions)) if not unread else ():
        problems.error("R102", f"no rules file decides {missing}", Spot("rules/"), help=f"add one with `decision: {missing}`")
    return decisions


def read_suite(content: Content, problems: Problems) -> Suite:
    """The scenarios and promises of the rulebook's scenario files, in the light of its tables and rules as they are here."""
    shapes = Shapes(problems)
    conditions = ConditionReader(content.facts, content.tables, shapes)
    whole = content.whole and content.facts_whole and all(table.whole for table in content.tables.values())
    whole = whole and CELL_FAULTS.isdisjoint(problems.codes)
    answers = answers_of(
        rules=_known_ids(content),
        routing=content.routing,
        messages=tuple(content.messages.templates),
        facts=content.facts,
        tables=content.tables,
        whole=whole,
    )
    messages_whole = not problems.told_in([content.messages.file])
    lines = forms_of(content.messages.templates.values()) if messages_whole else None
    reader = ScenarioReader(
        facts=content.facts,
        tables=content.tables,
        expected=ExpectedReader(answers._replace(lines=lines), shapes),
        conditions=conditions,
        shapes=shapes,
    )
    suites = [reader.suite(name, node) for name, node in content.scenario_nodes]
    return Suite(
        tuple(scenario for suite in suites for scenario in suite.scenarios),
        tuple(promise for suite in suites for promise in suite.promises),
        suites[0].given if suites else {},
    )


def _known_ids(content: Content) -> frozenset[str] | None:
    """The ids of all rules; None where one could not be read, so that any unknown id may be that one."""
    ids = frozenset(content.rules())
    return ids if "" not in ids else None


def _by_kind(files: Sequence[SourceFile], shapes: Shapes) -> tuple[dict[str, list[tuple[str, Node]]], bool]:
    """The YAML files by their kind, and whether there are others: any file that seems missing may be one of those."""
    found: dict[str, list[tuple[str, Node]]] = {kind: [] for kind in KINDS}
    unread = False
    allowance = Allowance()
    for file in files:
        if file.name.endswith(".csv"):
            continue
        node = read_yaml(file, shapes.problems, allowance)
        mapping = shapes.mapping(node, "a rulebook file") if node is not None else None
        if mapping is None:
            unread = True
            continue
        kind = next((value for key, value in mapping.items if key.text == "kind"), None)
        if kind is None:
            help = f"begin with `kind: …`; one of {', '.join(KINDS)}"
            shapes.problems.error("R102", "the file does not say what `kind` it is", Spot(file.name), help=help)
        elif (word := shapes.choice(kind, "`kind`", KINDS)) is not None and isinstance(kind, Scalar):
            found[word].append((file.name, mapping))
            continue
        unread = True
    return found, unread


def _only(
    kind: str, by_kind: Mapping[str, Sequence[tuple[str, Node]]], problems: Problems, *, unread: bool
) -> tuple[str, Node] | None:
    if not by_kind[kind] and not unread:
        help = "take it from the default rulebook"
        problems.error("R001", f"the rulebook has no file of kind {kind}", Spot("rules/"), help=help)
    return _at_most_one(kind, by_kind, problems)


def _at_most_one(kind: str, by_kind: Mapping[str, Sequence[tuple[str, Node]]], problems: Problems) -> tuple[str, Node] | None:
    files = by_kind[kind]
    if not files:
        return None
    for name, _ in files[1:]:
        problems.error("R114", f"a second file of kind {kind}", Spot(name), help="join the two", also=(Spot(files[0][0]),))
    return files[0]
