"""One header of a request, looked up so that asking for several costs hardly more than asking for one."""

from starlette.requests import Request

_BY_NAME = "lens_headers"


def header(request: Request, name: bytes) -> str | None:
    """What the header of this name (lower case) says; of several the first; None where there is none."""
    by_name = request.scope.get(_BY_NAME)
    if by_name is None:
        by_name = dict(reversed(request.scope["headers"]))
        request.scope[_BY_NAME] = by_name
    found: bytes | None = by_name.get(name)
    return None if found is None else found.decode("latin-1")
