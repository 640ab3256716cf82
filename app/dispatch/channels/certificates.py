"""How long certificates in files last."""

from pathlib import Path

from cryptography.x509 import load_pem_x509_certificates


def first_end(file: Path) -> float:
    """When the first certificate of a PEM file ends, in seconds since 1970; 0 where there is none to read.

    It is told and not raised: whether the link works without it is for the link to say.
    """
    try:
        found = load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return 0.0
    return min(each.not_valid_after_utc.timestamp() for each in found)
