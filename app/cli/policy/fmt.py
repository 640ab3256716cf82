"""`lens fmt`: keeps the files of a rulebook tidy."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from app.errors import BadRulebook
from app.rulebook.comparing.file_changes import file_changes
from app.rulebook.files.report import as_text
from app.rulebook.files.source import SourceFile, read_folder
from app.rulebook.problems.problem import Problems
from app.rulebook.tidying.csv_layout import columns_by_csv, tidied_csv
from app.rulebook.tidying.formatting import tidied

app = typer.Typer(add_completion=False)


class FoundFile(NamedTuple):
    """A file: where it is, how it is called in what is told, and of a CSV file the columns of its table, where known."""

    path: Path
    source: SourceFile
    columns: tuple[str, ...] | None = None


@app.command("fmt")
def tidy_files(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="DIR|FILE", help="Folders with rules/ and ref_data/, or single files.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 when a file is not tidy.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; show what would change.")] = False,
) -> None:
    """Tidy the files of a rulebook: indentation, blanks, line ends, the order of a rule's keys; what a spreadsheet did to a CSV file.

    What is aligned stays aligned, and comments stay. Each file is read again and compared before anything is written.

    Exit code 1 when a file cannot be read.

    Example: lens fmt . --check
    """
    problems = Problems()
    files = [found for path in paths or [Path()] for found in _files(path, problems)]
    refused: list[str] = []
    untidy = [(found, content) for found in files if (content := _tidy_file(found, problems, refused)) is not None]
    for found, content in untidy:
        if diff:
            print(_diff(found.source, content), end="")
        elif check:
            print(f"not tidy: {found.source.name}")
        else:
            found.path.write_bytes(content)
            print(f"tidied {found.source.name}")
    if not diff:
        print(_summary(len(files), len(untidy), check=check))
    if problems.found:
        print(as_text(problems.sorted(), [found.source for found in files]), file=sys.stderr)
    for message in refused:
        print(f"lens: {message}", file=sys.stderr)
    if problems.found or refused or (check and untidy):
        raise typer.Exit(1)


def _files(path: Path, problems: Problems) -> Iterator[FoundFile]:
    if path.is_dir():
        sources = read_folder(path, problems)
        columns = columns_by_csv(sources)
        yield from (FoundFile(path / source.name, source, columns.get(source.name)) for source in sources)
    elif path.suffix not in {".yaml", ".yml", ".csv"}:
        raise typer.BadParameter(f"{path} is not a YAML or CSV file, and not a folder", param_hint="FILE")
    else:
        source = _read(path)
        beside = [_read(other) for other in sorted(path.parent.glob("*.y*ml"))] if path.suffix == ".csv" else []
        yield FoundFile(path, source, columns_by_csv(beside).get(source.name))


def _read(path: Path) -> SourceFile:
    try:
        return SourceFile(path.as_posix(), path.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint="FILE") from None


def _tidy_file(found: FoundFile, problems: Problems, refused: list[str]) -> bytes | None:
    """What a file is when tidy, None where it is so already or cannot be."""
    try:
        if found.source.name.endswith(".csv"):
            content = tidied_csv(found.source, found.columns, problems)
        else:
            content = tidied(found.source, problems)
    except BadRulebook as error:
        refused.append(error.detail)
        return None
    return content if content != found.source.content else None


def _diff(old: SourceFile, content: bytes) -> str:
    changes = file_changes([old], [SourceFile(old.name, content)])
    return "".join(change.diff or f"{change.name}: only line ends change, or it is too long to show\n" for change in changes)


def _summary(files: int, untidy: int, *, check: bool) -> str:
    words = "not tidy" if check else "tidied"
    return f"{files} file{'' if files == 1 else 's'}, {untidy} {words}"
