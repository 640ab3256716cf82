"""Reads `rules/messages.yaml`: the templates of what a notice says."""

import re
from collections.abc import Mapping as AbstractMapping

from app.rulebook.files.source import Mapping, Node, Scalar, Sequence
from app.rulebook.language import grammar
from app.rulebook.language.model import Fact, Messages, Template, TemplateLine
from app.rulebook.problems.problem import Problems, Spot, did_you_mean, one_of
from app.rulebook.reading.facts import FACTS
from app.rulebook.reading.must_say import check_must_say, read_must_say
from app.rulebook.reading.shapes import Shapes

FIELDS = {
    "message_id": "the message number",
    "type": "NEW, CORRECTION or CANCEL",
    "copy": "RECEIVING, DEPARTING or ONLY",
    "state": "Nlets code of the state addressed",
    "also_sent_to": "Nlets code of the other state told, or NONE",
    "refers_to": "number of the message corrected or cancelled",
    "name": "LAST, FIRST MIDDLE SUFFIX",
    "sex": "NCIC SEX code, U when missing",
    "race": "NCIC RAC code, U when missing",
    "date_of_birth": "YYYYMMDD, or NOT AVAILABLE",
    "place_of_birth": "NCIC place code, YY when missing",
    "fbi_number": "the FBI number, or NOT AVAILABLE",
    "release_date": "YYYYMMDD, the day at the facility",
    "release_state": "USPS code of the state of release",
    "street": "street of the residence as stated, or NOT STATED",
    "city": "city of the residence as stated, or NOT STATED",
    "residence_state": "USPS code of the state of residence, or NOT STATED",
    "zip": "ZIP code of the residence as stated, or NOT STATED",
    "aliases": "other names, separated by semicolons, or NONE",
    "height": "feet and inches as three digits, or UNK",
    "weight": "pounds, or UNK",
    "eyes": "NCIC EYE code, or UNK",
    "hair": "NCIC HAI code, or UNK",
    "state_id": "state identification number, or NOT AVAILABLE",
    "alien_number": "A-number, or NOT AVAILABLE",
    "release_reason": "ICE release reason code",
}
"""All that a template may use. There is no field for a charge, a conviction, a hold or a rule, so no message can disclose one."""

ONLY = {
    "test_stage": "the state addressed is in stage `testing`",
    "late": "accepted later than LATE_AFTER after the release",
    "follow_up": "a CORRECTION or CANCEL",
    "residence_stated": "any part of a residence is stated",
}
"""Conditions a line may need."""

NUMBER_BY = 50
"""Characters of the first line before the message number, at the most: with a header of 40 and its own 10 that makes 100."""

_WATCH_WORD = re.compile(grammar.WATCH_WORD)
_PLACEHOLDER = re.compile(grammar.PLACEHOLDER)
_DISCLOSING = ("charge", "conviction", "offense", "crime", "hold", "rule", "flag", "status")


def read_messages(file: str, node: Node | None, facts: AbstractMapping[str, Fact], shapes: Shapes) -> Messages | None:
    """The templates of one messages file."""
    top = shapes.keys(node, "a messages file", *grammar.MESSAGES_FILE)
    if top is None:
        return None
    line_length = shapes.whole(top.get("line_length"), "`line_length`", *grammar.LINE_LENGTH)
    most = shapes.whole(top.get("max_characters"), "`max_characters`", *grammar.MAX_CHARACTERS)
    templates = {}
    mapping = shapes.mapping(top.get("messages"), "`messages`")
    for key, entry in mapping.items if mapping else ():
        body = shapes.keys(entry, f"the message `{key.text}`", *grammar.MESSAGE)
        items = shapes.items(body.get("lines"), f"`lines` of `{key.text}`") if body else ()
        lines = tuple(line for item in items if (line := _line(item, key.text, shapes)) is not None)
        template = Template(key.text, lines, key.spot)
        templates[key.text] = template
        check_number_first(template, shapes.problems)
    limits = [_never(item, facts, shapes) for item in shapes.items(top.get("never"), "`never`")]
    never = tuple(limit for limit in limits if limit is not None)
    if len(never) == len(limits):  # one that could not be read may be the one that seems to be missing
        _check_kept_secret({fact for fact, _, _ in never}, facts, top.spots.get("never", Spot(file)), shapes)
    return Messages(
        file=file,
        line_length=line_length or 72,
        max_characters=most or 14_400,
        templates=templates,
        keep_possible=never,
        watch_words=_watch_words(top.get("watch_words"), shapes),
        bound_spot=top.values["max_characters"].spot if most is not None else None,
        must_say=read_must_say(top.get("must_say"), templates, FIELDS, shapes),
    )


def _watch_words(node: Node | None, shapes: Shapes) -> tuple[str, ...]:
    """The words of `watch_words`, each once. A value is compared after folding, so other signs could never be found in one."""
    found: dict[str, None] = {}
    for word in shapes.words(node, "`watch_words`") if node is not None else ():
        if not _WATCH_WORD.fullmatch(word.text):
            help = "write a word of 3 to 30 capital letters, A to Z, or up to six words with one space between them"
            shapes.problems.error("R104", f"`watch_words` cannot have `{word.text}`", word.spot, help=help)
        elif word.text in found:
            shapes.problems.error("R104", f"`watch_words` has `{word.text}` twice", word.spot, help="remove one of the two")
        found[word.text] = None
    return tuple(found)


def check_messages(messages: Messages, problems: Problems) -> None:
    """Tells what is wrong with messages as they stand: the number, and what they must say."""
    for template in messages.templates.values():
        check_number_first(template, problems)
    check_must_say(messages, problems)


def check_number_first(template: Template, problems: Problems) -> None:
    """An ER quotes only the first 100 characters sent, the header's among them, so the number must stand early in the first line."""
    first = template.lines[0] if template.lines else None
    spot = first.spot if first else template.spot
    if first is None or first.only is not None or ("message_id",) not in first.parts:
        help = (
            "begin with a line that is always there and has {message_id}: an error report quotes only the first 100 characters"
        )
        problems.error("R111", f"the first line of `{template.name}` lacks the message number", spot, help=help)
        return
    before = first.parts[: first.parts.index(("message_id",))]
    if any(isinstance(part, tuple) for part in before) or sum(map(len, before)) > NUMBER_BY:
        help = f"put it among the first {NUMBER_BY} characters, before any other field: an error report quotes only 100, header included"
        problems.error("R111", f"the message number of `{template.name}` stands too late in its first line", spot, help=help)


def _line(node: Node, name: str, shapes: Shapes) -> TemplateLine | None:
    only = None
    if isinstance(node, Mapping):
        names = {key.text for key, _ in node.items}
        if not names & set(grammar.LINE.all_keys()):
            _tell_unquoted(node, name, shapes)
            return None
        if names == {"text"}:
            message = f"a line of `{name}` lacks `only`"
            help = 'say when it is there; a line that always is has its text alone: `- "…"`'
            shapes.problems.error("R102", message, node.spot, help=help)
            return None
        keys = shapes.keys(node, f"a line of `{name}`", *grammar.LINE)
        if keys is None or keys.get("text") is None:
            return None
        only = shapes.choice(keys.get("only"), "`only`", ONLY) if keys.get("only") else None
        node = keys.values["text"]
    what = f"a line of `{name}`"
    text = shapes.scalar(node, what)
    if text is None:
        return None
    if not text.text.strip():
        help = "give it its text, in quotes, or take the line out"
        shapes.problems.error("R136", f"{what} is empty", text.spot, help=help)
    shapes.check_uncut(text, what)
    return TemplateLine(_parts(text, shapes), only, text.spot)


def _tell_unquoted(node: Mapping, name: str, shapes: Shapes) -> None:
    """Tells a text that YAML takes for keys with values, since it has a colon and a space in it or begins with a brace."""
    message = f"a line of `{name}` is one text, and YAML takes this for keys with values"
    text = _written(node)
    quote = "'" if '"' in text else '"'
    help = f"put the line between quotes: `- {quote}{text}{quote}`"
    shapes.problems.error("R103", message, node.spot, help=help)


def _written(node: Node) -> str:
    """A text as it was meant, of which YAML has made keys with values."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return f"[{', '.join(map(_written, node.items))}]"
    pairs = ", ".join(f"{key.text}: {_written(value)}".removesuffix(": ") for key, value in node.items)
    in_braces = not node.items or node.spot.column != node.items[0][0].spot.column
    return f"{{{pairs}}}" if in_braces else pairs


def _parts(text: Scalar, shapes: Shapes) -> tuple[str | tuple[str], ...]:
    parts: list[str | tuple[str]] = []
    place = 0
    _check_printable(text, shapes)
    for match in _PLACEHOLDER.finditer(text.text):
        parts.append(text.text[place : match.start()])
        place = match.end()
        spot = _spot_within(text, match.start(), match.end())
        if match[2]:
            shapes.problems.error("R110", f"a single `{match[2]}` in a line", spot, help="a field is written {name}")
        elif match[1] in FIELDS:
            parts.append((match[1],))
        else:
            _unknown_field(match[1], spot, shapes)
    parts.append(text.text[place:])
    return tuple(part for part in parts if part)


def _spot_within(text: Scalar, start: int, end: int) -> Spot:
    """Where a stretch of a text stands: exactly, if the text is written on one line without escapes; else the whole text."""
    around = text.spot.length - len(text.text)
    if around not in {0, 2}:
        return text.spot
    return Spot(text.spot.file, text.spot.line, text.spot.column + around // 2 + start, end - start)


def _unknown_field(name: str, spot: Spot, shapes: Shapes) -> None:
    if any(word in name for word in _DISCLOSING):
        help = "a notice never shows the charge, the conviction, a hold or a rule; the state looks for itself by FBI number"
        shapes.problems.error("R270", f"the field `{name}` would disclose what a notice must not", spot, help=help)
    else:
        shapes.problems.error(
            "R110", f"there is no field `{name}`", spot, help=one_of(FIELDS, 40), label=did_you_mean(name, FIELDS)
        )


def _check_printable(text: Scalar, shapes: Shapes) -> None:
    odd = sorted({char for char in text.text if not 32 <= ord(char) < 127})
    if odd:
        shown = ", ".join(f"U+{ord(char):04X}" for char in odd[:5])
        help = "Nlets text is printable ASCII: letters, digits, blank and common signs; one line is one line"
        shapes.problems.error("R112", f"a line has characters that cannot be sent: {shown}", text.spot, help=help)


def _check_kept_secret(limited: set[str], facts: AbstractMapping[str, Fact], spot: Spot, shapes: Shapes) -> None:
    """What is sensitive has a `never`: without one nothing would be proved about what a notice gives away."""
    for name, fact in facts.items():
        if fact.sensitive and name not in limited:
            help = f"add `{{disclose: {name}, keep_possible: N}}` under `never`, e.g. with 25"
            shapes.problems.error("R271", f"nothing keeps `{name}` from being told by a notice", spot, help=help)


def _never(node: Node, facts: AbstractMapping[str, Fact], shapes: Shapes) -> tuple[str, int, Spot] | None:
    keys = shapes.keys(node, "an entry of `never`", *grammar.NEVER_DISCLOSE)
    if keys is None:
        return None
    fact = shapes.scalar(keys.get("disclose"), "`disclose`")
    least = shapes.whole(keys.get("keep_possible"), "`keep_possible`", *grammar.KEEP_POSSIBLE)
    if fact is None or least is None or (fact.text in FACTS and fact.text not in facts):
        return None
    if not shapes.known(fact, "R105", "there is no fact {}", FACTS):
        return None
    return fact.text, least, fact.spot
