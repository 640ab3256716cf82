"""`lens schema`: JSON Schemas of the rulebook's files, so that an editor completes and checks while one types."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from app.cli.policy.named_books import existing
from app.cli.printing import pretty
from app.errors import BadRulebook
from app.rulebook.files.source import read_folder
from app.rulebook.problems.problem import Problems
from app.rulebook.reading.content import Content, read_content
from app.rulebook.schemas.schema import FileSchema, schemas

app = typer.Typer(add_completion=False)

FOLDER = Path(".lens") / "schemas"
"""Where the schemas are written, below the rulebook's folder, unless another place is named."""
SETTINGS = Path(".vscode") / "settings.json"


@app.command("schema")
def write_schemas(
    project: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also offer the names of the rulebook in DIR: rules, sets, rows, messages."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where to write them. Default: .lens/schemas in DIR.")
    ] = None,
    vscode: Annotated[bool, typer.Option("--vscode", help="Put the settings into .vscode/settings.json of DIR too.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Write them again whenever a file of the rulebook changes. DIR is here if left out.")
    ] = False,
) -> None:
    """Write JSON Schemas of the rulebook's files, with which VS Code and other editors complete and check while you type.

    The settings that tell VS Code which file has which schema are printed.

    Names are those of the rulebook as it is now: with --watch they follow it, else run it again when rules, sets or rows have been
    added. `lens test --watch` writes them again too, where they are in .lens/schemas.

    Example: lens schema --project . --vscode --watch
    """
    if watch and project is None:
        project = Path()
    home = existing(project or Path(), "--project")
    folder = out or home / FOLDER
    made = schemas(_names(project) if project is not None else None)
    _write(made, folder)
    print(f"wrote {len(made)} schemas to {folder}")
    settings = _settings(made, folder, home)
    if vscode:
        path = home / SETTINGS
        _merge(path, settings)
        print(f"VS Code's settings are in {path}")
    else:
        print(f"for VS Code with the YAML extension, in .vscode/settings.json (--vscode writes it):\n{pretty(settings)}")
    if watch and project is not None:
        from app.cli.watching import run_on_change  # noqa: PLC0415 - a watcher is not loaded for a single run

        followed = Followed(project, folder, home, vscode=vscode)
        run_on_change(project, followed.write_again, keep=True)


def _write(made: tuple[FileSchema, ...], folder: Path) -> int:
    """Writes the schemas that are not there yet as they are now; how many those were."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for schema in made:
        path, content = folder / schema.name, f"{pretty(schema.schema)}\n".encode()
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            written += 1
    return written


@dataclass(frozen=True, slots=True)
class Followed:
    """A rulebook whose schemas follow it: where they are written, and with `vscode` the settings of its editor in `home`."""

    project: Path
    folder: Path
    home: Path
    vscode: bool

    def write_again(self) -> None:
        """Writes the schemas that a change has made different, and says so; all stay where the rulebook cannot be read."""
        try:
            made = schemas(_names(self.project))
        except BadRulebook as error:
            print(f"the schemas stay as they are: {error.detail}", file=sys.stderr)
            return
        written = _write(made, self.folder)
        if self.vscode:
            _merge(self.home / SETTINGS, _settings(made, self.folder, self.home))
        if written:
            print(f"wrote {written} schema{'' if written == 1 else 's'} to {self.folder} again", flush=True)


def renew(project: Path) -> None:
    """Writes the schemas of a rulebook anew where they have been written before; not where it cannot be read."""
    content = read_content(read_folder(project, Problems()), Problems())
    if content is not None and (project / FOLDER).is_dir():
        _write(schemas(content), project / FOLDER)


def _names(project: Path) -> Content:
    """What the rulebook at hand says, as far as it can be read. Raises BadRulebook where it cannot."""
    problems = Problems()
    content = read_content(read_folder(project, problems), problems)
    if content is None:
        raise BadRulebook(f"the rulebook in {project} cannot be read; `lens check {project}` says why")
    if problems.errors:
        print(f"the rulebook has errors, so names may be missing; see `lens check {project}`", file=sys.stderr)
    return content


def _settings(made: tuple[FileSchema, ...], folder: Path, home: Path) -> dict[str, Any]:
    """What VS Code's YAML extension needs. Its own formatter is off: it knows nothing of columns that are aligned."""
    beside = os.path.relpath(folder, home)
    place = folder.resolve().as_posix() if beside.startswith("..") else f"./{Path(beside).as_posix()}"
    named = {f"{place}/{schema.name}": [f"/{pattern}" for pattern in schema.patterns] for schema in made if schema.patterns}
    return {"yaml.schemas": named, "yaml.format.enable": False}


def _merge(path: Path, settings: dict[str, Any]) -> None:
    """Puts settings into a file of VS Code; all others in it stay. Raises BadParameter where it cannot be read as JSON."""
    try:
        old = msgspec.json.decode(path.read_bytes(), type=dict[str, Any]) if path.exists() else {}
        msgspec.convert(old.get("yaml.schemas", {}), type=dict[str, Any])
    except msgspec.DecodeError:
        message = f"{path} is not plain JSON (has it comments?); put this in by hand:\n{pretty(settings)}"
        raise typer.BadParameter(message, param_hint="--vscode") from None
    folder = {name.rpartition("/")[0] for name in settings["yaml.schemas"]}
    kept = {name: for_ for name, for_ in old.get("yaml.schemas", {}).items() if name.rpartition("/")[0] not in folder}
    path.parent.mkdir(parents=True, exist_ok=True)
    joined = {**old, **settings, "yaml.schemas": {**kept, **settings["yaml.schemas"]}}
    path.write_text(f"{pretty(joined)}\n", encoding="utf-8")
