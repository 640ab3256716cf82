"""The figures of the store: any process that reads it can tell them, for all."""

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from app.api.metrics.feed_metrics import feed_metrics
from app.api.metrics.key_metrics import key_metrics
from app.api.metrics.surge_metrics import surge_metrics
from app.domain.surge import Breaker
from app.domain.times import SECOND
from app.errors import Unavailable
from app.store.callers.feeds import list_feeds
from app.store.callers.keys import list_keys
from app.store.database.engine import Store, now_micros
from app.store.database.reading import CachedRead
from app.store.desk.pauses import EVERYTHING
from app.store.desk.surge_reads import standing
from app.store.ledger.stranded import Stranded, find_stranded
from app.store.reads.tally import Tally, tally
from app.store.reads.used_numbers import used_before
from app.store.reads.waiting import Waiting, waiting
from app.store.upkeep.escalation import Overdue, overdue


class StoreFigures:
    """Asks the store, sparingly, whenever somebody looks."""

    def __init__(self, store: Store, clock: Callable[[], int], breaker: Breaker) -> None:
        """`clock` tells the time in Micros; `breaker` says when there is more than is normal."""
        self._tally = CachedRead(store, tally)
        self._waiting = CachedRead(store, waiting)
        self._feeds = CachedRead(store, list_feeds)
        self._keys = CachedRead(store, list_keys)
        self._surges = CachedRead(store, lambda connection: standing(connection, clock(), breaker))
        self._overdue = CachedRead(store, overdue)
        self._used_before = CachedRead(store, used_before)
        self._stranded = CachedRead(store, lambda connection: find_stranded(connection, now_micros(connection)))
        self._clock = clock

    def stranded(self) -> tuple[Stranded, ...]:
        """The messages that LENS never leaves so, now or not long ago. Raises Unavailable."""
        return self._stranded.look()

    def used_before(self) -> tuple[str, ...]:
        """The messages whose number the link has had before, now or not long ago. Raises Unavailable."""
        return self._used_before.look()

    def look(self) -> list[Metric]:
        """The figures now, or not long ago. When the store cannot be read there is only one, that says so."""
        try:
            figures = [
                *tally_metrics(self._tally.look(), self._clock()),
                *waiting_metrics(self._waiting.look()),
                *overdue_metrics(self._overdue.look()),
                *feed_metrics(self._feeds.look(), self._clock()),
                *key_metrics(self._keys.look(), self._clock()),
                *surge_metrics(self._surges.look()),
                used_before_metric(self._used_before.look()),
                stranded_metric(self._stranded.look()),
            ]
        except Unavailable:
            figures = []
        readable = GaugeMetricFamily(
            "lens_store_readable", "Whether the store could be read for this scrape.", value=bool(figures)
        )
        return [readable, *figures]


def tally_metrics(tally: Tally, now: int) -> Iterable[Metric]:
    """All that is stored, counted, at a time in Micros."""
    newest = GaugeMetricFamily("lens_last_accepted_seconds", "Since a release was accepted last; of none, absent.")
    if tally.newest is not None:
        newest.add_metric((), max(now - tally.newest, 0) / SECOND)
    messages = GaugeMetricFamily("lens_messages", "Messages by state and status.", labels=("state", "status"))
    for (state, status), count in sorted(tally.messages.items()):
        messages.add_metric((state, status), count)
    items = GaugeMetricFamily("lens_work_items_open", "Open work items.", labels=("code",))
    for code, count in sorted(tally.work_items.items()):
        items.add_metric((code,), count)
    yield from (newest, messages, items)


def used_before_metric(stuck: tuple[str, ...]) -> Metric:
    """How many lanes stand still for it."""
    return GaugeMetricFamily(
        "lens_numbers_used_before",
        "Messages that cannot go out because the link has had their number with other words.",
        value=len(stuck),
    )


def stranded_metric(stranded: tuple[Stranded, ...]) -> Metric:
    """How many messages somebody changed so that they would never go, or go though they must not."""
    return GaugeMetricFamily(
        "lens_messages_stranded",
        "Messages in a state that LENS never leaves them in: they would wait for ever, or go out though they must not.",
        value=len({number for each in stranded for number in each.numbers}),
    )


def overdue_metrics(overdue: Overdue) -> Iterable[Metric]:
    """What people and the network are late with."""
    items = GaugeMetricFamily("lens_work_items_overdue", "Open work items that were due.", labels=("code",))
    for code, count in sorted(overdue.work_items.items()):
        items.add_metric((code,), count)
    messages = GaugeMetricFamily(
        "lens_messages_overdue", "Messages not sent yet, though their rule wanted them out.", labels=("status",)
    )
    for status, count in overdue.messages.items():
        messages.add_metric((status,), count)
    yield from (items, messages)


def waiting_metrics(waiting: Waiting) -> Iterable[Metric]:
    """What is to be sent, and what stops it."""
    oldest = GaugeMetricFamily("lens_queue_oldest_seconds", "Age of the oldest message in this status.", labels=("status",))
    for status, age in waiting.oldest.items():
        oldest.add_metric((status,), age / SECOND)
    queue = GaugeMetricFamily("lens_queue_messages", "Messages to send that are at least this old.", labels=("at_least",))
    for age, count in waiting.at_least.items():
        queue.add_metric((f"{age}s",), count)
    lanes = [
        GaugeMetricFamily(f"lens_lane_{name}", says, labels=("ori", "state"))
        for name, says in (
            ("messages", "Messages to send in a lane that has some."),
            ("oldest_seconds", "Age of the oldest of them."),
            ("fails", "Sends of that lane that failed in a row."),
        )
    ]
    for lane in waiting.lanes:
        for family, value in zip(lanes, (lane.messages, lane.oldest / SECOND, lane.fails), strict=True):
            family.add_metric((lane.ori, lane.state), value)
    pauses = GaugeMetricFamily(
        "lens_pause_seconds", "For how long nothing has been sent to this ORI, or to any (`all`).", labels=("scope", "source")
    )
    for pause in waiting.pauses:
        scope = "all" if pause.scope == EVERYTHING else pause.scope
        pauses.add_metric((scope, pause.source), max(waiting.now - pause.since, 0) / SECOND)
    yield from (oldest, queue, *lanes, pauses)
