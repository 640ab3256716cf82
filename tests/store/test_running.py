import pytest

from app.domain.surge import Breaker
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.upkeep.running import Kind, Program, breaker_in_use, list_running, say_running, say_stopped
from tests.dispatch.outbox_rows import change
from tests.store.invented import rows, run


def program(name: str, kind: Kind = "serve", **settings: object) -> Program:
    """A process with these settings."""
    return Program(name, kind, "1.0", settings)


def test_who_runs_is_known_until_it_ends_or_falls_silent(store: Store) -> None:
    """Saying it again changes nothing; a process that was killed is gone after a minute, its row after a day."""
    run(store, say_running, program("b", "work"), program("a", surge_floor=4))
    run(store, say_running, program("a", surge_floor=9))
    assert [(each.name, each.kind, each.settings) for each in look(store, list_running)] == [
        ("a", "serve", {"surge_floor": 4}),
        ("b", "work", {}),
    ]
    run(store, say_stopped, "a")
    assert [each.name for each in look(store, list_running)] == ["b"]
    change(store, "UPDATE running SET seen_at = seen_at - 61000000")
    assert look(store, list_running) == ()
    run(store, say_running, program("c"))
    assert rows(store, "SELECT name FROM running ORDER BY name") == [("b",), ("c",)]
    change(store, "UPDATE running SET seen_at = seen_at - 86400000000 WHERE name = 'b'")
    run(store, say_running, program("c"))
    assert rows(store, "SELECT name FROM running") == [("c",)]


@pytest.mark.parametrize(("floors", "in_use"), [([], 77), ([None], None), ([5], 5), ([None, 9, 5], 5), ([None, 3000], 3000)])
def test_the_breaker_is_that_of_those_that_accept(store: Store, floors: list[int | None], in_use: int | None) -> None:
    """The strictest of them; a dispatcher has no say."""
    run(store, say_running, program("work", "work", surge_floor=1))
    for place, floor in enumerate(floors):
        run(store, say_running, program(f"serve-{place}", surge_floor=floor))
    assert breaker_in_use(look(store, list_running), Breaker(77)).floor == in_use
