"""Sweeps: what is done again and again beside sending, by whichever dispatcher comes first."""

import asyncio

import structlog

from app.errors import Unavailable
from app.store.subjects import Learn, learn
from app.store.writer import Writer

_log = structlog.get_logger(__name__)

_AT_ONCE = 500  # rows in one transaction, so that nobody waits long for the writer


async def sweep(writer: Writer, pause: float) -> None:
    """Sweeps until cancelled, `pause` seconds from the end of one sweep to the next."""
    while True:
        try:
            await learn_all(writer)
        except Unavailable as error:
            _log.warning("sweep_failed", cause=error.detail)
        await asyncio.sleep(pause)


async def learn_all(writer: Writer) -> None:
    """Takes up every release stored so far, to be found by its FBI number. Raises Unavailable."""
    while await writer.do(learn, Learn(_AT_ONCE)):
        pass
