from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import cycle, islice, permutations
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.times import SECOND
from app.errors import Refused
from app.store.database.engine import Store
from app.store.ledger.audit import AuditEntry, AuditFilter, StoredEntry, list_entries, note
from app.store.statements.paging import LONGEST_PAGE, PAGE, Order, Page, after, cursor, earliest, latest, limited
from tests.dispatch.outbox_rows import store_in
from tests.store.invented import NOON, run

DAY = 86_400 * SECOND
MIDNIGHT = NOON - DAY // 2


@given(st.sampled_from(["messages", "work-items"]), st.integers(1, 10**17))
def test_a_cursor_comes_back_as_the_place_it_was(kind: str, last: int) -> None:
    """And is safe in a query string."""
    given_out = cursor(kind, last)
    assert after(kind, given_out) == last
    assert set(given_out) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=30))
def test_any_other_text_is_refused_or_is_a_place(text: str) -> None:
    """Never another error."""
    with suppress(Refused):
        assert after("messages", text) >= 0


@pytest.mark.parametrize(("given_size", "size"), [(None, PAGE), (1, 1), (LONGEST_PAGE, LONGEST_PAGE)])
def test_a_page_has_the_size_asked_for(given_size: int | None, size: int) -> None:
    """Within the limit."""
    assert limited(given_size) == size


@pytest.mark.parametrize("size", [0, -1, LONGEST_PAGE + 1])
def test_a_page_of_any_other_size_is_refused(size: int) -> None:
    """It is never quietly cut."""
    with pytest.raises(Refused):
        limited(size)


def test_a_day_stands_for_all_of_it_in_utc() -> None:
    """From its first to its last microsecond."""
    assert earliest("from", "2026-11-23") == MIDNIGHT
    assert latest("to", "2026-11-23") == MIDNIGHT + DAY - 1


def test_a_time_is_taken_with_its_offset() -> None:
    """Noon in UTC is seven in the morning in Virginia."""
    assert earliest("from", "2026-11-23T07:00:00-05:00") == latest("to", "2026-11-23T12:00:00Z") == NOON
    assert (earliest("from", None), latest("to", None)) == (None, None)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23T12:00:00", "2026-02-30", "23.11.2026", "2026-11-23T25:00:00Z"])
def test_any_other_time_is_refused_by_its_name(text: str) -> None:
    """A time without an offset too: it would be a guess."""
    with pytest.raises(Refused) as caught:
        earliest("from", text)
    assert caught.value.faults[0].pointer == "/from"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store, to which every example adds."""
    with closing(store_in(tmp_path_factory.mktemp("pages"))) as store:
        yield store


def add(store: Store, actor: str, rows: int) -> None:
    """Writes rows of this actor into the audit trail."""
    run(store, note, *[AuditEntry(at=NOON, actor=actor, action="look", target="nothing", outcome="ok")] * rows)


def page_of(store: Store, actor: str, order: Order, limit: int = 1000, at: str | None = None) -> Page[StoredEntry]:
    """A page of what an actor did."""
    with store.read.connect() as connection:
        return list_entries(connection=connection, wanted=AuditFilter(actor), limit=limit, given=at, order=order)


@given(
    order=st.sampled_from(get_args(Order)),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    coming=st.lists(st.integers(0, 3), min_size=1, max_size=5),
)
def test_pages_of_either_order_make_up_the_list(store: Store, order: Order, sizes: list[int], coming: list[int]) -> None:
    """Every row once and in order, whatever the sizes of pages and however many rows come in while somebody pages."""
    actor = f"tester {uuid4()}"
    add(store, actor, 9)
    whole = [row.id for row in page_of(store, actor, order).items]
    seen: list[int] = []
    at: str | None = None
    for size, more in islice(zip(cycle(sizes), cycle(coming), strict=False), len(whole)):
        page = page_of(store=store, actor=actor, order=order, limit=size, at=at)
        seen += [row.id for row in page.items]
        at = page.next
        if at is None:
            break
        add(store, actor, more)
    assert seen[: len(whole)] == whole
    assert order == "oldest" or len(seen) == len(whole)


def test_a_cursor_of_the_other_order_is_refused(store: Store) -> None:
    """It would show what was seen again, or leave rows out."""
    add(store, "tester", 3)
    for order, other in permutations(get_args(Order)):
        page = page_of(store, "tester", order, 1)
        with pytest.raises(Refused) as caught:
            page_of(store=store, actor="tester", order=other, limit=1, at=page.next)
        assert caught.value.faults[0].code == "bad-cursor"
