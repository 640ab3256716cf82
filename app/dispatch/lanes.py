"""Sending one lane's batch: bytes out, receipts in, and what they mean for the messages and for the lane."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

import structlog

from app.dispatch.channel import Channel, Outgoing, Receipt
from app.dispatch.counts import DispatchCounts
from app.dispatch.retry import backoff, verdict
from app.domain.identifiers import message_id
from app.domain.times import micros_in
from app.errors import LensError, what_broke
from app.store.outbox.outbox import Batch
from app.store.outbox.pacing import UNLIMITED, Rates
from app.store.outbox.tries import AttemptResult, Taken
from app.store.upkeep.given_out import GivenOut

_log = structlog.get_logger(__name__)

Wire = Callable[[str, Literal["legacy", "niem"]], bytes]
"""A message's bytes on the wire, from its text and format."""

_LINK_CAP = 2.0  # seconds at the most between tries while the link takes nothing: it is the same for every lane


@dataclass(frozen=True, slots=True)
class Limits:
    """How a dispatcher goes about it. Times are seconds, each explained in docs/reference/settings.md."""

    window: int = 16
    lease: float = 10.0
    lanes: int = 64
    retry_first: float = 1.0
    retry_cap: float = 300.0
    max_attempts: int = 50
    presume_after: float = 900.0
    state_retry: float = 300.0
    inbound_within: float = 86400.0
    rates: Rates = UNLIMITED
    poll: float = 1.0
    """Seconds at the most between looks for lanes that are due; `wake` makes it look at once."""
    sweep: float = 5.0
    """Seconds between sweeps."""
    grace: float = 5.0
    """Seconds that lanes have to finish what is under way when the dispatcher is stopped."""

    @property
    def horizon(self) -> float:
        """The longest wait that any of these sets; a time further off was written by a clock that has been set back since."""
        for_a_message = [1.0 / rate for rate in self.rates if rate is not None]
        return max(self.retry_cap, self.state_retry, self.lease, *for_a_message) + 1.0


class LaneSender:
    """Sends batches of any lane on one channel."""

    def __init__(
        self,
        channel: Channel,
        wire: Wire,
        limits: Limits,
        rng: Random,
        counts: DispatchCounts,
        numbers: GivenOut | None = None,
    ) -> None:
        """`rng` spreads retries; tries and late batches go into `counts`, numbers into `numbers` before they leave."""
        self._channel = channel
        self._wire = wire
        self._limits = limits
        self._rng = rng
        self._counts = counts
        self._numbers = numbers
        self._link_fails = 0

    async def send(self, batch: Batch, begun: float) -> tuple[tuple[AttemptResult, ...], int | None]:
        """Sends a batch; what became of each message, and the Micros to rest the lane where something failed."""
        limits = self._limits
        outgoing, unfit = self._outgoing(batch.messages)
        if time.monotonic() - begun > 0.6 * limits.lease:
            self._counts.late += 1
            late = Receipt("unsent", "dropped: most of the lease was gone before it could be sent")
            return tuple(verdict(message, late, limits.max_attempts) for message, _ in outgoing) + unfit, 0
        if self._numbers is not None and outgoing:
            self._numbers.note(max(message.number for message, _ in outgoing))
        receipts = await self._receipts([out for _, out in outgoing])
        self._counts.tried([message for message, _ in outgoing], receipts)
        verdicts = unfit
        for (message, _), receipt in zip(outgoing, receipts, strict=True):
            verdicts += (verdict(message, receipt, limits.max_attempts),)
        return verdicts, self._rest(batch, receipts, verdicts)

    async def _receipts(self, outgoing: Sequence[Outgoing]) -> Sequence[Receipt]:
        if not outgoing:
            return []
        try:
            return await self._channel.send(outgoing)
        except Exception as error:  # noqa: BLE001 - a fault of the channel counts against the messages, or one could block its lane
            _log.error(
                "channel_failed",
                channel=self._channel.name,
                messages=[each.message_id for each in outgoing],
                consequence="the network may have them; they go out again, flagged",
                runbook="lane-fails",
                **what_broke(error),
            )
            return [Receipt("unknown", f"the channel failed ({type(error).__name__})")] * len(outgoing)

    def _rest(self, batch: Batch, receipts: Sequence[Receipt], verdicts: tuple[AttemptResult, ...]) -> int | None:
        """How long the lane rests: for its own failures longer and longer, for the link's only shortly."""
        fates = {receipt.fate for receipt in receipts}
        if fates - {"unsent"}:
            self._link_fails = 0
        if any(each.failed for each in verdicts):
            return micros_in(backoff(batch.fails + 1, self._limits.retry_first, self._limits.retry_cap, self._rng))
        if "unsent" in fates:
            self._link_fails += 1
            return micros_in(backoff(self._link_fails, 0.1, _LINK_CAP, self._rng))
        return None

    def _outgoing(self, messages: tuple[Taken, ...]) -> tuple[list[tuple[Taken, Outgoing]], tuple[AttemptResult, ...]]:
        """The messages as bytes, and a verdict on any that cannot be put on the wire at all."""
        fit: list[tuple[Taken, Outgoing]] = []
        unfit: tuple[AttemptResult, ...] = ()
        for message in messages:
            try:
                payload = self._wire(message.text, message.format)
            except (ValueError, LensError):
                unfit += (AttemptResult(message.number, "dead", "its text cannot be put on the wire", failed=True),)
            else:
                fit.append((message, Outgoing(message_id(message.number), message.format, payload)))
        return fit, unfit
