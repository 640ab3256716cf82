"""The figures of a dispatcher: beside the API in `lens serve`, or at an address of its own in `lens work`."""

from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from app.dispatch.channels.spool_watch import SpoolWatch
from app.dispatch.counts import SENT_WITHIN, DispatchCounts


def sending_metrics(counts: DispatchCounts) -> Iterable[Metric]:
    """What a dispatcher has done since its process started."""
    yield _by("lens_attempts", "Tries of sending a message, by what became of them.", "fate", counts.tries)
    for name, says, value in (
        ("lens_duplicates", "Tries of messages that the network may have had before; each was flagged.", counts.duplicates),
        ("lens_dead", "Messages given up after their last try.", counts.dead),
        ("lens_presumed", "Messages presumed delivered.", counts.presumed),
        ("lens_fenced", "Turns of a lane whose outcome came after another dispatcher had taken it over.", counts.fenced),
        ("lens_late_batches", "Batches dropped unsent because most of the lease was gone.", counts.late),
    ):
        yield CounterMetricFamily(name, says, value=value)
    sums = list(accumulate(counts.sent))
    bounds = [*map(str, SENT_WITHIN), "+Inf"]
    yield HistogramMetricFamily(
        "lens_sent_seconds",
        "Time from a message's acceptance until the network took it.",
        buckets=list(zip(bounds, sums, strict=True)),
        sum_value=counts.sent_seconds,
    )
    yield _by(
        "lens_sent_within",
        "Messages the network took, by whether that was within the time that their rule sets.",
        "kept",
        {"yes": counts.in_time, "no": counts.overdue},
    )


def spool_metrics(spool: SpoolWatch | None) -> Iterable[Metric]:
    """What stands in the spool's `out/`, where this machine has one that can be read."""
    if spool is None:
        return
    try:
        waiting = spool.look()
    except OSError:  # then the channel tells of it
        return
    yield GaugeMetricFamily(
        "lens_spool_out_files", "Messages in the spool that the gateway has not taken.", value=waiting.files
    )
    yield GaugeMetricFamily(
        "lens_spool_out_oldest_seconds",
        "For how long the oldest of them has waited; 0 where none does.",
        value=waiting.oldest_seconds,
    )


def _by(name: str, says: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, says, labels=(label,))
    for value, count in values.items():
        family.add_metric((value,), count)
    return family
