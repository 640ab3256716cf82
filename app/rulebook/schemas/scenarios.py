"""The JSON Schema of `scenarios/v1`."""

from app.rulebook.language import grammar
from app.rulebook.language.model import CONVICTION_FACTS
from app.rulebook.reading.facts import FACTS
from app.rulebook.schemas.parts import TEXT, Schema, choice, closed, described, formed, listed, one_or_more, ref
from app.rulebook.schemas.rules import conditions

_SAYS = {
    grammar.DAY_KEY: "The day of the release, YYYY-MM-DD; it chooses the rules and rows",
    **grammar.FACTS,
    "expect": "What must come out in this row, besides what the scenario itself expects",
}


def scenarios_file() -> Schema:
    """The schema of a scenario file."""
    one = {grammar.DAY_KEY: _single(ref("day")), **{name: _single(ref(name)) for name in FACTS}}
    several = {grammar.DAY_KEY: one_or_more(ref("day")), **{name: ref(f"{name}_or_set") for name in FACTS}}
    expect = _expect()
    convicted = closed(grammar.CONVICTION, {name: one[name] for name in CONVICTION_FACTS})
    scenario = {
        "name": TEXT,
        "but": described(one, _SAYS),
        "for_each": described(several, _SAYS),
        "table": listed(described({**one, "expect": expect}, _SAYS), type="array", minItems=1),
        "convictions": listed(convicted),
        "expect": expect,
        "notice": one_or_more(choice(grammar.SITUATIONS)),
    }
    something = [{"required": ["expect"]}, {"required": ["table"]}]
    values = {
        "kind": choice({"scenarios/v1": grammar.KINDS["scenarios/v1"]}),
        "given": described(one, _SAYS),
        "scenarios": listed(closed(grammar.SCENARIO, scenario, anyOf=something)),
        "always": listed(_promise()),
        "never": listed(_promise()),
    }
    return closed(grammar.SCENARIOS_FILE, values)


def corrections_file() -> Schema:
    """Why days before today were decided again, and otherwise."""
    correction = {
        "date": ref("day"),
        "corrects": formed(grammar.CORRECTED),
        "reason": TEXT,
        "authority": ref("authority"),
    }
    values = {
        "kind": choice({"corrections/v1": grammar.KINDS["corrections/v1"]}),
        "corrections": listed(closed(grammar.CORRECTION, correction)),
    }
    return closed(grammar.CORRECTIONS_FILE, values)


def _single(value: Schema) -> Schema:
    """One value, which may stand in brackets."""
    return {"anyOf": [value, {"type": "array", "items": value, "minItems": 1, "maxItems": 1}]}


def _expect() -> Schema:
    lines: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
    values = {
        "outcome": ref("outcome"),
        "because": ref("rules"),
        "beaten": ref("rules"),
        "sends": listed(_send()),
        "sends_to": one_or_more(TEXT),
        "work_items": listed(_work_item()),
        "text": lines,
        "no_text": lines,
    }
    return closed(grammar.EXPECT, values, type="object", minProperties=1)


def _send() -> Schema:
    return closed(grammar.EXPECTED_SEND, {"to": ref("audience"), "copy": ref("copy"), "ori": TEXT, "message": ref("message")})


def _work_item() -> Schema:
    return closed(grammar.EXPECTED_WORK_ITEM, {"to": ref("audience"), "code": TEXT})


def _promise() -> Schema:
    answers = {"send": _send(), "work_item": _work_item()}
    wanted = closed(grammar.SOME_OF, answers, type="object", minProperties=1)
    expect = {
        "sends": listed(TEXT, maxItems=0),
        "sends_to": choice({"distinct": "No address gets two messages for one release"}),
        "some_of": listed(wanted, type="array", minItems=1),
        "outcome": ref("outcome"),
    }
    when = conditions(tuple(FACTS), outcome=ref("outcome"))
    promised = closed(grammar.PROMISED, expect, type="object", minProperties=1)
    return closed(grammar.PROMISE, {"name": TEXT, "expect": promised, "when": when})
