from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store.database.engine import Store, open_store
from tests.store.invented import accept, acceptance, rows
from tests.store.test_feeds import beat

STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["new", "again", "backfill", "of another"]), st.integers(1, 3)),
        st.tuples(st.just("beat"), st.integers(0, 4)),
    ),
    max_size=25,
)
names = count(1)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Store]:
    """One store for every example; each has a caller of its own."""
    file = tmp_path_factory.mktemp("laws") / "lens.db"
    file.write_bytes(sqlite_template.read_bytes())
    with closing(open_store(f"sqlite:///{file}")) as opened:
        yield opened


@given(STEPS)
def test_every_release_is_told_of_once(one_store: Store, steps: list[tuple[str, int]]) -> None:
    """Whatever is sent between heartbeats, each counts exactly the new releases since the last; differing ones share a work item."""
    caller, sent, since, differed = f"sor-{next(names)}", list[str](), 0, 0
    for kind, number in steps:
        if kind == "beat":
            told = beat(one_store, number, caller=caller)
            assert (told.received, told.agrees) == (since, since == number)
            differed, since = differed + (not told.agrees), 0
        elif kind == "again":
            accept(one_store, *[acceptance(name, "nothing", caller=caller) for name in sent[-number:]])
        else:
            fresh = [f"{caller}-{len(sent)}-{kind}-{each}" for each in range(number)]
            whose = caller if kind != "of another" else "another"
            accept(one_store, *[acceptance(name, "nothing", backfill=kind == "backfill", caller=whose) for name in fresh])
            if kind != "of another":
                sent, since = sent + fresh, since + number
    opened = rows(one_store, "SELECT count(*) FROM work_item WHERE detail LIKE :words", words=f"Feed {caller} %")
    assert opened == [(1 if differed else 0,)]
    kept = rows(one_store, "SELECT differences FROM feed WHERE caller = :caller", caller=caller)
    assert not kept or kept[0][0] == differed
