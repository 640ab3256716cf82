"""What Prometheus may know: counts of this process, and of the store when it is scraped. Never personal data.

With several processes behind one socket a scrape reaches only one of them, so prometheus_client keeps the counts in shared
files (PROMETHEUS_MULTIPROC_DIR, set by `lens serve` before they start) and adds them up.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.store.tally import Tally

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SIGN_IN_REFUSALS = ("no_key", "unknown_key", "ended_key", "wrong_role")


class _Outcome(msgspec.Struct):
    outcome: str


class Written(NamedTuple):
    """What the writer of a process has committed since it started, and the rulebook that the process decides under.

    `degraded`: it should decide under another, which cannot be used.
    """

    groups: int
    items: int
    rulebook: str = ""
    degraded: bool = False


class Metrics:
    """The counts of one process."""

    def __init__(self, shared_folder: str | None = None) -> None:
        """`shared_folder`: where processes that share a socket keep their counts, None where there is one process."""
        self._shared_folder = shared_folder
        self._own = CollectorRegistry()
        self._requests = Counter("lens_http_requests", "Requests answered.", ("route", "method", "status"), registry=self._own)
        self._seconds = Histogram(
            "lens_http_request_seconds", "Time to answer a request.", ("route",), registry=self._own, buckets=_SECONDS
        )
        self._releases = Counter("lens_releases", "Releases answered with a decision.", ("kind", "outcome"), registry=self._own)
        self._refused = Counter(
            "lens_sign_in_refused", "Requests refused for their key or its role.", ("why",), registry=self._own
        )
        for why in SIGN_IN_REFUSALS:
            self._refused.labels(why)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request. `route` is the template, never the path; `method` one of HTTP's own."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def accepted(self, kind: str, answer: bytes) -> None:
        """Counts a release that was answered with this decision; `kind` is new or replay."""
        self._releases.labels(kind, msgspec.json.decode(answer, type=_Outcome).outcome).inc()

    def sign_in_refused(self, why: str) -> None:
        """Counts a request refused for its key; `why` is one of SIGN_IN_REFUSALS."""
        self._refused.labels(why).inc()

    def page(self, tally: Tally | None, written: Callable[[], Written], more: Iterable[Metric] = ()) -> bytes:
        """Everything in Prometheus' text format. `tally` is None when the store cannot be read: then its figures are absent.

        `more` are further figures of the store.
        """
        own = self._own
        if self._shared_folder is not None:
            own = CollectorRegistry()
            MultiProcessCollector(own, path=self._shared_folder)  # type: ignore[no-untyped-call]
        stored = CollectorRegistry()
        stored.register(_Collected(lambda: (*_stored(tally, written()), *more)))
        return generate_latest(own) + generate_latest(stored)


class _Collected(Collector):
    """A collector out of a function."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        """What the function gives."""
        return self._collect()


def _stored(tally: Tally | None, written: Written) -> Iterable[Metric]:
    groups = CounterMetricFamily("lens_write_groups", "Transactions committed by the writer of the process that answers.")
    groups.add_metric((), written.groups)
    items = CounterMetricFamily(
        "lens_write_items", "Writes committed in them; divided by the groups it is the size of a group."
    )
    items.add_metric((), written.items)
    up = GaugeMetricFamily("lens_store_readable", "Whether the store could be read for this scrape.", value=tally is not None)
    rulebook = GaugeMetricFamily(
        "lens_rulebook_info", "The version that the process that answers decides under.", labels=("version",)
    )
    rulebook.add_metric((written.rulebook,), 1)
    degraded = GaugeMetricFamily(
        "lens_rulebook_degraded",
        "Whether it decides under the last good version because a newer one cannot be used.",
        value=written.degraded,
    )
    yield from (groups, items, up, rulebook, degraded)
    if tally is None:
        return
    messages = GaugeMetricFamily("lens_messages", "Messages by their status.", labels=("status",))
    for status, count in sorted(tally.messages.items()):
        messages.add_metric((status,), count)
    items_open = GaugeMetricFamily("lens_work_items_open", "Open work items.", labels=("code",))
    for code, count in sorted(tally.work_items.items()):
        items_open.add_metric((code,), count)
    yield from (messages, items_open)
