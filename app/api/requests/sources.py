"""Where a request came from: an address, and never a text that a caller chose."""

from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from starlette.types import Scope

_FORWARDED = b"x-forwarded-for"


def source_of(scope: Scope) -> str | None:
    """The address a request came from, or the one that a proxy on this machine says it came from.

    Every proxy adds the address of whoever called it to the end of X-Forwarded-For, so the last one that is not on this machine
    is the caller's. What stands before it anyone could have written.
    """
    client = scope.get("client")
    peer = _peer(client[0]) if client else None
    if peer is None or not peer.here:
        return None if peer is None else peer.text
    said = [value for name, value in scope["headers"] if name == _FORWARDED]
    if not said:
        return peer.text
    for each in reversed(b",".join(said).decode("latin-1").split(",")):
        found = _address(each.strip())
        if found is None:
            break
        if not found.here:
            return found.text
    return peer.text


class _Address(NamedTuple):
    """An address as it is written, and whether it is one of this machine."""

    text: str
    here: bool


@lru_cache(1024)  # every request has one, and most have the same
def _peer(text: str) -> _Address | None:
    return _address(text)


def _address(text: str) -> _Address | None:
    """An address, perhaps with a port as some proxies write it; None for any other text, also for one with a zone."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    if "%" in host:  # a zone may be any text
        return None
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return _Address(str(found), found.is_loopback)
