"""Stored rulebooks, loaded: read, proved and tried as at any start, then kept for a while.

Loading takes about a second of work, so it is never done where requests are answered. A rulebook that is in use is never given
up: only when nobody holds its decider any more are its rules taken out of the engine.
"""

import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock, RLock
from typing import NamedTuple

import structlog

from app.decide.decide import Decider
from app.decide.suite import run_all
from app.decide.terms import Terms
from app.errors import Conflict, Fault, Refused
from app.rulebook.book import RuleBook, use
from app.rulebook.bundle import Bundle, manifest_fault
from app.rulebook.content import Content, read_content
from app.rulebook.problems import Problem, Problems
from app.rulebook.signing import Trusted
from app.rulebook.verdicts import LookUp
from app.rulebook.versions import CheckResult, Trial, check_result

_log = structlog.get_logger()

NOT_SIGNED = "not-signed"
DAMAGED = "damaged"
BROKEN = "broken"
KEPT = 4
"""Loaded rulebooks that are kept though nobody uses them."""


class Unusable(Conflict):
    """A stored rulebook cannot be used here. `codes` are those of its faults."""

    def __init__(self, version: str, codes: Iterable[str], why: str) -> None:
        self.codes = tuple(dict.fromkeys(codes))
        super().__init__(f"Rulebook {version} cannot be used here ({', '.join(self.codes)}): {why}")


class Loaded(NamedTuple):
    """A rulebook that can be used: its decider, what its check found where it was checked here, and the seconds all that took."""

    decider: Decider
    check: CheckResult | None
    seconds: float


def _use(bundle: Bundle, problems: Problems) -> RuleBook | None:
    content = read_content(bundle.files, problems)
    return use(content, problems) if content is not None else None


def _fault(problem: Problem) -> Fault:
    words = "; ".join(part for part in (problem.message, problem.label, problem.help) if part)
    spot = problem.spot
    return Fault(f"/{spot.file.replace('~', '~0')}", problem.code, words, None, spot.file, spot.line, spot.column)


def _decider(book: RuleBook, terms: Terms) -> Decider:
    decider = Decider(book, terms)
    weakref.finalize(decider, _close, (*book.eligibility, *book.routing)).atexit = False
    return decider


def _close(look_ups: Iterable[LookUp]) -> None:
    for network in {id(look_up.network): look_up.network for look_up in look_ups}.values():
        if network is not None:
            network.close()


class Library:
    """The rulebooks of one service by their version. Every method may take a second, and may be called from any thread."""

    def __init__(self, fetch: Callable[[str], Bundle], terms: Terms, trusted: Trusted | None = None) -> None:
        """`fetch` reads a stored version (it raises NotFound); with `trusted` only what one of these keys signed is used."""
        self._fetch = fetch
        self._terms = terms
        self._trusted = trusted
        self._lock = RLock()
        self._checking = Lock()
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._loading: dict[str, Lock] = {}

    def decider(self, version: str) -> Decider:
        """The decider of a stored version. Raises NotFound, or Unusable when it cannot be used."""
        return self._get(version).decider

    def seconds(self, version: str) -> float:
        """How long it took to load; another process may need as long. Raises as `decider` does."""
        return self._get(version).seconds

    def examine(self, bundle: Bundle) -> CheckResult:
        """Checks a rulebook as `lens check` does, and runs its scenarios; then it is loaded.

        Scenarios that fail do not keep it from being used: they are told to whoever approves it. Raises Refused with every error,
        each at its place, or when it is not signed by a trusted key where only those are used.
        """
        self._vouch(bundle)
        with self._lock:
            found = self._loaded.get(bundle.version)
        if found is not None and found.check is not None and found.decider.book.content.files == bundle.files:
            return found.check
        with self._checking:  # one at a time: a check is a second of work, and requests are answered meanwhile
            return self._checked(bundle)

    def _checked(self, bundle: Bundle) -> CheckResult:
        began = time.monotonic()
        problems = Problems()
        book = _use(bundle, problems)
        if book is None:
            errors = [problem for problem in problems.sorted() if problem.severity == "error"]
            count = f"{len(errors)} error{'s' if len(errors) != 1 else ''}"
            raise Refused(tuple(map(_fault, errors)), f"The rulebook has {count}; nothing was stored.")
        results = run_all(book)
        failed = tuple(result.scenario.title for result in results if result.faults)
        check = check_result(book, Trial(len(results), failed))
        self.keep(Loaded(_decider(book, self._terms), check, time.monotonic() - began))
        return check

    def keep(self, loaded: Loaded) -> None:
        """Keeps a rulebook, and in its place lets go of the one not asked for longest."""
        with self._lock:
            version = loaded.decider.book.hash
            self._loaded[version] = loaded
            self._loaded.move_to_end(version)
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)

    def content(self, version: str) -> Content:
        """What the files of a version say. Raises NotFound, or Unusable when they cannot be read."""
        with self._lock:
            found = self._loaded.get(version)
        if found is not None:
            return found.decider.book.content
        problems = Problems()
        content = read_content(self._fetch(version).files, problems)
        if content is None or problems.has_errors:
            raise Unusable(version, _codes(problems), "this version of LENS finds errors in it")
        return content

    def _vouch(self, bundle: Bundle) -> None:
        if self._trusted is not None and not _is_signed(bundle, self._trusted):
            fault = Fault("", NOT_SIGNED, "pack and sign it with a trusted key: lens rulebook pack DIR -o FILE --sign KEY")
            raise Refused((fault,), "Only rulebooks signed by a trusted key are taken here; nothing was stored.")

    def _get(self, version: str) -> Loaded:
        with self._lock:
            found = self._loaded.get(version)
            if found is not None:
                self._loaded.move_to_end(version)
                return found
            turn = self._loading.setdefault(version, Lock())
        try:
            with turn:  # of several who ask for the same one, one loads it
                with self._lock:
                    found = self._loaded.get(version)
                return found or self._load(version)
        finally:
            with self._lock:
                self._loading.pop(version, None)

    def _load(self, version: str) -> Loaded:
        began = time.monotonic()
        bundle = self._fetch(version)
        if bundle.version != version:
            raise Unusable(version, (DAMAGED,), "its stored files are not those that were checked")
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
        loaded = Loaded(_decider(book, self._terms), None, time.monotonic() - began)
        self.keep(loaded)
        return loaded


def _codes(problems: Problems) -> list[str]:
    return [problem.code for problem in problems.sorted() if problem.severity == "error"]


def _is_signed(bundle: Bundle, trusted: Trusted) -> bool:
    if bundle.manifest is None or trusted.signer_of(bundle.manifest, bundle.signature) is None:
        return False
    return manifest_fault(bundle.manifest, bundle.files) is None
