"""Notices before and after a change of words: composed for an invented person, as a state would read them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product

from msgspec.structs import replace

from app.decide.decide import Decider
from app.decide.suite import invented_release
from app.decide.terms import Terms
from app.domain.identifiers import DRY_RUN_ID
from app.domain.release import Release, Residence
from app.rulebook.book import tried
from app.rulebook.change_report import Compared, Texts
from app.rulebook.changes import Changes, Group, compare
from app.rulebook.content import Content
from app.rulebook.differences import Difference
from app.rulebook.file_changes import file_changes
from app.rulebook.glossary import Glossary
from app.rulebook.model import CONVICTION_FACTS
from app.rulebook.read_scenarios import DAY
from app.rulebook.scenarios import Case

_TERMS = Terms()
_NOWHERE = "ZZ"


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides about lines of a notice besides the case: late or not, after another message or not, residence stated or not."""

    late: bool
    follow_up: bool
    stated: bool


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


def situations(example: Mapping[str, str]) -> Iterator[Situation]:
    """Every situation that a release of this case can be in, the ordinary one first."""
    stated = (True, False) if example["residence_state"] == _NOWHERE else (True,)
    for follow_up, late, there in product((False, True), (False, True), stated):
        yield Situation(late, follow_up, there)


def _bodies(text: str) -> str:
    """The text without header lines, which have the address."""
    return "\n".join(line for line in text.splitlines() if not line.endswith(".TXT"))


def _notices(decider: Decider, example: Mapping[str, str], situation: Situation, audiences: tuple[str, ...]) -> str:
    """What the audiences would read of an invented release."""
    release = release_in(example, situation)
    now = release.stay.instant + timedelta(seconds=_TERMS.late_after + 1 if situation.late else 0)
    told: dict[str, str] = {}
    if situation.follow_up:
        told = {notice.ori: DRY_RUN_ID for notice in decider.decide(release, now).notices}
    notices = decider.decide(release, now, told=told).notices
    texts = [notice.numbered(DRY_RUN_ID) for notice in notices if notice.audience in audiences]
    return "\n".join(texts)


def release_in(example: Mapping[str, str], situation: Situation) -> Release:
    """An invented release of a case, in a situation."""
    release = invented_release(case_of(example))
    if situation.stated and release.residence is None:
        return replace(release, residence=Residence(_NOWHERE, "100 Example St Apt 2", "Sampletown", "00000"))
    return release


def case_of(example: Mapping[str, str]) -> Case:
    """The case of an example, with its one conviction."""
    shared = {name: value for name, value in example.items() if name not in {*CONVICTION_FACTS, DAY}}
    code, status = (example[name] for name in CONVICTION_FACTS)
    return Case(date.fromisoformat(example[DAY]), shared, ((code, status),))
