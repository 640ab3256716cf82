"""`lens switch`: the simulated network alone."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.errors import BadSetting
from app.running.logs import logs
from app.settings import read_settings
from app.simulator.exchange import Delivered
from app.simulator.script import Script, read_script
from app.simulator.serve import SwitchAddresses, serve_switch
from app.simulator.setup import Setup, said_today
from app.simulator.tls import server_tls

app = typer.Typer(add_completion=False)


@app.command()
def switch(  # noqa: PLR0913, PLR0917 - an argument for each option
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port for LENS to connect to; 0 takes a free one.")] = 7070,
    control_port: Annotated[int, typer.Option(min=0, max=65535, help="Where inboxes are read over HTTP, on loopback.")] = 7071,
    inbox_dir: Annotated[Path | None, typer.Option(help="Also write each message to a file, in a folder for its ORI.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Speak TLS with this certificate, a PEM file with its chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key, a PEM file.")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="Ask LENS for a certificate of this authority, a PEM file.")
    ] = None,
    script: Annotated[Path | None, typer.Option(help="A JSON file of faults to play; docs/reference/switch.md.")] = None,
) -> None:
    """Run a simulated Nlets switch until stopped with Ctrl-C. It is for trying out and for tests.

    Example, in two terminals:
    lens switch --inbox-dir var/simulator
    LENS_CHANNEL=tcp lens serve

    With TLS on both sides:
    lens switch --port 7443 --tls-cert switch.pem --tls-key switch.key --tls-client-ca ca.pem
    """
    settings = read_settings()
    setup = Setup(
        us=settings.origin_ori,
        tls=server_tls(tls_cert, tls_key, tls_client_ca),
        niem=settings.message_format == "niem",
        inbox_dir=inbox_dir,
        on_arrival=_say_arrival,
        said=said_today(),
    )
    serving = serve_switch(setup, host=host, port=port, control_port=control_port, script=_script(script), ready=_say_ready)
    try:
        with logs(settings.log_level):
            asyncio.run(serving)
    except OSError as error:
        raise BadSetting(
            f"Cannot listen on {host}, ports {port} and {control_port}: {error.strerror}; choose others."
        ) from None
    except KeyboardInterrupt:
        print("Stopped.")


def _script(file: Path | None) -> Script | None:
    if file is None:
        return None
    try:
        return read_script(file.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="--script") from None


def _say_ready(addresses: SwitchAddresses) -> None:
    print(
        f"The simulated network takes messages at {addresses.switch}; inboxes: http://{addresses.control}/inboxes", flush=True
    )


def _say_arrival(message: Delivered) -> None:
    print(f"{message.message_id} has arrived at {message.ori}.", flush=True)
