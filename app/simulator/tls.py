"""TLS as the simulated switch speaks it."""

import ssl
from pathlib import Path

from app.errors import BadSetting


def server_tls(cert: Path | None, key: Path | None, client_ca: Path | None) -> ssl.SSLContext | None:
    """TLS with this certificate; with `client_ca` a sender must have one of that authority. None where no file is given.

    Raises BadSetting when the files cannot be used.
    """
    if cert is None and key is None and client_ca is None:
        return None
    if cert is None or key is None:
        raise BadSetting("TLS needs a certificate and its key: give both --tls-cert and --tls-key.")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:
        raise BadSetting(f"--tls-cert {cert} and --tls-key {key} cannot be used: {_why(error)}.") from None
    if client_ca is None:
        return context
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_verify_locations(client_ca)
    except OSError as error:
        raise BadSetting(f"--tls-client-ca {client_ca} cannot be used: {_why(error)}.") from None
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "they are not PEM files, or do not belong together"
    return error.strerror or type(error).__name__
