from app.api.metrics.key_metrics import key_metrics
from app.domain.times import SECOND
from app.store.callers.keys import NewKey, StoredKey, create
from tests.api.serving import Service

NOW = 1_795_429_800_000_000
DAY = 86_400


def key(place: int, expires_at: int | None, revoked_at: int | None = None) -> StoredKey:
    """An invented key."""
    return StoredKey(
        id=place,
        name=f"key {place}",
        role="operator",
        digest=str(place),
        created_at=0,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )


def test_keys_that_run_out_are_told_by_their_ids() -> None:
    """Those that are good, and those that ran out not long ago; none that was revoked or lasts for ever."""
    keys = (
        key(1, NOW + DAY * SECOND),
        key(2, NOW - DAY * SECOND),
        key(3, None),
        key(4, NOW + SECOND, revoked_at=NOW),
        key(5, NOW - 31 * DAY * SECOND),
    )
    (family,) = key_metrics(keys, NOW)
    assert {sample.labels["key"]: sample.value for sample in family.samples} == {"1": DAY, "2": -DAY}


def test_the_page_has_them(service: Service) -> None:
    """Without the name of a caller."""
    service.writer.do_and_wait(
        create, NewKey(name="soon over", role="operator", by="tests", at=1, expires_at=9_000_000_000_000_000)
    )
    with service.client(None) as client:
        page = client.get("/metrics").text
    assert 'lens_key_expires_seconds{key="' in page
    assert "soon over" not in page
