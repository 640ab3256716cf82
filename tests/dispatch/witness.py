"""The one judge of what was delivered: it compares what is stored with what the switch saw, and trusts neither's own account."""

from collections.abc import Iterable

from app.domain.identifiers import message_id, message_number
from app.simulator.switch import Switch
from app.store.database.engine import Store
from tests.dispatch.outbox_rows import flagged, statuses, text_of

TOLD = {"sent", "presumed_delivered"}


def judge(store: Store, switch: Switch, oris: Iterable[str]) -> None:
    """Fails unless each message called sent lies in its inbox once, unaltered and in order, and every extra is flagged.

    A message that the switch refused for now came more than once by right, so with refusals the flags are not looked at.
    """
    now = statuses(store)
    for ori in oris:
        inbox = switch.inbox(ori)
        numbers = [message_number(message.message_id) or 0 for message in inbox]
        assert numbers == sorted(set(numbers)), f"{ori} got its messages out of order or twice"
        assert [message.text for message in inbox] == [text_of(number, ori) for number in numbers]
        assert set(numbers) <= set(now), f"{ori} got a message that is not stored"
    delivered = {message_number(message.message_id) for inbox in switch.inboxes().values() for message in inbox}
    assert {number for number, status in now.items() if status in TOLD} <= delivered, "a message called sent never arrived"
    extra = {number for number in now if switch.times_come(message_id(number)) > 1}
    assert switch.counts.naks or extra <= flagged(store), "a message came twice and is not flagged"
