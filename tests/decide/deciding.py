"""Deciding as the tests want it: a decider of the shipped rulebook or an edited one, releases, and texts taken apart."""

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.decision import Decision
from app.rulebook.book import load
from tests.domain.releases import Document
from tests.rulebook.shipped import edited, shipped

NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
"""Two and a half hours after the usual release."""
ID = "LN00000A7G"


@cache
def decider(terms: Terms = Terms()) -> Decider:  # noqa: B008 - terms are frozen
    """A decider of the shipped rulebook."""
    return Decider(shipped(), terms)


def decider_of(folder: Path, *edits: tuple[str, str, str], terms: Terms | None = None) -> Decider:
    """A decider of the shipped rulebook with edits (file, text that stands there once, text instead)."""
    return Decider(load(edited(folder, *edits)), terms or Terms())


def decided(document: Document, by: Decider | None = None, now: datetime = NOW) -> Decision:
    """The decision about a release."""
    chosen = by or decider()
    return chosen.decide(chosen.read(json.dumps(document).encode()), now)


def texts(decision: Decision) -> list[str]:
    """The texts of a decision's notices, all with the same number."""
    return [notice.numbered(ID) for notice in decision.notices]


def niem_parts(text: str) -> dict[str, str]:
    """Tag, without its namespace, and text of every leaf of a NIEM message, as any XML parser reads it."""
    root = ET.fromstring(text.encode())  # noqa: S314 - LENS's own words
    return {element.tag.partition("}")[2]: element.text or "" for element in root.iter() if len(element) == 0}
