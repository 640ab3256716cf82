"""Reads `rules/corrections.yaml`: why a rulebook may change what the one before it decided of days that are past."""

import re

from app.rulebook.files.source import Node
from app.rulebook.language import grammar
from app.rulebook.language.model import Correction
from app.rulebook.reading.shapes import Shapes

_NAMED = re.compile(grammar.CORRECTED)


def read_corrections(node: Node, shapes: Shapes) -> tuple[Correction, ...]:
    """The entries of the file that can be read; faults are told."""
    top = shapes.keys(node, "the file of corrections", *grammar.CORRECTIONS_FILE)
    if top is None:
        return ()
    entries = shapes.items(top.get("corrections"), "`corrections`", "[{date: …, corrects: …, reason: …, authority: …}]")
    found = [_read_one(entry, shapes) for entry in entries]
    return tuple(correction for correction in found if correction is not None)


def _read_one(node: Node, shapes: Shapes) -> Correction | None:
    keys = shapes.keys(node, "a correction", *grammar.CORRECTION)
    if keys is None:
        return None
    day = shapes.day(keys.get("date"), "`date` of a correction")
    corrects = shapes.scalar(keys.get("corrects"), "`corrects` of a correction")
    reason = shapes.text(keys.get("reason"), "`reason` of a correction")
    authority = shapes.authority(keys, "a correction", node.spot)
    if corrects is not None and not _NAMED.fullmatch(corrects.text):
        help = "write the 12 digits (or all 64) of the rulebook that it corrects: the one that is live before this goes live"
        shapes.problems.error("R117", f"`{corrects.text[:80]}` does not name a rulebook", corrects.spot, help=help)
        return None
    if day is None or corrects is None or not reason:
        return None
    return Correction(day, corrects.text, reason, authority)
