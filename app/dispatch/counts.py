"""What a dispatcher has done, counted for those who watch it. Numbers of this process alone; the store knows the rest."""

from bisect import bisect_left
from collections.abc import Sequence

import msgspec

from app.dispatch.channel import Receipt
from app.store.outbox.tries import AttemptResult, Taken

SENT_WITHIN = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds from acceptance until the network took a message: the bounds that sent messages are sorted by."""


class DispatchCounts(msgspec.Struct):
    """What happened since the process started.

    `tries` counts tries by fate, `duplicates` those of messages that the network may have had before, `dead` messages given up,
    `late` batches dropped since most of their lease was gone, `fenced` turns that came after the lane had another owner, and
    `presumed` messages presumed delivered. `sent` has a count for each bound of SENT_WITHIN, and one for what took longer;
    `sent_seconds` is the sum. `in_time` and `overdue` tell whether they were out by the time that policy wants (`within`).
    """

    tries: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(("taken", "later", "unknown", "unsent"), 0))
    duplicates: int = 0
    dead: int = 0
    late: int = 0
    fenced: int = 0
    presumed: int = 0
    sent: list[int] = msgspec.field(default_factory=lambda: [0] * (len(SENT_WITHIN) + 1))
    sent_seconds: float = 0.0
    in_time: int = 0
    overdue: int = 0

    def tried(self, messages: Sequence[Taken], receipts: Sequence[Receipt]) -> None:
        """Counts a batch that was put on the link, each message with its receipt."""
        for message, receipt in zip(messages, receipts, strict=True):
            self.tries[receipt.fate] += 1
            self.duplicates += message.maybe_duplicate

    def settled(self, messages: Sequence[Taken], verdicts: Sequence[AttemptResult], seconds: float) -> None:
        """Counts what became of a batch, once that is written. `seconds` went by since it was taken in hand."""
        taken = {verdict.number for verdict in verdicts if verdict.status == "sent"}
        self.dead += sum(verdict.status == "dead" for verdict in verdicts)
        for message in messages:
            if message.number in taken:
                age = message.age / 1e6 + seconds
                self.sent[bisect_left(SENT_WITHIN, age)] += 1
                self.sent_seconds += age
                if message.left is not None:
                    in_time = seconds <= message.left / 1e6
                    self.in_time += in_time
                    self.overdue += not in_time
