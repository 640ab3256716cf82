"""What changes between two rulebooks as one page for an approver, on a screen and on paper: rules with titles, values with names."""

from collections.abc import Iterator, Sequence
from html import escape

from app.rulebook.comparing.change_report import (
    Compared,
    count_line,
    handling_lines,
    in_order,
    lines_of,
    loss_lines,
    notice_lines,
    order_line,
    past_line,
    past_note,
    replay_lines,
    sets_told,
)
from app.rulebook.comparing.change_words import answer_line, days, what
from app.rulebook.comparing.changes import Group
from app.rulebook.comparing.glossary import Glossary, Values


def as_html(compared: Compared) -> str:
    """The changes as one self-contained page: no script, nothing fetched, and nothing that paper would cut off."""
    title = f"{escape(compared.old)} → {escape(compared.new)}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>{''.join(_body(compared))}</main></body></html>\n"
    )


def _body(compared: Compared) -> Iterator[str]:
    changes = compared.changes
    yield "<h1>What changes</h1>"
    past = past_line(compared)
    if past:
        yield f'<p class="past"><strong>{escape(past)}</strong></p>'
    lost = loss_lines(compared)
    if lost:
        yield f'<div class="past"><p><strong>{escape(lost[0])}</strong></p>{_listed(lost[1:])}</div>'
    order = order_line(compared)
    if order:
        yield f'<p class="past"><strong>{escape(order)}</strong></p>'
    names = f"Rulebook <code>{escape(compared.old)}</code> → <code>{escape(compared.new)}</code>"
    yield f"<p>{names}: <strong>{escape(count_line(changes))}</strong>.</p>"
    handled = handling_lines(compared)
    if handled:
        yield f"<section><h2>{escape(handled[0])}</h2>{_listed(handled[1:])}</section>"
    for group in in_order(compared):
        yield from _group(compared, group)
    sets = sets_told(compared)
    if sets:
        yield "<h2>Sets</h2><dl>"
        for named in sets:
            fact = _fact_of(compared, named.name)
            rows = ", ".join(_named(compared.glossary, fact, row) for row in named.rows)
            yield f"<dt>{escape(named.name)}</dt><dd>{rows}</dd>"
        yield "</dl>"
    replayed = replay_lines(compared.replay)[1:]
    if replayed:
        yield "<h2>Recorded releases</h2>"
        yield from (f"<p>{escape(line.strip())}</p>" for line in replayed)
    if compared.files:
        yield "<h2>Files</h2>"
        yield from (f"<pre>{_marked(lines_of(file))}</pre>" for file in compared.files)


def _listed(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line.strip())}</li>" for line in lines) + "</ul>"


def _group(compared: Compared, group: Group) -> Iterator[str]:
    glossary = compared.glossary
    only_words = ", only words differ" if group.difference.reworded else ""
    yield f"<section><h2>{escape(what(group.difference))}</h2>"
    released = f"released {days(group)}{past_note(compared, group)}"
    yield f"<p><strong>{group.count:,}</strong> cases{only_words}, {escape(released)}</p><dl>"
    for values in glossary.told(group.touched):
        yield f"<dt>{escape(values.fact)}</dt><dd>{_values(glossary, values)}</dd>"
    if not group.difference.reworded:
        yield f"<dt>Before</dt><dd>{escape(answer_line(group.before, glossary))}</dd>"
        yield f"<dt>After</dt><dd>{escape(answer_line(group.after, glossary))}</dd>"
    example = ", ".join(f"{escape(fact)} {_named(glossary, fact, value)}" for fact, value in group.example.items())
    yield f"<dt>For example</dt><dd>{example}</dd></dl>"
    lines = notice_lines(compared, group)
    if lines:
        yield f"<pre>{_marked(chr(10).join(lines))}</pre>"
    yield "</section>"


def _values(glossary: Glossary, values: Values) -> str:
    if values.named is not None or values.missing:
        return escape(str(values).removeprefix(f"{values.fact} "))
    return ", ".join(_named(glossary, values.fact, value) for value in values.values)


def _named(glossary: Glossary, fact: str, value: str) -> str:
    """A value with what it stands for."""
    name = glossary.name(fact, value)
    return f"{escape(value)} <small>{escape(name)}</small>" if name else escape(value)


def _fact_of(compared: Compared, set_name: str) -> str:
    """A fact whose values are the rows of a set's table."""
    for group in in_order(compared):
        for values in compared.glossary.told(group.touched):
            if values.named is not None and values.named.name == set_name:
                return values.fact
    return ""


def _marked(diff: str) -> str:
    """Lines of a diff, those that come and those that go each in an element of their own."""
    kinds = {"+": "ins", "-": "del"}
    lines = [(kinds.get(line[:1]) if line[:3] not in {"+++", "---"} else None, escape(line)) for line in diff.split("\n")]
    return "\n".join(f"<{kind}>{line}</{kind}>" if kind else line for kind, line in lines)


_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
html { background: Canvas; color: CanvasText; } body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { font-size: 1.1rem; margin: 0 0 .3rem; } small { opacity: .8; }
section { padding: 1rem 0; border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .8rem; margin: 0; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.past { padding: .6rem; border: 2px solid; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .6rem;
  border: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
ins, del { text-decoration: none; } ins { color: light-dark(#186a3b, #64c596); } del { color: light-dark(#b3261e, #ff8a80); }
@media (max-width: 40rem) { dl { display: block; } dd { margin: 0 0 .4rem; } }
@media print { :root { color-scheme: light; font-size: 10pt; } body { max-width: none; margin: 0; padding: 0; } h2, dt { break-after: avoid; } }
"""
