"""Reads `rules/corrections.yaml`: why a rulebook may change what the one before it decided of days that are past."""

import re
from collections.abc import Iterable
from datetime import date

from app.domain.reason import WORDED, is_worded
from app.rulebook.files.source import Node, Scalar
from app.rulebook.language import grammar
from app.rulebook.language.model import Correction
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.shapes import Keys, Shapes

_NAMED = re.compile(grammar.CORRECTED)


def read_corrections(node: Node, shapes: Shapes) -> tuple[Correction, ...]:
    """The entries of the file that can be read; faults are told."""
    top = shapes.keys(node, "the file of corrections", *grammar.CORRECTIONS_FILE)
    if top is None:
        return ()
    entries = shapes.items(top.get("corrections"), "`corrections`", "[{date: …, corrects: …, reason: …, authority: …}]")
    found = [_read_one(entry, shapes) for entry in entries]
    return tuple(correction for correction in found if correction is not None)


def check_corrections_made(corrections: Iterable[Correction], today: date, problems: Problems) -> None:
    """Tells an entry of a day to come: nobody has made it. Only of what is to go into force, since no clock may undo what is."""
    for correction in corrections:
        if correction.day > today:
            message = f"a correction cannot be of {correction.day.isoformat()}, which is a day to come"
            help = f"write the day on which it is made; today is {today.isoformat()} (UTC)"
            problems.error("R115", message, correction.spot, help=help)


def _read_one(node: Node, shapes: Shapes) -> Correction | None:
    keys = shapes.keys(node, "a correction", *grammar.CORRECTION)
    if keys is None:
        return None
    errors = shapes.problems.errors
    day = shapes.day(keys.get("date"), "`date` of a correction")
    corrects = shapes.scalar(keys.get("corrects"), "`corrects` of a correction")
    reason = shapes.text(keys.get("reason"), "`reason` of a correction")
    authority = shapes.authority(keys, "a correction", node.spot)
    if corrects is not None and not _NAMED.fullmatch(corrects.text):
        help = "write the 12 digits (or all 64) of the rulebook that it corrects: the one that is live before this goes live"
        shapes.problems.error("R117", f"`{corrects.text[:80]}` does not name a rulebook", corrects.spot, help=help)
    _check_worded(keys, reason, shapes)
    if day is None or corrects is None or not reason or shapes.problems.errors > errors:
        return None
    return Correction(day=day, corrects=corrects.text, reason=reason, authority=authority, spot=keys.values["date"].spot)


def _check_worded(keys: Keys, reason: str, shapes: Shapes) -> None:
    """A reason is of words, as everywhere in LENS."""
    node = keys.get("reason")
    if not isinstance(node, Scalar) or not reason.strip() or is_worded(reason):
        return
    message = f"`reason` of a correction says nothing: `{reason}`"
    shapes.problems.error("R129", message, node.spot, help=f"write {WORDED}")
