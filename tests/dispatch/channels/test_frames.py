from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dispatch.channels.frames import LIMIT, BadFrame, Decoder, frame

PAYLOADS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), max_size=8)


def pieces_of(stream: bytes, cuts: list[int]) -> list[bytes]:
    """The stream cut at the given places."""
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


def read_all(decoder: Decoder, pieces: list[bytes]) -> tuple[list[str], str]:
    """The payloads that come out, and the words of the fault that ended the reading ("" for none)."""
    got: list[str] = []
    try:
        for piece in pieces:
            got.extend(decoder.feed(piece))
    except BadFrame as fault:
        return got, fault.detail
    return got, ""


@given(PAYLOADS, st.lists(st.integers(0, 10_000), max_size=12))
def test_any_split_of_the_bytes_gives_the_same_payloads(texts: list[str], cuts: list[int]) -> None:
    """What one end frames comes out at the other, however the network cuts the bytes."""
    stream = b"".join(frame(text.encode()) for text in texts)
    decoder = Decoder()
    assert read_all(decoder, pieces_of(stream, cuts)) == (texts, "")
    assert not decoder.inside_frame


@given(PAYLOADS, st.binary(min_size=4, max_size=40), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_split_of_a_faulty_stream_gives_the_same_payloads_and_fault(
    texts: list[str], noise: bytes, cuts: list[int]
) -> None:
    """An ACK that stands before garbage is never lost, and the fault found does not depend on how the bytes came."""
    stream = b"".join(frame(text.encode()) for text in texts) + noise
    assert read_all(Decoder(), [stream]) == read_all(Decoder(), pieces_of(stream, cuts))


def test_the_length_is_four_bytes_big_endian() -> None:
    """The frame is the one the contract draws, byte by byte."""
    assert frame(b"PING") == b"\x00\x00\x00\x04PING"
    assert list(Decoder().feed(b"\x00\x00\x00\x02\xc3\x9c")) == ["Ü"]


def test_the_largest_payload_passes_and_one_byte_more_does_not() -> None:
    """The limit is 64 KiB of payload, on both ends."""
    assert [len(text) for text in Decoder().feed(frame(b"x" * LIMIT))] == [LIMIT]
    with pytest.raises(BadFrame, match="1 to 65536 bytes"):
        frame(b"x" * (LIMIT + 1))
    with pytest.raises(BadFrame, match="says it has 65537 bytes"):
        list(Decoder().feed((LIMIT + 1).to_bytes(4, "big")))


def test_an_empty_payload_is_no_frame() -> None:
    """A length of zero is a fault: nothing the protocol knows is empty."""
    with pytest.raises(BadFrame, match="this one has 0"):
        frame(b"")
    with pytest.raises(BadFrame, match="says it has 0 bytes"):
        list(Decoder().feed(b"\0\0\0\0"))


def test_bytes_that_are_not_utf_8_are_a_fault_that_shows_no_content() -> None:
    """The words of the fault say where, and nothing of what stood there."""
    with pytest.raises(BadFrame, match=r"^byte 5 of a frame of 8 bytes is not UTF-8$"):
        list(Decoder().feed(b"\x00\x00\x00\x08SMITH\xff\xfe\xfd"))


def test_a_broken_decoder_stays_broken() -> None:
    """After a fault no later bytes are taken for frames."""
    decoder = Decoder()
    with pytest.raises(BadFrame):
        list(decoder.feed(b"\xff\xff\xff\xff"))
    with pytest.raises(BadFrame):
        list(decoder.feed(frame(b"ACK LN00000001")))


def test_half_a_frame_is_known_as_half() -> None:
    """A link that ends here has cut a frame."""
    decoder = Decoder()
    assert list(decoder.feed(frame(b"PONG")[:6])) == []
    assert decoder.inside_frame
