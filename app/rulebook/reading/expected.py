"""Reads what scenarios and promises expect of an answer, and tells the words that no answer of the rulebook can have."""

import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as AbstractMapping
from typing import NamedTuple

from app.domain.identifiers import NLETS_CODES, ori_problem
from app.rulebook.files.source import Node, Scalar
from app.rulebook.language import grammar
from app.rulebook.language.model import AskPerson, DecisionTable, Fact, Send, Table, Template
from app.rulebook.language.scenarios import Expectation, PromisedAnswer
from app.rulebook.problems.problem import did_you_mean, one_of
from app.rulebook.reading.rules import COPIES, OUTCOMES
from app.rulebook.reading.shapes import Shapes

DISTINCT = "distinct"
"""What `sends_to` may be in place of ORIs."""


class Answers(NamedTuple):
    """The words that the answers of a rulebook can have; None where not all are known, so that any other may be one of those.

    `oris` are those of all states, on any day; `references` are how a rule writes them (`{release_state.ori}`).
    """

    rules: Collection[str] | None
    audiences: Collection[str] | None
    messages: Collection[str] | None
    codes: Collection[str] | None
    oris: Collection[str] | None
    references: Collection[str] | None
    lines: AbstractMapping[str, re.Pattern[str]] | None = None
    """The lines of all messages, in capitals, with the form that each has when its fields are filled."""


def forms_of(templates: Iterable[Template]) -> dict[str, re.Pattern[str]]:
    """The lines that messages can have: any text may stand for a field."""
    found = {}
    for line in (line for template in templates for line in template.lines):
        forms = [re.escape(part.upper()) if isinstance(part, str) else ".*" for part in line.parts]
        shown = "".join(part.upper() if isinstance(part, str) else f"{{{part[0]}}}" for part in line.parts)
        found[shown] = re.compile("".join(forms))
    return found


def answers_of(
    rules: Collection[str] | None,
    routing: DecisionTable,
    messages: Collection[str],
    facts: AbstractMapping[str, Fact],
    tables: AbstractMapping[str, Table],
    *,
    whole: bool,
) -> Answers:
    """The words of the answers; `whole` where no rule and no cell had to be left out."""
    if not whole:
        return Answers(rules=rules, audiences=None, messages=messages or None, codes=None, oris=None, references=None)
    told = {name: tables[fact.table] for name, fact in facts.items() if fact.table and "ori" in tables[fact.table].columns}
    replies = [rule.reply for rule in routing.all_rules()]
    columns = {(reply.audience, reply.ori_column) for reply in replies if isinstance(reply, Send)}
    oris = dict.fromkeys(
        ori for audience, column in sorted(columns) for ori in _texts(tables[facts[audience].table or ""], column)
    )
    faulty = any(ori_problem(ori, [ori[:2]]) for ori in oris)  # its row is told; what stood there before is what is expected
    codes = dict.fromkeys(reply.code for reply in replies if isinstance(reply, AskPerson))
    references = [f"{{{audience}.{column}}}" for audience, column in sorted(columns)]
    return Answers(
        rules=rules,
        audiences=tuple(told),
        messages=messages or None,
        codes=tuple(codes),
        oris=None if faulty else tuple(oris),
        references=references,
    )


def _texts(table: Table, column: str) -> Iterator[str]:
    """What a column has in any row on any day."""
    for cells in [*(row.cells for row in table.rows.values()), *(change.cells for change in table.changes)]:
        if text := cells.get(column):
            yield text


class ExpectedReader:
    """Reads `expect` of scenarios, and `some_of` of promises."""

    def __init__(self, answers: Answers, shapes: Shapes) -> None:
        self._answers = answers
        self._shapes = shapes
        self._problems = shapes.problems

    def expectation(self, *nodes: Node | None) -> Expectation:
        """What several `expect` mappings together ask; a later one wins for the keys it names."""
        merged: dict[str, Node] = {}
        for node in nodes:
            keys = self._shapes.keys(node, "`expect`", *grammar.EXPECT) if node is not None else None
            merged |= keys.values if keys else {}
        sends, items, outcome = merged.get("sends"), merged.get("work_items"), merged.get("outcome")
        return Expectation(
            outcome=self._shapes.choice(outcome, "`outcome`", OUTCOMES) if outcome is not None else None,
            because=self._rules(merged.get("because"), "`because`"),
            beaten=self._rules(merged.get("beaten"), "`beaten`"),
            sends=self._read_list(sends, "send", "`sends`") if sends is not None else None,
            sends_to=self._addresses(merged.get("sends_to")),
            work_items=self._read_list(items, "work_item", "`work_items`") if items is not None else None,
            text=self._plain(merged.get("text"), "`text`"),
            no_text=self._unwanted(merged.get("no_text")),
        )

    def some_of(self, node: Node | None) -> tuple[PromisedAnswer, ...]:
        """The sends and work items of which a promise wants at least one. Their ORIs are written as in a rule."""
        wanted = []
        for entry in self._shapes.items(node, "`some_of`"):
            keys = self._shapes.keys(entry, "an entry of `some_of`", *grammar.SOME_OF)
            for kind, value in keys.values.items() if keys else ():
                if kind in grammar.SOME_OF.all_keys():
                    found = self._entry(value, kind, f"`{kind}`", self._answers.references)
                    wanted += [PromisedAnswer(kind, found)] if found is not None else []
        return tuple(wanted)

    def _plain(self, node: Node | None, what: str) -> tuple[str, ...] | None:
        words = self._shapes.words(node, what) if node is not None else ()
        for word in words:
            self._shapes.check_uncut(word, f"a line of {what}")
        if node is not None and not [word for word in words if word.text]:
            help = "write the lines that the message must have, or leave the key out"
            self._problems.error("R103", f"{what} names no line", node.spot, help=help)
        return None if node is None else tuple(word.text for word in words)

    def _unwanted(self, node: Node | None) -> tuple[str, ...] | None:
        """Lines that no notice may have. One that none could have would be kept whatever a message says."""
        templates = self._answers.lines
        if node is None or templates is None:
            return self._plain(node, "`no_text`")
        for word in self._shapes.words(node, "`no_text`"):
            if (
                word.text
                and not word.text.startswith(" ")
                and not any(form.fullmatch(word.text) for form in templates.values())
            ):
                message = f"no line of any message is `{word.text}`, so this holds whatever a notice says"
                help = (
                    "write the whole line, as it is in the message, in capitals; if it was reworded there, reword it here too"
                )
                label = did_you_mean(word.text, templates)
                self._problems.error("R332", message, word.spot, help=help, label=label)
        return self._plain(node, "`no_text`")

    def _rules(self, node: Node | None, what: str) -> tuple[str, ...] | None:
        if node is None:
            return None
        ids = self._answers.rules
        words = self._shapes.words(node, what)
        return tuple(w.text for w in words if ids is None or self._shapes.known(w, "R113", "there is no rule {}", sorted(ids)))

    def _addresses(self, node: Node | None) -> tuple[str, ...] | None:
        words = self._shapes.words(node, "`sends_to`") if node is not None else ()
        for word in words:
            if len(words) > 1 or word.text != DISTINCT:
                self._tell_address(word, self._answers.oris)
        return None if node is None else tuple(word.text for word in words)

    def _read_list(self, node: Node, kind: str, what: str) -> tuple[dict[str, str], ...]:
        items = self._shapes.items(node, what)
        return tuple(self._entry(item, kind, f"an entry of {what}", self._answers.oris) or {} for item in items)

    def _entry(self, node: Node, kind: str, what: str, oris: Collection[str] | None) -> dict[str, str] | None:
        """The words of one send or work item, each of which must be one that an answer can have."""
        form = grammar.EXPECTED_SEND if kind == "send" else grammar.EXPECTED_WORK_ITEM
        keys = self._shapes.keys(node, what, [], form.all_keys())
        if keys is None:
            return None
        found = {}
        fixed = {"to": self._answers.audiences, "copy": COPIES, "message": self._answers.messages}
        for key, value in keys.values.items():
            word = self._shapes.scalar(value, f"`{key}`")
            if word is None:
                continue
            found[key] = word.text
            if key in form.all_keys() and fixed.get(key):
                self._shapes.choice(word, f"`{key}` of {what}", fixed[key] or ())
            elif key == "ori":
                self._tell_address(word, oris)
            elif key == "code":
                self._tell_never(word, "no rule asks a person with the code", self._answers.codes)
        return found

    def _tell_address(self, word: Scalar, oris: Collection[str] | None) -> None:
        """An ORI that no state has. Only those of the same state are offered: the nearest in letters may be another's."""
        if oris is None or word.text in oris:
            return
        begins = word.text[:2].upper()
        own = [ori for ori in oris if ori[:2].upper() in {begins, NLETS_CODES.get(begins)}]
        message = f"no message goes to the ORI `{word.text}`, so it can never come out"
        label = did_you_mean(word.text, own)
        self._problems.warning("R331", message, word.spot, help=one_of(own or oris), label=label)

    def _tell_never(self, word: Scalar, what: str, allowed: Collection[str] | None) -> None:
        """A warning, as rules and rows may change before their scenarios do; `lens test` fails until both agree."""
        if allowed is None or word.text in allowed:
            return
        message = f"{what} `{word.text}`, so it can never come out"
        self._problems.warning("R331", message, word.spot, help=one_of(allowed), label=did_you_mean(word.text, allowed))
