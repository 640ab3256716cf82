"""What handling rulebooks needs."""

from collections.abc import Callable
from typing import NamedTuple

from app.publishing.library import Library
from app.store.database.engine import Store
from app.store.database.writer import Writer


class Desk(NamedTuple):
    """What handling rulebooks needs: the store and its writer, the loaded rulebooks, the clock (Micros).

    `failing_too`: also a rulebook whose scenarios fail may go live, for trying out.
    """

    store: Store
    writer: Writer
    library: Library
    clock: Callable[[], int]
    failing_too: bool = False
