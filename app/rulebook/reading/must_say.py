"""What a message must say in every case it is sent, word for word."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from app.rulebook.files.source import Node
from app.rulebook.language import grammar
from app.rulebook.language.model import Messages, Template, TemplateLine
from app.rulebook.problems.problem import Problems, Spot, did_you_mean, one_of
from app.rulebook.reading.shapes import Shapes

_PLACEHOLDER = re.compile(grammar.PLACEHOLDER)
NOT_SAID = "R273"
"""The code of the fault that a message does not always say what it must."""
_NEAR = 0.6
"""How alike a line and a text must be for the line to be the one that lost it."""


def read_must_say(node: Node | None, known: Iterable[str], fields: Iterable[str], shapes: Shapes) -> dict[str, tuple[str, ...]]:
    """The texts that each message must have. `known` are the messages there are, `fields` what a line may print."""
    names = tuple(known)
    found = {}
    mapping = shapes.mapping(node, "`must_say`", '{NOTICE: ["…"]}') if node is not None else None
    for key, texts in mapping.items if mapping else ():
        if key.text not in names:
            label, help = did_you_mean(key.text, names), one_of(names)
            shapes.problems.error("R104", f"`must_say` has no message `{key.text}`", key.spot, help=help, label=label)
            continue
        what = f"a text that `{key.text}` must say"
        listed = [text for text in shapes.words(texts, f"`must_say` of `{key.text}`") if shapes.text(text, what)]
        for text in listed:
            shapes.check_uncut(text, what)
            _check_fields(text.text, text.spot, fields, shapes.problems)
        if listed:
            found[key.text] = tuple(text.text for text in listed)
    return found


def _check_fields(text: str, spot: Spot, fields: Iterable[str], problems: Problems) -> None:
    for match in _PLACEHOLDER.finditer(text):
        name = match[1] or ""
        if name not in fields:
            message = f"`must_say` names a field `{name}`, which does not exist"
            problems.error("R110", message, spot, help=one_of(fields, 40), label=did_you_mean(name, fields))


def check_must_say(messages: Messages, problems: Problems) -> None:
    """Tells each text that a message does not say in every case, and each message of which nothing is said."""
    for template in messages.templates.values():
        texts = messages.must_say.get(template.name)
        if not texts:
            help = (
                f"write under `must_say` what `{template.name}` must always contain, word for word: "
                "then no line with it can be deleted, cut or made conditional unnoticed"
            )
            message = f"nothing says what `{template.name}` must contain"
            problems.warning("R350", message, template.spot, help=help)
            continue
        for text in texts:
            if not any(line.only is None and _says(line, text) for line in template.lines):
                _tell_missing(template, text, problems)


def _says(line: TemplateLine, text: str) -> bool:
    """Whether a line has the text, in whole words; capitals and small letters are the same, as a notice is in capitals."""
    wanted = text.strip().upper()
    edges = "(?<![A-Z0-9])" if wanted[:1].isalnum() else "", "(?![A-Z0-9])" if wanted[-1:].isalnum() else ""
    return re.search(f"{edges[0]}{re.escape(wanted)}{edges[1]}", written(line).upper()) is not None


def written(line: TemplateLine) -> str:
    """A line as the file has it, its fields in braces."""
    return "".join(part if isinstance(part, str) else f"{{{part[0]}}}" for part in line.parts)


def _tell_missing(template: Template, text: str, problems: Problems) -> None:
    """The fault, at the line that lost the text where one is left of it."""
    conditional = next((line for line in template.lines if line.only is not None and _says(line, text)), None)
    if conditional is not None:
        message = f"`{template.name}` does not always say `{text}`"
        help = f"this line is there only where `{conditional.only}`; leave `only` out, so that every notice has it"
        problems.error(NOT_SAID, message, conditional.spot, help=help)
        return
    near = _nearest(template, text)
    message = f"`{template.name}` does not say `{text}`"
    label = "" if near is None else "is this what is left of it?"
    help = "put the line back, word for word; if the words are to change, change them under `must_say` too"
    problems.error(NOT_SAID, message, template.spot if near is None else near.spot, help=help, label=label)


def _nearest(template: Template, text: str) -> TemplateLine | None:
    """The line most like a text, if any is."""
    ratios = [(SequenceMatcher(None, written(line).upper(), text.upper()).ratio(), line) for line in template.lines]
    best = max(ratios, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= _NEAR else None
