from starlette.requests import Request

from app.api.requests.headers import header


def test_of_a_header_sent_twice_the_first_counts() -> None:
    """As with every other way of asking for one; a header that is missing is None."""
    sent = [(b"authorization", b"Bearer one"), (b"lens-mode", b"backfill"), (b"authorization", b"Bearer two")]
    request = Request({"type": "http", "headers": sent})
    assert header(request, b"authorization") == request.headers["authorization"] == "Bearer one"
    assert header(request, b"lens-mode") == "backfill"
    assert header(request, b"content-type") is None
