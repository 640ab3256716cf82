import asyncio
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from app.api.requests.lines import IN_FLIGHT, SPARE_BLANK_LINES, Line, LineCutter, Outlet, answer_lines, lines_of
from app.errors import LensError

LIMIT = 10


class Caller:
    """The far side of an ASGI request: gives chunks, and keeps what it is sent."""

    def __init__(self, chunks: Sequence[bytes], *, hangs_up: bool = False, reads: bool = True) -> None:
        self._events: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        self._events.append(
            {"type": "http.disconnect"} if hangs_up else {"type": "http.request", "body": b"", "more_body": False}
        )
        self.reading = asyncio.Event()
        if reads:
            self.reading.set()
        self.sent = b""
        self.ended = False
        self.given_all = asyncio.Event()

    async def receive(self) -> Message:
        """The next event of the request."""
        await asyncio.sleep(0)
        event = self._events.pop(0)
        if not self._events:
            self.given_all.set()
        return event

    async def send(self, message: Message) -> None:
        """Takes a piece of the answer, once the caller reads."""
        await self.reading.wait()
        self.sent += message["body"]
        self.ended = not message["more_body"]


def cut(chunks: Sequence[bytes], limit: int = LIMIT) -> list[bytes | None]:
    """Every line of the chunks, one after the other."""
    cutter = LineCutter(limit)
    return [line for chunk in chunks for line in cutter.cut(chunk)] + list(cutter.end())


@given(st.binary(max_size=200).map(lambda text: text.replace(b"x", b"\n")), st.lists(st.integers(0, 200), max_size=8))
def test_lines_do_not_depend_on_where_chunks_end(text: bytes, ends: list[int]) -> None:
    """However the network cuts the bytes, the lines are those of the text, and None for each over the limit."""
    marks = [0, *sorted(min(end, len(text)) for end in ends), len(text)]
    expected = text.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert cut([text[a:b] for a, b in pairwise(marks)]) == [line if len(line) <= LIMIT else None for line in expected]


def test_a_long_line_is_not_held() -> None:
    """A line over the limit is thrown away as it comes, so memory stays bounded."""
    cutter = LineCutter(LIMIT)
    for _ in range(1000):
        assert list(cutter.cut(b"a" * 100)) == []
        assert sum(map(len, cutter._held)) <= LIMIT
    assert list(cutter.cut(b"\nnext\n")) == [None, b"next"]


def test_answers_come_in_order_though_the_first_takes_longest() -> None:
    """Lines are answered at once, and their answers are sent in the order of the lines."""

    async def run() -> None:
        caller = Caller([b"0\n1\n2\n"])
        others_done = asyncio.Event()

        async def answer(line: Line, number: int) -> bytes:
            assert isinstance(line, bytes)
            if number == 1:
                await others_done.wait()
            if number == 3:
                others_done.set()
            return b"<" + line + b">"

        await answer_lines(lines_of(caller.receive, LIMIT), caller.send, answer)
        assert caller.sent == b"<0>\n<1>\n<2>\n"
        assert caller.ended

    asyncio.run(asyncio.wait_for(run(), 10))


def test_never_more_than_the_window_under_way() -> None:
    """However many lines come, at most IN_FLIGHT of them are under way."""

    async def run() -> None:
        caller = Caller([b"a\n" * 1000] * 3)
        most = now = 0

        async def answer(_: Line, __: int) -> bytes:
            nonlocal most, now
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1
            return b"b"

        await answer_lines(lines_of(caller.receive, LIMIT), caller.send, answer)
        assert caller.sent == b"b\n" * 3000
        assert most <= IN_FLIGHT

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_caller_who_reads_nothing_before_it_has_sent_all_is_answered() -> None:
    """Answers that the caller does not take yet wait on disk, so that neither side waits for the other for ever."""

    async def run() -> None:
        caller = Caller([b"a\n" * 100] * 50, reads=False)

        async def answer(_: Line, number: int) -> bytes:
            return b"%06d" % number * 100

        answering = asyncio.create_task(answer_lines(lines_of(caller.receive, LIMIT), caller.send, answer))
        await caller.given_all.wait()
        caller.reading.set()
        await answering
        assert caller.sent.split() == [b"%06d" % number * 100 for number in range(1, 5001)]

    asyncio.run(asyncio.wait_for(run(), 20))


def test_a_line_cut_short_by_hanging_up_is_not_answered() -> None:
    """When the caller hangs up, the line under way is no line: half a release is never taken for a whole one."""

    async def run() -> None:
        caller = Caller([b"whole\nha"], hangs_up=True)
        seen: list[Line] = []

        async def answer(line: Line, _: int) -> bytes:
            seen.append(line)
            return b""

        await answer_lines(lines_of(caller.receive, LIMIT), caller.send, answer)
        assert seen == [b"whole"]

    asyncio.run(asyncio.wait_for(run(), 10))


@given(st.lists(st.one_of(st.none(), st.binary(min_size=1, max_size=300_000)), max_size=12))
def test_an_outlet_gives_what_was_put_in_order(steps: list[bytes | None]) -> None:
    """Whatever is put comes out once, in order, whether taken (None) in between or at the end."""

    async def run() -> None:
        outlet, put, taken = Outlet(), b"", b""
        for step in steps:
            if step is not None:
                outlet.put(step)
                put += step
            elif len(taken) < len(put):
                taken += await outlet.take()
        outlet.end()
        while chunk := await outlet.take():
            taken += chunk
        outlet.discard()
        assert taken == put

    asyncio.run(asyncio.wait_for(run(), 20))


def answered(chunks: Sequence[bytes], most_waiting: int = 2**20) -> list[bytes]:
    """The answers to a batch, each the line in angle brackets or the code of its error."""

    async def run() -> list[bytes]:
        caller = Caller(chunks)

        async def answer(line: Line, _: int) -> bytes:
            return line.code.encode() if isinstance(line, LensError) else b"<%b>" % (line or b"")

        await answer_lines(lines_of(caller.receive, LIMIT), caller.send, answer, most_waiting)
        assert caller.ended
        return caller.sent.splitlines()

    return asyncio.run(asyncio.wait_for(run(), 20))


def test_blank_lines_are_bounded() -> None:
    """As many as there are other lines, and some; the next one ends the batch with a word of why."""
    assert answered([b"a\n\n" * 500]) == [b"<a>", b"<>"] * 500
    told = answered([b"a\n", b"\n" * 1_000_000])
    assert len(told) == SPARE_BLANK_LINES + 3
    assert told[-2:] == [b"<>", b"too-large"]


def test_answers_that_wait_are_bounded() -> None:
    """Reading waits while a caller leaves answers untaken, and goes on when it takes them: the file never grows beyond its bound."""

    async def run() -> None:
        caller, read = Caller([b"a\n" * 100] * 50, reads=False), 0

        async def answer(_: Line, number: int) -> bytes:
            nonlocal read
            read = number
            return b"%06d" % number * 100

        lines = lines_of(caller.receive, LIMIT)
        answering = asyncio.create_task(answer_lines(lines, caller.send, answer, 20_000))
        for _ in range(2000):
            await asyncio.sleep(0)
        assert 0 < read < 2 * IN_FLIGHT + 20_000 // 600 + 120
        caller.reading.set()
        await answering
        assert caller.sent.split() == [b"%06d" % number * 100 for number in range(1, 5001)]

    asyncio.run(asyncio.wait_for(run(), 20))
