"""Frames of the tcp link: a 4-byte big-endian length, then that many bytes of UTF-8. No I/O; both ends of the link use it."""

import struct
from collections.abc import Iterator

from app.errors import LensError

LIMIT = 64 * 1024
"""Bytes of one payload at the most, its length field not counted."""

_LENGTH = struct.Struct(">I")


class BadFrame(LensError):
    """What came is not a frame, so nothing after it can be read."""

    code = "bad-frame"


def frame(payload: bytes) -> bytes:
    """One frame around `payload` (UTF-8). Raises BadFrame when it is empty or over LIMIT bytes."""
    if not 0 < len(payload) <= LIMIT:
        raise BadFrame(f"a payload is 1 to {LIMIT} bytes; this one has {len(payload)}")
    return _LENGTH.pack(len(payload)) + payload


class Decoder:
    """Reads frames from bytes that come in pieces of any size.

    After a BadFrame the decoder is broken for good: the place where the next frame begins is not known.
    """

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._broken = ""

    @property
    def inside_frame(self) -> bool:
        """Whether part of a frame is here and the rest is not: an end of the link now cuts a frame."""
        return bool(self._waiting)

    def feed(self, piece: bytes) -> Iterator[str]:
        """Takes `piece` at once, and gives each payload that is whole by now.

        Raises BadFrame at the first fault, after the payloads before it have been given: on a length of 0 or over LIMIT as
        soon as the length is known, on bytes that are not UTF-8 once the frame is whole.
        """
        self._waiting += piece
        return self._payloads()

    def _payloads(self) -> Iterator[str]:
        if self._broken:
            raise BadFrame(self._broken)
        start, have = 0, len(self._waiting)
        try:
            while have - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(self._waiting, start)
                if not 0 < length <= LIMIT:
                    raise self._break(f"a frame says it has {length} bytes; 1 to {LIMIT} are allowed")
                end = start + _LENGTH.size + length
                if end > have:
                    return
                payload = bytes(self._waiting[start + _LENGTH.size : end])
                start = end
                yield self._text(payload)
        finally:
            del self._waiting[:start]

    def _text(self, payload: bytes) -> str:
        try:
            return payload.decode()
        except UnicodeDecodeError as error:
            raise self._break(f"byte {error.start} of a frame of {len(payload)} bytes is not UTF-8") from None

    def _break(self, why: str) -> BadFrame:
        self._broken = why
        return BadFrame(why)
