"""What changes between two rulebooks, as people and programs read it: JSON, plain text and Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import unified_diff
from typing import Any, NamedTuple

import msgspec

from app.rulebook.comparing.change_words import answer_line, days, effects, what
from app.rulebook.comparing.changes import Affected, Changes, Group
from app.rulebook.comparing.differences import Answered, Difference
from app.rulebook.comparing.file_changes import FileChange
from app.rulebook.comparing.glossary import Glossary, NamedSet, Values
from app.rulebook.comparing.handling import Handling, handling_words
from app.rulebook.comparing.safeguards import Loss, losses_line


class Texts(NamedTuple):
    """The notices of one case that differ, before and after; where there are several, a blank line is between them."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two rulebooks by their names (hashes or what the user called them) and what changes between them, in cases and in files.

    `today` says which days are earlier days; `texts` are notices before and after, of groups in which words differ. `losses` are
    safeguards that are gone or weaker, `handling` is what decides about people without being an answer in a case.
    """

    old: str
    new: str
    changes: Changes
    files: tuple[FileChange, ...]
    today: date
    glossary: Glossary
    texts: Mapping[Difference, Texts] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    handling: tuple[Handling, ...] = ()
    replay: Mapping[str, Any] | None = None

    @property
    def past(self) -> Affected:
        """How many cases of days before today are answered otherwise."""
        return self.changes.before(self.today)

    @property
    def past_pairs(self) -> int:
        """How many cases of two convictions and of days before today are answered otherwise though no single one is."""
        return self.changes.pairs_before(self.today)


def as_json(compared: Compared) -> dict[str, Any]:
    """The contract's machine-readable form; groups that touch earlier days first, then those with most cases."""
    return {
        "old": compared.old,
        "new": compared.new,
        "cases": compared.changes.cases,
        "changed": compared.changes.changed,
        "reworded": compared.changes.reworded,
        "past": compared.past.changed + compared.past_pairs,
        "past_reworded": compared.past.reworded,
        "losses": [msgspec.structs.asdict(loss) for loss in compared.losses],
        "handling": [msgspec.structs.asdict(change) | {"values": list(change.values)} for change in compared.handling],
        "groups": [_group(compared, group) for group in in_order(compared)],
        "outcome_order": _order(compared),
        "replay": compared.replay,
        "files": [msgspec.structs.asdict(file) for file in compared.files],
    }


def _group(compared: Compared, group: Group) -> dict[str, Any]:
    texts = compared.texts.get(group.difference)
    return {
        "before": _answer_as_json(group.before),
        "after": _answer_as_json(group.after),
        "count": group.count,
        "past": group.past(compared.today),
        "touched": {fact: list(values) for fact, values in group.touched.items()},
        "example": dict(group.example),
        "what": what(group.difference),
        "texts": None if texts is None else texts._asdict(),
    }


def _answer_as_json(answered: Answered) -> dict[str, Any]:
    return {
        "outcome": answered.outcome,
        "rules": list(answered.rules),
        "sends": [dict(send) for send in answered.sends],
        "work_items": [dict(item) for item in answered.work_items],
    }


def _order(compared: Compared) -> dict[str, Any] | None:
    order = compared.changes.outcome_order
    if not order:
        return None
    pairs = sum(compared.changes.together.values())
    return {"before": list(order[0]), "after": list(order[1]), "pairs": pairs, "past": compared.past_pairs}


def in_order(compared: Compared) -> list[Group]:
    """The groups: changed cases before reworded ones, those with earlier days before others, then those with most cases."""

    def order(group: Group) -> tuple[bool, bool, int, str]:
        earlier = group.past(compared.today) > 0
        return group.difference.reworded, not earlier, -group.count, what(group.difference)

    return sorted(compared.changes.groups.values(), key=order)


def order_line(compared: Compared) -> str:
    """What no case shows, each having one conviction; "" where the order is the same."""
    order = compared.changes.outcome_order
    if not order:
        return ""
    was, becomes = (", ".join(outcomes) for outcomes in order)
    pairs, past = sum(compared.changes.together.values()), compared.past_pairs
    earlier = f", {past:,} of them before {compared.today.isoformat()}" if past else ""
    return (
        f"The order of the outcomes was {was}, and becomes {becomes}: in {_cases(pairs)} of two convictions, each answered as "
        f"before, another outcome stands{earlier}."
    )


def loss_lines(compared: Compared) -> list[str]:
    """The safeguards that are gone or weaker: how many and which, then what each is about. Nothing where there are none."""
    if not compared.losses:
        return []
    return [losses_line(compared.losses), *(f"{loss.kind} {loss.change}: {loss.name}: {loss.what}" for loss in compared.losses)]


def handling_lines(compared: Compared) -> list[str]:
    """What decides about people and is no answer in a case, with how many such changes there are. Nothing where there is none."""
    return handling_words(compared.handling)


def past_line(compared: Compared) -> str:
    """What changes for days that have passed, which is said before anything else; "" where nothing does."""
    changed, reworded = compared.past
    together = compared.past_pairs
    day = compared.today.isoformat()
    if together and not changed:
        return (
            f"Earlier days change too: no case of one conviction, but {_cases(together)} of two convictions and of days before "
            f"{day} would be decided otherwise."
        )
    if changed:
        words = f" (and {_cases(reworded)} read otherwise)" if reworded else ""
        return f"Earlier days change too: {_cases(changed)} of days before {day} would be decided otherwise{words}."
    if reworded:
        return f"Earlier days change too: in {_cases(reworded)} of days before {day} a notice would read otherwise."
    return ""


def count_line(changes: Changes) -> str:
    """How many cases change, in how many only words do, and of how many."""
    only_words = f"; in {changes.reworded:,} more only words differ" if changes.reworded else ""
    single = " of one conviction" if changes.outcome_order else ""
    return f"{changes.changed:,} of {changes.cases:,} cases{single} change{only_words}"


def _cases(count: int) -> str:
    return f"{count:,} case{'' if count == 1 else 's'}"


def as_text(compared: Compared) -> str:
    """The changes as plain lines."""
    changes = compared.changes
    out = [line for line in (past_line(compared), *loss_lines(compared), order_line(compared)) if line]
    out += [""] if len(out) > 1 else []
    out += [f"{compared.old} -> {compared.new}: {count_line(changes)}"]
    out += ["", *handling_lines(compared)] if compared.handling else []
    for group in in_order(compared):
        out += _group_lines(compared, group)
    out += [f"{line}" for line in _set_lines(sets_told(compared))]
    out += replay_lines(compared.replay)
    for file in compared.files:
        out += ["", lines_of(file).rstrip("\n")]
    return "\n".join(out)


def _group_lines(compared: Compared, group: Group) -> Iterator[str]:
    words = " (only words differ)" if group.difference.reworded else ""
    yield ""
    yield f"{_cases(group.count)}{words}: {what(group.difference)}"
    yield f"  in cases with {touched_line(compared, group)}"
    yield f"  released {days(group)}{past_note(compared, group)}"
    if not group.difference.reworded:
        yield f"  - {answer_line(group.before)}"
        yield f"  + {answer_line(group.after)}"
    yield f"  e.g. {case_line(group.example)}"
    for line in notice_lines(compared, group):
        yield f"  | {line}"


def touched_line(compared: Compared, group: Group) -> str:
    """Every value of each fact that the group touches; the facts with fewest values first."""
    return "; ".join(map(str, compared.glossary.told(group.touched))) or "any values"


def past_note(compared: Compared, group: Group) -> str:
    """How many of the cases are of earlier days, where some are."""
    past = group.past(compared.today)
    return f", {past:,} of them before {compared.today.isoformat()}" if past else ""


def notice_lines(compared: Compared, group: Group) -> list[str]:
    """The notices of the example, whole: lines that go begin with -, lines that come with +. None where words do not differ."""
    texts = compared.texts.get(group.difference)
    if texts is None:
        return []
    before, after = texts.before.splitlines(), texts.after.splitlines()
    whole = len(before) + len(after)
    return list(unified_diff(before, after, lineterm="", n=whole))[3:] or [f" {line}" for line in before]


def sets_told(compared: Compared) -> tuple[NamedSet, ...]:
    """The sets that stand for the values of a group, to be written out once."""
    told: list[Values] = []
    for group in in_order(compared):
        told += compared.glossary.told(group.touched)
    return compared.glossary.sets_in(told)


def _set_lines(sets: Sequence[NamedSet]) -> list[str]:
    lines = [f"  {named.name}: {', '.join(named.rows)}" for named in sets]
    return ["", "where", *lines] if lines else []


def lines_of(file: FileChange) -> str:
    """What changes in a file, line by line."""
    return file.diff if file.diff is not None else f"{file.name} has {file.change}, and is too long to be shown here\n"


def case_line(example: Mapping[str, str]) -> str:
    """A case on one line."""
    return ", ".join(f"{name} {value}" for name, value in example.items())


def replay_lines(replay: Mapping[str, Any] | None) -> list[str]:
    """What a replay of recorded releases found; nothing where there was none."""
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
                out.append(f"    {sign} {'; '.join(effects(one['sends'], one['work_items']))}")
    return out


def as_markdown(compared: Compared) -> str:
    """The changes as Markdown, to be put into a review."""
    changes = compared.changes
    past = past_line(compared)
    out = [f"## Rulebook `{compared.old}` → `{compared.new}`", ""]
    out += [f"**{past}**", ""] if past else []
    lost = loss_lines(compared)
    out += [f"**{lost[0]}**", "", *(f"- {line}" for line in lost[1:]), ""] if lost else []
    out += [f"**{order_line(compared)}**", ""] if changes.outcome_order else []
    out += [f"{count_line(changes)}."]
    handled = handling_lines(compared)
    out += ["", handled[0], "", *(f"- {line.strip()}" for line in handled[1:])] if handled else []
    if changes.groups:
        out += ["", "| cases | what | touches | before | after | example |", "|---:|---|---|---|---|---|"]
    out += [_row(compared, group) for group in in_order(compared)]
    for group in in_order(compared):
        lines = notice_lines(compared, group)
        out += ["", f"{what(group.difference)}", "", _fenced("\n".join(lines) + "\n")] if lines else []
    sets = [f"- `{named.name}`: {', '.join(named.rows)}" for named in sets_told(compared)]
    out += ["", *sets] if sets else []
    replayed = replay_lines(compared.replay)
    out += ["", "### Recorded releases", "", *[line.strip() for line in replayed[1:]]] if replayed else []
    out += ["", "### Files"] if compared.files else []
    for file in compared.files:
        out += ["", _fenced(lines_of(file))]
    return "\n".join(out)


def _row(compared: Compared, group: Group) -> str:
    only_words = " (only words)" if group.difference.reworded else ""
    cells = (
        f"{group.count:,}{only_words}",
        what(group.difference),
        f"{touched_line(compared, group)}; released {days(group)}{past_note(compared, group)}",
        answer_line(group.before),
        answer_line(group.after),
        case_line(group.example),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _fenced(diff: str) -> str:
    return f"```diff\n{diff}```"
