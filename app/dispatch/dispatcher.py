"""The dispatcher: sends what stands in the outbox, lane by lane, and settles what became of it.

One task a lane, so a slow or dead destination delays nobody else. All writing goes through the one writer, so the turns of all
lanes share commits. No byte leaves before the try is committed; whatever happens after that, the message is known to be under
way, and whoever finds it so later sends it again, flagged.
"""

import asyncio
import contextlib
import time
from random import Random

import structlog

from app.dispatch.channel import Channel
from app.dispatch.counts import DispatchCounts
from app.dispatch.inbound import Inbound
from app.dispatch.lanes import LaneSender, Limits, Wire
from app.dispatch.operator_log import OperatorLog
from app.dispatch.retry import backoff
from app.dispatch.sweeps import sweep
from app.domain.identifiers import message_id, message_number
from app.domain.times import micros_in
from app.errors import LensError, Unavailable, what_broke
from app.store.database.writer import Writer
from app.store.outbox import outbox
from app.store.outbox.outbox import Batch, Claim, Renewal, Turn, TurnEnd
from app.store.outbox.tries import Postpone, Presume, postpone, presume
from app.store.upkeep.given_out import GivenOut, behind, count_given_out

_log = structlog.get_logger(__name__)

_TURNS_IN_A_ROW = 4  # of one lane while others wait for room
_PRESUMED_LATER = "nothing is presumed delivered meanwhile; tried again within half a minute"
_NAMED = 20  # lanes or messages that a line of the log names
_SWEEP = 1000  # messages presumed delivered in one transaction
_BREATH = 0.025  # seconds from one look for lanes to the next at the least: hints that come faster are joined


class Dispatcher:
    """Runs one channel and sends what is due on it. Any number of processes may have one, each with a name of its own."""

    def __init__(  # noqa: PLR0913 - all that it stands on, put together in one place
        self,
        writer: Writer,
        channel: Channel,
        worker: str,
        limits: Limits,
        wire: Wire,
        counts: DispatchCounts | None = None,
        *,
        rng: Random | None = None,
        numbers: GivenOut | None = None,
    ) -> None:
        """`worker` names this process among all dispatchers; `counts` goes on from another's; `rng` spreads retries.

        `numbers` keeps the highest number given out outside of the database.
        """
        self._writer = writer
        self._channel = channel
        self._worker = worker
        self._limits = limits
        self._rng = rng or Random()  # noqa: S311 - spreads retries, keeps no secret
        self.counts = counts or DispatchCounts()
        """What happened since the start."""
        self._numbers = numbers
        self._behind: str | None = None
        self._sender = LaneSender(channel=channel, wire=wire, limits=limits, rng=self._rng, counts=self.counts, numbers=numbers)
        self._operator_log = OperatorLog(writer)
        self._inbound = Inbound(writer, limits.state_retry, limits.inbound_within, self.wake)
        self._lanes: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._wakeup = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = False
        self._stopping = False
        self._paused: str | None = None

    def problem(self) -> str | None:
        """Why nothing is sent at this moment, in words, or None."""
        return self._channel.problem() or self._writer.problem or self._behind or self._paused

    def behind(self) -> str | None:
        """Why the database must not be sent from, being older than the numbers given out; None when it is not."""
        return self._behind

    def wake(self) -> None:
        """Says that something may be due. A hint, from any thread; many at once are as one."""
        if self._woken or self._loop is None:
            return
        self._woken = True
        try:
            self._loop.call_soon_threadsafe(self._wakeup.set)
        except RuntimeError:
            self._woken = False  # the loop has ended; the rows remain for the next dispatcher

    async def run(self) -> None:
        """Sends and receives until cancelled, then finishes what is under way as far as `grace` allows and gives lanes back.

        What cannot be finished stays under way in the outbox, and is sent again, flagged. Raises only on a fault of the
        program in the channel or the loops below; the caller should then end the process.
        """
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        claims = asyncio.create_task(self._claims(), name="claims")
        others = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("link", self._channel.run(self._inbound.arrived)),
                ("leases", self._keep_leases()),
                ("presume", self._presume()),
                ("sweeps", sweep(self._writer, self._limits.sweep, self.wake)),
                ("numbers", self._keep_numbers()),
            )
        ]
        try:
            done, _ = await asyncio.wait([claims, *others], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise RuntimeError(f"{', '.join(task.get_name() for task in done)} ended by itself")
        finally:
            await self._finish(claims, others)

    async def _finish(self, claims: asyncio.Task[None], others: list[asyncio.Task[None]]) -> None:
        """Lets a claim under way and the lanes come to their end, then stops everything."""
        self._stopping = True
        self._wakeup.set()
        try:
            async with asyncio.timeout(self._limits.grace):
                await asyncio.wait([claims])
                if self._lanes:
                    await asyncio.wait([task for _, task in self._lanes.values()])
        except TimeoutError:
            _log.warning(
                "stopped_with_messages_under_way",
                oris=sorted(self._lanes)[:_NAMED],
                lanes=len(self._lanes),
                consequence="they go out again, flagged as possible duplicates",
                runbook="duplicates",
            )
        finally:
            left = [claims, *others, *(task for _, task in self._lanes.values())]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            self._loop = None

    async def _claims(self) -> None:
        while not self._stopping:
            self._woken = False
            self._wakeup.clear()
            looked = time.monotonic()
            wait = await self._claim()
            if not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wakeup.wait(), wait)
                await asyncio.sleep(looked + _BREATH - time.monotonic())

    async def _claim(self) -> float:
        """Takes up lanes that are due; seconds until it is worth looking again unless woken."""
        limits = self._limits
        room = limits.lanes - len(self._lanes)
        if room <= 0:
            return limits.poll
        if self._channel.problem() is not None or self._behind is not None:
            return min(limits.poll, 0.1)
        lease, horizon = micros_in(limits.lease), micros_in(limits.horizon)
        wanted = Claim(
            worker=self._worker,
            room=room,
            window=limits.window,
            lease=lease,
            horizon=horizon,
            in_hand=tuple(self._lanes),
            rates=limits.rates,
        )
        begun = time.monotonic()
        try:
            claimed = await self._writer.do(outbox.claim, wanted)
        except Unavailable as error:
            _log.warning("claim_failed", cause=error.detail, consequence="nothing new is sent meanwhile", runbook="not-ready")
            return limits.poll
        if claimed.paused != self._paused:
            if claimed.paused:
                _log.warning("sending_paused", consequence="nothing is sent; lens status says why", runbook="paused")
            else:
                _log.warning("sending_resumed")
            self._paused = claimed.paused
        for batch in claimed.batches:
            task = asyncio.create_task(self._serve(batch, begun), name=f"lane-{batch.ori}")
            self._lanes[batch.ori] = batch.token, task
        return limits.poll if claimed.wait is None else min(limits.poll, claimed.wait / 1e6)

    async def _serve(self, batch: Batch, begun: float) -> None:
        """Sends a lane's messages until none is ready, something fails, or others wait."""
        turns = 0
        try:
            end: TurnEnd = batch
            while isinstance(end, Batch):
                sent = end
                verdicts, delay = await self._sender.send(sent, begun)
                seconds = time.monotonic() - begun
                turns += 1
                give_way = self._stopping or (turns >= _TURNS_IN_A_ROW and len(self._lanes) >= self._limits.lanes)
                window, lease, rates = 0 if give_way else self._limits.window, micros_in(self._limits.lease), self._limits.rates
                turn = Turn(
                    worker=self._worker,
                    ori=batch.ori,
                    token=batch.token,
                    lease=lease,
                    window=window,
                    verdicts=verdicts,
                    delay=delay,
                    rates=rates,
                )
                begun, end = await self._settle(turn)
                if end != "fenced":
                    self.counts.settled(sent.messages, verdicts, seconds)
                    await self._operator_log.tell_turn(sent, verdicts, delay)
            if end == "fenced":
                self.counts.fenced += 1
                _log.warning(
                    "lane_fenced", ori=batch.ori, consequence="its last messages go out again, flagged", runbook="fenced"
                )
        except Exception as error:  # noqa: BLE001 - one lane's trouble is no other's; its lease ends and it is tried again
            _log.error(
                "lane_failed",
                ori=batch.ori,
                messages=[message_id(each.number) for each in batch.messages[:_NAMED]],
                consequence="its lease ends, then its messages go out again, flagged",
                runbook="queue-old",
                **what_broke(error),
            )
        finally:
            del self._lanes[batch.ori]
            self.wake()

    async def _settle(self, turn: Turn) -> tuple[float, TurnEnd]:
        """The turn's end, and the monotonic time from which its lease counts. Keeps what it knows until it can be written."""
        fails = 0
        while True:
            begun = time.monotonic()
            try:
                return begun, await self._writer.do(outbox.turn, turn)
            except Unavailable as error:
                fails += 1
                _log.warning(
                    "turn_waits_for_database",
                    ori=turn.ori,
                    messages=[message_id(each.number) for each in turn.verdicts[:_NAMED]],
                    cause=error.detail,
                    consequence="what became of them is kept and written later; nothing more is sent to this ORI meanwhile",
                    runbook="not-ready",
                )
            await asyncio.sleep(backoff(fails, 0.1, 2.0, self._rng))

    async def _keep_leases(self) -> None:
        """Renews the leases of lanes whose messages are under way; a process that stands still loses them, as it should."""
        lease = self._limits.lease
        while True:
            await asyncio.sleep(lease / 3)
            renewals = [Renewal(ori, token, micros_in(lease)) for ori, (token, _) in self._lanes.items()]
            results = await asyncio.gather(*(self._writer.do(outbox.renew, each) for each in renewals), return_exceptions=True)
            failed = [result for result in results if isinstance(result, BaseException)]
            if failed:
                _log.warning(
                    "leases_not_renewed",
                    lanes=len(failed),
                    error=type(failed[0]).__name__,
                    consequence="another dispatcher may take them over and send again, flagged",
                    runbook="fenced",
                )

    async def _presume(self) -> None:
        """Presumes delivered what the network said nothing about for long enough since it left us."""
        after = self._limits.presume_after
        while True:
            count = 0
            try:
                lying = await self._postpone(micros_in(after))
                count = await self._writer.do(presume, Presume(micros_in(after), _SWEEP, lying))
            except Unavailable as error:
                _log.warning("presume_failed", cause=error.detail, consequence=_PRESUMED_LATER)
            except OSError as error:  # nobody knows what has left us, so nothing is presumed
                _log.warning("presume_failed", cause=error.strerror, consequence=_PRESUMED_LATER)
            self.counts.presumed += count
            if count < _SWEEP:
                await asyncio.sleep(min(30.0, max(after / 4, 0.05)))

    async def _postpone(self, after: int) -> frozenset[int]:
        """The messages that the far side has not taken from us yet; for them the time begins when it has. Raises OSError."""
        names = [message_number(name) for name in await self._channel.lying()]
        lying = tuple(number for number in names if number is not None)
        for first in range(0, len(lying), _SWEEP):
            await self._writer.do(postpone, Postpone(lying[first : first + _SWEEP], after))
        return frozenset(lying)

    async def _keep_numbers(self) -> None:
        """Keeps outside of the database what its counter says, and sends nothing while that is behind what was given out before.

        A standby that has taken over may be. `lens db recovered` ends it, in this process too.
        """
        while self._numbers is not None:
            try:
                highest = await asyncio.to_thread(self._numbers.highest)
                last = await self._writer.do(count_given_out, None)
            except LensError as error:
                _log.warning("numbers_not_compared", cause=error.detail)
            else:
                was, self._behind = self._behind, behind(highest, last)
                if self._behind is not None and was is None:
                    _log.error("database_behind", cause=self._behind)
                elif self._behind is None:
                    await asyncio.to_thread(self._numbers.note, last)
                    await asyncio.to_thread(self._numbers.sync)
            await asyncio.sleep(self._limits.sweep)
        await asyncio.Event().wait()  # there is nothing to keep
