"""`lens serve`: the API and the dispatcher, in one process or several."""

import sys
from typing import Annotated

import structlog
import typer

from app.api.serving.server import Listener
from app.running.announcing import warn_of_unknown_settings
from app.running.logs import logs
from app.running.programs import run_many, run_one
from app.settings import read_service_settings

app = typer.Typer(add_completion=False)
_log = structlog.get_logger()

_SWITCH_SECONDS = 0.001
"""How long one thread may keep the interpreter while others wait: accepting, storing and sending take turns in one process.
Python's own 5 ms made callers wait some 15 % longer.
"""


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for every one of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="API processes. With more than one the dispatcher has its own.")
    ] = 1,
    with_simulator: Annotated[
        bool, typer.Option("--with-simulator", help="Send to a simulated network on this machine.")
    ] = False,
) -> None:
    """Run the API and the dispatcher until stopped with Ctrl-C or SIGTERM. The database is brought up to date first.

    To try out:
    lens serve --with-simulator

    In earnest:
    LENS_DATABASE_URL=postgresql+psycopg://lens@db/lens LENS_CHANNEL=tcp lens serve --host 0.0.0.0 --workers 4
    """
    settings = read_service_settings(channel="simulator" if with_simulator else None)
    with logs(settings.log_level, settings.runbook):
        warn_of_unknown_settings()
        listener = Listener(host, port)
        if settings.rulebook_source is None and not listener.loopback:
            # A folder needs nobody's approval, so it decides by itself only where nobody else can reach the service.
            settings = settings.model_copy(update={"rulebook_source": "published"})
            _log.info("rulebook_folder_not_followed", why="others can reach this address; LENS_RULEBOOK_SOURCE says otherwise")
        if workers == 1:
            sys.setswitchinterval(_SWITCH_SECONDS)
            run_one(settings, listener)
        else:
            run_many(settings, listener, workers)
