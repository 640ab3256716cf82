"""What a rulebook would change that cases alone do not say, against the one that is live, and why it may.

Releases of days before today were decided by the one before it; safeguards may be gone; people may be asked otherwise.
"""

from datetime import date
from itertools import islice
from typing import NamedTuple

import structlog

from app.domain.times import moment
from app.errors import Fault, Refused
from app.publishing.desk import Desk
from app.publishing.library import Unusable
from app.rulebook.bundles.versions import PastDays
from app.rulebook.comparing.changes import compare
from app.rulebook.comparing.handling import Handling, handling, handling_words
from app.rulebook.comparing.safeguards import NAMES_SHOWN, Loss, losses, losses_line
from app.rulebook.reading.content import Content, label
from app.store.accepted.bodies import newest_bodies
from app.store.database.reading import look
from app.trials.replay import Replayer

_log = structlog.get_logger()

CHANGES_PAST = "changes-the-past"
REPLAYED = 2_000
"""Recorded releases, the newest, that are decided again to see what changes."""


class ChangesPast(Refused):
    """The rulebook changes what was decided of days before today, and gives no reason for it."""

    def __init__(self, past: PastDays, today: date, others: tuple[str, ...] = ()) -> None:
        """`others`: the rulebooks that the corrections there are for, none of which is the one live."""
        entry = f'{{date: {today.isoformat()}, corrects: {past.against}, reason: "…", authority: {{cite: "…"}}}}'
        named = (
            f"The corrections in rules/corrections.yaml are for {', '.join(others)}, not for {past.against}. " if others else ""
        )
        words = (
            f"{past.words} {named}End the old rule and begin a new one; or, where the past was decided wrongly, add to "
            f"rules/corrections.yaml: {entry}"
        )
        super().__init__((Fault("/rules", CHANGES_PAST, words),), words)


class Changed(NamedTuple):
    """What a rulebook changes against the one live: `past` of days before today (None where nothing but the lines of a message,
    which have no date), safeguards that are gone or weaker, and what decides about people without being an answer in a case.
    """

    past: PastDays | None = None
    losses: tuple[Loss, ...] = ()
    handling: tuple[Handling, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """The same in sentences, what is worst first."""
        past = self.past.words if self.past is not None else ""
        lost = losses_line(self.losses)
        handled = "; ".join(line.strip() for line in handling_words(self.handling)).replace(":; ", ": ", 1)
        return tuple(words for words in (past, lost, f"{handled}." if handled else "") if words)

    @property
    def lost(self) -> str:
        """The safeguards in a line of a log: the first names, and how many more."""
        return losses_line(self.losses, NAMES_SHOWN)


def find_changed(desk: Desk, live: str, new: Content) -> Changed:
    """What a rulebook changes against a stored one; nothing where that one cannot be read."""
    try:
        old = desk.library.content(live)
    except Unusable as error:
        _log.warning("past_not_compared", live=live, why=error.detail)
        return Changed()
    changes = compare(old, new)
    today = moment(desk.clock()).date()
    changed, reworded = changes.before(today)
    together = changes.pairs_before(today)
    by_rows = changes.reworded_by_rows_before(today)
    past = None
    if changed or together or by_rows:
        bodies = look(desk.store, lambda connection: list(islice(newest_bodies(connection, REPLAYED), REPLAYED)))
        replayed = Replayer(old, new).replay(bodies)
        otherwise = sum(group.releases for group in replayed.groups.values())
        past = PastDays(
            against=live,
            changed=changed,
            reworded=reworded,
            releases=otherwise,
            replayed=replayed.releases,
            together=together,
            reworded_by_rows=by_rows,
        )
    return Changed(past, losses(old, new), handling(old, new, changes))


def others_corrected(content: Content) -> tuple[str, ...]:
    """The labels of the rulebooks that a rulebook's corrections are for."""
    return tuple(dict.fromkeys(label(each.corrects) for each in content.corrections))


def reason_in(content: Content, sha256: str) -> str | None:
    """Why a rulebook corrects the one with this full hash, as its own corrections say; None where they do not.

    An entry is for the change from one rulebook alone: once another is live, it excuses nothing any more.
    """
    reasons = [each for each in content.corrections if sha256.startswith(each.corrects)]
    if not reasons:
        return None
    last = reasons[-1]
    return f"{last.reason} ({'; '.join(last.authority)})" if last.authority else last.reason


def past_fault(past: PastDays | None, reason: str | None) -> str | None:
    """Why a version may not go into force, in words: days before today change and nobody says why. None where it may."""
    if past is None or reason is not None:
        return None
    return (
        f"{past.words} End the old rule and begin a new one; or, where the past was decided wrongly, say why in the approval "
        "(`corrects_past`; on the command line `--corrects-past`)."
    )
