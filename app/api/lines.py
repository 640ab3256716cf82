"""NDJSON in and out with bounded memory: lines cut from chunks, answered several at once, sent in order.

A caller may well send its whole batch before it reads the first answer. So reading never waits for sending: answers that
the caller does not take yet go to an unnamed temporary file that only this process can open.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from tempfile import SpooledTemporaryFile

from starlette.types import Receive, Send

IN_FLIGHT = 128
"""Lines of one batch that are answered at once, so that they can share a commit."""

_IN_MEMORY = 1024 * 1024
_CHUNK = 64 * 1024

AnswerLine = Callable[[bytes | None, int], Awaitable[bytes]]
"""From a line without its end (None: it was too long) and its number, from 1, to one line of answer, also without its end."""


class LineCutter:
    """Cuts chunks of bytes into lines, holding at most `limit` bytes; a longer line is skipped to its end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held: list[bytes] = []
        self._size = 0

    def cut(self, chunk: bytes) -> Iterator[bytes | None]:
        """The lines that end in this chunk, None for each that was too long."""
        *ends, rest = chunk.split(b"\n")
        for piece in ends:
            self._hold(piece)
            yield self._line()
        self._hold(rest)

    def end(self) -> Iterator[bytes | None]:
        """The last line, where the input does not end with a line feed."""
        if self._size:
            yield self._line()

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            self._held.clear()
        elif piece:
            self._held.append(piece)

    def _line(self) -> bytes | None:
        line = b"".join(self._held) if self._size <= self._limit else None
        self._held.clear()
        self._size = 0
        return line


class Outlet:
    """Bytes on their way to a caller who may be slow: first in, first out, in memory up to 1 MiB and beyond that on disk."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `discard`
        self._taken = 0
        self._put = 0
        self._ended = False
        self._changed = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Adds bytes at the end."""
        self._file.seek(self._put)
        self._file.write(data)
        self._put += len(data)
        self._changed.set()

    def end(self) -> None:
        """Says that nothing more will be put."""
        self._ended = True
        self._changed.set()

    async def take(self) -> bytes:
        """The next bytes, as soon as there are any; none when all has been taken and nothing more will come."""
        while self._taken == self._put and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        self._file.seek(self._taken)
        chunk = self._file.read(_CHUNK)
        self._taken += len(chunk)
        if self._taken == self._put:
            self._file.seek(0)
            self._file.truncate()
            self._taken = self._put = 0
        return chunk

    def discard(self) -> None:
        """Lets go of whatever was not taken."""
        self._file.close()


async def answer_lines(receive: Receive, send: Send, limit: int, answer: AnswerLine) -> None:
    """Reads lines to the end of the request, or until the caller hangs up, and sends one answer line each, in order.

    A line cut short by the caller's hanging up is not answered. The response must have been started.
    """
    outlet = Outlet()
    window = asyncio.Semaphore(IN_FLIGHT)
    under_way: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue()

    async def read() -> None:
        cutter, number = LineCutter(limit), 0
        async for line in _lines(receive, cutter):
            await window.acquire()
            number += 1
            under_way.put_nowait(tasks.create_task(_finished(answer(line, number))))
        under_way.put_nowait(None)

    async def order() -> None:
        while (task := await under_way.get()) is not None:
            outlet.put(await task + b"\n")
            window.release()
        outlet.end()

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            tasks.create_task(order())
            while chunk := await outlet.take():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        outlet.discard()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _finished(answer: Awaitable[bytes]) -> bytes:
    return await answer


async def _lines(receive: Receive, cutter: LineCutter) -> AsyncIterator[bytes | None]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        for line in cutter.cut(message.get("body", b"")):
            yield line
        if not message.get("more_body", False):
            for line in cutter.end():
                yield line
            return
