"""A feed works, falls silent, is noticed, and sends everything again: each state is told once, and late where it is late."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from tests.cli.programs import EXAMPLE, Program, client, until

LATE_HOURS = 30
"""Hours since the releases of which nobody was told in time; over LENS_LATE_AFTER."""


def batch(first: int, last: int, now: datetime, late_from: int = 7) -> bytes:
    """The system of record's releases with these numbers, the same whenever they are sent; those from `late_from` on are old."""
    lines = []
    for number in range(first, last + 1):
        at = now - timedelta(hours=LATE_HOURS if number >= late_from else 1)
        stay = EXAMPLE["stay"] | {"released_at": at.isoformat()}
        lines.append(msgspec.json.encode(EXAMPLE | {"release_id": f"FEED-{number}", "stay": stay}))
    return b"\n".join(lines)


def told(spool: Path) -> list[str]:
    """What a gateway has to send."""
    return sorted(file.read_text() for file in (spool / "out").glob("*.am"))


def test_a_silent_feed_catches_up_without_duplicates(tmp_path: Path, database_url: str) -> None:
    """It may begin well before the silence: what LENS has is not sent again, what it has not is, and says LATE NOTICE."""
    now = datetime.now(UTC)
    settings = {"LENS_DATABASE_URL": database_url, "LENS_FEED_SILENT_AFTER": "1s", "LENS_RULEBOOK_SOURCE": "published"}
    with Program(tmp_path, ["serve", "--port", "0"], settings) as program, client(program.url()) as api:
        before = api.post("/v1/releases:batch", content=batch(1, 6, now)).content
        assert api.post("/v1/heartbeat", json={"count": 6}).json()["agrees"]
        until(lambda: api.get("/readyz").json()["feeds"]["bootstrap"].startswith("silent since"))
        again = api.post("/v1/releases:batch", content=batch(1, 9, now)).content
        replays = [line.replace(b'"replayed":true', b'"replayed":false') for line in again.splitlines()]
        assert replays[:6] == before.splitlines()
        assert api.post("/v1/heartbeat", json={"count": 3}).json()["agrees"]
        until(lambda: len(api.get("/v1/messages?status=sent").json()["items"]) == 18)
        messages = api.get("/v1/messages").json()["items"]
        (item,) = api.get("/v1/work-items").json()["items"]
    assert len(messages) == len(told(tmp_path / "spool")) == 18
    assert sum("LATE NOTICE" in text for text in told(tmp_path / "spool")) == 6
    assert {m["release_id"] for m in messages if "LATE NOTICE" in m["text"]} == {"FEED-7", "FEED-8", "FEED-9"}
    assert (item["code"], item["status"]) == ("feed-silent", "open")
    assert "heard again" in item["detail"]
