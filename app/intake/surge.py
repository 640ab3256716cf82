"""The surge breaker as people and programs meet it: told in the log when it trips, and carried out once a person decided."""

from collections.abc import Sequence

import structlog

from app.errors import Unavailable
from app.store.database.writer import Writer
from app.store.desk.surge_gate import Trip
from app.store.desk.surges import CarryOut, carry_out

_log = structlog.get_logger()


def tell_trips(trips: Sequence[Trip]) -> None:
    """Writes each surge that began into the log."""
    for trip in trips:
        _log.error(
            "surge_breaker_tripped",
            work_item=trip.work_item,
            kind=trip.kind,
            band=trip.band,
            held="until a person decides",
            runbook="surge-open",
        )


async def carry_out_surge(writer: Writer, work_item: int) -> None:
    """Queues or cancels what a decided surge held back, to the end, a bounded transaction at a time.

    What cannot be written now is carried out later by a dispatcher.
    """
    try:
        while (await writer.do(carry_out, CarryOut(work_item))).more:
            pass
    except Unavailable as error:
        _log.warning(
            "surge_not_carried_out_yet", work_item=work_item, cause=error.detail, consequence="a dispatcher goes on with it"
        )
