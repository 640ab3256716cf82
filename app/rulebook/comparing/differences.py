"""How the answers of two rulebooks in one case differ: field by field, and in the words a state would read."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.rulebook.comparing.words import NoticeWords, WordChange, word_change

Entry = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answered:
    """What a rulebook answers in a case, in the words of a scenario; `words` are those of the notices, by audience."""

    outcome: str
    rules: tuple[str, ...]
    sends: tuple[Entry, ...]
    work_items: tuple[Entry, ...]
    because: tuple[str, ...] = ()
    """The rules that gave the outcome."""
    words: Mapping[str, NoticeWords] = field(default_factory=dict)
    due: Mapping[tuple[str, str | None], int | None] = field(default_factory=dict)
    """In how many seconds each notice (audience) and work item (audience, code) is due; None for no time."""

    @property
    def effect(self) -> tuple[object, ...]:
        """What counts as a change when it differs."""
        return self.outcome, [dict(send) for send in self.sends], [dict(item) for item in self.work_items]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One thing that is answered otherwise: for an audience (None: the case as a whole) a field, None where it says nothing."""

    audience: str | None
    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two answers. Without `fields` only words differ: the case is reworded."""

    fields: tuple[FieldChange, ...]
    words: tuple[WordChange, ...]
    rules: Hashable = None
    """The rules that gave the outcome before and after, where the outcome differs."""

    @property
    def reworded(self) -> bool:
        """Whether nothing but words differs."""
        return not self.fields

    @property
    def reworded_by_row(self) -> bool:
        """Whether nothing but words differs, and the row of a state is why: that its notices are test notices, say."""
        return self.reworded and any(words.of_row for words in self.words)


def difference(was: Answered, becomes: Answered) -> Difference | None:
    """How two answers differ; None where they do not."""
    words = tuple(_word_changes(was, becomes))
    if was.effect == becomes.effect:
        return Difference((), words) if words else None
    fields = tuple(_field_changes(was, becomes))
    rules = (was.because, becomes.because) if was.outcome != becomes.outcome else None
    return Difference(fields, words, rules)


def _word_changes(was: Answered, becomes: Answered) -> Iterator[WordChange]:
    """Of the notices for one audience in the same message; another message is a field that differs."""
    for audience, words in was.words.items():
        after = becomes.words.get(audience)
        if after is None or after.message != words.message or after == words:
            continue
        change = word_change(words, after)
        if change is not None:
            yield change


def _field_changes(was: Answered, becomes: Answered) -> Iterator[FieldChange]:
    if was.outcome != becomes.outcome:
        yield FieldChange(None, "outcome", was.outcome, becomes.outcome)
    yield from _entry_changes("notice", ("copy", "ori", "message"), was.sends, becomes.sends)
    yield from _entry_changes("work item", ("code",), was.work_items, becomes.work_items)


def _entry_changes(kind: str, names: Sequence[str], before: Sequence[Entry], after: Sequence[Entry]) -> Iterator[FieldChange]:
    """The fields that differ, by audience. An entry that only one side has is one change, whatever its address."""
    old, new = {entry["to"]: entry for entry in before}, {entry["to"]: entry for entry in after}
    for audience in dict.fromkeys([*old, *new]):
        was, becomes = old.get(audience), new.get(audience)
        if was is None or becomes is None:
            yield FieldChange(audience, kind, _shown(was), _shown(becomes))
            continue
        for name in names:
            if was[name] != becomes[name]:
                yield FieldChange(audience, name, was[name], becomes[name])


def _shown(entry: Entry | None) -> str | None:
    """An entry without whom it is for and without its address, which says no more than the state does."""
    if entry is None:
        return None
    return ", ".join(text for name, text in entry.items() if name not in {"to", "ori"})
