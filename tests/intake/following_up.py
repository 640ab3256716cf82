"""A release followed up while a network takes messages: real store, real rules; the network's answers are the test's."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from app.decide.decide import Decider
from app.domain.decision import Answer
from app.domain.identifiers import message_number
from app.domain.inbound import Heard
from app.domain.statuses import Status
from app.intake.accept import Intake
from app.intake.follow_up import Requester, cancel, correct
from app.store.accepted.follow_up import Followed
from app.store.accepted.releases import StoredRelease, get_release
from app.store.database.engine import Store
from app.store.database.writer import Writer
from app.store.desk.inbound import take_in
from app.store.ledger.release_versions import newest_version
from app.store.outbox.outbox import Batch, Claim, Turn, claim, turn
from app.store.outbox.tries import AttemptResult
from tests.intake.invented import document
from tests.store.invented import NOON, rows

Fate = Literal["taken", "refused", "lost", "arrived unheard"]
"""The network takes a message; refuses it for now; or no word comes of it, and it is lost or has arrived."""

_VERDICTS: dict[str, tuple[Literal["sent", "queued"], bool, bool]] = {
    "taken": ("sent", False, False),
    "refused": ("queued", True, False),
    "lost": ("queued", True, True),
    "arrived unheard": ("queued", True, True),
}
HOMES = {"TX": "El Paso", "NM": "Deming", "AZ": "Yuma"}


def living_in(state: str | None, release_id: str = "EX-1", **changes: Any) -> bytes:  # noqa: ANN401 - parts of a JSON document
    """A release in Arizona of someone who says he will live in a state."""
    home = None if state is None else {"street": "100 Main St", "city": HOMES[state], "state": state, "zip": "79901"}
    return msgspec.json.encode({**document(release_id), "residence": home, **changes})


class World:
    """One store with its writer, one decider, and what has arrived at each ORI, in order."""

    def __init__(self, store: Store, writer: Writer, decider: Decider) -> None:
        self.store, self.writer, self.decider = store, writer, decider
        self.now = NOON
        self.arrived: dict[str, list[int]] = {}
        self.batches: tuple[Batch, ...] = ()
        self._texts = 0

    def clock(self) -> int:
        """A second later each time."""
        self.now += 1_000_000
        return self.now

    def accept(self, raw: bytes, *, backfill: bool = False) -> Answer:
        """Accepts a release."""
        intake = Intake(self.writer, lambda: self.decider, self.clock)
        return msgspec.json.decode(asyncio.run(intake.accept(raw, "sor", backfill=backfill)).answer_json, type=Answer)

    def correct(self, raw: bytes, release_id: str = "EX-1", by: str = "sor", before: int | None = None) -> Followed:
        """Corrects it; `before` is the version that stood as the request came in, if not the one that stands now."""
        with self.store.read.connect() as connection:
            requester = Requester(by, own=True, before=before or newest_version(connection, release_id))
        return asyncio.run(
            correct(writer=self.writer, decider=self.decider, release_id=release_id, raw=raw, by=requester, clock=self.clock)
        )

    def cancel(self, release_id: str = "EX-1", by: str = "sor") -> Followed:
        """Cancels it."""
        return asyncio.run(
            cancel(
                writer=self.writer,
                decider=self.decider,
                release_id=release_id,
                reason="wrong person",
                by=Requester(by, own=True),
                clock=self.clock,
            )
        )

    def stored(self, release_id: str = "EX-1") -> StoredRelease:
        """The release as it is now."""
        with self.store.read.connect() as connection:
            return get_release(connection, release_id)

    def messages(self, release_id: str = "EX-1") -> list[tuple[str, str, str, str | None]]:
        """Type, state, status and what it refers to, of each message in order."""
        return [(each.type, each.state, each.status, each.refers_to) for each in self.stored(release_id).messages]

    def take(self) -> None:
        """The dispatcher begins a try of what is next in each lane that it has not in hand; leases end at once."""
        self.batches += self.writer.do_and_wait(
            claim, Claim(worker="w1", room=64, window=16, lease=0, horizon=10**12, in_hand=tuple(b.ori for b in self.batches))
        ).batches

    def settle(self, fate_of: Callable[[int], Fate] = lambda _: "taken") -> None:
        """What is in hand comes to its end, and the lanes are given back."""
        batches, self.batches = self.batches, ()
        for batch in batches:
            verdicts = []
            for message in batch.messages:
                fate = fate_of(message.number)
                status, failed, unknown = _VERDICTS[fate]
                verdicts.append(AttemptResult(number=message.number, status=status, cause=fate, failed=failed, unknown=unknown))
                if fate in {"taken", "arrived unheard"}:
                    self.arrived.setdefault(batch.ori, []).append(message.number)
            self.writer.do_and_wait(
                turn, Turn(worker="w1", ori=batch.ori, token=batch.token, lease=0, window=0, verdicts=tuple(verdicts))
            )

    def send(self) -> None:
        """Everything that is ready goes out and is taken."""
        self.settle()
        for _ in range(40):
            self.take()
            if not self.batches:
                return
            self.settle()
        raise AssertionError("the lanes never came to rest")

    def thrown_away(self, number: int) -> None:
        """SM .04.: the network threw it away after it had taken it."""
        self._texts += 1
        heard = Heard(
            source=f"text {self._texts}",
            kind="SM",
            text="",
            cause="SM .04.",
            numbers=((number, "control field"),),
            status=Status.WAITING_FOR_STATE,
        )
        self.writer.do_and_wait(take_in, heard)
        for numbers in self.arrived.values():
            numbers[:] = [each for each in numbers if each != number]

    def last_text(self, ori: str) -> str:
        """The text that arrived last at an ORI."""
        return str(rows(self.store, "SELECT text FROM message WHERE number = :n", n=self.arrived[ori][-1])[0][0])


def decided(followed: Followed) -> Answer:
    """The decision that a follow-up answered with."""
    return msgspec.json.decode(followed.answer_json, type=Answer)


def numbers_of(found: Answer) -> list[int]:
    """The numbers of its messages."""
    return [message_number(message.message_id) or 0 for message in found.messages]
