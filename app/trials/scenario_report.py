"""What testing a rulebook gave, as the other forms of the report take it and as programs read it (JSON)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.rulebook.problems.problem import Spot
from app.trials.coverage import Coverage, EdgeCover, RuleCover, SetCover, StateCover, WordCover
from app.trials.mutation import Judged
from app.trials.suite import Failure, Trial

VERDICTS = ("refused", "killed", "equivalent", "survived")


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run gave. `coverage` and `mutants` are None where they were not asked for; `seconds` is how long it took."""

    trial: Trial
    at: datetime
    seconds: float
    coverage: Coverage | None = None
    mutants: Sequence[Judged] | None = None

    def survivors(self) -> tuple[Judged, ...]:
        """The wrong edits that no scenario notices."""
        return tuple(judged for judged in self.mutants or () if judged.verdict == "survived")

    def verdicts(self) -> dict[str, int]:
        """How many wrong edits came to each verdict."""
        counts = Counter[str](judged.verdict for judged in self.mutants or ())
        return {verdict: counts[verdict] for verdict in VERDICTS}


def as_json(report: Report) -> dict[str, Any]:
    """The contract's machine-readable form, and beside it what failed and, where it was asked for, what is covered."""
    failures = report.trial.failures
    answer: dict[str, Any] = {
        "rulebook": report.trial.loaded.book.hash,
        "scenarios": len(report.trial.results),
        "promises": len(report.trial.promises),
        "failed": len(failures),
        "failures": [_failure(failure) for failure in failures],
    }
    if report.coverage is not None:
        answer["coverage"] = coverage_json(report.coverage)
    if report.mutants is not None:
        answer["mutants"] = [_mutant(judged) for judged in report.mutants]
    return answer


def _failure(failure: Failure) -> dict[str, Any]:
    told: dict[str, Any] = {"name": failure.name, **_place(failure.spot), "faults": list(failure.faults)}
    if failure.result is not None and failure.result.notices:
        told["notices"] = [{"ori": notice.ori, "text": notice.text} for notice in failure.result.notices]
    return told


def _mutant(judged: Judged) -> dict[str, Any]:
    advice = {"advice": judged.advice} if judged.advice else {}
    return {
        **_place(judged.spot),
        "edit": judged.edit,
        "verdict": judged.verdict,
        "by": judged.by,
        "scenario": judged.scenario,
        **advice,
    }


def _place(spot: Spot) -> dict[str, Any]:
    return {"file": spot.file, "line": spot.line}


def coverage_json(coverage: Coverage) -> dict[str, Any]:
    """What is covered, in full: each kind's share, and each thing covered or not."""
    return {
        "shares": {
            share.kind: {"covered": share.covered, "of": share.total, "percent": share.percent} for share in coverage.shares()
        },
        "rules": [_rule(rule) for rule in coverage.rules],
        "conditions": [_word(word) for word in coverage.words],
        "sets": [_set(cover) for cover in coverage.sets],
        "dates": [_edge(edge) for edge in coverage.edges],
        "states": [_state(state) for state in coverage.states],
        "pairs": [
            {"release_state": released, "residence_state": lives, "cases": cases, "notice_owed": owed}
            for (released, lives), (cases, owed) in sorted(coverage.pairs.items())
        ],
    }


def _rule(rule: RuleCover) -> dict[str, Any]:
    counts = {"fired": rule.fired, "beaten": rule.beaten, "expected": rule.expected, "possible": rule.possible}
    return {"rule": rule.rule, "decision": rule.decision, **_place(rule.spot), **counts}


def _word(word: WordCover) -> dict[str, Any]:
    counts = {"held": word.held, "failed": word.failed, "can_hold": word.can_hold, "can_fail": word.can_fail}
    return {"rule": word.rule, **_place(word.spot), "fact": word.fact, "value": word.written, **counts}


def _set(cover: SetCover) -> dict[str, Any]:
    inside = {"covered": list(cover.inside), "missing": list(cover.inside_missing)}
    outside = {"covered": list(cover.outside), "missing": list(cover.outside_missing)}
    return {"set": cover.name, **_place(cover.spot), "in": inside, "out": outside}


def _edge(edge: EdgeCover) -> dict[str, Any]:
    return {"from": edge.day.isoformat(), "changes": list(edge.changes), "day_before": edge.before, "day": edge.on}


def _state(state: StateCover) -> dict[str, Any]:
    return {"state": state.state, "released_in": state.released_in, "lives_in": state.lives_in}
