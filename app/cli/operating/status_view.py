"""How the service stands: as text for a terminal, and as JSON."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from app.domain.feeds import Feed
from app.domain.statuses import Status
from app.domain.times import SECOND, rfc3339
from app.store.desk.pauses import EVERYTHING, StandingPause
from app.store.desk.surge_reads import SurgeState
from app.store.reads.last_hour import LastHour
from app.store.reads.tally import Tally
from app.store.reads.waiting import LaneWaiting, Waiting
from app.store.rulebooks.rulebook_reads import Pointer
from app.store.upkeep.escalation import Overdue
from app.store.upkeep.running import Running

_FEWEST_LANES = 3
_LINES_ABOUT_LANES = 18
"""Lines that everything but the lanes takes, about."""


class Seen(NamedTuple):
    """What there is to show. `at` is Micros."""

    at: int
    rulebook: Pointer
    waiting: Waiting
    tally: Tally
    hour: LastHour
    feeds: Sequence[Feed]
    surge: SurgeState
    overdue: Overdue
    running: Sequence[Running] = ()


def as_json(seen: Seen) -> dict[str, Any]:
    """All of it. Ages are seconds, times RFC 3339 in UTC."""
    waiting, hour = seen.waiting, seen.hour
    return {
        "at": rfc3339(seen.at),
        "rulebook": {"version": seen.rulebook.version, "live_at": rfc3339(seen.rulebook.live_at)},
        "messages": by_status(seen.tally),
        "states": _by_state(seen.tally),
        "queue": {
            "messages": waiting.at_least[0],
            "at_least": {f"{age}s": count for age, count in waiting.at_least.items()},
            "oldest_seconds": {status: age / SECOND for status, age in waiting.oldest.items()},
            "lanes": [_lane_json(lane) for lane in waiting.lanes],
        },
        "pauses": [each._asdict() | {"scope": _scope(each), "since": rfc3339(each.since)} for each in waiting.pauses],
        "work_items": dict(sorted(seen.tally.work_items.items())),
        "overdue": {"work_items": dict(seen.overdue.work_items), "messages": dict(seen.overdue.messages)},
        "surge": {"open": bool(seen.surge.open), "held": seen.surge.held, "band": band_in_use(seen)},
        "running": [
            {
                "name": each.name,
                "kind": each.kind,
                "version": each.version,
                "started_at": rfc3339(each.started_at),
                "settings": each.settings,
            }
            for each in seen.running
        ],
        "feeds": [
            {
                "caller": feed.caller,
                "silence_seconds": (seen.at - feed.heard_at) / SECOND,
                "silent": feed.silent_since is not None,
            }
            for feed in seen.feeds
        ],
        "dispatchers": [
            {"name": each.name, "lanes": each.lanes, "sent": each.sent, "last_seconds": _seconds(each.since)}
            for each in hour.dispatchers
        ],
        "last_accepted_seconds": None if seen.tally.newest is None else (seen.at - seen.tally.newest) / SECOND,
        "last_hour": {
            "releases": dict(hour.releases),
            "messages": hour.messages,
            "sent": hour.sent,
            "within_10_seconds": hour.soon,
            "in_time": hour.in_time,
            "overdue": hour.overdue,
        },
    }


def band_in_use(seen: Seen) -> int | None:
    """The notices that may pass in this hour, None for any number, or where nobody is there to accept any."""
    return seen.surge.band if any(each.kind == "serve" for each in seen.running) else None


def _lane_json(lane: LaneWaiting) -> dict[str, Any]:
    return {
        "ori": lane.ori,
        "state": lane.state,
        "messages": lane.messages,
        "oldest_seconds": lane.oldest / SECOND,
        "fails": lane.fails,
        "owner": lane.owner,
        "rests_seconds": lane.rests / SECOND,
    }


def by_status(tally: Tally) -> dict[str, int]:
    """Messages by status, in the order in which a message passes through them."""
    counts: Counter[str] = Counter()
    for (_, status), count in tally.messages.items():
        counts[status] += count
    return {status.value: counts[status] for status in Status if counts[status]}


def _by_state(tally: Tally) -> dict[str, dict[str, int]]:
    states: dict[str, dict[str, int]] = defaultdict(dict)
    for (state, status), count in sorted(tally.messages.items()):
        states[state][status] = count
    return states


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / SECOND


def _scope(pause: StandingPause) -> str:
    return "all" if pause.scope == EVERYTHING else pause.scope


def as_text(seen: Seen, height: int | None = None) -> RenderableType:
    """For a terminal of that many lines; None: as long as it is."""
    room = None if height is None else max(_FEWEST_LANES, height - _LINES_ABOUT_LANES)
    title = f"LENS  {rfc3339(seen.at)[:19]}Z  rulebook {seen.rulebook.version or 'none'}"
    parts: list[RenderableType] = [Text(title, style="bold")]
    parts += [Text(line, style="bold red") for line in alarms(seen)]
    return Group(*parts, "", _facts(seen), "", _lanes(seen.waiting, room))


def alarms(seen: Seen) -> list[str]:
    """What somebody should look at, a line each."""
    lines = [
        f"paused: {_scope(each)}, by {each.source}, for {span(seen.waiting.now - each.since)}: {each.why}"
        for each in seen.waiting.pauses
    ]
    if seen.surge.open:
        lines.append(f"surge: {seen.surge.held:,} messages are held until a person decides")
    late = {f"message {status}": count for status, count in seen.overdue.messages.items() if count}
    late |= {f"work item {code}": count for code, count in sorted(seen.overdue.work_items.items()) if count}
    if late:
        lines.append("overdue: " + _join_values({name: f"{count:,}" for name, count in late.items()}))
    lines += [
        f"feed silent: {feed.caller}, for {span(seen.at - feed.heard_at)}"
        for feed in seen.feeds
        if feed.silent_since is not None
    ]
    if not seen.running:
        lines.append("no service runs on this database: nothing is accepted, and nothing is sent")
    elif all(each.kind == "work" for each in seen.running):
        lines.append("no lens serve runs on this database: nothing is accepted")
    return lines


def _facts(seen: Seen) -> Table:
    waiting, hour = seen.waiting, seen.hour
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    ages = [f"{waiting.at_least[0]:,}"]
    ages += [f"{count:,} over {span(age * SECOND)}" for age, count in waiting.at_least.items() if age and count]
    table.add_row("to send", ", ".join(ages))
    table.add_row("oldest", _join_values({name: span(age) for name, age in waiting.oldest.items() if age}))
    table.add_row("messages", _join_values({name: f"{count:,}" for name, count in by_status(seen.tally).items()}))
    table.add_row("work items", _join_values({name: f"{count:,}" for name, count in sorted(seen.tally.work_items.items())}))
    came = _join_values({name: f"{count:,}" for name, count in sorted(hour.releases.items())})
    last = "" if seen.tally.newest is None else f"; the last {span(seen.at - seen.tally.newest)} ago"
    table.add_row("last hour in", came + last)
    out = f"{hour.messages:,} messages, {hour.sent:,} with the network"
    if hour.sent:
        out += f", {share(hour.soon, hour.sent)} of them within 10 s"
    if hour.in_time + hour.overdue:
        out += f", {share(hour.in_time, hour.in_time + hour.overdue)} in the time of their rule"
    table.add_row("last hour out", out)
    for line in programs(seen.running):
        table.add_row("service", line)
    band = band_in_use(seen)
    if band is not None:
        table.add_row("surge breaker", f"{band:,} notices may pass in this hour")
    for feed in seen.feeds:
        table.add_row("feed", f"{feed.caller}: heard {span(seen.at - feed.heard_at)} ago")
    for each in hour.dispatchers:
        last = "" if each.since is None else f", {each.sent:,} sent in the last hour, the last {span(each.since)} ago"
        table.add_row("dispatcher", f"{each.name}: {each.lanes:,} lanes in hand{last}")
    if not hour.dispatchers:
        table.add_row("dispatcher", "none has sent anything in the last hour")
    return table


def programs(running: Sequence[Running]) -> list[str]:
    """The processes that run, those that are alike as one line, with the settings that decide what is held and sent."""
    alike = Counter(
        (each.kind, each.version, each.settings.get("channel"), each.breaker, each.name.rsplit("-", 2)[0]) for each in running
    )
    return [
        f"lens {kind} on {host}{f' ({count} processes)' if count > 1 else ''}, version {version}, channel {channel}, "
        f"surge floor {'not set' if breaker.floor is None else f'{breaker.floor:,}'}, factor {breaker.factor:g}"
        for (kind, version, channel, breaker, host), count in alike.items()
    ]


def _lanes(waiting: Waiting, room: int | None) -> RenderableType:
    lanes = waiting.lanes
    paused = {pause.scope for pause in waiting.pauses}
    if not lanes:
        return Text("no lane waits", style="dim")
    shown = lanes if room is None else lanes[:room]
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("lane", "state", "to send", "oldest", "failed in a row", "now"):
        table.add_column(name, justify="right" if name in {"to send", "oldest", "failed in a row"} else "left")
    for lane in shown:
        now = "paused" if paused & {lane.ori, EVERYTHING} else doing(lane)
        table.add_row(lane.ori, lane.state, f"{lane.messages:,}", span(lane.oldest), str(lane.fails or ""), now)
    more = len(lanes) - len(shown)
    return Group(table, Text(f"and {more:,} more", style="dim")) if more else table


def doing(lane: LaneWaiting) -> str:
    """What goes on in a lane that is not paused."""
    if lane.owner is not None:
        return f"in hand of {lane.owner}"
    return f"rests {span(lane.rests)}" if lane.rests else "waits"


def _join_values(values: Mapping[str, str]) -> str:
    return ", ".join(f"{value} {name}" for name, value in values.items()) or "none"


def share(part: int, whole: int) -> str:
    """A share in percent, never rounded up to all of it.

    >>> share(999, 1000), share(9999, 10000), share(5, 5)
    ('99.9 %', '99.9 %', '100 %')
    """
    return "100 %" if part == whole else f"{part * 1000 // whole / 10:g} %"


def span(micros: int) -> str:
    """How long, in the largest two units.

    >>> span(900_000), span(75 * SECOND), span(3 * 86400 * SECOND + 7200 * SECOND)
    ('0 s', '1 min 15 s', '3 d 2 h')
    """
    left = max(micros, 0) // SECOND
    parts: list[str] = []
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if left >= size or (name == "s" and not parts):
            parts.append(f"{left // size} {name}")
        left %= size
    return " ".join(parts[:2])
