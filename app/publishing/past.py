"""What a rulebook would change of days before today, and why it may: releases of those days were decided by the one before it."""

from datetime import date
from itertools import islice

import structlog

from app.domain.times import moment
from app.errors import Fault, Refused
from app.publishing.desk import Desk
from app.publishing.library import Unusable
from app.rulebook.bundles.versions import PastDays
from app.rulebook.comparing.changes import changes_before
from app.rulebook.reading.content import Content
from app.store.accepted.bodies import newest_bodies
from app.store.database.reading import look
from app.trials.replay import Replayer

_log = structlog.get_logger()

CHANGES_PAST = "changes-the-past"
REPLAYED = 2_000
"""Recorded releases, the newest, that are decided again to see what changes."""


class ChangesPast(Refused):
    """The rulebook changes what was decided of days before today, and gives no reason for it."""

    def __init__(self, past: PastDays, today: date) -> None:
        entry = f'{{date: {today.isoformat()}, corrects: {past.against}, reason: "…", authority: {{cite: "…"}}}}'
        words = (
            f"{past.words} End the old rule and begin a new one; or, where the past was decided wrongly, add to "
            f"rules/corrections.yaml: {entry}"
        )
        super().__init__((Fault("/rules", CHANGES_PAST, words),), words)


def find_past(desk: Desk, live: str, new: Content) -> PastDays | None:
    """What a rulebook changes of days before today; None where nothing but words, or where what is live cannot be read."""
    try:
        old = desk.library.content(live)
    except Unusable as error:
        _log.warning("past_not_compared", live=live, why=error.detail)
        return None
    today = moment(desk.clock()).date()
    changed, reworded = changes_before(old, new, today)
    if not changed:
        return None
    bodies = look(desk.store, lambda connection: list(islice(newest_bodies(connection, REPLAYED), REPLAYED)))
    replayed = Replayer(old, new).replay(bodies)
    otherwise = sum(group.releases for group in replayed.groups.values())
    return PastDays(against=live, changed=changed, reworded=reworded, releases=otherwise, replayed=replayed.releases)


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
