"""A scenario that notices an edit of words: lines that a notice has, or has not, in the situation in which the edit shows."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.identifiers import DRY_RUN_ID
from app.rulebook.book import RuleBook
from app.trials.situations import Situation, case_of, notices_in, situations


class WordsToSee(NamedTuple):
    """Lines that only today's notices have (`text`), or only those of the edited rulebook (`no_text`), in a situation."""

    example: Mapping[str, str]
    situation: Situation
    text: tuple[str, ...]
    no_text: tuple[str, ...]


class WordWatcher:
    """Looks for lines by which the notices of two rulebooks differ."""

    def __init__(self, before: RuleBook, after: RuleBook) -> None:
        self._deciders = Decider(before, Terms()), Decider(after, Terms())

    def seen(self, example: Mapping[str, str], given: Mapping[str, str]) -> WordsToSee | None:
        """The lines that differ in a case, as near the common start as they still do; None where no line does."""
        found = self._in_case(example)
        if found is None:
            return None
        for name in example:
            nearer = {**found.example, name: given.get(name, found.example[name])}
            if nearer != found.example:
                found = self._in_case(nearer) or found
        return found

    def _in_case(self, example: Mapping[str, str]) -> WordsToSee | None:
        for situation in situations(example):
            today, edited = (set(self._lines(decider, example, situation)) for decider in self._deciders)
            if today != edited:
                in_order = tuple(dict.fromkeys(self._lines(self._deciders[0], example, situation)))
                gone = tuple(line for line in in_order if line not in edited)
                come = () if gone else tuple(sorted(edited - today))
                return WordsToSee(example, situation, gone, come)
        return None

    def _lines(self, decider: Decider, example: Mapping[str, str], situation: Situation) -> Iterator[str]:
        for notice in notices_in(decider, case_of(example), situation):
            yield from notice.numbered(DRY_RUN_ID).splitlines()
