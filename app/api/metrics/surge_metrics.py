"""The surge breaker for those who watch the service: figures for Prometheus, words for /readyz."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from app.store.desk.surge_reads import SurgeState


def surge_metrics(standing: SurgeState) -> Iterable[Metric]:
    """The figures. Where there is no band, its figure is absent."""
    yield GaugeMetricFamily(
        "lens_surge_open", "Whether the surge breaker has tripped and waits for a person.", value=bool(standing.open)
    )
    yield GaugeMetricFamily("lens_surge_held_messages", "Messages that an undecided surge holds back.", value=standing.held)
    band = GaugeMetricFamily("lens_surge_band", "Notices that may pass in this clock hour before the breaker trips.")
    if standing.band is not None:
        band.add_metric((), standing.band)
    yield band


def surge_words(standing: SurgeState) -> str | None:
    """What a person must know of it; None while nothing is held back."""
    if not standing.open:
        return None
    items = " and ".join(str(surge.work_item) for surge in standing.open)
    return f"{standing.held} messages are held until a person decides about work item {items}"
