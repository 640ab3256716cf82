"""What those who watch may know of the feeds: who is silent, and for how long. Callers are named as their keys are."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.domain.feeds import Feed
from app.domain.times import SECOND, rfc3339


def feed_metrics(feeds: Sequence[Feed], now: int) -> Iterable[Metric]:
    """For Prometheus, at a time in Micros. A caller that never sent a heartbeat has no figures."""
    silence = GaugeMetricFamily(
        "lens_feed_silence_seconds", "Since a heartbeat or a new release of this caller came last.", labels=("caller",)
    )
    heartbeat = GaugeMetricFamily(
        "lens_feed_heartbeat_age_seconds", "Since a heartbeat of this caller came last.", labels=("caller",)
    )
    silent = GaugeMetricFamily("lens_feed_silent", "Whether this caller was raised as silent.", labels=("caller",))
    differences = CounterMetricFamily(
        "lens_feed_count_mismatches", "Heartbeats whose count was not that of the releases received.", labels=("caller",)
    )
    for feed in feeds:
        label = (feed.caller,)
        silence.add_metric(label, max(now - feed.heard_at, 0) / SECOND)
        heartbeat.add_metric(label, max(now - feed.heartbeat_at, 0) / SECOND)
        silent.add_metric(label, feed.silent_since is not None)
        differences.add_metric(label, feed.differences)
    return (silence, heartbeat, silent, differences)


def feed_words(feeds: Sequence[Feed]) -> dict[str, str]:
    """Each feed in words."""
    return {
        feed.caller: "heard" if feed.silent_since is None else f"silent since {rfc3339(feed.silent_since)}" for feed in feeds
    }
