"""What the log tells those who look after the service about messages, lanes and texts: which one, why, and what to read.

Each line is written after what it tells of is committed. `runbook` names the page that says what to do.
"""

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import structlog

from app.dispatch.letterhead import NETWORK
from app.domain.identifiers import NLETS_CODES, message_id
from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.errors import Unavailable, what_broke
from app.store.database.writer import Writer
from app.store.desk.inbound import Match
from app.store.outbox.outbox import Batch
from app.store.outbox.tries import AttemptResult
from app.store.reads.log_names import LoggedArrival, LoggedMessage, name_arrivals, name_messages

_log = structlog.get_logger(__name__)

T = TypeVar("T")

FAILS_TOLD = 3
"""Sends of a lane that failed in a row when the log first says so; then at each doubling, so that a long trouble is few lines."""

_STATUS_EVENTS = {
    Status.REJECTED.value: ("message_rejected", "rejected"),
    Status.WAITING_FOR_STATE.value: ("state_out_of_service", "state-out"),
}
"""What is told of a message that the network's word has brought into this status, and its runbook."""

_STATES = frozenset(NLETS_CODES.values())


class OperatorLog:
    """Tells what became of turns and texts."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def tell_turn(self, batch: Batch, verdicts: Sequence[AttemptResult], delay: int | None) -> None:
        """What a turn of a lane, once it is written, brought that somebody should know. `delay`: Micros that the lane rests."""
        dead = {each.number: each for each in verdicts if each.status == "dead"}
        if dead:
            await self._tell_dead(dead)
        failed = [each for each in verdicts if each.failed]
        if failed and _is_told(batch.fails + 1):
            named = {each.number: each for each in await self._messages([failed[0].number])}
            _log.warning(
                "lane_keeps_failing",
                ori=batch.ori,
                fails_in_a_row=batch.fails + 1,
                rests_seconds=round((delay or 0) / 1e6, 1),
                cause=failed[0].cause_for_log,
                runbook="lane-fails",
                **_fields(failed[0].number, named),
            )
        elif not failed and batch.fails >= FAILS_TOLD and any(each.status == "sent" for each in verdicts):
            _log.warning("lane_recovered", ori=batch.ori, failed_before=batch.fails)

    async def _tell_dead(self, dead: dict[int, AttemptResult]) -> None:
        named = {each.number: each for each in await self._messages(list(dead))}
        for number, verdict in dead.items():
            if number in named and named[number].status != Status.DEAD:
                continue  # the network spoke about it before this verdict could be written
            consequence = "its state has not been told; a work item dead-letter is open"
            _log.error(
                "message_dead",
                cause=verdict.cause_for_log,
                consequence=consequence,
                runbook="dead-letter",
                **_fields(number, named),
            )

    async def tell_arrival(self, heard: Heard, match: Match) -> None:
        """What a text from the network, once it is stored, brought that somebody should know."""
        found = await self._arrival(heard)
        about = None if found is None else found.message
        more: dict[str, Any] = {"kind": heard.kind, "match": match, "cause": _cause_for_log(heard)}
        if found is not None:
            more |= {"inbound": found.id} | ({} if found.work_item is None else {"work_item": found.work_item})
        if about is not None:
            more |= _fields(about.number, {about.number: about})
        if about is not None and heard.status is not None and about.status in _STATUS_EVENTS:
            event, runbook = _STATUS_EVENTS[about.status]
            _log.warning(event, **more, runbook=runbook)
        elif match == "unmatched":
            _log.warning("arrival_unmatched", **more, consequence="a person must read it: lens inbound show")
        else:
            _log.info("arrival_taken", **more)

    async def _messages(self, numbers: Sequence[int]) -> tuple[LoggedMessage, ...]:
        return await self._found(self._writer.do(name_messages, tuple(numbers))) or ()

    async def _arrival(self, heard: Heard) -> LoggedArrival | None:
        return await self._found(self._writer.do(name_arrivals, (heard.source, heard.occurrence or heard.source)))

    async def _found(self, asked: Awaitable[T]) -> T | None:
        """What the store knows; None when it cannot be asked: the line then says less, and nothing else suffers."""
        try:
            return await asked
        except Exception as error:  # noqa: BLE001 - what is told must never stop what is sent or stored
            if not isinstance(error, Unavailable):
                _log.error("log_names_broke", **what_broke(error))
            return None


def _cause_for_log(heard: Heard) -> str:
    """What a text says, in our own words alone: where an ORI should stand the far side may have written anything, a name too."""
    if heard.origin in {None, NETWORK}:
        return heard.cause
    state = str(heard.origin)[:2]
    shown = f"an ORI of {state}" if state in _STATES else "an unknown ORI"
    return heard.cause.replace(f"from {heard.origin}", f"from {shown}", 1)


def _is_told(fails: int) -> bool:
    times, rest = divmod(fails, FAILS_TOLD)
    return rest == 0 and times & (times - 1) == 0


def _fields(number: int, named: dict[int, LoggedMessage]) -> dict[str, str]:
    if number not in named:
        return {"message": message_id(number)}
    found = named[number]
    return {"message": found.message_id, "release": found.release_id, "state": found.state}
