"""`lens decide`: releases in, decisions out, offline."""

import gc
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import msgspec
import typer

from app.cli.complaining import complain
from app.cli.policy import decision_text
from app.cli.policy.named_books import Book, book_named
from app.cli.progress import counting
from app.decide.decide import Decider
from app.decide.explain import as_text, explain
from app.domain.decision import Decision, dry_run_answer
from app.domain.release import BODY_LIMIT, Release, is_date, is_date_time
from app.errors import LensError
from app.running.deciding import terms_of
from app.settings import read_settings

app = typer.Typer(add_completion=False)

TOGETHER = 32
"""Lines decided as one group."""


@app.command()
def decide(
    file: Annotated[
        Path | None,
        typer.Argument(help="NDJSON, one release a line; or one release as a .json file. - or nothing: standard input."),
    ] = None,
    rulebook: Book = None,
    as_of: Annotated[str | None, typer.Option(help="Decide as of this day (YYYY-MM-DD), not the day of each release.")] = None,
    accepted_at: Annotated[str | None, typer.Option(help="Moment of acceptance, for LATE NOTICE. Default: now.")] = None,
    explained: Annotated[bool, typer.Option("--explain", help="Add to each decision why, and why not.")] = False,
    text: Annotated[
        bool, typer.Option("--text", help="For people, not programs: each decision in words, its notices as they are sent.")
    ] = False,
    message_format: Annotated[
        Literal["legacy", "niem"] | None,
        typer.Option(help="The form of the notices. Default: the setting LENS_MESSAGE_FORMAT."),
    ] = None,
) -> None:
    """Decide releases offline: NDJSON releases in, NDJSON decisions out. Nothing is stored and nothing is sent.

    A line that is no release gets a problem object instead, and the exit code is 1.

    Example: lens decide docs/examples/releases.ndjson --as-of 2026-01-01

    Example: lens decide docs/examples/release.json --text
    """
    settings = read_settings()
    terms = terms_of(settings)
    if message_format is not None:
        terms = replace(terms, message_format=message_format)
    decider = Decider(book_named(rulebook, settings), terms)
    day, moment = read_day(as_of), _moment(accepted_at)
    kind = TextDecider if text else LineDecider
    lines = kind(decider, moment, day, explained=explained)
    # What is loaded stays, and a decision leaves no rings of references: looking for them often costs a tenth of the speed.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    out = sys.stdout.buffer
    with _open_input(file) as stream, counting("releases decided") as tell:
        whole = file is not None and file.suffix == ".json"
        numbered = enumerate([stream.read(BODY_LIMIT + 1)] if whole else bounded_lines(stream), 1)
        while group := list(islice(numbered, TOGETHER)):
            out.writelines(lines.answers(group))
            tell(group[-1][0])
    out.flush()
    if bad := lines.bad:
        print(f"lens: {bad} line{'s are' if bad > 1 else ' is'} no release; see {lines.problems_at}", file=sys.stderr)
        raise typer.Exit(1)


class LineDecider:
    """Decides groups of lines: all are read, then all decided, then all written.

    One step for many releases and then the next keeps each step's code near the processor: it is half as fast again as taking
    every release through all steps by itself.
    """

    problems_at = "the problems among the answers"
    """Where the lines that are no release are told."""

    def __init__(self, decider: Decider, moment: datetime, day: date | None, *, explained: bool) -> None:
        self._decider = decider
        self._moment = moment
        self._day = day
        self._explained = explained
        self.bad = 0
        """Lines so far that were no release."""

    def answers(self, lines: Iterable[tuple[int, bytes]]) -> list[bytes]:
        """An answer line for each numbered line that is not blank, in order."""
        releases = [self._read(number, line) for number, line in lines if line and not line.isspace()]
        decisions = [self._decide_one(release) for release in releases]
        return [self._write(decided) for decided in decisions]

    def _read(self, number: int, line: bytes) -> Release | bytes:
        """The release, or the problem line that stands for it."""
        try:
            return self._decider.read(line)
        except LensError as error:
            self.bad += 1
            return self._refused(error, number)

    def _decide_one(self, release: Release | bytes) -> tuple[Release, Decision] | bytes:
        return release if isinstance(release, bytes) else (release, self._decider.decide(release, self._moment, self._day))

    def _write(self, decided: tuple[Release, Decision] | bytes) -> bytes:
        if isinstance(decided, bytes):
            return decided
        release, decision = decided
        answer = msgspec.json.encode(dry_run_answer(decision))
        if self._explained:
            explanation = msgspec.json.encode(explain(self._decider, release, self._day, self._moment))
            return answer[:-1] + b',"explanation":' + explanation + b"}\n"
        return answer + b"\n"

    def _refused(self, error: LensError, number: int) -> bytes:
        """The line that stands for one that is not a valid release."""
        return _problem_line(error, number)


class TextDecider(LineDecider):
    """Decides lines as `LineDecider` does, and answers in words. A line that is no release is told on standard error."""

    problems_at = "above what is wrong with them"

    def _write(self, decided: tuple[Release, Decision] | bytes) -> bytes:
        if isinstance(decided, bytes):
            return decided
        release, decision = decided
        parts = [decision_text.as_text(decision)]
        if self._explained:
            parts.append(as_text(explain(self._decider, release, self._day, self._moment)) + "\n")
        return ("\n".join(parts) + "\n").encode()

    def _refused(self, error: LensError, number: int) -> bytes:
        complain(error, f"line {number}")
        return b""


def bounded_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream without their ends, each held only as far as a release may be long (and a byte to show it is longer)."""
    most = BODY_LIMIT + 2
    while piece := stream.readline(most):
        line = piece.removesuffix(b"\n")
        while piece and not piece.endswith(b"\n"):
            piece = stream.readline(most)
        yield line


def _problem_line(error: LensError, number: int) -> bytes:
    from app.api.requests.problems import problem  # noqa: PLC0415 - the web framework takes half a second to import

    return msgspec.json.encode(problem(error, "", line=number) | {"instance": f"#line-{number}"}) + b"\n"


def read_day(text: str | None) -> date | None:
    """The day that `--as-of` names."""
    if text is not None and not is_date(text):
        raise typer.BadParameter("a day is written YYYY-MM-DD, e.g. 2026-01-01", param_hint="--as-of")
    return date.fromisoformat(text) if text is not None else None


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    if not is_date_time(text):
        raise typer.BadParameter("a moment is written 2026-01-01T12:00:00Z, with its offset", param_hint="--accepted-at")
    return datetime.fromisoformat(text.upper())


@contextmanager
def _open_input(file: Path | None) -> Iterator[BinaryIO]:
    if file is None or str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="FILE") from None
    with stream:
        yield stream
