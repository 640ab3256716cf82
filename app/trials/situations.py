"""The situation in which a notice is read: besides its case, it decides which lines are there. The person is an invented one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product

from msgspec.structs import replace

from app.decide.decide import Decider
from app.domain.decision import Notice
from app.domain.identifiers import DRY_RUN_ID
from app.domain.release import Conviction, Name, Release, Residence, Stay, Subject
from app.rulebook.language.model import CONVICTION_FACTS
from app.rulebook.language.scenarios import Case
from app.rulebook.reading.scenarios import DAY

_NOWHERE = "ZZ"


@dataclass(frozen=True, slots=True)
class Situation:
    """Late or in time, after another message or new, and whether a residence is stated (None: where the case has a state)."""

    late: bool = False
    follow_up: bool = False
    stated: bool | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The situation as `notice` of a scenario says it."""
        found = {"late": self.late, "follow_up": self.follow_up, "residence_stated": self.stated}
        return tuple(word for word, there in found.items() if there)


ORDINARY = Situation()


def situation_of(words: tuple[str, ...]) -> Situation:
    """What `notice` of a scenario says."""
    return Situation("late" in words, "follow_up" in words, True if "residence_stated" in words else None)


def situations(example: Mapping[str, str]) -> Iterator[Situation]:
    """Every situation that a release of this case can be in, the ordinary one first."""
    stated = (None, True) if example["residence_state"] == _NOWHERE else (None,)
    for follow_up, late, there in product((False, True), (False, True), stated):
        yield Situation(late, follow_up, there)


def notices_in(decider: Decider, case: Case, situation: Situation) -> tuple[Notice, ...]:
    """The notices of an invented release of a case, in a situation."""
    release = _release_in(case, situation)
    late = decider.terms.late_after + 1 if situation.late else 0
    now = release.stay.instant + timedelta(seconds=late)
    notices = decider.decide(release, now).notices
    if not situation.follow_up:
        return notices
    return decider.decide(release, now, told={notice.ori: DRY_RUN_ID for notice in notices}).notices


def _release_in(case: Case, situation: Situation) -> Release:
    release = invented_release(case)
    if situation.stated and release.residence is None:
        return replace(release, residence=Residence(_NOWHERE, "100 Example St Apt 2", "Sampletown", "00000"))
    return release


def case_of(example: Mapping[str, str]) -> Case:
    """The case of an example, with its one conviction."""
    shared = {name: value for name, value in example.items() if name not in {*CONVICTION_FACTS, DAY}}
    code, status = (example[name] for name in CONVICTION_FACTS)
    return Case(date.fromisoformat(example[DAY]), shared, ((code, status),))


def invented_release(case: Case) -> Release:
    """A release with the facts of a case and a plainly invented subject; facts that no release can state are left out."""
    values = case.values
    moment = datetime(case.day.year, case.day.month, case.day.day, 12, tzinfo=UTC)
    convictions = tuple(
        Conviction("9999" if code == "unknown" else code, status) for code, status in case.convictions if code != "none"
    )
    stated = None if values["residence_state"] == _NOWHERE else values["residence_state"]
    hold = values["hold"]
    return Release(
        release_id="SCENARIO",
        stay=Stay(values["stay_ended"] == "yes", moment.isoformat(), values["release_reason"], values["release_state"]),
        subject=Subject(Name("Sample", "Pat", "Q"), date_of_birth="1980-01-02", sex="U", fbi_number="12345678A"),
        convictions=convictions,
        residence=Residence(stated, "100 Example St Apt 2", "Sampletown", "00000") if stated else None,
        holds=() if hold == "none" else (hold,),
    )
