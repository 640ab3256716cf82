"""`lens alerts`: the alerting rules with the addresses of your own runbooks."""

import re
from pathlib import Path
from typing import Annotated

import typer

from app.errors import BadSetting, NotFound
from app.settings import read_settings

app = typer.Typer(add_completion=False)

_RUNBOOK = re.compile(r"(?<=runbook_url: )docs/how-to/runbooks/([a-z-]+)\.md$", re.MULTILINE)


@app.command()
def alerts(
    file: Annotated[Path, typer.Argument(help="The rules, as the repository has them.")] = Path("docs/monitoring/alerts.yaml"),
) -> None:
    """Print the alerting rules for Prometheus with every runbook_url absolute, as LENS_RUNBOOK_URL says.

    Example:
    LENS_RUNBOOK_URL=https://docs.example.org/lens/runbooks lens alerts > /etc/prometheus/lens-alerts.yaml

    """
    settings = read_settings()
    if settings.runbook_url is None:
        raise BadSetting("LENS_RUNBOOK_URL: give the address at which the runbooks are published, so that alerts lead to them")
    try:
        rules = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise NotFound(f"{file} cannot be read: {why}. Name the file docs/monitoring/alerts.yaml of this version.") from None
    absolute, found = _RUNBOOK.subn(lambda match: settings.runbook(match[1]), rules)
    if not found:
        raise NotFound(f"{file} has no runbook_url of this repository; name docs/monitoring/alerts.yaml.")
    print(absolute, end="")
