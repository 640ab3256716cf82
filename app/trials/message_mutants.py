"""Small wrong edits of the lines of messages: a line deleted, cut, made conditional or not, a field in place of another."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.rulebook.language.model import Template, TemplateLine
from app.rulebook.problems.problem import Spot
from app.rulebook.reading.content import Content
from app.rulebook.reading.messages import FIELDS, ONLY
from app.rulebook.reading.must_say import written


@dataclass(frozen=True, slots=True)
class WrongMessage:
    """A rulebook with one line of a message edited."""

    spot: Spot
    edit: str
    content: Content


def message_mutants(content: Content) -> Iterator[WrongMessage]:
    """Every small wrong edit of a line of a message."""
    for template in content.messages.templates.values():
        for place, line in enumerate(template.lines):
            for edit, wrong in _wrong_lines(line):
                lines = (*template.lines[:place], *((wrong,) if wrong else ()), *template.lines[place + 1 :])
                told = f"{template.name}: the line `{written(line)}` {edit}"
                yield WrongMessage(line.spot, told, _with_lines(content, template, lines))


def _with_lines(content: Content, template: Template, lines: tuple[TemplateLine, ...]) -> Content:
    templates = {**content.messages.templates, template.name: replace(template, lines=lines)}
    return replace(content, messages=replace(content.messages, templates=templates))


def _wrong_lines(line: TemplateLine) -> Iterator[tuple[str, TemplateLine | None]]:
    yield "deleted", None
    if line.only is not None:
        yield "without its `only`", replace(line, only=None)
    for condition in ONLY:
        if condition != line.only:
            yield f"only: {condition}", replace(line, only=condition)
    cut = _cut(line)
    if cut is not None:
        yield "cut short", cut
    for place, part in enumerate(line.parts):
        if isinstance(part, tuple):
            other = _another_field(line, part[0])
            parts = (*line.parts[:place], (other,), *line.parts[place + 1 :])
            yield f"with {{{other}}} in place of {{{part[0]}}}", replace(line, parts=parts)


def _cut(line: TemplateLine) -> TemplateLine | None:
    """The line without its last word or field; None where nothing would be left."""
    last = line.parts[-1] if line.parts else ""
    rest = line.parts[:-1]
    if isinstance(last, str):
        kept = last.rstrip().rpartition(" ")[0]
        rest = (*rest, kept) if kept else rest
    return replace(line, parts=rest) if rest else None


def _another_field(line: TemplateLine, field: str) -> str:
    """The field after this one in the list of all, that is not in the line."""
    names = list(FIELDS)
    after = names[names.index(field) + 1 :] + names
    return next(name for name in after if name != field and (name,) not in line.parts and name != "message_id")
