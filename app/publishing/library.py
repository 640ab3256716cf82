"""Stored rulebooks, loaded: read, proved and tried as at any start, then kept for a while.

Loading takes about a second of work, so it is never done where requests are answered. A rulebook that is in use is never given
up: only when nobody holds its decider any more are its rules taken out of the engine.
"""

import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import date
from threading import Lock, RLock
from typing import NamedTuple

import structlog

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.errors import Conflict, Fault, Refused
from app.rulebook.book import RuleBook, read_to_use, use
from app.rulebook.bundles.bundle import Bundle, manifest_fault
from app.rulebook.bundles.signing import Trusted
from app.rulebook.bundles.versions import CheckResult, check_result, scenario_run
from app.rulebook.engine.verdicts import LookUp
from app.rulebook.problems.problem import Problem, Problems
from app.rulebook.reading.content import Content, read_content
from app.trials.suite import run_all

_log = structlog.get_logger()

NOT_SIGNED = "not-signed"
DAMAGED = "damaged"
BROKEN = "broken"
_WORDS = 1000
KEPT = 4
"""Loaded rulebooks that are kept though nobody uses them."""


class Unusable(Conflict):
    """A stored rulebook cannot be used here. `codes` are those of its faults."""

    def __init__(self, version: str, codes: Iterable[str], why: str) -> None:
        self.codes = tuple(dict.fromkeys(codes))
        super().__init__(f"Rulebook {version} cannot be used here ({', '.join(self.codes)}): {why}")


class LoadedRulebook(NamedTuple):
    """A rulebook that can be used: its decider, what its check found where it was checked here, and the seconds all that took."""

    decider: Decider
    check: CheckResult | None
    seconds: float


class Examined(NamedTuple):
    """A rulebook that was checked. Until the store has accepted it, nobody keeps `loaded` and nothing is decided with it."""

    check: CheckResult
    loaded: LoadedRulebook


class Versions(NamedTuple):
    """How stored versions are found, by full hash or label: the full hash alone, and the files. Both raise NotFound."""

    identify: Callable[[str], str]
    fetch: Callable[[str], Bundle]


def _use(bundle: Bundle, problems: Problems) -> RuleBook | None:
    content = read_content(bundle.files, problems)
    return use(content, problems) if content is not None else None


def _fault(problem: Problem) -> Fault:
    words = "; ".join(part for part in (problem.message, problem.label, problem.help) if part)
    words = words if len(words) <= _WORDS else f"{words[:_WORDS]} …"
    spot = problem.spot
    return Fault(
        pointer=f"/{spot.file.replace('~', '~0')}",
        code=problem.code,
        message=words,
        allowed=None,
        file=spot.file,
        line=spot.line,
        column=spot.column,
    )


def _decider(book: RuleBook, terms: Terms) -> Decider:
    decider = Decider(book, terms)
    weakref.finalize(decider, _close, (*book.eligibility, *book.routing)).atexit = False
    return decider


def _close(look_ups: Iterable[LookUp]) -> None:
    for network in {id(look_up.network): look_up.network for look_up in look_ups}.values():
        if network is not None:
            network.close()


class Library:
    """The rulebooks of one service by their full hash. Every method may take a second, and may be called from any thread."""

    def __init__(self, versions: Versions, terms: Terms, trusted: Trusted | None = None) -> None:
        """With `trusted` only what one of these keys signed is used."""
        self._versions = versions
        self._terms = terms
        self._trusted = trusted
        self._lock = RLock()
        self._checking = Lock()
        self._loaded: OrderedDict[str, LoadedRulebook] = OrderedDict()
        self._loading: dict[str, Lock] = {}

    def decider(self, version: str) -> Decider:
        """The decider of a stored version. Raises NotFound, or Unusable when it cannot be used."""
        return self._get(version).decider

    def seconds(self, version: str) -> float:
        """How long it took to load; another process may need as long. Raises as `decider` does."""
        return self._get(version).seconds

    @property
    def in_order(self) -> bool:
        """Whether signatures count here, so that a bundle older than one that was live is known as such."""
        return self._trusted is not None

    def examine(self, bundle: Bundle, today: date | None = None) -> Examined:
        """Checks a rulebook as `lens check` does, and runs its scenarios. Nothing is kept: see `keep`.

        With `today` no correction in it may be of a day to come. Scenarios that fail are told in its check. Raises Refused with every error, each at its place, or when it is not signed by
        a trusted key where only those are used.
        """
        self._vouch(bundle)
        with self._lock:
            found = self._loaded.get(bundle.sha256)
        if found is not None and found.check is not None:
            return Examined(found.check, found)
        with self._checking:  # one at a time: a check is a second of work, and requests are answered meanwhile
            return self._check(bundle, today)

    def _check(self, bundle: Bundle, today: date | None) -> Examined:
        began = time.monotonic()
        problems = Problems()
        book = read_to_use(bundle.files, problems, today)
        if book is None:
            errors = [problem for problem in problems.sorted() if problem.severity == "error"]
            count = f"{len(errors)} error{'s' if len(errors) != 1 else ''}"
            count += f", and {problems.more:,} more problems that are not listed" if problems.more else ""
            raise Refused(tuple(map(_fault, errors)), f"The rulebook has {count}; nothing was stored.")
        results = run_all(book)
        failed = tuple(result.scenario.title for result in results if result.faults)
        check = check_result(book, scenario_run(len(results), failed))
        return Examined(check, LoadedRulebook(_decider(book, self._terms), check, time.monotonic() - began))

    def keep(self, loaded: LoadedRulebook) -> None:
        """Keeps a rulebook that the store has accepted, and in its place lets go of the one not asked for longest."""
        with self._lock:
            sha256 = loaded.decider.book.sha256
            self._loaded[sha256] = loaded
            self._loaded.move_to_end(sha256)
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)

    def content(self, version: str) -> Content:
        """What the files of a version say. Raises NotFound, or Unusable when they cannot be read."""
        sha256 = self._versions.identify(version)
        with self._lock:
            found = self._loaded.get(sha256)
        if found is not None:
            return found.decider.book.content
        problems = Problems()
        content = read_content(self._stored(version, sha256).files, problems)
        if content is None or problems.has_errors:
            raise Unusable(version, _codes(problems), "this version of LENS finds errors in it")
        return content

    def _vouch(self, bundle: Bundle) -> None:
        if self._trusted is not None and not _is_signed(bundle, self._trusted):
            fault = Fault("", NOT_SIGNED, "pack and sign it with a trusted key: lens rulebook pack DIR -o FILE --sign KEY")
            raise Refused((fault,), "Only rulebooks signed by a trusted key are taken here; nothing was stored.")

    def _get(self, version: str) -> LoadedRulebook:
        sha256 = self._versions.identify(version)
        with self._lock:
            found = self._loaded.get(sha256)
            if found is not None:
                self._loaded.move_to_end(sha256)
                return found
            turn = self._loading.setdefault(sha256, Lock())
        try:
            with turn:  # of several who ask for the same one, one loads it
                with self._lock:
                    found = self._loaded.get(sha256)
                return found or self._load(version, sha256)
        finally:
            with self._lock:
                self._loading.pop(sha256, None)

    def _stored(self, version: str, sha256: str) -> Bundle:
        """The files of a version, which must be those with this full hash, byte for byte."""
        bundle = self._versions.fetch(version)
        if bundle.sha256 != sha256:
            raise Unusable(version, (DAMAGED,), "its stored files are not those that were checked")
        return bundle

    def _load(self, version: str, sha256: str) -> LoadedRulebook:
        began = time.monotonic()
        bundle = self._stored(version, sha256)
        if self._trusted is not None and not _is_signed(bundle, self._trusted):
            raise Unusable(version, (NOT_SIGNED,), "it is not signed by a trusted key")
        problems = Problems()
        try:
            book = _use(bundle, problems)
        except Exception as error:
            # It was checked once, by this version of LENS or another: whatever goes wrong now, a service must outlive it.
            _log.exception("rulebook_broke", version=version)
            raise Unusable(version, (BROKEN,), f"LENS failed at it with {type(error).__name__}") from error
        if book is None:
            raise Unusable(version, _codes(problems), "this version of LENS finds errors in it")
        loaded = LoadedRulebook(_decider(book, self._terms), None, time.monotonic() - began)
        self.keep(loaded)
        return loaded


def _codes(problems: Problems) -> list[str]:
    return [problem.code for problem in problems.sorted() if problem.severity == "error"]


def _is_signed(bundle: Bundle, trusted: Trusted) -> bool:
    if bundle.manifest is None or trusted.signer_of(bundle.manifest, bundle.signature) is None:
        return False
    return manifest_fault(bundle.manifest, bundle.files) is None
