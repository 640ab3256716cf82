"""The JSON Schema of `rules/v1`: one shape where the file decides eligibility, another where it decides routing."""

from app.rulebook.language import grammar
from app.rulebook.reading.content import Content
from app.rulebook.reading.facts import FACTS
from app.rulebook.reading.rules import DECIDED, OUTCOMES
from app.rulebook.schemas.names import RELEASE_FACTS
from app.rulebook.schemas.parts import TEXT, Schema, choice, closed, described, formed, listed, one_or_more, ref


def rules_file(book: Content | None) -> Schema:
    """The schema of a rules file."""
    routing = {"properties": {"decision": {"const": "routing"}}, "required": ["decision"]}
    return {"if": routing, "then": _routing(book), "else": _eligibility()}


def conditions(names: tuple[str, ...], **more: Schema) -> Schema:
    """A `when` that may name these facts, and `more`."""
    says = {**grammar.FACTS, grammar.OUTCOME_KEY: "The outcome of eligibility"}
    return described({**more, **{name: ref(f"{name}_condition") for name in names}}, says)


def _eligibility() -> Schema:
    outcomes = closed(grammar.OUTCOME_LIST, {"one_of": one_or_more(choice(OUTCOMES))})
    then = closed(grammar.THEN_OUTCOME, {"outcome": ref("outcome")})
    values = {
        "reads": one_or_more(ref("fact")),
        "each": choice({"conviction": "Once for each conviction; the strongest outcome stands"}),
        "decides": closed(grammar.DECIDES_OUTCOME, {"outcome": outcomes}),
        "pick": choice({"one": "One answer: rules that meet and disagree must say which overrides which"}),
    }
    return _file("eligibility", values, tuple(FACTS), then, without=("only_if",), also=("each",))


def _routing(book: Content | None) -> Schema:
    send = {"to": ref("audience"), "copy": ref("copy"), "ori": ref("ori"), "message": ref("message"), "within": ref("duration")}
    item = {"to": ref("audience"), "code": formed(grammar.WORK_ITEM_CODE), "within": ref("duration")}
    answers = {"send": closed(grammar.SEND, send), "work_item": closed(grammar.WORK_ITEM, item)}
    forms = {"send": grammar.SEND, "work_item": grammar.WORK_ITEM}
    shapes = {
        name: closed(form, {key: choice([DECIDED[key]]) for key in form.all_keys()}, also=form.all_keys())
        for name, form in forms.items()
    }
    values = {
        "reads": one_or_more(choice({name: grammar.FACTS[name] for name in _readable(book)})),
        "decides": closed(grammar.DECIDES_ROUTE, shapes),
        "pick": choice({"one per audience": "One answer for each state concerned; they do not compete"}),
        "only_if": closed(grammar.ONLY_IF, {"eligibility.outcome": choice(["notify"])}),
    }
    then = closed(grammar.THEN_ROUTE, answers, type="object", maxProperties=1)
    return _file("routing", values, _readable(book), then, without=("each",), also=("only_if",))


def _readable(book: Content | None) -> tuple[str, ...]:
    """The facts that routing may read: those of the release, but for sensitive ones."""
    sensitive = {name for name, fact in book.facts.items() if fact.sensitive} if book else set()
    return tuple(name for name in RELEASE_FACTS if name not in sensitive)


def _file(
    decision: str,
    values: dict[str, Schema],
    facts: tuple[str, ...],
    then: Schema,
    without: tuple[str, ...],
    also: tuple[str, ...],
) -> Schema:
    rule = {
        "id": formed(grammar.RULE_ID),
        "title": TEXT,
        "when": conditions(facts) | {"type": "object"},
        "then": then,
        "effective": closed(grammar.EFFECTIVE, {"from": ref("day"), "through": ref("day")}),
        "authority": ref("authority"),
        "overrides": ref("rules"),
    }
    otherwise = {key: rule[key] for key in ("id", "title", "then", "authority")}
    common = {
        "kind": choice({"rules/v1": grammar.KINDS["rules/v1"]}),
        "decision": choice([decision]),
        "as_of": choice(["release_date"]),
        "rules": listed(closed(grammar.RULE, rule)),
        "otherwise": closed(grammar.OTHERWISE, otherwise),
    }
    return closed(grammar.RULES_FILE, {**common, **values}, without, also)
