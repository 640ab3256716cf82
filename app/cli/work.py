"""`lens work`: a dispatcher without an API."""

import typer

from app.running.announcing import warn_of_unknown_settings
from app.running.logs import logs
from app.running.programs import run_dispatcher
from app.settings import read_service_settings

app = typer.Typer(add_completion=False)


@app.command()
def work() -> None:
    """Run a dispatcher alone, for instance on a second host, until stopped with Ctrl-C or SIGTERM.

    Any number may run beside each other and beside `lens serve`, on one PostgreSQL database.

    Example:
    LENS_DATABASE_URL=postgresql+psycopg://lens@db/lens LENS_CHANNEL=tcp LENS_SWITCH_ADDRESS=gateway:7070 lens work

    """
    settings = read_service_settings()
    with logs(settings.log_level, settings.runbook):
        warn_of_unknown_settings()
        run_dispatcher(settings)
