"""NDJSON in and out with bounded memory: lines cut from chunks, answered several at once, sent in order.

A caller may well send its whole batch before it reads the first answer. So reading does not wait for sending: answers that the caller
does not take yet go to an unnamed temporary file that only this process can open. That file is bounded: beyond it, reading waits.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from tempfile import SpooledTemporaryFile

from starlette.types import Receive, Send

from app.api.requests.encodings import Gunzip
from app.errors import Fault, LensError, TooLarge

IN_FLIGHT = 128
"""Lines of one batch that are answered at once, so that they can share a commit."""

MOST_WAITING = 256 * 1024 * 1024
"""Bytes of answers that may wait for a caller who does not take them, and a window more."""

SPARE_BLANK_LINES = 100
"""Blank lines that a batch may have beyond one for each line with something in it. They cost nothing to send, and an answer each."""

_IN_MEMORY = 1024 * 1024
_CHUNK = 64 * 1024

Line = bytes | None | LensError
"""A line without its end; None: it was too long. An error says why nothing after it can be read, and is the last."""

AnswerLine = Callable[[Line, int], Awaitable[bytes]]
"""From a line and its number, from 1, to one line of answer, without its end."""


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

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `discard`
        self._most = most
        self._emptied = asyncio.Event()
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

    async def room(self) -> None:
        """Waits while the file is as long as it may be, until all of it has been taken."""
        while self._put >= self._most:
            self._emptied.clear()
            await self._emptied.wait()

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
            self._emptied.set()
        return chunk

    def discard(self) -> None:
        """Lets go of whatever was not taken."""
        self._file.close()


async def answer_lines(lines: AsyncIterator[Line], send: Send, answer: AnswerLine, most_waiting: int = MOST_WAITING) -> None:
    """Reads lines to their end and sends one answer line each, in order. The response must have been started."""
    outlet = Outlet(most_waiting)
    window = asyncio.Semaphore(IN_FLIGHT)
    under_way: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue()

    async def read() -> None:
        number = 0
        async for line in lines:
            await window.acquire()
            number += 1
            under_way.put_nowait(tasks.create_task(_finish(answer(line, number))))
        under_way.put_nowait(None)

    async def order() -> None:
        while (task := await under_way.get()) is not None:
            line = await task
            await outlet.room()
            outlet.put(line + b"\n")
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


async def _finish(answer: Awaitable[bytes]) -> bytes:
    return await answer


async def lines_of(receive: Receive, limit: int, gunzip: Gunzip | None = None) -> AsyncIterator[Line]:
    """The lines of a request's body, to its end, or until the caller hangs up: a line cut short by that is not given.

    Too many blank lines end it, and so does a body that cannot be decompressed: with an error in place of a line.
    """
    cutter = LineCutter(limit)
    spare = SPARE_BLANK_LINES
    try:
        async for chunk in _chunks(receive, gunzip):
            for line in cutter.end() if chunk is None else cutter.cut(chunk):
                spare += -1 if _is_blank(line) else 1
                if spare < 0:
                    raise _too_many_blank()
                yield line
    except LensError as error:
        yield error


def _is_blank(line: bytes | None) -> bool:
    return line is not None and not line.strip()


def _too_many_blank() -> TooLarge:
    fault = Fault("", "too-many-blank-lines", f"a batch may have {SPARE_BLANK_LINES} blank lines more than others")
    return TooLarge((fault,), "There are too many blank lines; what comes after this was not read.")


async def _chunks(receive: Receive, gunzip: Gunzip | None) -> AsyncIterator[bytes | None]:
    """The body as it comes, decompressed; None at its end, which does not come where the caller hung up."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body = message.get("body", b"")
        if gunzip is None:
            yield body
        else:
            for piece in gunzip.pieces(body):
                yield piece
        if not message.get("more_body", False):
            if gunzip is not None:
                gunzip.end()
            yield None
            return
