"""What guards a rulebook and is gone, or guards less than before: scenarios, promises, what messages must say, checks.

None of it decides anything, so no case shows it; but each kept a mistake from going live. What has only another name, or
stands in another file, is not gone: scenarios are held against each other by their cases, promises by what they promise.
"""

from collections.abc import Iterator
from collections.abc import Sequence as AbstractSequence
from typing import Literal

import msgspec

from app.rulebook.comparing.promises_kept import promise_losses
from app.rulebook.comparing.scenarios_kept import Lost, scenario_losses
from app.rulebook.files.source import Mapping, Scalar, Sequence
from app.rulebook.language.model import Column, Messages
from app.rulebook.reading.content import Content

Kind = Literal["scenario", "promise", "must_say", "keep_possible", "check"]
_KINDS: dict[str, tuple[str, str]] = {
    "scenario": ("scenario", "scenarios"),
    "promise": ("promise", "promises"),
    "must_say": ("text that a message must say", "texts that messages must say"),
    "keep_possible": ("promise not to disclose", "promises not to disclose"),
    "check": ("check", "checks"),
}
NAMES_SHOWN = 5
"""Names at the most that one sentence has where not all of them are asked for."""
_NAME_LENGTH = 120


class Loss(msgspec.Struct, frozen=True):
    """A safeguard that is `gone`, or `weaker` than it was."""

    kind: Kind
    """What guarded: a scenario, a promise, a text that a message must say, a fact kept undisclosed, or a check of tables."""
    change: Literal["gone", "weaker"]
    """Whether it is gone, or guards less than before."""
    name: str
    """What it is called: the sentence of a scenario or promise, the name of a message or fact, the key that checks."""
    what: str
    """In words, what is no longer guarded."""


def losses(old: Content, new: Content) -> tuple[Loss, ...]:
    """Every safeguard that `old` has and `new` has no longer, or has weaker."""
    return tuple(_losses(old, new))


def _losses(old: Content, new: Content) -> Iterator[Loss]:
    unread = _unread(new)
    for lost in scenario_losses(old, new):
        yield _loss("scenario", lost, unread)
    for lost in promise_losses(old, new):
        yield _loss("promise", lost, unread)
    yield from _unsaid(old.messages, new.messages)
    yield from _disclosed(old.messages, new.messages)
    yield from _unchecked(old, new)


def _loss(kind: Kind, lost: Lost, unread: frozenset[str]) -> Loss:
    if lost.name in unread:
        return Loss(kind, "weaker", lost.name, "it stands there and cannot be read; `lens check` tells why")
    return Loss(kind, lost.change, lost.name, lost.what)


def _unread(content: Content) -> frozenset[str]:
    """The sentences of scenarios and promises that are in the files and have a fault, so that nothing is known of them."""
    read = {scenario.name for scenario in content.suite.scenarios} | {promise.name for promise in content.suite.promises}
    written: set[str] = set()
    for _, node in content.scenario_nodes:
        parts = {key.text: value for key, value in node.items} if isinstance(node, Mapping) else {}
        for key in ("scenarios", "always", "never"):
            entries = parts.get(key)
            for entry in entries.items if isinstance(entries, Sequence) else ():
                said = entry.items if isinstance(entry, Mapping) else ()
                written |= {value.text for key, value in said if key.text == "name" and isinstance(value, Scalar)}
    return frozenset(written - read)


def _unsaid(old: Messages, new: Messages) -> Iterator[Loss]:
    """What a message must say no longer; what a message of another name must say in its place is not lost."""
    for name, texts in old.must_say.items():
        others = {text for wanted in new.must_say.values() for text in wanted}
        said = new.must_say.get(name, ()) if name in new.templates else others
        for text in texts:
            if not any(text in wanted for wanted in said):
                yield Loss("must_say", "gone", name, f'{name} no longer must say "{text}"')


def _disclosed(old: Messages, new: Messages) -> Iterator[Loss]:
    kept = {fact: count for fact, count, _ in new.keep_possible}
    for fact, count, _ in old.keep_possible:
        left = kept.get(fact)
        if left is None:
            yield Loss("keep_possible", "gone", fact, f"that {count:,} values of {fact} stay possible is no longer proved")
        elif left < count:
            yield Loss("keep_possible", "weaker", fact, f"{left:,} values of {fact} must stay possible instead of {count:,}")


def _unchecked(old: Content, new: Content) -> Iterator[Loss]:
    for name, fact in old.facts.items():
        if fact.sensitive and not new.facts[name].sensitive:
            yield Loss(
                "check", "gone", f"sensitive of {name}", f"{name} is no longer sensitive: routing and notices may use it"
            )
    for name, table in old.tables.items():
        after = new.tables.get(name)
        if after is None:
            continue
        if table.sensitive and not after.sensitive:
            yield Loss("check", "gone", f"sensitive of {name}", f"the table {name} is no longer sensitive")
        if table.every_row_in_a_set and not after.every_row_in_a_set:
            what = f"a row of {name} may be in no set that a rule uses"
            yield Loss("check", "gone", f"every_row_in_a_set of {name}", what)
        for column in table.columns.values():
            yield from _unchecked_cells(name, column, after.columns.get(column.name))
    for before, now in zip(old.decisions(), new.decisions(), strict=True):
        more = [fact for fact in now.reads if fact not in before.reads]
        if more:
            what = f"rules of {now.name} may now read {', '.join(more)}"
            yield Loss("check", "weaker", f"reads of {now.name}", what)


def _unchecked_cells(table: str, column: Column, after: Column | None) -> Iterator[Loss]:
    name = f"{table}.{column.name}"
    if after is None:
        return
    for key in ("matches", "starts_with"):
        was, becomes = getattr(column, key), getattr(after, key)
        if was is None or was == becomes:
            continue
        if becomes is None:
            yield Loss("check", "gone", f"{key} of {name}", f"cells of {name} need no longer fit `{key}: {was}`")
        else:
            yield Loss("check", "weaker", f"{key} of {name}", f"`{key}` of {name} was {was}, and becomes {becomes}")
    if column.kind != "text" and after.kind == "text":
        yield Loss("check", "gone", f"words of {name}", f"cells of {name} may now be any text")
    more = [word for word in after.allowed if word not in column.allowed] if column.allowed else []
    if more and after.kind == "one_of":
        yield Loss("check", "weaker", f"words of {name}", f"cells of {name} may now also be {', '.join(more)}")


def losses_line(found: AbstractSequence[Loss], most: int | None = None) -> str:
    """How many safeguards are gone and how many are weaker, each by name, in a sentence or two; "" for none.

    `most`: names at the most of each sentence, for a log.
    """
    sentences = [_sentence([loss for loss in found if loss.change == change], change, most) for change in ("gone", "weaker")]
    return " ".join(sentence for sentence in sentences if sentence)


def _sentence(found: AbstractSequence[Loss], change: str, most: int | None) -> str:
    if not found:
        return ""
    counts = {kind: sum(loss.kind == kind for loss in found) for kind in _KINDS}
    parts = [f"{count:,} {_KINDS[kind][count > 1]}" for kind, count in counts.items() if count]
    verb = "is" if len(found) == 1 else "are"
    names = list(dict.fromkeys(f'"{loss.name[:_NAME_LENGTH]}"' for loss in found))
    shown = ", ".join(names[:most])
    more = len(names) - len(names[:most])
    rest = f" and {more:,} more" if more else ""
    return f"{_joined(parts)} {verb} {change}: {shown}{rest}."


def _joined(parts: AbstractSequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
