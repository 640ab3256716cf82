import httpx
import pytest

from app.api.metrics_address import metrics_address
from app.dispatch.counts import Counts
from app.errors import BadSetting


def test_a_dispatcher_alone_tells_its_figures() -> None:
    """Found anew for each scrape."""
    counts = Counts()
    with metrics_address("127.0.0.1:0", lambda: {"channel": None, "worker": "it broke"}, lambda: counts) as port:
        counts.tries["taken"] += 3
        page = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
        assert 'lens_attempts_total{fate="taken"} 3.0' in page
        assert 'lens_ready{part="channel"} 1.0' in page
        assert 'lens_ready{part="worker"} 0.0' in page
        assert 'lens_sent_seconds_bucket{le="10.0"} 0.0' in page


def test_an_address_in_use_is_a_bad_setting() -> None:
    """It stops the start, and names the setting."""
    with metrics_address("127.0.0.1:0", dict, Counts) as port, pytest.raises(BadSetting, match="LENS_METRICS_ADDRESS"):
        metrics_address(f"127.0.0.1:{port}", dict, Counts).__enter__()
