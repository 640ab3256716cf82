from app.domain.statuses import MOVES, READY, Status, may_become


def test_every_status_has_its_moves() -> None:
    """The table is complete, and no status leads to itself."""
    assert set(MOVES) == set(Status)
    assert not any(status in following for status, following in MOVES.items())


def test_only_a_message_to_be_sent_can_be_under_way() -> None:
    """Sending begins from a status that the dispatcher takes, and from no other."""
    assert {status for status in Status if Status.SENDING in MOVES[status]} <= READY


def test_sent_comes_only_from_a_try() -> None:
    """Nothing is called sent that was not under way."""
    assert {status for status in Status if Status.SENT in MOVES[status]} == {Status.SENDING}
    assert {status for status in Status if Status.PRESUMED_DELIVERED in MOVES[status]} == {Status.SENT}


def test_what_the_network_holds_reaches_no_wire_without_a_person() -> None:
    """From SM .02. there is no way back to sending but through a rejection, which only a person can requeue."""
    seen, ahead = set(), {Status.HELD_BY_NETWORK}
    while ahead:
        status = ahead.pop()
        seen.add(status)
        if status != Status.REJECTED:
            ahead |= MOVES[status] - seen
    assert not seen & READY


def test_what_was_overtaken_or_suppressed_stays_so() -> None:
    """Only these two statuses are for ever."""
    assert {status for status in Status if not MOVES[status]} == {Status.CANCELLED, Status.SUPPRESSED}


def test_a_held_message_needs_a_person_first() -> None:
    """A message that is held can be lifted or overtaken, and nothing else."""
    assert may_become("held", "queued")
    assert not any(may_become("held", status) for status in Status if status not in {Status.QUEUED, Status.CANCELLED})
