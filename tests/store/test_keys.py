import json

import msgspec
import pytest

from app.errors import Conflict, LensError, NotFound, NotSignedIn, Refused
from app.store.callers.keys import BOOTSTRAP, ROLES, Bootstrap, NewKey, Revoke, bootstrap, create, find_key, list_keys, revoke
from app.store.database.engine import Store
from tests.store.invented import NOON, rows, run

LATER = NOON + 1_000_000


def made(store: Store, name: str = "erom", role: str = "system_of_record", expires_at: int | None = None) -> str:
    """The text of a new key."""
    key = run(store, create, NewKey(name=name, role=role, by="admin", at=NOON, expires_at=expires_at))[0]
    assert isinstance(key, str)
    return key


def names(store: Store, key: str, now: int = LATER) -> tuple[str, frozenset[str]]:
    """Whose key this is, and the roles it holds."""
    with store.read.connect() as connection:
        found = find_key(connection, key, now)
    return found.name, found.roles


def test_a_key_is_shown_once_and_only_its_hash_is_kept(store: Store) -> None:
    """It has the form people can search their logs for, and the caller is found by it."""
    key = made(store)
    assert key.startswith("lens_")
    assert len(key) == 48
    assert key not in str(rows(store, "SELECT * FROM api_key")) + str(rows(store, "SELECT * FROM audit"))
    assert names(store, key) == ("erom", frozenset({"system_of_record"}))


def test_an_unknown_an_expired_and_a_revoked_key_are_refused_alike(store: Store) -> None:
    """The error says nothing about why."""
    expired, revoked = made(store, "a", expires_at=LATER), made(store, "b")
    assert run(store, revoke, Revoke("b", "admin", LATER)) == [1]
    assert names(store, expired, LATER - 1)[0] == "a"
    words = []
    for key in ("lens_nothing", expired, revoked):
        with pytest.raises(NotSignedIn) as caught:
            names(store, key)
        words.append(str(caught.value))
    assert len(set(words)) == 1


@pytest.mark.parametrize("role", ROLES)
def test_each_role_of_the_contract_can_be_given(store: Store, role: str) -> None:
    """And is the only one the key holds."""
    assert names(store, made(store, "x", role)) == ("x", frozenset({role}))


def test_all_faults_of_a_new_key_are_told_at_once(store: Store) -> None:
    """Name, role and expiry."""
    result = run(store, create, NewKey(name=" ", role="root", by="admin", at=NOON, expires_at=NOON))[0]
    assert isinstance(result, Refused)
    assert [fault.pointer for fault in result.faults] == ["/name", "/role", "/expires_at"]
    assert isinstance(
        run(store, create, NewKey(name=BOOTSTRAP, role="admin", by="admin", at=NOON, expires_at=None))[0], Refused
    )


def test_a_caller_may_have_a_second_key_of_the_same_role_only(store: Store) -> None:
    """So that a key can be changed without a moment of silence."""
    first, second = made(store), made(store)
    assert names(store, first) == names(store, second)
    assert isinstance(run(store, create, NewKey(name="erom", role="admin", by="admin", at=NOON, expires_at=None))[0], Conflict)
    assert run(store, revoke, Revoke("1", "admin", NOON)) == [1]
    assert names(store, second)[0] == "erom"
    with pytest.raises(NotSignedIn):
        names(store, first)


def test_revoking_a_name_ends_all_of_its_keys_once(store: Store) -> None:
    """Then there is none left to revoke."""
    made(store)
    made(store)
    results: list[int | LensError] = run(store, revoke, Revoke("erom", "admin", LATER), Revoke("erom", "admin", LATER))
    assert results[0] == 2
    assert isinstance(results[1], NotFound)
    with store.read.connect() as connection:
        assert [key.revoked_at for key in list_keys(connection)] == [LATER, LATER]


def test_the_bootstrap_key_is_taken_by_an_empty_database_only(store: Store) -> None:
    """It holds every role; a second start with another one changes nothing."""
    assert run(store, bootstrap, Bootstrap("trying-out", NOON), Bootstrap("another-one", NOON)) == [True, False]
    assert names(store, "trying-out") == (BOOTSTRAP, frozenset(ROLES))
    with pytest.raises(NotSignedIn):
        names(store, "another-one")


def test_what_is_done_with_keys_is_in_the_trail(store: Store) -> None:
    """Making and revoking, by whom."""
    made(store)
    run(store, revoke, Revoke("erom", "boss", LATER))
    trail = rows(store, "SELECT actor, action, object, outcome FROM audit WHERE action != 'chain_started' ORDER BY id")
    assert trail == [("admin", "create_key", "key erom", "created"), ("boss", "revoke_key", "key erom", "revoked")]


def test_a_key_backfills_only_when_made_so(store: Store) -> None:
    """It stands in the row and in the audit trail; a role that sends nothing cannot have it, and the bootstrap key needs none."""
    run(store, create, NewKey(name="past", role="system_of_record", by="admin", at=NOON, expires_at=None, may_backfill=True))
    made(store, "feed")
    refused = run(store, create, NewKey(name="desk", role="operator", by="admin", at=NOON, expires_at=None, may_backfill=True))[
        0
    ]
    assert isinstance(refused, Refused)
    assert [fault.pointer for fault in refused.faults] == ["/may_backfill"]
    with store.read.connect() as connection:
        keys = {key.name: key for key in list_keys(connection)}
    assert {name: key.backfills for name, key in keys.items()} == {"past": True, "feed": False}
    assert msgspec.structs.replace(keys["feed"], role=BOOTSTRAP).backfills
    created = rows(store, "SELECT detail_json FROM audit WHERE action = 'create_key' ORDER BY id")
    assert [json.loads(detail)["may_backfill"] for (detail,) in created] == [True, False]


def test_a_key_of_before_may_not_backfill(store: Store) -> None:
    """The column is empty for keys that were there when the database was brought up to date."""
    made(store, "feed")
    with store.write.begin() as connection:
        connection.exec_driver_sql("UPDATE api_key SET may_backfill = NULL")
    with store.read.connect() as connection:
        assert [key.backfills for key in list_keys(connection)] == [False]


@pytest.mark.parametrize(("name", "alike"), [("Ann Lee", "ann-lee"), ("bill", "bi11"), ("walter", "vvalter"), ("erom", "ER0M")])
def test_a_name_that_looks_like_that_of_another_key_is_refused(store: Store, name: str, alike: str) -> None:
    """While that key works: one person would pass for two. Exactly the same name is a second key of the same caller."""
    made(store, name, "operator")
    made(store, name, "operator")
    refused = run(store, create, NewKey(name=alike, role="operator", by="admin", at=NOON, expires_at=None))[0]
    assert isinstance(refused, Conflict)
    assert f"another key, {name}," in refused.detail
    assert alike not in refused.detail
    run(store, revoke, Revoke(name, "admin", NOON))
    assert made(store, alike, "operator")


def test_names_with_different_numbers_may_stand_beside_each_other(store: Store) -> None:
    """Two desks, two feeds, a feed and its second."""
    for name in ("desk 1", "desk 2", "feed", "feed2"):
        assert made(store, name, "operator")
