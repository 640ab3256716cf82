import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import text

from app.decide.addresses import Mark
from app.domain.decision import Answer
from app.errors import BadSetting, LensError
from app.store.accepted.addresses import address_key, with_caution
from app.store.accepted.releases import Accepted, accept_many
from app.store.database.engine import Store
from app.store.database.writer import Writer
from tests.store.invented import accept, acceptance, decided, rows

HOME = Mark(0, 3)
ELSEWHERE = Mark(-(2**63), 3)
CODE = "address-over-used"


def warned(accepted: Accepted | LensError) -> bool:
    """Whether the stored answer warns."""
    assert isinstance(accepted, Accepted)
    return CODE in {each.code for each in msgspec.json.decode(accepted.answer_json, type=Answer).warnings}


def test_beyond_the_limit_each_release_warns(store: Store) -> None:
    """Within one transaction and over several, in the order of storing; another address and none are counted apart."""
    items = [acceptance(f"A-{number}")._replace(address=HOME) for number in range(6)]
    others = [acceptance("B-0")._replace(address=ELSEWHERE), acceptance("C-0")]
    assert [warned(each) for each in accept(store, items[0], others[0], items[1])] == [False] * 3
    assert [warned(each) for each in accept(store, *items[2:5], others[1])] == [False, True, True, False]
    assert [warned(each) for each in accept(store, items[5])] == [True]


def test_a_replay_counts_nothing(store: Store) -> None:
    """The same release again, in the same group or later, has its answer of then and does not bring others nearer the limit."""
    items = [acceptance(f"A-{number}")._replace(address=HOME) for number in range(4)]
    accept(store, *items[:2], *items[:2])
    accept(store, *items[:2])
    assert [warned(each) for each in accept(store, items[2], items[3], items[3])] == [False, True, True]
    assert rows(store, "SELECT count(*) FROM release WHERE residence_digest = :digest", digest=HOME.digest) == [(4,)]


def test_exactly_the_limit_is_without_warning_however_many_write(store: Store, new_store: Callable[[], Store]) -> None:
    """Several processes at once: as many releases as the limit have no warning, all others one."""
    stores = [store, new_store(), new_store()]
    together = threading.Barrier(len(stores))

    def send(place: int) -> list[bool]:
        with Writer(stores[place]) as writer:
            together.wait(20)
            items = [acceptance(f"W-{place}-{each}")._replace(address=HOME) for each in range(8)]
            return [warned(writer.do_and_wait(accept_many, item)) for item in items]

    with ThreadPoolExecutor(len(stores)) as pool:
        found = [each for part in pool.map(send, range(len(stores))) for each in part]
    assert (found.count(False), found.count(True)) == (HOME.limit, 24 - HOME.limit)


def test_a_dry_run_warns_as_storing_would(store: Store) -> None:
    """It counts itself, and not twice when it is stored already."""
    accept(store, *[acceptance(f"A-{number}")._replace(address=HOME) for number in range(HOME.limit)])
    with store.read.connect() as connection:
        assert CODE in str(with_caution(connection, decided("A-new"), HOME).warnings)
        assert CODE not in str(with_caution(connection, decided("A-1"), HOME).warnings)
        assert CODE not in str(with_caution(connection, decided("A-new"), ELSEWHERE).warnings)
        assert with_caution(connection, decided("A-new"), None) == decided("A-new")


def test_every_store_has_a_key_of_its_own(store: Store) -> None:
    """Made with the tables, 256 random bits."""
    with store.read.connect() as connection:
        assert len(address_key(connection)) == 32


def test_a_key_that_is_gone_is_told(store: Store) -> None:
    """Without it digests could be guessed: the start stops, and says what to do."""
    with store.write.begin() as connection:
        connection.execute(text("DELETE FROM address_key"))
    with store.read.connect() as connection, pytest.raises(BadSetting, match="restore its row from a backup"):
        address_key(connection)
