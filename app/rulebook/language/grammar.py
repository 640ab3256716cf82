"""The keys of every kind of rulebook file, each with what it says, and the forms of its words.

The readers (`read_*.py`) take no other key, the JSON Schemas (`schema*.py`) describe these, and a test holds the reference page
docs/reference/rules-language.md against them: so none can say what another does not.
"""

from collections.abc import Mapping
from typing import NamedTuple

KINDS = {
    "facts/v1": "What a rule may speak of",
    "ref_data/v1": "A reference table: rows, dated changes, named sets",
    "rules/v1": "A decision: eligibility or routing",
    "messages/v1": "What a notice says",
    "scenarios/v1": "What must come out: scenarios and promises",
    "corrections/v1": "Why days before today were decided again, and otherwise",
}


class Form(NamedTuple):
    """The keys that a mapping must have and may have, in the order they are best written, each with what it says."""

    required: Mapping[str, str]
    optional: Mapping[str, str] = {}

    def all_keys(self) -> tuple[str, ...]:
        """All keys."""
        return (*self.required, *self.optional)

    def without_demand(self, key: str) -> "Form":
        """The same form for a reader that has its own words for where this key is missing."""
        required = {name: says for name, says in self.required.items() if name != key}
        return Form(required, {key: self.says(key), **self.optional})

    def says(self, key: str) -> str:
        """What a key says."""
        return {**self.required, **self.optional}[key]


PROSE = ("title", "question", "owner", "note")
"""Keys whose value is a text for people; nothing is decided by it."""
KEPT_TEXTS = ("cite", "reason")
"""Keys whose value stands in the record as the ground of an act."""

_TITLE = "What this is, for people"
_OWNER = "Who answers for it, for people"
_NOTE = "A remark, for people"
_AUTHORITY = "On what ground: one or more of what is cited"
_KIND = "Which kind of file this is; it stands first"
_AS_OF = "Which day chooses the rules and rows: that of the release, never today"

FACTS_FILE = Form(
    {"kind": _KIND, "facts": "Every fact that LENS finds in a release. There is no other"}, {"title": _TITLE, "owner": _OWNER}
)
FACTS = {
    "charge_code": "The charge of a conviction, a row of the table of charges",
    "charge_status": "What became of the charge",
    "release_reason": "Why the person was released, by ICE's code",
    "stay_ended": "`yes` where the stay in custody ended, `no` for a move within it",
    "hold": "The flag that stops a notice; of several, the first in the order of the table",
    "release_state": "The state in which the person was released",
    "residence_state": "The state in which the person says he or she will live",
}
"""The facts that LENS finds in a release."""
_PER = "`conviction` for a fact that each conviction has for itself"
_SENSITIVE = "`yes`: no routing rule may read it, and no notice may disclose it"
FACT = Form(
    {},
    {
        "one_of": "The table whose rows are the values of the fact",
        "per": _PER,
        "sensitive": _SENSITIVE,
        "when_missing": "The row that stands for a release that does not say",
        "when_unknown": "The row that stands for a code that the table lacks; for a state, `reject` refuses the release",
        "title": _TITLE,
    },
)
YES_NO_FACT = Form({}, {"type": "`yes_no`: the fact has no table", "per": _PER, "sensitive": _SENSITIVE, "title": _TITLE})

TABLE_FILE = Form(
    {
        "kind": _KIND,
        "name": "What the table is called in facts and sets: small letters, digits and _",
        "columns": "The columns of the table. Every row has a cell for each",
        "rows": "Code and cells of each row. A row that was ever used is never deleted: old releases are decided again by it",
        "sets": "Named groups of rows that rules use as `table.set`",
    },
    {
        "title": _TITLE,
        "owner": _OWNER,
        "as_of": _AS_OF,
        "sensitive": "`yes`: its rows are never shown in a log, a message or a metric",
        "every_row_in_a_set": "`yes`: a row that is in no set that a rule uses is an error",
        "rows_from": "A CSV file beside this one with further rows: the column `code`, then the columns of the table",
        "changes": "Dated changes: from a day on, the cells named are replaced",
    },
)
COLUMN = Form(
    {},
    {
        "type": "`text` or `yes_no`",
        "one_of": "The words that a cell may be, in place of `type`",
        "matches": "The form of a cell: letters, digits, classes such as [A-Z], counts such as {7}, and ?",
        "starts_with": "A column of the row whose text every cell must begin with",
        "title": _TITLE,
    },
)
CHANGE = Form(
    {
        "row": "The code of the row that changes",
        "from": "The first day on which it holds, YYYY-MM-DD",
        "set": "The cells that change, with what stands in them from that day on",
        "authority": _AUTHORITY,
    },
    {"through": "The last day on which it holds; left out, it holds for ever", "note": _NOTE},
)
SET = Form(
    {"where": "The rows whose cells are so: a word or a list of words for a column"}, {"except": "Rows that are not in the set"}
)
AUTHORITY = Form({"cite": "The law, rule, letter or memo"}, {"note": _NOTE})

RULES_FILE = Form(
    {
        "kind": _KIND,
        "decision": "Which decision: `eligibility` (is a notice owed?) or `routing` (who is told?)",
        "reads": "The only facts that the rules of this file may use",
        "decides": "What an answer looks like",
        "pick": "How many answers stand: `one` in eligibility, `one per audience` in routing",
        "rules": "The rules. Their order says nothing; `overrides` does",
        "otherwise": "The answer to what no rule answers",
    },
    {
        "title": _TITLE,
        "question": "What is decided, for people",
        "owner": _OWNER,
        "as_of": _AS_OF,
        "each": "Eligibility is decided for each conviction; the strongest outcome stands",
        "only_if": "Routing is asked only where the outcome is `notify`",
    },
)
DECIDES_OUTCOME = Form({"outcome": "The outcomes there are"})
OUTCOME_LIST = Form({"one_of": "The outcomes, strongest first"})
DECIDES_ROUTE = Form({"send": "What a message names", "work_item": "What a question to a person names"})
ONLY_IF = Form({"eligibility.outcome": "The outcome for which routing is asked"})
RULE = Form(
    {
        "id": "The name of the rule, for ever: capital letters, digits and -",
        "title": "What the rule says, one sentence; it is shown with every decision",
        "when": "All lines must hold: a fact, and what it must be",
        "then": "The answer where all holds; {} asks for nothing",
        "authority": _AUTHORITY,
    },
    {
        "effective": "The days on which the rule holds. The day of the release counts, never today",
        "overrides": "The rules that this one beats where both hold. There is no other precedence",
        "note": _NOTE,
    },
)
RULE_ORDER = ("id", "title", "note", "effective", "authority", "overrides", "when", "then")
"""How the keys of a rule are best ordered."""
EFFECTIVE = Form({}, {"from": "The first day, YYYY-MM-DD", "through": "The last day; left out, the rule has no end"})
OTHERWISE = Form({key: RULE.says(key) for key in ("id", "title", "then", "authority")}, {"note": _NOTE})
CONDITION = Form(
    {},
    {
        "in": "The fact is in this set, or in one of these",
        "not": "The fact is not this, nor any of these",
        "not_in": "The fact is not in this set, nor in any of these",
        "same_as": "The fact is the same as this other one",
        "differs_from": "The fact is not the same as this other one",
    },
)
THEN_OUTCOME = Form({"outcome": "The answer of eligibility"})
THEN_ROUTE = Form({}, {"send": "Tell the state of the audience", "work_item": "Ask a person"})
_TO = "The audience: the fact whose state this is about"
_WITHIN = "How soon after acceptance, such as 30m or 1h"
SEND = Form(
    {
        "to": _TO,
        "copy": "What the notice says of itself: the copy for the state departed from, for the receiving state, or the only one",
        "ori": 'The address, a cell of the row of the audience\'s state: "{release_state.ori}"',
        "message": "The message of the messages file",
    },
    {"within": _WITHIN},
)
WORK_ITEM = Form({"to": _TO, "code": "What is asked, as a short name: small letters, digits and -"}, {"within": _WITHIN})

MESSAGES_FILE = Form(
    {
        "kind": _KIND,
        "line_length": "Characters of a line at the most, 40 to 72; longer ones are folded",
        "max_characters": "Characters of a message at the most, 500 to 14400; a longer one is not sent and a person is asked",
        "messages": "The messages by name",
    },
    {
        "title": _TITLE,
        "owner": _OWNER,
        "never": "What no reader of a notice may be able to tell; proved over every case",
        "must_say": "What each message must contain, word for word, in every case it is sent",
        "watch_words": "Words that read like an order where somebody stated them; a release that has one is held for review",
    },
)
WATCH_WORD = "[A-Z]{3,30}|[A-Z]{1,30}(?: [A-Z]{1,30}){1,5}"
"""A word of three letters or more, or up to six words with one space between them, as `watch_words` has them."""
MESSAGE = Form(
    {"lines": "The lines of the message. The first holds {message_id} and is always there"}, {"title": _TITLE, "note": _NOTE}
)
LINE = Form({"only": "When the line is there", "text": "The line; a field is written {name}"})
NEVER_DISCLOSE = Form(
    {
        "disclose": "The fact that must not be disclosed",
        "keep_possible": "How many of its values must stay possible for whoever reads a notice, 2 to 1000000",
    }
)

SCENARIOS_FILE = Form(
    {"kind": _KIND},
    {
        "title": _TITLE,
        "owner": _OWNER,
        "given": "Where every scenario of this file starts: the day, and a value for each fact",
        "scenarios": "Cases, and what must come out",
        "always": "Promises: proved on every possible case, not on samples",
        "never": "Promises whose `expect` must hold in no case, proved in the same way",
    },
)
CORRECTIONS_FILE = Form(
    {"kind": _KIND, "corrections": "Each once that a change of what decided before was meant, the last one last"},
    {"title": _TITLE, "owner": _OWNER},
)
CORRECTION = Form(
    {
        "date": "The day of the correction, YYYY-MM-DD",
        "corrects": "The rulebook that was live before: the 12 digits that name it, or all 64. It is for this change alone",
        "reason": "Why what was decided of days before that one is decided otherwise",
        "authority": "On what ground",
    }
)
CORRECTED = "[0-9a-f]{12}([0-9a-f]{52})?"
"""How a correction names the rulebook that it corrects."""
SCENARIO = Form(
    {"name": "What it shows, a sentence; no other scenario of this file has it"},
    {
        "but": "What differs from `given`",
        "for_each": "Runs the scenario once for each value of a list or set",
        "table": "Runs it once for each row: what differs, and what is expected besides",
        "convictions": "Several convictions, in place of `charge_code` and `charge_status`",
        "expect": "What must come out; what is not named is not looked at",
        "notice": "The situation in which the notice is read: late, follow_up, residence_stated; left out, an ordinary one",
        "note": _NOTE,
    },
)
SITUATIONS = {
    "late": "Accepted later than LATE_AFTER after the release",
    "follow_up": "A correction of a message sent before",
    "residence_stated": "Some of a residence is stated, though no state is",
}
"""What `notice` of a scenario may name: as `only` of a line of a message, but for what the state's row decides."""
CONVICTION = Form({"charge_code": "The charge", "charge_status": "What became of it"})
EXPECT = Form(
    {},
    {
        "outcome": "The outcome",
        "because": "The rules that gave the answer, all of them: eligibility first, each file in its own order",
        "beaten": "The rules that held and were overridden, all of them, in the same order",
        "sends": "The messages, all of them, departing before receiving; of each what is named here. [] for none",
        "sends_to": "The ORIs that get a message, all of them, in the same order; or `distinct`: no ORI twice",
        "work_items": "What a person is asked, all of it, in the order of the rules. [] for nothing",
        "text": "Lines that the message holds",
        "no_text": "Lines that no message holds",
    },
)
EXPECTED_SEND = Form({}, {key: SEND.says(key) for key in ("to", "copy", "ori", "message")})
EXPECTED_WORK_ITEM = Form({}, {key: WORK_ITEM.says(key) for key in ("to", "code")})
PROMISE = Form(
    {"name": "What is promised, a sentence", "expect": "What holds in every case meant; under `never`, in none"},
    {"when": "The cases meant; left out, all of them", "note": _NOTE},
)
PROMISED = Form(
    {},
    {
        "sends": "[]: nothing is sent",
        "sends_to": "`distinct`: no address gets two messages",
        "some_of": "At least one of these happens",
        "outcome": "The outcome is this",
    },
)
SOME_OF = Form({}, {"send": "A message as named here", "work_item": "A work item as named here"})
OUTCOME_KEY = "outcome"
"""What the `when` of a promise may name besides facts."""
DAY_KEY = "release_date"
"""What a scenario names besides facts."""

NAME = "[a-z][a-z0-9_]*"
"""A table or set."""
RULE_ID = "[A-Z][A-Z0-9-]{1,39}"
WORK_ITEM_CODE = "[a-z][a-z0-9-]{1,39}"
CELL_REFERENCE = r"\{([a-z_]+)\.([a-z_]+)\}"
"""A cell of the row that a fact names."""
DURATION = "([1-9][0-9]{0,5})(s|m|h|d)"
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
SIMPLE_PATTERN = r"((\[[A-Za-z0-9 _.-]+\]|[A-Za-z0-9 _-])(\{[0-9]{1,3}(,[0-9]{1,3})?\}|\?)?)+"
"""What `matches` may be: nothing that could take for ever."""
PLACEHOLDER = r"\{([^{}]*)\}|([{}])"
"""A field in a line of a message, or a brace that stands alone."""
LINE_LENGTH = (40, 72)
"""Least and most characters of a line."""
MAX_CHARACTERS = (500, 14_400)
KEEP_POSSIBLE = (2, 1_000_000)
