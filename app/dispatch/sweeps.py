"""Sweeps: what is done again and again beside sending, by whichever dispatcher comes first."""

import asyncio
from collections import Counter
from collections.abc import Callable

import structlog

from app.errors import Unavailable, what_broke
from app.store.database.writer import Writer
from app.store.desk.subjects import Learn, learn
from app.store.desk.surges import CarryOut, carry_out
from app.store.outbox.deferred import SetReady, set_ready
from app.store.upkeep.escalation import Escalate, escalate

_log = structlog.get_logger(__name__)

_AT_ONCE = 200  # rows in one transaction, so that nobody waits long for the writer


async def sweep(writer: Writer, every: float, queued: Callable[[], None]) -> None:
    """Sweeps until cancelled, `every` seconds from the end of one sweep to the next. Whatever fails in it stops no sending.

    `queued` says that there is something to send.
    """

    async def carry_out_surges(writer: Writer) -> None:
        await carry_out_all(writer, queued)

    async def set_ready_all(writer: Writer) -> None:
        while await writer.do(set_ready, SetReady(_AT_ONCE)):
            queued()

    while True:
        for work in (learn_all, escalate_all, carry_out_surges, set_ready_all):
            try:
                await work(writer)
            except Unavailable as error:
                _log.warning("sweep_failed", work=work.__name__, cause=error.detail, consequence="the next sweep tries again")
            except Exception as error:  # noqa: BLE001 - a fault here must not end the dispatcher; the next sweep tries again
                _log.error("sweep_broke", work=work.__name__, **what_broke(error))
        await asyncio.sleep(every)


async def learn_all(writer: Writer) -> None:
    """Takes up every release stored so far, to be found by its FBI number. Raises Unavailable."""
    while await writer.do(learn, Learn(_AT_ONCE)):
        pass


async def escalate_all(writer: Writer) -> None:
    """Marks every work item that is overdue, and warns of them. Raises Unavailable."""
    found = await writer.do(escalate, Escalate(_AT_ONCE))
    while found:
        first = [item.id for item in found[:20]]
        _log.warning(
            "work_items_overdue",
            count=len(found),
            codes=dict(Counter(item.code for item in found)),
            first=first,
            runbook="work-items-overdue",
        )
        found = await writer.do(escalate, Escalate(_AT_ONCE))


async def carry_out_all(writer: Writer, queued: Callable[[], None]) -> None:
    """Goes on with what people decided about surges, where the process that was told so came to an end. Raises Unavailable."""
    while (part := await writer.do(carry_out, CarryOut())).more:
        if part.queued:
            queued()
