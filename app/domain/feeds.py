"""When a feed has fallen silent, and when it is heard again: pure, from what is stored of it and the time."""

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Feed(NamedTuple):
    """A feed as it is now; times are Micros. `heard_at` is that of the last heartbeat or new release, whichever was later.

    `silent_since`: raised as silent, and last heard of at that time; None otherwise. `differences`: wrong counts so far.
    """

    caller: str
    heartbeat_at: int
    heard_at: int
    silent_since: int | None
    differences: int


class Watch(NamedTuple):
    """To look at every feed at a time, `now`, and raise those not heard of for longer than `silent_after`; both Micros."""

    now: int
    silent_after: int


class Noticed(NamedTuple):
    """What a look at the feeds raises or settles: a feed has fallen silent, or is heard again. `heard_at` is Micros."""

    caller: str
    what: Literal["silent", "back"]
    heard_at: int


def notice(feeds: Sequence[Feed], watch: Watch) -> tuple[Noticed, ...]:
    """What is new about the feeds at a look: each that has fallen silent, and each raised as silent that was heard since."""
    found = (_notice_one(feed, watch) for feed in feeds)
    return tuple(each for each in found if each is not None)


def _notice_one(feed: Feed, watch: Watch) -> Noticed | None:
    if feed.silent_since is None:
        silent = watch.now - feed.heard_at > watch.silent_after
        return Noticed(feed.caller, "silent", feed.heard_at) if silent else None
    back = feed.heard_at > feed.silent_since
    return Noticed(feed.caller, "back", feed.heard_at) if back else None
