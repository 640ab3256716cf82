"""From a release to the facts the rules may see. No name, address, identifier or date of birth is among them."""

from collections.abc import Mapping

import msgspec

from app.domain.decision import Caution
from app.domain.release import Release
from app.rulebook.language.model import Fact, Table
from app.rulebook.reading.facts import FACTS

STATE_POINTERS = {"release_state": "/stay/state", "residence_state": "/residence/state"}
"""Where a release has the states that the rulebook must know, as JSON pointers."""


class FactValues(msgspec.Struct, frozen=True):
    """The facts of a release: those that belong to it, and those of each conviction (charge code, charge status)."""

    shared: dict[str, str]
    convictions: tuple[tuple[str, str], ...]

    def evidence(self) -> dict[str, object]:
        """The facts as they are kept beside the decision."""
        return {**self.shared, "convictions": self.convictions}


class FactFinder:
    """Finds the facts of releases under one rulebook."""

    def __init__(self, facts: Mapping[str, Fact], tables: Mapping[str, Table]) -> None:
        self._facts = facts
        self._rows = {name: tables[fact.table].rows if fact.table else {} for name, fact in facts.items()}
        self._hold_order = {key: place for place, key in enumerate(self._rows["hold"])}

    def allowed_states(self) -> dict[str, tuple[str, ...]]:
        """For each state in a release that must be known, its JSON pointer and the codes it may have."""
        return {
            pointer: tuple(self._rows[name])
            for name, pointer in STATE_POINTERS.items()
            if self._facts[name].when_unknown == Fact.REJECT
        }

    def find(self, release: Release) -> tuple[FactValues, tuple[Caution, ...]]:
        """The facts, and a caution for each kind of code that no table has."""
        unknown: dict[str, None] = {}
        stay, residence = release.stay, release.residence
        shared = {
            "release_reason": self._value("release_reason", stay.reason, unknown),
            "stay_ended": "yes" if stay.ended else "no",
            "hold": self._hold(release.holds, unknown),
            "release_state": self._value("release_state", stay.state, unknown),
            "residence_state": self._value("residence_state", residence.state if residence else None, unknown),
        }
        codes, statuses = self._rows["charge_code"], self._rows["charge_status"]
        pairs = {
            (
                code if (code := conviction.charge_code) in codes else self._value("charge_code", code, unknown),
                status if (status := conviction.status) in statuses else self._value("charge_status", status, unknown),
            ): None
            for conviction in release.convictions
        }
        if not pairs:
            pairs = {(self._value("charge_code", None, unknown), self._value("charge_status", None, unknown)): None}
        return FactValues(shared, tuple(pairs)), tuple([_UNKNOWN[name] for name in unknown])

    def _value(self, name: str, found: str | None, unknown: dict[str, None]) -> str:
        if found in self._rows[name]:
            return found
        fact = self._facts[name]
        if found is None:
            return fact.when_missing or ""
        unknown[name] = None
        return fact.when_unknown or fact.when_missing or ""

    def _hold(self, holds: tuple[str, ...], unknown: dict[str, None]) -> str:
        if not holds:
            return self._value("hold", None, unknown)
        values = {self._value("hold", hold, unknown) for hold in holds}
        return min(values, key=lambda value: self._hold_order[value])


_UNKNOWN = {
    name: Caution(f"unknown-{name.replace('_', '-')}", f"a code for {name.replace('_', ' ')} is not in the rulebook")
    for name in FACTS
}
