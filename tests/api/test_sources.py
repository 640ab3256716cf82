from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from app.api.requests.sources import source_of
from app.decide.decide import Decider
from tests.api.serving import serving


def asked(peer: str, *forwarded: str) -> str | None:
    """Where a request of this peer came from, with these headers X-Forwarded-For."""
    headers = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
    return source_of({"type": "http", "client": (peer, 4711), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "source"),
    [
        ("10.0.0.9", [], "10.0.0.9"),
        ("10.0.0.9", ["192.0.2.1"], "10.0.0.9"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("::1", ["2001:DB8::1"], "2001:db8::1"),
        ("127.0.0.1", ["192.0.2.1:1234"], "192.0.2.1"),
        ("127.0.0.1", ["[2001:db8::1]:1234"], "2001:db8::1"),
        ("127.0.0.1", ["forged, 203.0.113.5, 192.0.2.1", "127.0.0.1"], "192.0.2.1"),
        ("127.0.0.1", ["192.0.2.1, Doe, John"], "127.0.0.1"),
        ("127.0.0.1", ["fe80::1%Doe"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.1 Doe"], "127.0.0.1"),
        ("127.0.0.1", ["", ","], "127.0.0.1"),
    ],
)
def test_the_source_is_an_address(peer: str, forwarded: list[str], source: str) -> None:
    """Believed of a proxy on this machine only, and of it only the address it added last."""
    assert asked(peer, *forwarded) == source


def test_without_a_peer_there_is_no_source() -> None:
    """As over a socket that has no address."""
    assert source_of({"type": "http", "client": None, "headers": []}) is None


@given(st.lists(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0")), max_size=4))
def test_no_text_of_a_caller_becomes_a_source(texts: list[str]) -> None:
    """Whatever the header holds, what comes of it has the letters of an address only."""
    assert set(asked("127.0.0.1", *texts) or "") <= set("0123456789abcdef.:")


def test_what_a_caller_says_of_itself_is_not_in_the_log(tmp_path: Path, decider: Decider) -> None:
    """Over a real connection: a proxy's address is logged, any other text of the header is not."""
    with serving(tmp_path, decider) as service, service.client() as client, capture_logs() as lines:
        for said in ("Doe, John", "192.0.2.1", "Doe, 192.0.2.2"):
            client.get("/v1/messages", headers={"X-Forwarded-For": said, "X-Forwarded-Proto": "Doe"})
    sources = [line["source"] for line in lines if line["event"] == "request"]
    assert sources == ["127.0.0.1", "192.0.2.1", "192.0.2.2"]
    assert "Doe" not in str(lines)
