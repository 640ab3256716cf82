"""Reads the rules files (`kind: rules/v1`) into decision tables."""

import re
from collections.abc import Mapping as AbstractMapping
from typing import Literal

from app.rulebook.files.source import Node, Scalar
from app.rulebook.language import grammar
from app.rulebook.language.model import (
    HOLD,
    AskPerson,
    Comparison,
    Condition,
    DecisionTable,
    Fact,
    Nothing,
    Outcome,
    Period,
    Reply,
    Rule,
    Send,
    Table,
    closure,
)
from app.rulebook.problems.problem import Spot
from app.rulebook.reading.conditions import ConditionReader
from app.rulebook.reading.facts import FACTS
from app.rulebook.reading.shapes import Keys, Shapes

OUTCOMES = {
    "notify": "A notice is owed; routing says who is told",
    "hold_for_review": "A person decides; nothing is sent until then",
    "do_not_notify": "No notice is owed",
}
"""What the service knows to do with an outcome; a rulebook chooses their order of strength."""
COPIES = {
    "departing": "For the state in which the person was released",
    "receiving": "For the state in which the person will live",
    "only": "For a state that is both",
}
"""What a notice says of itself."""
DECIDED = {"to": "audience", "copy": "copy", "ori": "ori", "message": "message", "within": "duration", "code": "code"}
"""What `decides` of routing calls the value of each key of an answer."""
_DECIDED_BEFORE = "who is told, and where, never depends on a charge or a flag; decide that in eligibility"
_RULE_ID = re.compile(grammar.RULE_ID)
_CODE = re.compile(grammar.WORK_ITEM_CODE)
_REFERENCE = re.compile(grammar.CELL_REFERENCE)


class RulesReader:
    """Reads one rules file, with the facts, tables and messages its words may name."""

    def __init__(
        self, facts: AbstractMapping[str, Fact], tables: AbstractMapping[str, Table], messages: tuple[str, ...], shapes: Shapes
    ) -> None:
        self._facts = facts
        self._tables = tables
        self._messages = messages
        self._conditions = ConditionReader(facts, tables, shapes)
        self._shapes = shapes
        self._problems = shapes.problems
        self._reads_whole = True
        self._doubtful = False
        """Whether the rule being read may read a fact that `reads` failed to name, so that nothing can be proved of it."""

    def decision(self, file: str, node: Node | None) -> DecisionTable | None:
        """The decision this file makes, or None when it is not said which."""
        top = self._shapes.keys(node, "a rules file", *grammar.RULES_FILE)
        name = self._shapes.choice(top.get("decision"), "`decision`", ("eligibility", "routing")) if top else None
        if top is None or name is None:
            return None
        if top.get("as_of") is not None:
            self._shapes.choice(top.get("as_of"), "`as_of`", ("release_date",))
        errors = self._problems.errors
        reads = self._reads(top.get("reads"), name)
        self._reads_whole = self._problems.errors == errors
        outcomes: tuple[str, ...] = ()
        if name == "eligibility":
            outcomes = self._eligibility_shape(top)
        else:
            self._routing_shape(top)
        rules = []
        for entry in self._shapes.items(top.get("rules"), "`rules`"):
            rule = self._rule(entry, name, reads, outcomes)
            if rule is not None:
                rules.append(rule)
        otherwise = self._otherwise(top.get("otherwise"), name, reads, outcomes)
        kind: Literal["eligibility", "routing"] = "eligibility" if name == "eligibility" else "routing"
        return DecisionTable(
            name=kind,
            file=file,
            reads=reads,
            rules=tuple(rules),
            otherwise=otherwise,
            beaten_by=closure(tuple(rules)),
            outcomes=outcomes,
        )

    def _reads(self, node: Node | None, decision: str) -> tuple[str, ...]:
        words = self._shapes.words(node, "`reads`")
        reads: dict[str, None] = {}
        for word in words:
            if not self._conditions.is_fact(word):
                continue
            fact = self._facts[word.text]
            if decision == "routing" and (fact.per_conviction or fact.sensitive):
                self._problems.error("R121", f"routing may not read `{word.text}`", word.spot, help=_DECIDED_BEFORE)
            else:
                reads[word.text] = None
        return tuple(reads)

    def _eligibility_shape(self, top: Keys) -> tuple[str, ...]:
        self._shapes.choice(top.get("pick"), "`pick` of eligibility", ("one",))
        if top.get("each") is None:
            self._problems.error("R102", "eligibility lacks `each`", top.spot, help="add `each: conviction`")
        else:
            self._shapes.choice(top.get("each"), "`each`", ("conviction",))
        if top.get("only_if") is not None:
            self._problems.error(
                "R101", "eligibility has no key `only_if`", top.spots["only_if"], help="it is decided for every release"
            )
        decides = self._shapes.keys(top.get("decides"), "`decides` of eligibility", *grammar.DECIDES_OUTCOME)
        shape = (
            self._shapes.keys(decides.get("outcome"), "`outcome`", *grammar.OUTCOME_LIST)
            if decides and decides.get("outcome")
            else None
        )
        words = self._shapes.words(shape.get("one_of"), "`one_of`") if shape and shape.get("one_of") else ()
        known = tuple(word.text for word in words if self._shapes.known(word, "R104", "there is no outcome {}", OUTCOMES))
        return tuple(dict.fromkeys(known))

    def _routing_shape(self, top: Keys) -> None:
        self._shapes.choice(top.get("pick"), "`pick` of routing", ("one per audience",))
        if top.get("only_if") is None:
            self._problems.error(
                "R102", "routing lacks `only_if`", top.spot, help="add `only_if: {eligibility.outcome: notify}`"
            )
        condition = self._shapes.keys(top.get("only_if"), "`only_if`", *grammar.ONLY_IF)
        if condition is not None:
            self._shapes.choice(condition.get("eligibility.outcome"), "`eligibility.outcome`", ("notify",))
        decides = self._shapes.keys(top.get("decides"), "`decides` of routing", *grammar.DECIDES_ROUTE)
        for name, expected in (("send", grammar.SEND), ("work_item", grammar.WORK_ITEM)):
            entry = decides.get(name) if decides else None
            shape = self._shapes.keys(entry, f"`{name}` of `decides`", expected.all_keys()) if entry else None
            for key, value in shape.values.items() if shape else ():
                if key in DECIDED:
                    self._shapes.choice(value, f"`{key}` of `{name}`", (DECIDED[key],))

    def _rule(self, node: Node, decision: str, reads: tuple[str, ...], outcomes: tuple[str, ...]) -> Rule | None:
        errors = self._problems.errors
        self._doubtful = False
        keys = self._shapes.keys(node, "a rule", *grammar.RULE.without_demand("authority"))
        if keys is None or keys.get("id") is None:
            return None
        id, spot = self._id(keys)
        period = Period()
        if keys.get("effective") is not None:
            dates = self._shapes.keys(keys.get("effective"), f"`effective` of {id}", *grammar.EFFECTIVE)
            period = self._shapes.period(dates, id)
        overrides = self._shapes.words(keys.get("overrides"), f"`overrides` of {id}") if keys.get("overrides") else ()
        spots = {f"overrides {word.text}": word.spot for word in overrides}
        spots |= {name: value.spot for name, value in keys.values.items()}
        title = self._shapes.text(keys.get("title"), f"`title` of {id}") if keys.get("title") else ""
        always = "its conditions stand below it, indented; `{}` is for a rule that always holds"
        when = self._when(self._shapes.said(keys.get("when"), f"`when` of {id}", always), id, decision, reads)
        reply = self._reply(node=keys.get("then"), id=id, decision=decision, reads=reads, outcomes=outcomes)
        intact = self._problems.errors == errors and not self._doubtful
        return Rule(
            id=id,
            title=title,
            period=period,
            authority=self._shapes.authority(keys, id or "a rule", spot),
            overrides=tuple(word.text for word in overrides),
            when=when,
            reply=reply,
            spot=spot,
            spots=spots,
            intact=intact,
        )

    def _otherwise(self, node: Node | None, decision: str, reads: tuple[str, ...], outcomes: tuple[str, ...]) -> Rule:
        errors = self._problems.errors
        keys = self._shapes.keys(node, "`otherwise`", *grammar.OTHERWISE.without_demand("authority"))
        if keys is None or keys.get("id") is None:
            return Rule(
                id="",
                title="",
                period=Period(),
                authority=(),
                overrides=(),
                when=(),
                reply=Nothing(),
                spot=node.spot if node else Spot("rules/"),
                intact=False,
            )
        id, spot = self._id(keys)
        title = self._shapes.text(keys.get("title"), f"`title` of {id}") if keys.get("title") else ""
        reply = self._reply(node=keys.get("then"), id=id, decision=decision, reads=reads, outcomes=outcomes)
        intact = self._problems.errors == errors
        authority = self._shapes.authority(keys, id or "`otherwise`", spot)
        return Rule(
            id=id,
            title=title,
            period=Period(),
            authority=authority,
            overrides=(),
            when=(),
            reply=reply,
            spot=spot,
            intact=intact,
        )

    def _id(self, keys: Keys) -> tuple[str, Spot]:
        word = self._shapes.scalar(keys.get("id"), "`id`")
        if word is None:
            return "", keys.spot
        if not _RULE_ID.fullmatch(word.text):
            help = "capital letters, digits and -, beginning with a letter, e.g. LENS-E70"
            self._problems.error("R104", f"a rule cannot be called `{word.text}`", word.spot, help=help)
        return word.text, word.spot

    def _when(self, node: Node | None, id: str, decision: str, reads: tuple[str, ...]) -> tuple[Condition, ...]:
        mapping = self._shapes.mapping(node, f"`when` of {id}") if node is not None else None
        conditions = []
        for key, value in mapping.items if mapping else ():
            if key.text in self._facts and key.text not in reads:
                self._tell_unread(fact=key.text, spot=key.spot, id=id, decision=decision, reads=reads)
            elif self._conditions.is_fact(key):
                condition = self._conditions.condition(key, value)
                conditions.append(condition)
                self._check_barrier(condition, id, decision, reads)
        return tuple(conditions)

    def _check_barrier(self, condition: Condition, id: str, decision: str, reads: tuple[str, ...]) -> None:
        """A fact that another is compared with is read too."""
        for test in condition.tests:
            if isinstance(test, Comparison) and test.other not in reads:
                self._tell_unread(fact=test.other, spot=test.spot, id=id, decision=decision, reads=reads)

    def _tell_unread(self, fact: str, spot: Spot, id: str, decision: str, reads: tuple[str, ...]) -> None:
        """Tells a fact that a rule looks at behind the information barrier. What protects a person never steers routing.

        Nothing is told where `reads` itself has faults, which are told: what it was meant to name is not known then.
        """
        if not self._reads_whole:
            self._doubtful = True
            return
        help = f"this file reads {', '.join(reads)}; add `{fact}` to `reads` only if it may steer this decision"
        if decision == "routing" and self._keeps_out_of_routing(fact):
            help = f"this file reads {', '.join(reads)}; {_DECIDED_BEFORE}"
        self._problems.error("R121", f"{id} reads `{fact}`, which is not in `reads`", spot, help=help)

    def _keeps_out_of_routing(self, name: str) -> bool:
        fact = self._facts[name]
        return fact.per_conviction or fact.sensitive or name == HOLD

    def _reply(self, node: Node | None, id: str, decision: str, reads: tuple[str, ...], outcomes: tuple[str, ...]) -> Reply:
        if decision == "eligibility":
            keys = self._shapes.keys(node, f"`then` of {id}", *grammar.THEN_OUTCOME)
            value = keys.get("outcome") if keys else None
            return Outcome(self._shapes.choice(value, f"`outcome` of {id}", outcomes) or "") if value else Nothing()
        node = self._shapes.said(node, f"`then` of {id}", "write `{}` where there is nothing to do")
        keys = self._shapes.keys(node, f"`then` of {id}", *grammar.THEN_ROUTE)
        if keys is not None and len(keys.values) > 1:
            help = "a state gets one answer: keep `send` or `work_item`; two rules only where each is about another state"
            self._problems.error("R103", f"`then` of {id} gives two answers", keys.spot, help=help)
        if keys is not None and keys.get("send") is not None:
            return self._send(keys.values["send"], id, reads)
        if keys is not None and keys.get("work_item") is not None:
            return self._ask(keys.values["work_item"], id, reads)
        return Nothing()

    def _audience(self, node: Node | None, id: str, reads: tuple[str, ...]) -> str:
        audiences = [name for name in reads if (fact := self._facts.get(name)) and "ori" in self._columns_of(fact)]
        if not audiences and len(self._facts) < len(FACTS):  # the facts with addresses are those missing, which has been told
            return ""
        return self._shapes.choice(node, f"`to` of {id}", audiences) or ""

    def _columns_of(self, fact: Fact) -> tuple[str, ...]:
        return tuple(self._tables[fact.table].columns) if fact.table else ()

    def _send(self, node: Node, id: str, reads: tuple[str, ...]) -> Reply:
        keys = self._shapes.keys(node, f"`send` of {id}", *grammar.SEND)
        if keys is None:
            return Nothing()
        audience = self._audience(keys.get("to"), id, reads)
        return Send(
            audience=audience,
            copy=self._shapes.choice(keys.get("copy"), f"`copy` of {id}", COPIES) or "",
            message=self._message(keys.get("message"), id),
            ori_column=self._ori(keys.get("ori"), id, audience),
            within=self._shapes.duration(keys.get("within"), f"`within` of {id}"),
        )

    def _message(self, node: Node | None, id: str) -> str:
        if not self._messages:  # there are none at all, which has been told
            return ""
        return self._shapes.choice(node, f"`message` of {id}", self._messages) or ""

    def _ori(self, node: Node | None, id: str, audience: str) -> str:
        word = self._shapes.scalar(node, f"`ori` of {id}")
        if word is None:
            return ""
        match = _REFERENCE.fullmatch(word.text)
        if match is None or (audience and match[1] != audience):
            message = f"`ori` of {id} is not the address of the state it tells"
            help = f'write `ori: "{{{audience or "release_state"}.ori}}"`; ORIs themselves stand in ref_data/states.yaml'
            self._problems.error("R120", message, word.spot, help=help)
            return ""
        columns = self._columns_of(self._facts[audience]) if audience else (match[2],)
        column = Scalar(match[2], word.spot)
        return match[2] if self._shapes.known(column, "R109", f"the table of `{audience}` has no column {{}}", columns) else ""

    def _ask(self, node: Node, id: str, reads: tuple[str, ...]) -> Reply:
        keys = self._shapes.keys(node, f"`work_item` of {id}", *grammar.WORK_ITEM)
        if keys is None:
            return Nothing()
        code = self._shapes.scalar(keys.get("code"), f"`code` of {id}")
        if code is not None and not _CODE.fullmatch(code.text):
            help = "small letters, digits and -, e.g. no-ori"
            self._problems.error("R104", f"a work item cannot have the code `{code.text}`", code.spot, help=help)
        within = self._shapes.duration(keys.get("within"), f"`within` of {id}")
        return AskPerson(self._audience(keys.get("to"), id, reads), code.text if code else "", within)
