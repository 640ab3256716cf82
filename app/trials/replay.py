"""Which recorded releases would have gone otherwise under another rulebook. Nothing is stored, sent or composed."""

import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from app.decide.facts import FactFinder
from app.domain.release import Release
from app.rulebook.book import RuleBook, tried
from app.rulebook.comparing.changes import REJECTED
from app.rulebook.files.source import SourceFile
from app.rulebook.language.evaluate import strongest
from app.rulebook.language.model import AskPerson, Send
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import Content, read_content

CHUNK = 4_000
"""Releases handed to a process at once."""

Effect = tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...], tuple[tuple[str, str], ...]]
"""Outcome, rules, sends (audience, copy, ORI, message), work items (audience, code)."""


class ReplayGroup(NamedTuple):
    """Releases that changed alike: how many, the id of one of them, and what was and would be made of that one."""

    releases: int
    example: str
    was: Effect
    becomes: Effect


@dataclass(slots=True)
class Replayed:
    """How many releases were decided, how many could not be read, and the changed ones grouped by outcome and rules."""

    releases: int = 0
    unreadable: int = 0
    groups: dict[tuple[str, tuple[str, ...], str, tuple[str, ...]], ReplayGroup] = field(default_factory=dict)

    def add(self, other: "Replayed") -> None:
        """Adds what another process found."""
        self.releases += other.releases
        self.unreadable += other.unreadable
        for group in other.groups.values():
            self.add_group(group)

    def add_group(self, group: ReplayGroup) -> None:
        """Adds releases to those that changed in the same way; the first of them stays the example."""
        key = (*group.was[:2], *group.becomes[:2])
        first = self.groups.get(key)
        self.groups[key] = group if first is None else first._replace(releases=first.releases + group.releases)

    def as_json(self) -> dict[str, Any]:
        """The `replay` part of a difference; each example is a release's id, and what is sent and asked is of that one."""
        groups = [
            {
                "before": _effect_as_json(group.was),
                "after": _effect_as_json(group.becomes),
                "count": group.releases,
                "example": group.example,
            }
            for group in sorted(self.groups.values(), key=lambda group: -group.releases)
        ]
        changed = sum(group.releases for group in self.groups.values())
        return {"releases": self.releases, "changed": changed, "unreadable": self.unreadable, "groups": groups}


def _effect_as_json(effect: Effect) -> dict[str, Any]:
    outcome, rules, sends, items = effect
    return {
        "outcome": outcome,
        "rules": list(rules),
        "sends": [dict(zip(("to", "copy", "ori", "message"), send, strict=True)) for send in sends],
        "work_items": [dict(zip(("to", "code"), item, strict=True)) for item in items],
    }


class Replayer:
    """Decides releases under two rulebooks, as far as counts for a change."""

    def __init__(self, old: Content, new: Content) -> None:
        self._sides = [_ReplaySide(old), _ReplaySide(new)]
        self._decoder = msgspec.json.Decoder(Release)

    def replay(self, lines: Iterable[bytes]) -> Replayed:
        """Decides each line, a release as JSON."""
        found = Replayed()
        old, new = self._sides
        for line in lines:
            try:
                release = self._decoder.decode(line)
                was, becomes = old.effect(release), new.effect(release)
            except (msgspec.DecodeError, ValueError):
                found.unreadable += 1
                continue
            found.releases += 1
            if was[0] != becomes[0] or was[2:] != becomes[2:]:
                found.add_group(ReplayGroup(1, release.release_id, was, becomes))
        return found


class _ReplaySide:
    def __init__(self, content: Content) -> None:
        self._book: RuleBook = tried(content, content.views())
        self._finder = FactFinder(content.facts, content.tables)
        self._allowed = [(pointer, frozenset(states)) for pointer, states in self._finder.allowed_states().items()]

    def effect(self, release: Release) -> Effect:
        """What this rulebook makes of a release."""
        if self._refuses(release):
            return REJECTED, (), (), ()
        place = self._book.regime(release.stay.day)
        values, _ = self._finder.find(release)
        look_up = self._book.eligibility[place]
        verdicts = look_up.verdicts_of(values.shared, values.convictions)
        owed = verdicts[0] if len(verdicts) == 1 else strongest(look_up.program.table, verdicts)
        if owed.outcome != "notify":
            return owed.outcome, tuple([rule.id for rule in owed.rules]), (), ()
        routed = self._book.routing[place].verdict(values.shared)
        view = look_up.view
        sends, items = [], []
        for reply in routed.replies:
            if isinstance(reply, Send):
                cells = view.cells[view.facts[reply.audience].table or ""][values.shared[reply.audience]]
                sends.append((reply.audience, reply.copy, cells[reply.ori_column], reply.message))
            elif isinstance(reply, AskPerson):
                items.append((reply.audience, reply.code))
        rules = tuple([rule.id for rule in owed.rules + routed.rules])
        return owed.outcome, rules, tuple(sorted(sends)), tuple(sorted(items))

    def _refuses(self, release: Release) -> bool:
        found = {"/stay/state": release.stay.state, "/residence/state": release.residence.state if release.residence else None}
        return any((state := found[pointer]) is not None and state not in states for pointer, states in self._allowed)


def replay(
    old: tuple[SourceFile, ...], new: tuple[SourceFile, ...], lines: Iterable[bytes], processes: int
) -> Iterator[Replayed]:
    """Replays releases under two rulebooks on several processes; yields what each chunk gave, to be added up.

    The rulebooks are given as files, since every process reads them for itself. Both must be free of errors.
    """
    if processes < 2:
        replayer = _replayer(old, new)
        yield from (replayer.replay(chunk) for chunk in _chunks(lines))
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _start, (old, new)) as pool:
        yield from pool.imap_unordered(_work, _chunks(lines))


def _chunks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    for line in lines:
        if line.isspace():
            continue
        chunk.append(line)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _replayer(old: tuple[SourceFile, ...], new: tuple[SourceFile, ...]) -> Replayer:
    contents = [read_content(files, Problems()) for files in (old, new)]
    before, after = contents
    if before is None or after is None:
        raise ValueError("a rulebook with errors cannot be replayed")
    return Replayer(before, after)


_mine: list[Replayer] = []
"""The replayer of this process, made once by `_start` and used by every `_work` (the pool has no other way to hand it on)."""


def _start(old: tuple[SourceFile, ...], new: tuple[SourceFile, ...]) -> None:
    _mine[:] = [_replayer(old, new)]


def _work(lines: list[bytes]) -> Replayed:
    return _mine[0].replay(lines)
