import asyncio

import pytest
from starlette.requests import Request

from app.api.metrics.metrics import Metrics
from app.api.requests.auth import Caller, Gate
from app.api.requests.guesses import FAILURES
from app.api.requests.problems import TooManyFailures
from app.errors import NotAllowed, NotSignedIn
from app.store.callers.keys import ROLES, StoredKey, digest_of

NOW = 1_795_429_800_000_000


class Keys:
    """Keys as the store would give them, and how often they were read."""

    def __init__(self) -> None:
        self.known: list[StoredKey] = []
        self.reads = 0

    def add(self, key: str, role: str, expires_at: int | None = None, revoked_at: int | None = None) -> None:
        """Makes a key known."""
        self.known.append(
            StoredKey(
                id=1,
                name=f"the {role}",
                role=role,
                digest=digest_of(key),
                created_at=0,
                expires_at=expires_at,
                revoked_at=revoked_at,
            )
        )

    def load(self) -> list[StoredKey]:
        """As the store does."""
        self.reads += 1
        return list(self.known)


def request(authorization: str | None) -> Request:
    """A request with this Authorization header."""
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    return Request({"type": "http", "headers": headers})


def admit(keys: Keys, authorization: str | None, *roles: str) -> Caller:
    """What a fresh gate says."""
    return asyncio.run(Gate(keys.load, lambda: NOW, Metrics()).admit(request(authorization), *roles))


def test_a_key_lets_its_caller_in() -> None:
    """A known key with a role asked for is its caller."""
    keys = Keys()
    keys.add("k1", "operator", NOW + 1)
    assert admit(keys, "Bearer k1", "auditor", "operator").name == "the operator"
    assert admit(keys, "bearer  k1", "operator").name == "the operator"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic k1", "k1", "Bearer other", "Bearer \xff"])
def test_no_key_or_a_bad_one(header: str | None) -> None:
    """Whatever is not a known key is refused in the same words."""
    keys = Keys()
    keys.add("k1", "operator")
    with pytest.raises(NotSignedIn, match=r"^Sign in with a valid key\.$"):
        admit(keys, header, "operator")


def test_an_expired_key_is_no_key() -> None:
    """A key is good until the moment it expires, and not at it."""
    keys = Keys()
    keys.add("k1", "operator", NOW)
    with pytest.raises(NotSignedIn):
        admit(keys, "Bearer k1", "operator")


def test_a_revoked_key_is_no_key() -> None:
    """A key that was revoked lets nobody in."""
    keys = Keys()
    keys.add("k1", "operator", revoked_at=NOW - 1)
    with pytest.raises(NotSignedIn):
        admit(keys, "Bearer k1", "operator")


def test_the_bootstrap_key_holds_every_role() -> None:
    """It does for trying out whatever any other key does."""
    keys = Keys()
    keys.add("k1", "bootstrap")
    for role in ROLES:
        assert admit(keys, "Bearer k1", role).roles == frozenset(ROLES)


def test_a_wrong_role() -> None:
    """A good key with another role is refused."""
    keys = Keys()
    keys.add("k1", "auditor")
    with pytest.raises(NotAllowed):
        admit(keys, "Bearer k1", "operator")


def test_many_requests_read_the_keys_once() -> None:
    """A request costs no SQL: what was read serves all until it is stale."""
    keys = Keys()
    keys.add("k1", "operator")

    async def run() -> None:
        gate = Gate(keys.load, lambda: NOW, Metrics())
        await asyncio.gather(*(gate.admit(request("Bearer k1"), "operator") for _ in range(50)))
        for _ in range(50):
            await gate.admit(request("Bearer k1"), "operator")

    asyncio.run(run())
    assert keys.reads == 1


def test_guessing_does_not_reach_the_database() -> None:
    """A run of unknown keys reads the keys once in a tenth of a second, not once each."""
    keys, now = Keys(), 0.0

    async def run() -> None:
        nonlocal now
        gate = Gate(keys.load, lambda: NOW, Metrics(), lambda: now)
        for guess in range(100):
            now += 0.01
            with pytest.raises(NotSignedIn if guess < FAILURES else TooManyFailures):
                await gate.admit(request(f"Bearer {guess}"), "operator")

    asyncio.run(run())
    assert keys.reads <= 10


def test_a_revoked_key_stops_within_two_seconds_and_a_new_one_works_at_once() -> None:
    """What is known of the keys is at most two seconds old, and a key not known is looked for."""
    keys, now = Keys(), 0.0
    keys.add("k1", "operator")

    async def run() -> None:
        nonlocal now
        gate = Gate(keys.load, lambda: NOW, Metrics(), lambda: now)
        await gate.admit(request("Bearer k1"), "operator")
        keys.known.clear()
        keys.add("k2", "operator")
        now = 0.2
        await gate.admit(request("Bearer k2"), "operator")
        keys.known.clear()
        now = 0.2 + 2.01
        with pytest.raises(NotSignedIn):
            await gate.admit(request("Bearer k2"), "operator")

    asyncio.run(run())


def test_refusals_are_counted_by_kind() -> None:
    """The metrics say how many were refused and why, never whom."""
    keys, metrics = Keys(), Metrics()
    keys.add("k1", "auditor")

    async def run() -> None:
        gate = Gate(keys.load, lambda: NOW, metrics)
        for header in ("Bearer k1", "Bearer k2", None):
            with pytest.raises((NotSignedIn, NotAllowed)):
                await gate.admit(request(header), "operator")

    asyncio.run(run())
    page = metrics.page().decode()
    for why in ("no_key", "unknown_key", "wrong_role"):
        assert f'lens_sign_in_refused_total{{why="{why}"}} 1.0' in page
