import os

import httpx
import pytest

from app.api.metrics.about_metrics import About
from app.api.metrics.metrics_address import metrics_address
from app.dispatch.counts import DispatchCounts
from app.errors import BadSetting

ABOUT = About("SQLite 3.51.3", {"LENS_SWITCH_TLS_CERT": 1_800_000_000.0})


def test_a_dispatcher_alone_tells_its_figures() -> None:
    """Found anew for each scrape."""
    counts = DispatchCounts()
    with metrics_address("127.0.0.1:0", lambda: {"channel": None, "worker": "it broke"}, lambda: counts, ABOUT) as port:
        counts.tries["taken"] += 3
        page = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
        assert 'lens_attempts_total{fate="taken"} 3.0' in page
        assert 'lens_ready{part="channel"} 1.0' in page
        assert 'lens_ready{part="worker"} 0.0' in page
        assert 'lens_sent_seconds_bucket{le="10.0"} 0.0' in page
        assert 'lens_certificate_not_after_timestamp_seconds{setting="LENS_SWITCH_TLS_CERT"} 1.8e+09' in page
        assert any(line.startswith("lens_build_info{") and 'database="SQLite 3.51.3"' in line for line in page)
        assert any(line.startswith(f'process_resident_memory_bytes{{pid="{os.getpid()}"}} ') for line in page)


def test_an_address_in_use_is_a_bad_setting() -> None:
    """It stops the start, and names the setting."""
    with (
        metrics_address("127.0.0.1:0", dict, DispatchCounts, ABOUT) as port,
        pytest.raises(BadSetting, match="LENS_METRICS_ADDRESS"),
    ):
        metrics_address(f"127.0.0.1:{port}", dict, DispatchCounts, ABOUT).__enter__()
