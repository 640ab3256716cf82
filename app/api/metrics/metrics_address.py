"""An address for Prometheus alone, where there is no API: that of `lens work`."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric

from app.api.metrics.about_metrics import About, about_metrics, own_processes, process_metrics_of
from app.api.metrics.metrics import Figures, readiness_metrics
from app.api.metrics.sending_metrics import sending_metrics, spool_metrics
from app.api.metrics.snapshots import FRESH_SECONDS
from app.dispatch.channels.spool_watch import SpoolWatch
from app.dispatch.counts import DispatchCounts
from app.errors import BadSetting


class Sparing:
    """Figures that are made at most once a second, for any number of threads that ask."""

    def __init__(self, make: Callable[[], Iterable[Metric]], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._made_at = float("-inf")
        self._made: list[Metric] = []

    def look(self) -> list[Metric]:
        """What was made within the last second, or is made now."""
        with self._lock:
            if self._monotonic() - self._made_at >= FRESH_SECONDS:
                self._made = list(self._make())
                self._made_at = self._monotonic()
            return self._made


@contextmanager
def metrics_address(
    address: str,
    stopped: Callable[[], Mapping[str, str | None]],
    counts: Callable[[], DispatchCounts],
    about: About,
    spool: SpoolWatch | None = None,
) -> Iterator[int]:
    """Tells the figures of a dispatcher at `host:port` for as long as the block lasts; the port that it is.

    `stopped` says of each part why it cannot do its work, None where it can; `spool` is looked at where there is one. Raises BadSetting when the address cannot be had.
    """

    def figures() -> Iterable[Metric]:
        yield from readiness_metrics(stopped())
        yield from sending_metrics(counts())
        yield from about_metrics(about)
        yield from process_metrics_of(own_processes(several=False))
        yield from spool_metrics(spool)

    host, _, port = address.rpartition(":")
    registry = CollectorRegistry()
    registry.register(Figures(Sparing(figures).look))
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except OSError as error:
        raise BadSetting(f"LENS_METRICS_ADDRESS: cannot listen on {address}: {error.strerror}") from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
