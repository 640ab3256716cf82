"""Notices before and after a change of words: composed for an invented person, as a state would read them."""

from collections.abc import Iterator, Mapping
from datetime import date

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.identifiers import DRY_RUN_ID
from app.rulebook.book import tried
from app.rulebook.comparing.change_report import Compared, Texts
from app.rulebook.comparing.changes import Changes, Group, compare
from app.rulebook.comparing.differences import Difference
from app.rulebook.comparing.file_changes import file_changes
from app.rulebook.comparing.glossary import Glossary
from app.rulebook.comparing.handling import handling
from app.rulebook.comparing.safeguards import losses
from app.rulebook.reading.content import Content
from app.trials.situations import Situation, case_of, notices_in, situations

_TERMS = Terms()


def compare_whole(old: Content, new: Content, today: date, names: tuple[str, str] | None = None) -> Compared:
    """Everything that changes from one rulebook to another, in cases, words and files. `names` are what to call the two."""
    changes = compare(old, new)
    before, after = names or (old.hash, new.hash)
    return Compared(
        old=before,
        new=after,
        changes=changes,
        files=file_changes(old.files, new.files),
        today=today,
        glossary=Glossary(old, new),
        texts=texts_of(old, new, changes),
        losses=losses(old, new),
        handling=handling(old, new, changes),
    )


def texts_of(old: Content, new: Content, changes: Changes) -> dict[Difference, Texts]:
    """The notices before and after, for each group of cases in which words or the message differ."""
    composers = tuple(Decider(tried(content, content.views()), _TERMS) for content in (old, new))
    found = {}
    for key, group in changes.groups.items():
        audiences = tuple(_audiences(key))
        if audiences:
            found[key] = _texts(composers[0], composers[1], group, audiences)
    return found


def _audiences(differs: Difference) -> Iterator[str]:
    """Those whose notice is told in other words, or in another message."""
    yield from (change.audience for change in differs.words)
    yield from (change.audience for change in differs.fields if change.field == "message" and change.audience)


def _texts(before: Decider, after: Decider, group: Group, audiences: tuple[str, ...]) -> Texts:
    """The notices in the first situation in which they differ; an ordinary one is tried first."""
    found = Texts("", "")
    for situation in situations(group.example):
        found = Texts(*(_notices(decider, group.example, situation, audiences) for decider in (before, after)))
        if _bodies(found.before) != _bodies(found.after):
            break
    return found


def _bodies(text: str) -> str:
    """The text without header lines, which have the address."""
    return "\n".join(line for line in text.splitlines() if not line.endswith(".TXT"))


def _notices(decider: Decider, example: Mapping[str, str], situation: Situation, audiences: tuple[str, ...]) -> str:
    """What the audiences would read of an invented release."""
    notices = notices_in(decider, case_of(example), situation)
    return "\n".join(notice.numbered(DRY_RUN_ID) for notice in notices if notice.audience in audiences)
