import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection

from app.errors import Conflict, LensError, Unavailable
from app.store.database.engine import Store
from app.store.database.writer import GROUP_LIMIT, Writer
from app.store.statements.rows import take_numbers
from tests.store.counting import PoisonError, last, number


@pytest.fixture
def writer(store: Store) -> Iterator[Writer]:
    """A running writer that gives up soon."""
    with Writer(store, patience=0.2) as running:
        yield running


def sized(connection: Connection, items: Sequence[str]) -> list[int]:
    """How many items came together."""
    take_numbers(connection, "release", len(items))
    return [len(items)] * len(items)


class Gate:
    """An apply function that waits until it is opened, so that what comes meanwhile must queue."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _: Connection, items: Sequence[None]) -> list[None]:
        """Waits."""
        self.entered.set()
        assert self.opened.wait(10)
        return list(items)


async def behind_a_gate(writer: Writer, wanted: Callable[[], list[Any]]) -> list[Any]:
    """What the awaitables of `wanted` give, all having queued while the writer was busy."""
    gate = Gate()
    held = asyncio.create_task(writer.do(gate, None))
    await asyncio.to_thread(gate.entered.wait, 10)
    tasks = [asyncio.ensure_future(one) for one in wanted()]
    await asyncio.sleep(0)
    assert writer.waiting() == len(tasks)
    gate.opened.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await held
    return results


def test_each_caller_gets_its_own_result_after_the_commit(store: Store, writer: Writer) -> None:
    """Numbers come in order of arrival, and are stored when the caller hears of them."""

    async def three() -> None:
        assert await asyncio.gather(*[writer.do(number, name) for name in "abc"]) == [1, 2, 3]
        assert last(store) == 3

    asyncio.run(three())
    assert writer.do_and_wait(number, "d") == 4


def test_what_waits_goes_into_one_transaction(writer: Writer) -> None:
    """Sixty-four callers cost one commit."""
    results = asyncio.run(behind_a_gate(writer, lambda: [writer.do(sized, str(n)) for n in range(64)]))
    assert results == [64] * 64
    assert (writer.groups, writer.items) == (2, 65)


def test_what_comes_in_one_turn_of_the_loop_goes_into_one_transaction(writer: Writer) -> None:
    """Callers that are there together do not wait for one another's commits, although the writer had nothing to do."""

    async def together() -> list[int]:
        return list(await asyncio.gather(*[writer.do(sized, str(n)) for n in range(16)]))

    assert asyncio.run(together()) == [16] * 16


def test_a_loop_that_stands_still_keeps_no_other_caller_waiting(writer: Writer) -> None:
    """The writer wakes for another thread's item although the loop that put the first has not come round again."""
    stored: list[list[int]] = []

    async def stand_still() -> None:
        first = asyncio.create_task(writer.do(sized, "first"))
        await asyncio.sleep(0)
        other = threading.Thread(target=lambda: stored.append([writer.do_and_wait(sized, "other")]))
        other.start()
        other.join(10)
        assert stored
        await first

    asyncio.run(stand_still())


def test_a_transaction_has_a_limit(writer: Writer) -> None:
    """What is over it goes into the next."""
    results = asyncio.run(behind_a_gate(writer, lambda: [writer.do(sized, str(n)) for n in range(GROUP_LIMIT + 1)]))
    assert results == [GROUP_LIMIT] * GROUP_LIMIT + [1]


def test_functions_of_one_transaction_run_in_order_of_first_appearance(writer: Writer) -> None:
    """Each is called once, with all of its items in their order."""
    seen: list[tuple[str, list[int]]] = []

    def first(_: Connection, items: Sequence[int]) -> list[int]:
        seen.append(("first", list(items)))
        return list(items)

    def second(_: Connection, items: Sequence[int]) -> list[int]:
        seen.append(("second", list(items)))
        return list(items)

    results = asyncio.run(
        behind_a_gate(writer, lambda: [writer.do(second, 1), writer.do(first, 2), writer.do(second, 3), writer.do(first, 4)])
    )
    assert results == [1, 2, 3, 4]
    assert seen == [("second", [1, 3]), ("first", [2, 4])]


def test_a_faulty_item_fails_alone(store: Store, writer: Writer) -> None:
    """The others are stored, in their order, and no number is skipped."""
    items = [str(n) for n in range(40)]
    items[13] = "poison"
    results = asyncio.run(behind_a_gate(writer, lambda: [writer.do(number, item) for item in items]))
    assert isinstance(results.pop(13), PoisonError)
    assert results == list(range(1, 40))
    assert last(store) == 39


def test_an_answer_that_is_an_error_is_raised_to_its_caller_only(writer: Writer) -> None:
    """A conflict of one item rolls back nothing."""

    def odd_conflicts(connection: Connection, items: Sequence[int]) -> list[int | LensError]:
        take_numbers(connection, "message", len(items))
        return [Conflict("odd") if item % 2 else item for item in items]

    results = asyncio.run(behind_a_gate(writer, lambda: [writer.do(odd_conflicts, n) for n in range(3)]))
    assert (results[0], results[2]) == (0, 2)
    assert isinstance(results[1], Conflict)
    assert writer.groups == 2


def test_an_apply_function_must_answer_every_item(writer: Writer) -> None:
    """Too few results are a fault of the program, found before the commit."""
    with pytest.raises(ValueError, match="shorter"):
        writer.do_and_wait(lambda _, items: [None] * (len(items) - 1), "a")


def test_stopping_writes_what_waits_and_takes_no_more(store: Store) -> None:
    """Nobody who was let in is left without an answer."""
    writer = Writer(store)
    writer.start()

    async def stopped() -> list[Any]:
        gate = Gate()
        held = asyncio.create_task(writer.do(gate, None))
        await asyncio.to_thread(gate.entered.wait, 10)
        waiting = [asyncio.create_task(writer.do(number, str(n))) for n in range(3)]
        await asyncio.sleep(0)
        stopping = asyncio.create_task(asyncio.to_thread(writer.stop))
        gate.opened.set()
        await stopping
        await held
        return await asyncio.gather(*waiting)

    assert asyncio.run(stopped()) == [1, 2, 3]
    with pytest.raises(Unavailable, match="stopping"):
        writer.do_and_wait(number, "late")


def test_too_many_waiting_are_refused(store: Store) -> None:
    """A flood meets a limit in memory, and those already waiting are served."""
    with Writer(store, waiting_limit=2) as writer:

        async def flood() -> list[Any]:
            gate = Gate()
            held = asyncio.create_task(writer.do(gate, None))
            await asyncio.to_thread(gate.entered.wait, 10)
            waiting = [asyncio.create_task(writer.do(number, str(n))) for n in range(3)]
            await asyncio.sleep(0)
            gate.opened.set()
            await held
            return await asyncio.gather(*waiting, return_exceptions=True)

        results = asyncio.run(flood())
    assert results[:2] == [1, 2]
    assert isinstance(results[2], Unavailable)


def test_callers_of_several_loops_and_threads_are_all_answered(store: Store, writer: Writer) -> None:
    """Each loop is told in its own thread."""
    answers: list[int] = []

    async def ten() -> None:
        answers.extend(await asyncio.gather(*[writer.do(number, str(n)) for n in range(10)]))

    threads = [threading.Thread(target=lambda: asyncio.run(ten())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(answers) == list(range(1, 41))
    assert last(store) == 40


def test_a_caller_that_went_away_disturbs_nobody(writer: Writer) -> None:
    """One is cancelled while it waits; the other of the same group is answered."""

    async def one_leaves() -> int:
        leaving = asyncio.create_task(writer.do(number, "a"))
        staying = asyncio.create_task(writer.do(number, "b"))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(one_leaves()) == 2


def test_callers_whose_loop_has_ended_disturb_nobody(writer: Writer) -> None:
    """Their answers have nowhere to go; the next caller gets its own."""
    gate = Gate()

    async def leave() -> None:
        asyncio.get_running_loop().create_task(writer.do(gate, None))
        await asyncio.to_thread(gate.entered.wait, 10)

    asyncio.run(leave())
    gate.opened.set()
    assert writer.do_and_wait(number, "a") == 1


def test_two_writers_of_one_database_never_give_a_number_twice(store: Store, new_store: Callable[[], Store]) -> None:
    """As two processes would: the lock is the database's."""
    other = new_store()

    async def both() -> list[int]:
        with Writer(store) as a, Writer(other) as b:
            return await asyncio.gather(*[writer.do(number, str(n)) for n in range(50) for writer in (a, b)])

    assert sorted(asyncio.run(both())) == list(range(1, 101))
