"""What decides in this process now, and what keeps it from being what it should be."""

from collections.abc import Mapping
from threading import Condition
from typing import Any, NamedTuple

import structlog

from app.decide.decide import Decider
from app.rulebook.bundles.versions import NONE_FAIL, Failing, Way

_log = structlog.get_logger()


class InForce(NamedTuple):
    """A decider, and the publication that put it in force: its number, since when (Micros), by whom and how.

    `failing` are the scenarios that failed when the rulebook was checked; `untried`: it has none.
    """

    decider: Decider
    seq: int
    since: int
    by: str
    way: Way
    failing: Failing = NONE_FAIL
    untried: bool = False

    @property
    def version(self) -> str:
        """The version of the rulebook that decides: its label."""
        return self.decider.book.hash

    @property
    def sha256(self) -> str:
        """Its full hash."""
        return self.decider.book.sha256


class Shelf:
    """Holds what is in force. Whoever decides takes one decider at the beginning and keeps to it, so that a decision is made under
    one version from its first to its last step, however often the version is replaced meanwhile.
    """

    def __init__(self, in_force: InForce) -> None:
        self._in_force = in_force
        self._changed = Condition()
        self._problems: Mapping[str, str] = {}
        self._failing: Mapping[str, Failing] = {}
        self._warn_of_failing()

    @property
    def in_force(self) -> InForce:
        """What decides now."""
        return self._in_force

    def decider(self) -> Decider:
        """The decider in force: for the whole of one request."""
        return self._in_force.decider

    def replace(self, in_force: InForce) -> None:
        """From now on this decides."""
        was = self._in_force
        with self._changed:
            self._in_force = in_force
            self._changed.notify_all()
        _log.info("rulebook_in_force", version=in_force.version, was=was.version, seq=in_force.seq, way=in_force.way)
        self._warn_of_failing()

    def wait_for(self, seq: int, seconds: float) -> bool:
        """Waits until publication `seq` or a later one is in force; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_force.seq >= seq, seconds)

    def tell(
        self,
        source: str,
        problem: str | None,
        failing: Failing = NONE_FAIL,
        **more: Any,  # noqa: ANN401 - values of a log line
    ) -> None:
        """Says why what comes from `source` (`folder`, `published`) is not in force, or that nothing is wrong any more.

        `failing` are its scenarios that fail. It is logged when it is new, and not again.
        """
        self._failing = {**self._failing, source: failing}
        was = self._problems.get(source)
        if was == problem:
            return
        others = {name: text for name, text in self._problems.items() if name != source}
        self._problems = others if problem is None else {**others, source: problem}
        if problem is None:
            _log.info("rulebook_mended", source=source, in_force=self._in_force.version)
        else:
            _log.error(
                "rulebook_not_used",
                source=source,
                why=problem,
                in_force=self._in_force.version,
                runbook="rulebook-degraded",
                **more,
            )

    def _warn_of_failing(self) -> None:
        now = self._in_force
        if now.failing.count:
            _log.warning(
                "rulebook_in_force_fails_scenarios",
                version=now.version,
                why=now.failing.in_words(),
                way=now.way,
                runbook="rulebook-degraded",
            )
        if now.untried:
            _log.warning("rulebook_in_force_untried", version=now.version, way=now.way, runbook="rulebook-degraded")

    @property
    def failing(self) -> tuple[str, ...]:
        """The names of scenarios that fail: the first of what is in force, and of those that keep a newer rulebook from it."""
        told = self._failing
        newer = tuple(name for source in sorted(told) for name in told[source].names)
        return self._in_force.failing.names + newer

    @property
    def problem(self) -> str | None:
        """Why what is in force is not what it should be, in words that begin with the codes of the faults; None when it is."""
        told, now = self._problems, self._in_force
        reasons = [told[name].rstrip(".") for name in sorted(told)]
        if told:
            reasons.append(f"{now.version} goes on deciding")
        if now.failing.count:
            reasons.append(f"{now.version} decides although {now.failing.in_words().rstrip('.')}")
        if now.untried:
            reasons.append(f"{now.version} decides although it has no scenario")
        return "; ".join(reasons) or None
