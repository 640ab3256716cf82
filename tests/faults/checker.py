"""The independent checker: holds what callers were acknowledged, what came to the network and what is stored against each other.

It judges from outside, after the fact, and knows nothing of how LENS works: acknowledged ⊆ stored, what is called sent was taken,
what came was stored and begun before, each lane in order, every extra flagged, every history explains itself, totals add up.
All violations are told, not only the first. Every fault test uses it; test_checker.py proves that it bites.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from app.domain.statuses import may_become
from tests.faults.records import HOLDS, Arrival, Stored, StoredMessage, Told

OVER = {"sent", "presumed_delivered", "held_by_network", "rejected", "dead", "cancelled", "suppressed", "held"}
"""Statuses that may stand once everything has come to rest."""

_NAME = re.compile(r"\bLN[0-9A-Z]{8}\b")
_ACCOUNTS = 5

_FIRST = {"queued", "held", "suppressed"}
_WAITED = {"held", "dead"}
"""What was one of these goes out when a person lets it, whatever its number."""


class Findings(NamedTuple):
    """What was found: every violation in words, without any text of a message, and the figures of the run."""

    violations: Sequence[str]
    figures: Mapping[str, int]


def check(
    told: Iterable[Told],
    arrivals: Sequence[Arrival],
    stored: Stored,
    *,
    finished: bool = True,
    unheard: Collection[str] = frozenset(),
) -> Findings:
    """Everything that is wrong between the three accounts.

    `finished`: all has come to rest, so nothing may still wait and whatever is stored was acknowledged in the end. Without it,
    the accounts are of one instant in the middle, as after a power cut. `unheard`: messages about which the network said
    something that was lost on the link, for which nobody here can answer.
    """
    once = {each.message_id: each for each in told}
    by_message: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        by_message[arrival.message_id].append(arrival)
    found = [
        *_acknowledged(once, stored, finished=finished),
        *_whole(stored),
        *_came(by_message, stored),
        *_lanes(arrivals, stored),
        *(words for message in stored.messages.values() for words in _explained(message)),
        *(words for message in stored.messages.values() for words in _accounted(message, by_message[message.message_id])),
    ]
    if finished:
        found += [*_at_rest(stored, by_message, unheard), *_totals(once, stored)]
    return Findings(found, _figures(once, arrivals, by_message, stored))


def assert_sound(
    told: Iterable[Told], arrivals: Sequence[Arrival], stored: Stored, *, unheard: Collection[str] = frozenset()
) -> Mapping[str, int]:
    """Fails with every violation of a run that is over; the figures of one that has none."""
    findings = check(told, arrivals, stored, unheard=unheard)
    shown = "\n".join([*findings.violations[:40], *accounts(findings.violations, arrivals, stored)])
    assert not findings.violations, f"{len(findings.violations)} violations in {dict(findings.figures)}:\n{shown}"
    return findings.figures


def accounts(violations: Iterable[str], arrivals: Sequence[Arrival], stored: Stored) -> list[str]:
    """Of the first messages that violations name: what is stored of each and of what follows it up, and what came."""
    named = list(dict.fromkeys(name for words in violations for name in _NAME.findall(words)))[:_ACCOUNTS]
    lines: list[str] = []
    for name in named:
        for message in stored.messages.values():
            if name in {message.message_id, message.refers_to}:
                lines.append(
                    f"{message.message_id} is {message.status} after {message.attempts} tries,"
                    f" flagged {message.flagged}, refers to {message.refers_to}"
                )
                lines += [f"  {event.at} {event.status} (try {event.attempt}): {event.cause}" for event in message.history]
        came = [
            f"  arrival {place}: {each.fate}, acknowledged {each.acked}"
            for place, each in enumerate(arrivals)
            if each.message_id == name
        ]
        lines += [f"{name} at the network, of {len(arrivals)} arrivals:", *came]
    return lines


def _acknowledged(told: Mapping[str, Told], stored: Stored, *, finished: bool) -> Iterator[str]:
    """Acknowledged is stored, word for word."""
    releases = set(stored.releases)
    for release_id in sorted({each.release_id for each in told.values()} - releases):
        yield f"LOST: release {release_id} was acknowledged and is not stored"
    for each in told.values():
        found = stored.messages.get(each.message_id)
        if found is None:
            yield f"LOST: message {each.message_id} of {each.release_id} was acknowledged and is not stored"
        elif (found.release_id, found.state, found.ori, found.text) != (each.release_id, each.state, each.ori, each.text):
            yield f"ALTERED: message {each.message_id} is not stored as it was acknowledged"
    if finished:
        for name in sorted(set(stored.messages) - set(told)):
            yield f"UNTOLD: message {name} is stored and nobody was ever told of it"


def _whole(stored: Stored) -> Iterator[str]:
    """Releases are stored once, each with its line in the audit trail."""
    for release_id, times in Counter(stored.releases).items():
        if times > 1:
            yield f"DOUBLED: release {release_id} is stored {times} times"
    audited = Counter(stored.audited)
    for release_id in sorted(set(stored.releases) | set(audited)):
        if audited[release_id] != 1:
            yield f"AUDIT: release {release_id} has {audited[release_id]} lines in the audit trail, not 1"


def _came(by_message: Mapping[str, Sequence[Arrival]], stored: Stored) -> Iterator[str]:
    """What came to the network is stored, was to be sent, and is what is stored."""
    for name, arrivals in by_message.items():
        message = stored.messages.get(name)
        if message is None:
            yield f"UNKNOWN: message {name} came to the network and is not stored"
        elif any((each.ori, each.text) != (message.ori, message.text) for each in arrivals):
            yield f"ALTERED: message {name} came to the network otherwise than it is stored"


def _lanes(arrivals: Sequence[Arrival], stored: Stored) -> Iterator[str]:
    """In each lane messages came first in the order of their numbers, and none before the one that it follows up was taken.

    One that waited for a person comes when it is let go, so its place is free.
    """
    first: dict[str, int] = {}
    taken: dict[str, int] = {}
    lanes: dict[str, list[str]] = defaultdict(list)
    for place, each in enumerate(arrivals):
        message = stored.messages.get(each.message_id)
        if message is not None and each.message_id not in first:
            first[each.message_id] = place
            if not any(event.status in _WAITED for event in message.history):
                lanes[each.ori].append(each.message_id)
        if each.fate in HOLDS:
            taken.setdefault(each.message_id, place)
    for ori, names in lanes.items():
        for one, next_one in pairwise(names):
            if next_one < one:
                yield f"ORDER: {next_one} came to {ori} after {one}"
    for name, place in first.items():
        before = stored.messages[name].refers_to
        if before in taken and taken[before] > place:
            yield f"ORDER: {name} came before {before}, which it follows up, was taken"


def _explained(message: StoredMessage) -> Iterator[str]:
    """A history begins as messages begin, goes only ways that there are, says why at each step and ends at the status."""
    name, history = message.message_id, message.history
    if not history:
        yield f"HISTORY: {name} has none"
        return
    if history[0].status not in _FIRST:
        yield f"HISTORY: {name} begins as {history[0].status}"
    if history[-1].status != message.status:
        yield f"HISTORY: {name} is {message.status}, its history ends with {history[-1].status}"
    for before, after in pairwise(history):
        again = before.status == after.status == "sending" and "may have arrived" in after.cause
        if not again and not may_become(before.status, after.status):
            yield f"HISTORY: {name} went from {before.status} to {after.status}"
        if again and not message.flagged:
            yield f"UNFLAGGED: {name} was sent again with its try's outcome unknown"
    if not all(event.cause.strip() for event in history):
        yield f"HISTORY: {name} has a status without a cause"
    tries = [event.attempt for event in history if event.status == "sending"]
    if tries != list(range(1, message.attempts + 1)):
        yield f"HISTORY: {name} has {message.attempts} attempts, its history begins tries {tries}"


def _accounted(message: StoredMessage, arrivals: Sequence[Arrival]) -> Iterator[str]:
    """Sends and tries agree: nothing came that was not begun, nothing is called sent that was not acknowledged, extras are flagged."""
    name = message.message_id
    if len(arrivals) > message.attempts:
        yield f"UNBEGUN: {name} came {len(arrivals)} times in {message.attempts} tries"
    sent = sum(event.status == "sent" for event in message.history)
    acked = sum(arrival.acked for arrival in arrivals)
    if sent > acked:
        yield f"UNSENT: {name} is called sent {sent} times, the network acknowledged {acked}"
    copies = sum(arrival.fate in HOLDS for arrival in arrivals)
    if copies > 1 and not message.flagged:
        yield f"UNFLAGGED: the network has {name} {copies} times"


def _at_rest(stored: Stored, by_message: Mapping[str, Sequence[Arrival]], unheard: Collection[str]) -> Iterator[str]:
    """Nothing waits any more, and each status is what the network made of the message."""
    followed = {message.refers_to for message in stored.messages.values()}
    for name, message in stored.messages.items():
        fates = {arrival.fate for arrival in by_message.get(name, ())}
        status, held = message.status, bool(fates & HOLDS)
        if status not in OVER:
            yield f"STUCK: {name} is {status}"
        elif status in {"sent", "presumed_delivered"} and not held and name not in unheard:
            yield f"LOST: {name} is {status}, and the network has it not ({_words(fates)})"
        elif status == "held_by_network" and "will_forward" not in fates:
            yield f"STATUS: {name} is held_by_network, which the network never said"
        elif status == "rejected" and not fates & {"rejected", "thrown_away"}:
            yield f"STATUS: {name} is rejected, which the network never said"
        elif status in {"cancelled", "held", "suppressed"} and held and not (message.flagged and name in followed):
            # Thrown away, says the network of one that it has, repeating itself: it is cancelled in doubt and followed up.
            yield f"STATUS: {name} is {status}, and the network has it"
        if status in {"dead", "rejected", "held"} and name not in stored.asked:
            yield f"UNSEEN: {name} is {status}, and no work item asks a person"


def _totals(told: Mapping[str, Told], stored: Stored) -> Iterator[str]:
    """For each state, what was acknowledged and what is stored are as many."""
    acknowledged = Counter(each.state for each in told.values())
    accepted = Counter(each.state for each in stored.messages.values())
    for state in sorted(set(acknowledged) | set(accepted)):
        if acknowledged[state] != accepted[state]:
            yield f"TOTALS: {state} has {accepted[state]} messages stored, {acknowledged[state]} acknowledged"


def _figures(
    told: Mapping[str, Told], arrivals: Sequence[Arrival], by_message: Mapping[str, Sequence[Arrival]], stored: Stored
) -> dict[str, int]:
    copies = [sum(each.fate in HOLDS for each in mine) for mine in by_message.values()]
    return {
        "releases": len(stored.releases),
        "messages": len(stored.messages),
        "acknowledged": len(told),
        "tries": sum(message.attempts for message in stored.messages.values()),
        "arrivals": len(arrivals),
        "delivered": sum(count > 0 for count in copies),
        "extras": sum(count - 1 for count in copies if count > 1),
        "flagged": sum(message.flagged for message in stored.messages.values()),
    } | {f"status {status}": count for status, count in sorted(Counter(m.status for m in stored.messages.values()).items())}


def _words(fates: Iterable[str]) -> str:
    return ", ".join(sorted(fates)) or "it never came"
