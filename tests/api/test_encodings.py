import gzip
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.requests.encodings import PIECE, Gunzip
from app.errors import NotJson, TooLarge

SIZES = st.sampled_from([0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 5 * PIECE + 257])


def unzip(sent: bytes) -> bytes:
    """The whole of it, come at once."""
    gunzip = Gunzip()
    text = b"".join(gunzip.pieces(sent))
    gunzip.end()
    return text


@given(st.lists(st.tuples(SIZES, st.binary(min_size=1, max_size=40)), min_size=1, max_size=3), st.lists(st.integers(0, 3000)))
def test_what_was_compressed_comes_out(members: list[tuple[int, bytes]], ends: list[int]) -> None:
    """However many members, and wherever the network cuts them; each piece is short."""
    texts = [(start * (size // len(start) + 1))[:size] for size, start in members]
    sent = b"".join(map(gzip.compress, texts))
    marks = [0, *sorted(min(end, len(sent)) for end in ends), len(sent)]
    gunzip = Gunzip()
    pieces = [piece for a, b in pairwise(marks) for piece in gunzip.pieces(sent[a:b])]
    gunzip.end()
    assert b"".join(pieces) == b"".join(texts)
    assert all(len(piece) <= PIECE for piece in pieces)


@given(st.binary(min_size=30, max_size=300), st.integers(1, 20))
def test_what_is_cut_short_or_damaged_is_refused(text: bytes, cut: int) -> None:
    """Nothing passes for whole that is not."""
    whole = gzip.compress(text)
    for sent in (whole[:-cut], whole[:-8] + bytes(8), text):
        with pytest.raises(NotJson):
            unzip(sent)


def test_a_bomb_gives_out_little_more_than_it_may() -> None:
    """A thousand times as much is refused after about a megabyte."""
    pieces = Gunzip().pieces(gzip.compress(bytes(100_000_000))[:5000])
    most = 4_000_000 // PIECE
    with pytest.raises(TooLarge):
        list(islice(pieces, most))
