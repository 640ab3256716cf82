"""Invented releases, and a decider that answers them by their reason code: what intake and store are tested with."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from app.domain.decision import NUMBER_MARK, Decision, Errand, Notice, Reason
from app.domain.release import Release, read_release

NOTIFY, HOLD, NOTHING, KEPT_BACK = "OSUP", "BOND", "REMV", "PALF"
"""Reason codes: two notices; a review; nothing; two notices of which the second is held for its ORI."""


def release(release_id: str = "T-1", reason: str = NOTIFY, last: str = "INVENTED") -> bytes:
    """One release's JSON, about a person who does not exist."""
    return json.dumps(document(release_id, reason, last)).encode()


def document(release_id: str = "T-1", reason: str = NOTIFY, last: str = "INVENTED") -> dict[str, Any]:
    """The same as a document."""
    return {
        "release_id": release_id,
        "stay": {"ended": True, "released_at": "2026-11-23T10:30:00-05:00", "reason": reason, "state": "AZ"},
        "subject": {
            "name": {"last": last, "first": "Person"},
            "aliases": [{"last": "Nobody", "first": "J"}],
            "date_of_birth": "1980-01-02",
            "sex": "M",
            "race": "W",
            "place_of_birth": "MM",
            "fbi_number": "12345678A",
        },
        "residence": {"street": "100 Main St Apt 2", "city": "El Paso", "state": "TX", "zip": "79901"},
        "convictions": [{"charge_code": "0902", "status": "convicted"}, {"charge_code": "2301", "status": "convicted"}],
        "holds": [],
    }


@dataclass(frozen=True)
class InventedTerms:
    """The one term that intake asks for."""

    message_format: Literal["legacy", "niem"] = "legacy"


@dataclass(frozen=True)
class InventedDecider:
    """Decides by the release reason alone."""

    terms: InventedTerms = InventedTerms()

    def read(self, raw: bytes) -> Release:
        """As the real one, with no code table."""
        return read_release(raw, {})

    def decide(self, release: Release, now: datetime) -> Decision:
        """Two notices, a review or nothing, by the reason code."""
        assert now.tzinfo is not None
        return decided(release.release_id, release.stay.reason)


def decided(release_id: str, reason: str = NOTIFY) -> Decision:
    """What is decided for this reason code."""
    notices: tuple[Notice, ...] = ()
    errands: tuple[Errand, ...] = ()
    if reason in {NOTIFY, KEPT_BACK}:
        notices = (_notice("departing", "AZ"), _notice("receiving", "TX"))
    if reason == KEPT_BACK:
        notices = (notices[0], msgspec.structs.replace(notices[1], held_because="ori-not-confirmed"))
    if reason == HOLD:
        errands = (Errand("review", "TEST-2", within=3600),)
    outcome: Literal["notify", "hold_for_review", "do_not_notify"] = (
        "notify" if notices else "hold_for_review" if errands else "do_not_notify"
    )
    facts: dict[str, object] = {"release_reason": reason, "release_state": "AZ"}
    because = (Reason("TEST-1", "An invented rule", ("80 FR 24269",)),)
    day = datetime.fromisoformat("2026-11-23").date()
    return Decision(release_id, outcome, day, "0123456789ab", because, notices, errands, (), ("TEST-9",), facts)


def _notice(copy: Literal["departing", "receiving"], state: str) -> Notice:
    lines = [f"AM.VTINS07S0.{state}SIR0000.*{NUMBER_MARK}.TXT", f"LENS {NUMBER_MARK} ICE RELEASE NOTICE - INFORMATION ONLY"]
    lines += ["NAM/INVENTED, PERSON"] + ["NO ENFORCEMENT ACTION MAY BE BASED SOLELY ON THIS NOTICE."] * 10
    audience = "release_state" if copy == "departing" else "residence_state"
    return Notice(audience, copy, state, f"{state}SIR0000", "\n".join(lines) + "\n", within=1800)
