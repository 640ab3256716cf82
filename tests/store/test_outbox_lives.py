"""Any life that messages can have: claims, crashes, stale owners, answers of every kind and words of the network, in any order."""

import shutil
import tempfile
from pathlib import Path
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.domain.inbound import Heard
from app.domain.statuses import READY, Status, may_become
from app.store.desk.inbound import take_in
from app.store.outbox.outbox import Batch, Claim, Turn, TurnEnd, claim, turn
from app.store.outbox.tries import AttemptResult, Presume, presume
from tests.dispatch.outbox_rows import AZ, TX, change, flagged, queue, rows, store_in

WORDS = {"ER": Status.REJECTED, "SM .02.": Status.HELD_BY_NETWORK, "SM .04.": Status.WAITING_FOR_STATE}
FATES: dict[str, tuple[Literal["sent", "queued", "dead"], bool, bool]] = {
    "taken": ("sent", False, False),
    "later": ("queued", True, False),
    "unknown": ("queued", True, True),
    "unsent": ("queued", False, False),
    "dead": ("dead", True, False),
}


class Lives(RuleBasedStateMachine):
    """Two lanes and three workers. `maybe_out` are the messages that the network may have, as a witness would know it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = store_in(self.folder)
        self.batches: list[tuple[str, Batch]] = []
        self.maybe_out: set[int] = set()
        self.told_to_keep: set[int] = set()
        self.tokens: dict[str, int] = {}
        self.said = 0

    def teardown(self) -> None:
        """Leaves nothing behind."""
        self.store.close()
        shutil.rmtree(self.folder)

    @initialize(oris=st.lists(st.sampled_from([AZ, TX]), min_size=1, max_size=6))
    def accept(self, oris: list[str]) -> None:
        """A release with some messages is accepted."""
        queue(self.store, oris)

    @rule(worker=st.sampled_from(["w1", "w2", "w3"]), window=st.integers(1, 3))
    def claim(self, worker: str, window: int) -> None:
        """A worker looks for something to send, and begins."""
        with self.store.write.begin() as connection:
            found = claim(connection, [Claim(worker=worker, room=2, window=window, lease=10**9, horizon=10**10)])[0]
        for batch in found.batches:
            self._sent(worker, batch)

    def _sent(self, worker: str, end: TurnEnd) -> None:
        if not isinstance(end, Batch):
            return
        numbers = [message.number for message in end.messages]
        assert numbers == sorted(numbers)
        assert not self.told_to_keep & set(numbers), "a message that the network keeps was sent again"
        unflagged = {message.number for message in end.messages if not message.maybe_duplicate}
        assert not self.maybe_out & unflagged, "a message that may be out was sent again without its flag"
        self.maybe_out |= set(numbers)
        self.tokens[end.ori] = end.token
        self.batches.append((worker, end))

    @precondition(lambda self: bool(self.batches))
    @rule(data=st.data(), window=st.integers(0, 3), rests=st.booleans())
    def settle(self, data: st.DataObject, window: int, rests: bool) -> None:  # noqa: FBT001 - drawn
        """Any worker, also one whose lane was taken over, says what became of a batch."""
        worker, batch = self.batches.pop(data.draw(st.integers(0, len(self.batches) - 1)))
        fates = [data.draw(st.sampled_from(sorted(FATES))) for _ in batch.messages]
        verdicts = [
            AttemptResult(
                number=message.number, status=FATES[fate][0], cause=fate, failed=FATES[fate][1], unknown=FATES[fate][2]
            )
            for message, fate in zip(batch.messages, fates, strict=True)
        ]
        with self.store.write.begin() as connection:
            one = Turn(
                worker=worker,
                ori=batch.ori,
                token=batch.token,
                lease=10**9,
                window=window,
                verdicts=tuple(verdicts),
                delay=0 if rests else None,
            )
            end = turn(connection, [one])[0]
        assert (end == "fenced") == (batch.token < self.tokens[batch.ori]), "only the newest owner may settle"
        if end != "fenced":
            self.maybe_out -= {v.number for v, fate in zip(verdicts, fates, strict=True) if fate in {"later", "unsent"}}
        self._sent(worker, end)

    @rule()
    def leases_end(self) -> None:
        """Time passes: every lease ends and every lane is due."""
        change(self.store, "UPDATE lane SET until = 0, due = 0")

    @precondition(lambda self: bool(self.maybe_out))
    @rule(data=st.data(), word=st.sampled_from(sorted(WORDS)))
    def word(self, data: st.DataObject, word: str) -> None:
        """The network says something about a message that it may have."""
        number = data.draw(st.sampled_from(sorted(self.maybe_out)))
        self.said += 1
        heard = Heard(
            source=f"test:{self.said}",
            kind="SM",
            text="text",
            cause=word,
            numbers=((number, "control field"),),
            status=WORDS[word],
            delay=0,
        )
        with self.store.write.begin() as connection:
            take_in(connection, [heard])
        if word == "SM .02.":
            self.told_to_keep |= {number} & self._with(Status.HELD_BY_NETWORK)
        if word == "SM .04.":  # thrown away; were there two tries under way, the flag stands since the second
            self.maybe_out -= {number} & self._with(Status.WAITING_FOR_STATE)

    def _with(self, status: Status) -> set[int]:
        return {int(str(row[0])) for row in rows(self.store, "SELECT number FROM message WHERE status = :s", s=status.value)}

    @rule()
    def silence(self) -> None:
        """The window passes without a word."""
        with self.store.write.begin() as connection:
            presume(connection, [Presume(0, 10)])

    @invariant()
    def history_follows_the_table(self) -> None:
        """Each status follows the one before by the table, except that a try may begin where one was left under way."""
        last: dict[object, str] = {}
        for number, status in rows(self.store, "SELECT number, status FROM message_event ORDER BY id"):
            old, new = last.get(number), str(status)
            assert old is None or may_become(old, new) or (old, new) == ("sending", "sending"), f"{old} became {new}"
            last[number] = new
        assert sorted(last.items(), key=str) == sorted(rows(self.store, "SELECT number, status FROM message"), key=str)

    @invariant()
    def ready_means_to_be_sent(self) -> None:
        """The dispatcher's index holds what its status says, and nothing else."""
        assert all(bool(ready) == (status in READY) for status, ready in rows(self.store, "SELECT status, ready FROM message"))

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """Each message that is dead or rejected has its work item, and only one of each kind."""
        found = rows(self.store, "SELECT number, code FROM work_item")
        assert len(found) == len(set(found))
        codes = {"dead": "dead-letter", "rejected": "network-rejected"}
        ended = rows(self.store, "SELECT number, status FROM message WHERE status IN ('dead', 'rejected')")
        assert {(number, codes[str(status)]) for number, status in ended} <= set(found)

    @invariant()
    def flags_are_for_tries(self) -> None:
        """Only what has been tried can be a duplicate."""
        tried = {number for (number,) in rows(self.store, "SELECT number FROM message WHERE attempts > 0")}
        assert flagged(self.store) <= tried


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=10, stateful_step_count=20)
