"""What decides when a service starts, and how what is found in its folder goes live."""

from functools import partial
from typing import NamedTuple

import msgspec
import structlog

from app.domain.times import moment
from app.errors import Conflict, Fault, Refused, Unavailable
from app.publishing.desk import Desk
from app.publishing.folder import FolderWatch
from app.publishing.library import BROKEN, Unusable
from app.publishing.past import CHANGES_PAST, Changed, ChangesPast, find_changed, others_corrected, reason_in
from app.publishing.refusals import note_refusal
from app.publishing.shelf import InForce, Shelf
from app.rulebook.bundles.bundle import Bundle
from app.rulebook.bundles.versions import FOLDER, NO_SCENARIO, NONE_FAIL, Failing, PastDays
from app.rulebook.comparing.handling import handling_words
from app.rulebook.comparing.safeguards import NAMES_SHOWN
from app.rulebook.reading.content import Content
from app.store.database.reading import look
from app.store.rulebooks.rulebook_reads import (
    Pointer,
    failing_scenarios,
    formerly_live,
    has_no_scenario,
    pointer,
    publication,
)
from app.store.rulebooks.rulebooks import Barred, Draft, TakeIn, take_in

_log = structlog.get_logger()

PUBLISHED = "published"
SUPERSEDED = "superseded"
SCENARIO_FAILED = "scenario-failed"
NO_SCENARIOS = "no-scenarios"
_CODES_SHOWN = 5
_PLACES_SHOWN = 3


class Looked(NamedTuple):
    """What a look at the folder came to. `settled`: it was read whole and dealt with; `complaint`: why it is not used, if so.

    `failing` are its scenarios that fail.
    """

    settled: bool
    complaint: str | None = None
    failing: Failing = NONE_FAIL


class ScenariosFail(Refused):
    """Scenarios of the rulebook fail, so it does not go live."""

    def __init__(self, failing: Failing) -> None:
        self.failing = failing
        words = f"{failing.in_words()} `lens test` shows what was expected."
        super().__init__((Fault("/rules/scenarios", SCENARIO_FAILED, words),), words)


class NoScenarios(Refused):
    """The rulebook has no scenario, so it does not go live."""

    def __init__(self) -> None:
        words = f"The rulebook does not go live: {NO_SCENARIO}"
        super().__init__((Fault("/rules/scenarios", NO_SCENARIOS, words),), words)


def open_shelf(desk: Desk, watch: FolderWatch, *, follow_folder: bool) -> Shelf:
    """What decides when a service starts: what is live; before anything ever was, what the folder holds, which is then live.

    With `follow_folder` a folder that has changed since it was last taken in goes live first. What is live and cannot be used
    gives way to the last that was live and can. Raises Refused with every error, or OSError, when there is only a folder and
    it cannot be used; Unusable when nothing that was ever live can; Unavailable.
    """
    found = look(desk.store, pointer)
    looked = Looked(settled=True)
    if found.version is None:
        _seed(desk, watch, found)
    elif follow_folder:
        looked = try_folder(desk, watch, found, lead=0)
    shelf, fault = _first(desk)
    shelf.tell(FOLDER, looked.complaint, looked.failing)
    shelf.tell(PUBLISHED, fault.detail if fault is not None else None)
    return shelf


def _seed(desk: Desk, watch: FolderWatch, found: Pointer) -> None:
    try:
        while not take_folder(desk, watch, found, lead=0):
            pass
    except Conflict:
        if look(desk.store, pointer).version is None:  # else another process was first
            raise


def _first(desk: Desk) -> tuple[Shelf, Unusable | None]:
    """A shelf with what is live, or else with the last before it that can be used; and then why not the live one."""
    found = look(desk.store, pointer)
    row = look(desk.store, lambda connection: publication(connection, found.seq))
    fault: Unusable | None = None
    for version in dict.fromkeys((found.version, *look(desk.store, formerly_live))):
        try:
            decider = desk.library.decider(str(version))
        except Unusable as error:
            fault = fault or error
            continue
        failing = look(desk.store, partial(failing_scenarios, version=str(version)))
        untried = look(desk.store, partial(has_no_scenario, version=str(version)))
        if fault is None and row is not None:
            live = InForce(
                decider=decider,
                seq=found.seq,
                since=row.live_at,
                by=row.published_by,
                way=row.way,
                failing=failing,
                untried=untried,
            )
            return Shelf(live), None
        # It stands as publication 0, so that the live one is tried again.
        earlier = InForce(
            decider=decider, seq=0, since=desk.clock(), by="lens", way="rollback", failing=failing, untried=untried
        )
        return Shelf(earlier), fault
    raise fault or Conflict("No rulebook was ever live.")


def take_folder(desk: Desk, watch: FolderWatch, found: Pointer, lead: int) -> bool:
    """Stores what the folder holds and puts it live `lead` Micros from now, unless it is what was last taken from it.

    After a publication the folder is in charge again once it holds what is live: a change of older files must not undo what
    people have approved since. False where it changed while it was read: look again. Raises Refused with every error, OSError,
    Unavailable, Barred where it may not be stored or go live, and Conflict when something else went live since `found`.
    """
    bundle: Bundle | None = None
    try:
        bundle = watch.read()
        if bundle is None:
            return False
        if bundle.sha256 != found.folder_sha256:
            _take_in(desk, bundle, found, lead)
    except (Refused, Barred) as error:
        note_refusal(desk, bundle, error)
        raise
    watch.taken()
    return True


def _take_in(desk: Desk, bundle: Bundle, found: Pointer, lead: int) -> None:
    _refuse_unless_in_charge(desk, bundle, found)
    examined = desk.library.examine(bundle, moment(desk.clock()).date())
    scenarios = examined.check.scenarios
    if not desk.failing_too and scenarios.failing.count:
        raise ScenariosFail(scenarios.failing)
    if not desk.failing_too and not scenarios.run:
        raise NoScenarios
    content = examined.loaded.decider.book.content
    changed = Changed()
    if found.version is not None and content.sha256 != found.sha256:
        changed = find_changed(desk, found.version, content)
    draft = Draft(
        bundle=bundle,
        check_json=msgspec.json.encode(examined.check).decode(),
        by=FOLDER,
        at=desk.clock(),
        corrects_past=_reason_to_correct(desk, changed.past, content, found),
    )
    taken = TakeIn(draft, found.seq, lead, in_order=desk.library.in_order, losses=len(changed.losses))
    desk.writer.do_and_wait(take_in, taken)
    _tell_changed(changed, content, found)
    desk.library.keep(examined.loaded)


def _tell_changed(changed: Changed, content: Content, found: Pointer) -> None:
    """Says in the log what the rulebook that goes live from the folder guards no longer, and how it handles people otherwise."""
    if changed.losses:
        _log.warning(
            "rulebook_loses_safeguards", live=found.version, folder=content.hash, losses=len(changed.losses), why=changed.lost
        )
    if changed.handling:
        told = handling_words(changed.handling)
        why = "; ".join(line.strip() for line in told[1 : 1 + NAMES_SHOWN])
        _log.warning(
            "rulebook_changes_handling", live=found.version, folder=content.hash, changes=len(changed.handling), why=why
        )


def _reason_to_correct(desk: Desk, past: PastDays | None, content: Content, found: Pointer) -> str | None:
    """Why the rulebook in the folder may change days before today, None where it does not. Raises ChangesPast."""
    if past is None or found.sha256 is None:
        return None
    reason = reason_in(content, found.sha256)
    _log.warning(
        "rulebook_changes_past",
        live=found.version,
        folder=content.hash,
        cases=past.cases,
        releases=past.releases,
        replayed=past.replayed,
        corrected=reason is not None,
    )
    if reason is None:
        raise ChangesPast(past, moment(desk.clock()).date(), others_corrected(content))
    return reason


def _refuse_unless_in_charge(desk: Desk, bundle: Bundle, found: Pointer) -> None:
    if found.sha256 in {found.folder_sha256, bundle.sha256}:
        return
    last = look(desk.store, lambda connection: publication(connection, found.seq))
    if last is not None and last.way == "publish":
        fault = Fault("", SUPERSEDED, "put the live files into the folder (lens rulebook show live --out DIR) and change those")
        raise Refused(
            (fault,), f"{found.version} was published after the folder was last taken; what is there is not based on it."
        )


def try_folder(desk: Desk, watch: FolderWatch, found: Pointer, lead: int) -> Looked:
    """The same; what is wrong with the folder is told in words that begin with the codes of its faults. Raises Unavailable."""
    failing = NONE_FAIL
    try:
        return Looked(take_folder(desk, watch, found, lead))
    except ChangesPast as error:
        complaint = f"{CHANGES_PAST}: the rulebook in the folder is not used. {error.detail}"
    except ScenariosFail as error:
        failing = error.failing
        complaint = f"{SCENARIO_FAILED}: the rulebook in the folder is not used. {error.detail}"
    except Refused as error:
        codes = list(dict.fromkeys(fault.code for fault in error.faults))
        shown = ", ".join(codes[:_CODES_SHOWN]) + (" and more" if len(codes) > _CODES_SHOWN else "")
        complaint = f"{shown}: the rulebook in the folder is not used. {_where(error)}"
    except OSError as error:
        complaint = f"unreadable: the folder of the rulebook cannot be read ({error.strerror})"
    except Barred as error:
        complaint = f"{error.why}: the rulebook in the folder is not used. {error.detail}"
    except Conflict:
        return Looked(settled=False)
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a folder holds, a service must outlive it
        _log.exception("rulebook_broke")
        complaint = f"{BROKEN}: LENS failed at the rulebook in the folder with {type(error).__name__}"
    watch.taken()
    return Looked(settled=True, complaint=complaint, failing=failing)


def _where(error: Refused) -> str:
    """How many errors the folder has and where the first ones are; their words may quote what stands there, so not in a log."""
    places = [
        ":".join(str(part) for part in (fault.file, fault.line, fault.column) if part) for fault in error.faults if fault.file
    ]
    if not places:
        return error.detail
    count = f"{len(places)} error{'s' if len(places) != 1 else ''}"
    more = " and elsewhere" if len(places) > _PLACES_SHOWN else ""
    return f"{count}, at {', '.join(places[:_PLACES_SHOWN])}{more}; `lens check` shows all of it."
