"""What Prometheus may know: counts of this process, of its dispatcher, and of the store when it is scraped. Never personal data.

With several processes behind one socket a scrape reaches only one of them, so prometheus_client keeps the counts in shared
files (PROMETHEUS_MULTIPROC_DIR, set by `lens serve` before they start) and adds them up.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import NamedTuple, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.domain.decision import Outcome

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SCENARIOS_SHOWN = 10
_SCENARIO_LENGTH = 120
SIGN_IN_REFUSALS = ("no_key", "unknown_key", "ended_key", "too_many", "wrong_role")


class Written(NamedTuple):
    """What the writer of a process has committed since it started, and the rulebook that the process decides under.

    `degraded`: it should decide under another, which cannot be used; `failing` are the scenarios that keep it from that.
    """

    groups: int
    items: int
    rulebook: str = ""
    degraded: bool = False
    failing: tuple[str, ...] = ()


class Metrics:
    """The counts of one process."""

    def __init__(self, shared_folder: str | None = None) -> None:
        """`shared_folder`: where processes that share a socket keep their counts, None where there is one process."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # as many figures again, which nobody asks for
        self._shared_folder = shared_folder
        self._own = CollectorRegistry()
        self._requests = Counter("lens_http_requests", "Requests answered.", ("route", "method", "status"), registry=self._own)
        self._seconds = Histogram(
            "lens_http_request_seconds", "Time to answer a request.", ("route",), registry=self._own, buckets=_SECONDS
        )
        self._accepted = Counter(
            "lens_releases_accepted", "Releases stored with a decision.", ("mode", "outcome"), registry=self._own
        )
        self._replays = Counter(
            "lens_release_replays", "Releases sent again, and answered as the first time.", registry=self._own
        )
        self._follow_ups = Counter(
            "lens_follow_ups", "Corrections and cancellations of releases, stored.", ("kind",), registry=self._own
        )
        self._refused = Counter(
            "lens_sign_in_refused", "Requests refused for their key or its role.", ("why",), registry=self._own
        )
        self._begin_at_nothing()
        self._of_answer: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    @property
    def shared(self) -> bool:
        """Whether several processes share a socket and their counts."""
        return self._shared_folder is not None

    def _begin_at_nothing(self) -> None:
        """Shows every count from the start, so that its first step is seen as one."""
        pairs = [(mode, outcome) for outcome in get_args(Outcome) for mode in ("normal", "backfill")]
        self._of_outcome = {pair: self._accepted.labels(*pair) for pair in pairs}
        for kind in ("correction", "cancellation"):
            self._follow_ups.labels(kind)
        for why in SIGN_IN_REFUSALS:
            self._refused.labels(why)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Counts a request. `route` is the template, never the path; `method` one of HTTP's own."""
        key = (route, method, status)
        found = self._of_answer.get(key)
        if found is None:
            found = (self._requests.labels(route, method, str(status)), self._seconds.labels(route))
            self._of_answer[key] = found
        requests, took = found
        requests.inc()
        took.observe(seconds)

    def accepted(self, outcome: str | None, *, backfill: bool) -> None:
        """Counts a release that was answered with a decision: with this outcome, or (None) as it was before."""
        if outcome is None:
            self._replays.inc()
        else:
            self._of_outcome["backfill" if backfill else "normal", outcome].inc()

    def followed(self, kind: str) -> None:
        """Counts a correction or cancellation that was stored."""
        self._follow_ups.labels(kind).inc()

    def sign_in_refused(self, why: str) -> None:
        """Counts a request refused for its key; `why` is one of SIGN_IN_REFUSALS."""
        self._refused.labels(why).inc()

    def page(self, *figures: Iterable[Metric]) -> bytes:
        """Everything in Prometheus' text format: these counts, and what others have found out for this scrape."""
        own = self._own
        if self._shared_folder is not None:
            own = CollectorRegistry()
            MultiProcessCollector(own, path=self._shared_folder)  # type: ignore[no-untyped-call]
        found = CollectorRegistry()
        found.register(Figures(lambda: chain(*figures)))
        return generate_latest(own) + generate_latest(found)


class Figures(Collector):
    """A collector out of a function that finds figures."""

    def __init__(self, find: Callable[[], Iterable[Metric]]) -> None:
        self._find = find

    def collect(self) -> Iterable[Metric]:
        """What it finds."""
        return self._find()


def process_metrics(written: Written) -> Iterable[Metric]:
    """The figures of the process that answers: its writer and its rulebook."""
    yield CounterMetricFamily(
        "lens_write_groups", "Transactions committed by the writer of the process that answers.", value=written.groups
    )
    yield CounterMetricFamily(
        "lens_write_items", "Writes committed in them; divided by the groups it is the size of a group.", value=written.items
    )
    rulebook = GaugeMetricFamily(
        "lens_rulebook_info", "The version that the process that answers decides under.", labels=("version",)
    )
    rulebook.add_metric((written.rulebook,), 1)
    yield rulebook
    yield GaugeMetricFamily(
        "lens_rulebook_degraded",
        "Whether it decides under the last good version because a newer one cannot be used.",
        value=written.degraded,
    )
    failing = GaugeMetricFamily(
        "lens_rulebook_scenario_failing",
        "A scenario that fails: of the rulebook in force, or of a newer one that it keeps from going live, by its name.",
        labels=("scenario",),
    )
    for name in dict.fromkeys(scenario[:_SCENARIO_LENGTH] for scenario in written.failing[:_SCENARIOS_SHOWN]):
        failing.add_metric((name,), 1)
    yield failing


def readiness_metrics(stopped: Mapping[str, str | None]) -> Iterable[Metric]:
    """Whether each part can do its work; `stopped` says why not, None where it can."""
    ready = GaugeMetricFamily("lens_ready", "Whether this part can do its work, as /readyz says.", labels=("part",))
    for part, why in stopped.items():
        ready.add_metric((part,), why is None)
    yield ready
