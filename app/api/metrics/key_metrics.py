"""What those who watch may know of the keys: when each runs out. A key is named by its id alone."""

from collections.abc import Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from app.domain.times import SECOND
from app.store.callers.keys import StoredKey

_FORGOTTEN_AFTER = 30 * 86_400 * SECOND


def key_metrics(keys: Sequence[StoredKey], now: int) -> Iterable[Metric]:
    """For Prometheus, at a time in Micros. A key that was revoked, never expires, or ran out over 30 days ago has no figure."""
    left = GaugeMetricFamily("lens_key_expires_seconds", "Until this key runs out; below 0 since it did.", labels=("key",))
    for key in keys:
        if key.revoked_at is None and key.expires_at is not None and key.expires_at > now - _FORGOTTEN_AFTER:
            left.add_metric((str(key.id),), (key.expires_at - now) / SECOND)
    yield left
