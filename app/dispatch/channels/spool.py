"""The spool channel: messages become files in `out/`, texts from the network are files in `in/`; a gateway does the rest."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import structlog

from app.dispatch.channel import Arrived, Outgoing, Receipt
from app.dispatch.channels.spool_in import In, IncomingFile, folders_of
from app.dispatch.channels.spool_out import Out
from app.errors import BadSetting, Unavailable, what_broke
from app.store.database.folders import changeable, close_to_others, make_folder, sync_folder

_log = structlog.get_logger(__name__)

_NOT_OPEN = "the spool is not open yet"
_SWEEP_EVERY = 3600.0
"""Seconds from one sweep of what was put away to the next."""

_Batch = tuple[Sequence[Outgoing], "asyncio.Future[Sequence[Receipt]]"]


class SpoolChannel:
    """A link that is a folder.

    A message is `taken` once its file stands in `out/` under its own name and both file and folder are on the disk.
    Sent again, it is written again with the same name, or left where it is if the very bytes are there. Sends that wait
    together are written together, so the folder is synced once for all of them.

    Several processes may share a spool: files have a name only when whole, and an arrival is known by its source.
    """

    name = "spool"

    def __init__(
        self, spool: Path, poll: float = 0.25, store_again: float = 1.0, sweep: Callable[[], float] | None = None
    ) -> None:
        """`spool` is the folder, made with mode 0700 where it is missing; `poll` the seconds between looks into `in/`.

        `store_again` is the seconds until a text that could not be stored is tried again. `sweep` says until which time (seconds
        since 1970) what was put away in `in/` is to go; without it all stays. Raises BadSetting when accounts other than ours and its group's could change what is in it.
        """
        problem = _changeable(spool)
        if problem is not None:
            raise BadSetting(f"LENS_SPOOL_DIR: {problem}")
        self._spool = spool
        self._poll = poll
        self._store_again = max(poll, store_again)
        self._out = Out(spool / "out")
        self._in = In(spool / "in")
        self._out_problem: str | None = _NOT_OPEN
        self._swept = False
        self._in_problem: str | None = None
        self._waiting: list[_Batch] = []
        self._writing: asyncio.Task[None] | None = None
        self._put_away: dict[IncomingFile, Literal["done", "unmatched"]] = {}
        self._swept_until = sweep
        self._swept_in = float("-inf")
        self._failing: set[str] = set()
        self._tried = asyncio.Event()

    def problem(self) -> str | None:
        """Why nothing can be sent, in words, or None. A spool whose answers cannot be read is not sent into either."""
        return self._out_problem or self._in_problem

    async def run(self, arrived: Arrived) -> None:
        """Hands over what stands in `in/`, and finds out when `out/` can be written again, until cancelled."""
        await self._open()
        self._tried.set()
        while True:
            if self._out_problem is not None:
                await self._open()
            stored = await self._hand_over(arrived)
            await self._sweep_in()
            await asyncio.sleep(self._poll if stored else self._store_again)

    async def lying(self) -> Sequence[str]:
        """Messages whose files the gateway has not taken out of `out/`. Raises OSError.

        Before the folders have been made, or could not be, there is nothing to look at.
        """
        await self._tried.wait()
        return await asyncio.to_thread(self._out.lying)

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """Writes messages in order, a receipt each. Raises ValueError on a message id that is no file name."""
        for message in messages:
            if not message.message_id.isascii() or not message.message_id.isalnum():
                raise ValueError("a message id is letters and digits")
        if not messages:
            return []
        done: asyncio.Future[Sequence[Receipt]] = asyncio.get_running_loop().create_future()
        self._waiting.append((messages, done))
        if self._writing is None or self._writing.done():
            # A task of its own: a caller that gives up must not stop the writing of those who wait with it.
            self._writing = asyncio.create_task(self._write_waiting(), name="spool-out")
        return await done

    async def _write_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                answers = await asyncio.to_thread(self._out.write, [messages for messages, _ in group])
            except Exception as error:  # noqa: BLE001 - every sender is told, none of them waits for ever
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
                continue
            failed = any(receipt.fate == "unsent" for receipts in answers for receipt in receipts)
            problem = await asyncio.to_thread(self._out.check) if failed else None
            was, self._out_problem = self._out_problem, problem
            for (_, done), receipts in zip(group, answers, strict=True):
                if not done.done():
                    done.set_result(receipts)
            # Said last: a log on the same full disk must not keep a sender waiting.
            self._tell("out", was, problem, _first_unwritten(group, answers))
            if problem is None:
                self._tell_of_messages(group, answers)

    def _tell(self, where: str, was: str | None, problem: str | None, message: str | None = None) -> None:
        """One line when a fault of the spool begins, with the first message it kept, and one when it ends."""
        if problem == was:
            return
        if problem is None:
            if was != _NOT_OPEN:
                _log.warning("spool_works_again", folder=where, was=was)
        elif message is None:
            _log.warning("spool_failed", folder=where, cause=problem)
        else:
            _log.warning("spool_failed", folder=where, cause=problem, message=message)

    def _tell_of_messages(self, group: Sequence[_Batch], answers: Sequence[Sequence[Receipt]]) -> None:
        """The same of a message that alone cannot be written. What waits for one before it is not told of."""
        for (messages, _), receipts in zip(group, answers, strict=True):
            for message, receipt in zip(messages, receipts, strict=True):
                name = message.message_id
                if receipt.fate == "taken":
                    if name in self._failing:
                        self._failing.discard(name)
                        _log.warning("spool_message_written", message=name)
                    continue
                if receipt.fate != "unknown" and name not in self._failing:
                    self._failing.add(name)
                    _log.warning("spool_message_failed", message=name, cause=receipt.cause)
                break

    async def _open(self) -> None:
        """Makes the folders where missing, clears what a crash left half written, and tries `out/`."""
        try:
            await asyncio.to_thread(self._make_folders)
            if not self._swept:
                _log.info("spool_opened", left_half_written=await asyncio.to_thread(self._out.sweep))
                self._swept = True
        except OSError as error:
            self._note_out(f"the spool folders cannot be made: {error.strerror}")
            return
        self._note_out(await asyncio.to_thread(self._out.check))

    async def _sweep_in(self) -> None:
        """Removes from time to time what was put away long ago: every text of it is stored."""
        now = time.monotonic()
        if self._swept_until is None or now - self._swept_in < _SWEEP_EVERY:
            return
        self._swept_in = now
        try:
            gone = await asyncio.to_thread(self._in.sweep, self._swept_until())
        except OSError as error:
            _log.warning("spool_not_swept", cause=error.strerror)
            return
        if gone:
            _log.info("spool_swept", files=gone)

    def _make_folders(self) -> None:
        """Makes the folders where missing. Their names are on the disk before any file's in them: else a power cut takes both."""
        missing = [folder for folder in self._spool.absolute().parents if not folder.exists()]
        make_folder(self._spool)
        for folder in folders_of(self._spool):
            folder.mkdir(mode=0o700, exist_ok=True)
        for folder in (*missing, *folders_of(self._spool)):
            with contextlib.suppress(PermissionError):  # of a folder above ours, which one need not be able to read
                sync_folder(folder.parent)
        for folder in folders_of(self._spool):
            close_to_others(folder, group=True)

    def _found(self) -> list[IncomingFile]:
        """What stands in `in/`. Raises PermissionError with words where anybody could have put it there."""
        problem = _changeable(self._spool)
        if problem is not None:
            raise PermissionError(problem)
        return self._in.steady()

    def _note_out(self, problem: str | None) -> None:
        was, self._out_problem = self._out_problem, problem
        self._tell("out", was, problem)

    def _note_in(self, problem: str | None) -> None:
        was, self._in_problem = self._in_problem, problem
        self._tell("in", was, problem)

    async def _hand_over(self, arrived: Arrived) -> bool:
        """Takes what stands in `in/`; whether all of it was stored."""
        try:
            found = await asyncio.to_thread(self._found)
        except PermissionError as error:
            self._note_in(str(error) if error.errno is None else f"in/ cannot be read: {error.strerror}")
            return True
        except OSError as error:
            self._note_in(f"in/ cannot be read: {error.strerror}")
            return True
        problem, stored = None, True
        for file in found:
            try:
                await self._take(file, arrived)
            except FileNotFoundError:
                continue  # another process on the same spool took it
            except OSError as error:
                problem = f"a file of in/ cannot be read or moved: {error.strerror}"
            except Exception as error:  # noqa: BLE001 - whatever storing raised, the file stays and is tried again
                _log.error("arrival_not_stored", channel=self.name, **what_broke(error))
                stored = False
                if isinstance(error, Unavailable):
                    break  # in order: what comes after it may mean the opposite
        self._note_in(problem)
        return stored

    async def _take(self, file: IncomingFile, arrived: Arrived) -> None:
        if file not in self._put_away:
            arrival, is_text = await asyncio.to_thread(self._in.read, file)
            answer = await arrived(arrival)
            self._put_away[file] = "done" if answer == "matched" and is_text else "unmatched"
        await asyncio.to_thread(self._in.put_away, file, self._put_away[file])
        del self._put_away[file]


def _changeable(spool: Path) -> str | None:
    """Why other accounts could change what is in the spool, in words, or None. The gateway's may be in its group."""
    for folder in folders_of(spool):
        with contextlib.suppress(OSError):  # missing, or unreadable, which opening it tells
            problem = changeable(folder, group=True)
            if problem is not None:
                return problem
    return None


def _first_unwritten(group: Sequence[_Batch], answers: Sequence[Sequence[Receipt]]) -> str | None:
    """The first message that could not be written."""
    for (messages, _), receipts in zip(group, answers, strict=True):
        for message, receipt in zip(messages, receipts, strict=True):
            if receipt.fate != "taken":
                return message.message_id
    return None
