"""Going on with a store that is older than what was sent: restored from a backup, or a standby that had not got everything.

Numbers given out since then are not known here, and the network drops a message whose number it has had. So numbers go on well
beyond them; and whatever waits, or waits for a person, may have been sent already, so it is flagged.
"""

from typing import NamedTuple

from sqlalchemy import text

from app.errors import Unavailable
from app.store.database.engine import Store, now_micros
from app.store.ledger.audit import AuditEntry, append
from app.store.outbox.outbox import leased
from app.store.statements.rows import lock_counters, run

SKIPPED = 1_000_000
"""Numbers skipped: more than can have been given out in what was lost, and a millionth of all there are."""


_FLAG = """
    UPDATE message SET maybe_duplicate = true WHERE ready OR status IN ('queued', 'held', 'dead', 'rejected') RETURNING number"""
"""What a person can let go may have been let go, and sent, in the time that is lost."""


_BEYOND = "UPDATE counter SET last = ? WHERE name = 'message' AND last < ?"


class Recovered(NamedTuple):
    """`next_number`: of the first message accepted from now on; `flagged`: messages that may go out yet and may have been sent."""

    next_number: int
    flagged: int


def recover(store: Store, skip: int = SKIPPED, given_out: int = 0) -> Recovered:
    """Skips numbers of messages, releases and work items, and flags what may go out yet, in one transaction. Safe to repeat.

    `given_out` is the highest message number that is known outside of this store to have been given out.

    No process may send from the store meanwhile, or flags come too late. Raises Unavailable when it is in use.
    """
    with store.write.begin() as connection:
        now = now_micros(connection)
        if leased(connection):
            raise Unavailable("A dispatcher has lanes: stop every LENS process, wait until leases end (LENS_LEASE), try again.")
        lock_counters(connection)
        run(connection, "UPDATE counter SET last = last + ? WHERE name IN ('message', 'release', 'work_item')", [skip])
        run(connection, _BEYOND, [given_out + skip, given_out + skip])
        flagged = len(run(connection, _FLAG, ()))
        last = int(connection.scalar(text("SELECT last FROM counter WHERE name = 'message'")) or 0)
        detail = {"numbers_skipped": skip, "messages_flagged": flagged}
        append(
            connection,
            [
                AuditEntry(
                    at=now, actor="lens db recovered", action="store_recovered", target="store", outcome="ok", detail=detail
                )
            ],
        )
    return Recovered(last + 1, flagged)
