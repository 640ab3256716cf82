"""What changes between two rulebooks, as people and programs read it: JSON, plain text, Markdown and HTML for a review."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import msgspec

from app.rulebook.changes import Changes, Group
from app.rulebook.differences import Answered
from app.rulebook.file_changes import FileChange


@dataclass(frozen=True, slots=True)
class Compared:
    """Two rulebooks by their names (hashes or what the user called them) and what changes between them, in cases and in files."""

    old: str
    new: str
    changes: Changes
    files: tuple[FileChange, ...]
    replay: Mapping[str, Any] | None = None


def as_json(compared: Compared) -> dict[str, Any]:
    """The contract's machine-readable form; groups with most cases first."""
    return {
        "old": compared.old,
        "new": compared.new,
        "cases": compared.changes.cases,
        "changed": compared.changes.changed,
        "groups": [
            {
                "before": _answered(group.before),
                "after": _answered(group.after),
                "count": group.count,
                "example": dict(group.example),
                "what": what(group),
            }
            for group in in_order(compared.changes)
        ],
        "outcome_order": _order(compared.changes),
        "replay": compared.replay,
        "files": [msgspec.structs.asdict(file) for file in compared.files],
    }


def _order(changes: Changes) -> dict[str, list[str]] | None:
    order = changes.outcome_order
    return {"before": list(order[0]), "after": list(order[1])} if order else None


def _order_line(changes: Changes) -> str:
    """What no case shows, each having one conviction; "" where the order is the same."""
    if not changes.outcome_order:
        return ""
    was, becomes = (", ".join(order) for order in changes.outcome_order)
    return f"The order of the outcomes was {was}, and becomes {becomes}: of several convictions another answer may stand."


def in_order(changes: Changes) -> list[Group]:
    """The groups of changed cases, those with most cases first."""
    changed = [group for group in changes.groups.values() if not group.difference.reworded]
    return sorted(changed, key=lambda group: (-group.count, group.before.rules, group.after.rules))


def _answered(answered: Answered) -> dict[str, Any]:
    return {
        "outcome": answered.outcome,
        "rules": list(answered.rules),
        "sends": [dict(send) for send in answered.sends],
        "work_items": [dict(item) for item in answered.work_items],
    }


def what(group: Group) -> str:
    """One sentence on what changes in a group."""
    before, after = group.before, group.after
    if before.outcome != after.outcome:
        return f"{_sentence(_OUTCOMES[before.outcome])} before, {_OUTCOMES[after.outcome]} now."
    parts = [*_moved("told", before.sends, after.sends), *_moved("asked about", before.work_items, after.work_items)]
    return f"{_sentence('; '.join(parts))}."


_OUTCOMES = {
    "notify": "a notice is owed",
    "hold_for_review": "a person decides",
    "do_not_notify": "no notice is owed",
    "rejected": "the release is refused",
}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moved(word: str, before: Sequence[Mapping[str, str]], after: Sequence[Mapping[str, str]]) -> Iterator[str]:
    was, becomes = {entry["to"]: entry for entry in before}, {entry["to"]: entry for entry in after}
    for audience in dict.fromkeys([*was, *becomes]):
        name = audience.replace("_", " ")
        if audience not in becomes:
            yield f"the {name} is no longer {word}"
        elif audience not in was:
            yield f"the {name} is now {word}"
        elif was[audience] != becomes[audience]:
            differs = [key for key in was[audience] if was[audience][key] != becomes[audience].get(key)]
            changes = ", ".join(f"{key} {was[audience][key]} becomes {becomes[audience].get(key)}" for key in differs)
            yield f"for the {name}: {changes}"


def as_text(compared: Compared) -> str:
    """The changes as plain lines."""
    changes = compared.changes
    out = [f"{compared.old} -> {compared.new}: {changes.changed:,} of {changes.cases:,} cases change"]
    out += ["", _order_line(changes)] if changes.outcome_order else []
    for group in in_order(changes):
        out += ["", f"{group.count:,} cases: {what(group)}"]
        out += [f"  - {_line(group.before)}", f"  + {_line(group.after)}", f"  e.g. {_case(group.example)}"]
    out += _replay_lines(compared.replay)
    for file in compared.files:
        out += ["", _lines_of(file).rstrip("\n")]
    return "\n".join(out)


def _lines_of(file: FileChange) -> str:
    """What changes in a file, line by line: a new wording changes no case."""
    return file.diff if file.diff is not None else f"{file.name} has {file.change}, and is too long to be shown here\n"


def _line(answered: Answered) -> str:
    parts = [answered.outcome, " -> ".join(answered.rules), *_effects(answered.sends, answered.work_items)]
    return "; ".join(part for part in parts if part)


def _effects(sends: Iterable[Mapping[str, str]], work_items: Iterable[Mapping[str, str]]) -> list[str]:
    sent = ", ".join(f"{send['copy']} to {send['ori']}" for send in sends)
    asked = ", ".join(f"{item['code']} ({item['to']})" for item in work_items)
    return ([f"sends {sent}"] if sent else []) + ([f"asks {asked}"] if asked else [])


def _case(example: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in example.items())


def _replay_lines(replay: Mapping[str, Any] | None) -> list[str]:
    if replay is None:
        return []
    out = ["", f"Replayed {replay['releases']:,} releases: {replay['changed']:,} would have gone otherwise"]
    if replay["unreadable"]:
        out[-1] += f", {replay['unreadable']:,} lines could not be read"
    for group in replay["groups"]:
        before, after = group["before"], group["after"]
        out.append(
            f"  {group['count']:,}: {before['outcome']} ({', '.join(before['rules'])}) -> {after['outcome']} "
            f"({', '.join(after['rules'])}), e.g. {group['example']}"
        )
        if before["outcome"] == after["outcome"] and before["rules"] == after["rules"]:  # so what is sent and asked differs
            for sign, one in (("-", before), ("+", after)):
                out.append(f"    {sign} {'; '.join(_effects(one['sends'], one['work_items']))}")
    return out


def as_markdown(compared: Compared) -> str:
    """The changes as Markdown, to be put into a review."""
    changes = compared.changes
    out = [
        f"## Rulebook `{compared.old}` → `{compared.new}`",
        "",
        f"**{changes.changed:,}** of {changes.cases:,} possible cases change.",
    ]
    out += ["", _order_line(changes)] if changes.outcome_order else []
    out += ["", "| cases | what | before | after | example |", "|---:|---|---|---|---|"] if changes.changed else []
    for group in in_order(changes):
        cells = (f"{group.count:,}", what(group), _line(group.before), _line(group.after), _case(group.example))
        out.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines = _replay_lines(compared.replay)
    out += ["", "### Recorded releases", "", *[line.strip() for line in lines[1:]]] if lines else []
    out += ["", "### Files"] if compared.files else []
    for file in compared.files:
        out += ["", f"```diff\n{_lines_of(file)}```"]
    return "\n".join(out)


def as_html(compared: Compared) -> str:
    """The changes as one self-contained page: no script, nothing fetched."""
    changes = compared.changes
    rows = "".join(
        f'<tr><td class="n">{group.count:,}</td><td>{escape(what(group))}</td><td data-of="Before: ">{escape(_line(group.before))}</td>'
        f'<td data-of="After: ">{escape(_line(group.after))}</td><td class="e" data-of="For example: ">{escape(_case(group.example))}</td></tr>'
        for group in in_order(changes)
    )
    replay = "".join(f"<p>{escape(line.strip())}</p>" for line in _replay_lines(compared.replay)[1:])
    files = "".join(f'<pre tabindex="0">{_marked(_lines_of(file))}</pre>' for file in compared.files)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(compared.old)} → {escape(compared.new)}</title>"
        f"<style>{_STYLE}</style></head><body><main><h1>What changes</h1><p>Rulebook <code>{escape(compared.old)}</code> → "
        f"<code>{escape(compared.new)}</code>: <strong>{changes.changed:,}</strong> of {changes.cases:,} possible cases. {escape(_order_line(changes))}</p>"
        f"{_TABLE.format(rows=rows) if rows else ''}{'<h2>Recorded releases</h2>' + replay if replay else ''}"
        f"{'<h2>Files</h2>' + files if files else ''}</main></body></html>\n"
    )


def _marked(diff: str) -> str:
    """Lines of a diff, those that come and those that go each in an element of their own."""
    kinds = {"+": "ins", "-": "del"}
    lines = [(kinds.get(line[:1]) if line[:3] not in {"+++", "---"} else None, escape(line)) for line in diff.split("\n")]
    return "\n".join(f"<{kind}>{line}</{kind}>" if kind else line for kind, line in lines)


_TABLE = (
    "<table><thead><tr><th>Cases</th><th>What</th><th>Before</th><th>After</th><th>For example</th></tr></thead>"
    "<tbody>{rows}</tbody></table>"
)
_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
html { background: Canvas; color: CanvasText; } body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; }
td, thead th { border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } .e { font-size: .85em; opacity: .8; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
ins, del { text-decoration: none; } ins { color: light-dark(#186a3b, #64c596); } del { color: light-dark(#b3261e, #ff8a80); }
@media (max-width: 50rem) {
  thead { display: none; } tr { display: block; padding: .6rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
  td { display: block; padding: .1rem 0; border: 0; overflow-wrap: anywhere; } .n { text-align: left; font-weight: 600; }
  .n::after { content: " cases"; } [data-of]::before { content: attr(data-of); font-weight: 600; }
}
"""
