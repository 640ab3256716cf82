"""`lens decide`: releases in, decisions out, offline."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from app.cli.deciding import terms_of
from app.cli.named_books import Book, book_named
from app.cli.progress import counting
from app.decide.decide import Decider
from app.decide.explain import explain
from app.domain.decision import dry_run_answer
from app.domain.release import BODY_LIMIT, is_date, is_date_time
from app.errors import LensError
from app.settings import read_settings

app = typer.Typer()

_TELL_EVERY = 1_000


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
) -> None:
    """Decide releases offline: NDJSON releases in, NDJSON decisions out. Nothing is stored and nothing is sent.

    A line that is no release gets a problem object instead, and the exit code is 1.

    Example: lens decide docs/examples/releases.ndjson --as-of 2026-01-01
    """
    day = _day(as_of)
    moment = _moment(accepted_at)
    settings = read_settings()
    decider = Decider(book_named(rulebook, settings), terms_of(settings))
    # What is loaded stays: keeping it out of the collector's rounds is worth a tenth of the speed.
    gc.collect()
    gc.freeze()
    bad = 0
    out = sys.stdout.buffer
    with _opened(file) as stream, counting("releases decided") as tell:
        whole = file is not None and file.suffix == ".json"
        for number, line in enumerate([stream.read(BODY_LIMIT + 1)] if whole else bounded_lines(stream), 1):
            if line.isspace() or not line:
                continue
            try:
                out.write(_answered(decider, line, moment, day, explained=explained))
            except LensError as error:
                bad += 1
                out.write(_problem_line(error, number))
            if number % _TELL_EVERY == 0:
                tell(number)
    out.flush()
    if bad:
        print(
            f"lens: {bad} line{'s are' if bad > 1 else ' is'} no release; see the problems among the answers", file=sys.stderr
        )
        raise typer.Exit(1)


def _answered(decider: Decider, line: bytes, moment: datetime, day: date | None, *, explained: bool) -> bytes:
    """The decision about one line, as a line."""
    release = decider.read(line)
    answer = msgspec.json.encode(dry_run_answer(decider.decide(release, moment, day)))
    if explained:
        return answer[:-1] + b',"explanation":' + msgspec.json.encode(explain(decider, release, day)) + b"}\n"
    return answer + b"\n"


def bounded_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream without their ends, each held only as far as a release may be long (and a byte to show it is longer)."""
    most = BODY_LIMIT + 2
    while piece := stream.readline(most):
        line = piece.removesuffix(b"\n")
        while piece and not piece.endswith(b"\n"):
            piece = stream.readline(most)
        yield line


def _problem_line(error: LensError, number: int) -> bytes:
    from app.api.problems import problem  # noqa: PLC0415 - the web framework takes half a second to import

    return msgspec.json.encode(problem(error, "", line=number) | {"instance": f"#line-{number}"}) + b"\n"


def _day(text: str | None) -> date | None:
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
def _opened(file: Path | None) -> Iterator[BinaryIO]:
    if file is None or str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = file.open("rb")
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="FILE") from None
    with stream:
        yield stream
