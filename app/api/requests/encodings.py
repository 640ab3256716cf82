"""What a body was compressed with: gzip where an endpoint reads it, read a piece at a time and never to more than it may become."""

import zlib
from collections.abc import Iterator

from starlette.requests import Request

from app.api.requests.headers import header
from app.api.requests.problems import WrongMediaType
from app.errors import Fault, NotJson, TooLarge

PIECE = 64 * 1024
"""Bytes that come out of the decompressor at once, at the most."""

_ALWAYS = 1024 * 1024
_TIMES = 200
_GZIP = 16 + zlib.MAX_WBITS


def expect_encoding(request: Request, *, gzip: bool = False) -> bool:
    """Whether the body is compressed with gzip, which is told in Content-Encoding. Raises WrongMediaType for any other encoding,
    and for gzip where it is not read.
    """
    if header(request, b"content-encoding") is None:
        return False
    named = ",".join(request.headers.getlist("content-encoding")).lower()
    encodings = [name.strip() for name in named.split(",") if name.strip() not in {"", "identity"}]
    if not encodings:
        return False
    if gzip and encodings in (["gzip"], ["x-gzip"]):
        return True
    allowed = "gzip, or not be there" if gzip else "left out"
    raise WrongMediaType(f"Content-Encoding must be {allowed}; nothing was stored.")


class Gunzip:
    """Decompresses what comes, in pieces. Of a bomb it gives out a little more than it may, and then refuses the rest."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._taken = 0
        self._given = 0
        self._fresh = True

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What this chunk decompresses to. Raises NotJson where it is not gzip, TooLarge where it becomes too much."""
        self._taken += len(chunk)
        while chunk:
            if self._member.eof:  # one member may follow another
                self._member = zlib.decompressobj(_GZIP)
            try:
                piece = self._member.decompress(chunk, PIECE)
            except zlib.error:
                raise _broken("not gzip, or damaged") from None
            self._fresh = False
            self._given += len(piece)
            if self._given > _ALWAYS + _TIMES * self._taken:
                fault = Fault("", "too-large", f"the body becomes more than {_TIMES} times as long when it is decompressed")
                raise TooLarge((fault,), "The compressed body becomes too large; what comes after this was not read.")
            chunk = self._member.unconsumed_tail or self._member.unused_data
            if piece:
                yield piece

    def end(self) -> None:
        """Raises NotJson where the last member was cut short."""
        if not self._fresh and not self._member.eof:
            raise _broken("cut short")


def _broken(how: str) -> NotJson:
    fault = Fault("", "not-gzip", f"the body is {how}, though Content-Encoding says gzip")
    return NotJson((fault,), "The compressed body cannot be read; what comes after this was not read.")
