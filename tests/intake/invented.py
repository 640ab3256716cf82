"""Invented releases as the system of record sends them; no such person exists."""

import json
from typing import Any

TO_TWO_STATES, NEEDS_A_PERSON, NOT_A_RELEASE = "OSUP", "REMV", "T"
"""Reason codes that the shipped rules answer with two notices, a review, and nothing."""


def release(release_id: str = "T-1", reason: str = TO_TWO_STATES, last: str = "Invented") -> bytes:
    """One release's JSON."""
    return json.dumps(document(release_id, reason, last)).encode()


def document(release_id: str = "T-1", reason: str = TO_TWO_STATES, last: str = "Invented") -> dict[str, Any]:
    """The same as a document."""
    return {
        "release_id": release_id,
        "stay": {
            "ended": True,
            "released_at": "2026-11-23T10:30:00-05:00",
            "reason": reason,
            "state": "AZ",
            "facility": "ELOY",
        },
        "subject": {
            "name": {"last": last, "first": "Person", "middle": "A"},
            "aliases": [{"last": "Nobody", "first": "J"}],
            "date_of_birth": "1980-01-02",
            "sex": "M",
            "race": "W",
            "place_of_birth": "MM",
            "fbi_number": "12345678A",
        },
        "residence": {"street": "100 Main St Apt 2", "city": "El Paso", "state": "TX", "zip": "79901"},
        "convictions": [
            {"charge_code": "0902", "status": "convicted"},
            {"charge_code": "2301", "status": "convicted"},
            {"charge_code": "5404", "status": "pending"},
        ],
        "holds": [],
    }
