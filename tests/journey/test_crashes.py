"""The service is killed and started again while releases come in: what was acknowledged arrives, each message once."""

import random
import threading
from pathlib import Path

import httpx

from tests.cli.programs import Program, client, release, until

RELEASES = 60
KILLS = 4


def files_of(spool: Path) -> dict[str, bytes]:
    """What a gateway would find: message numbers and bytes."""
    return {file.stem: file.read_bytes() for file in (spool / "out").glob("*.am")}


def test_kill_9_between_and_during_posts_loses_nothing(tmp_path: Path) -> None:
    """A sender repeats what was not answered; in the end each release is stored once and each of its messages is in the spool once,
    with the very bytes of the acknowledgement.
    """
    chance = random.Random(9)
    todo = [f"CRASH-{number}" for number in range(RELEASES)]
    answered: dict[str, dict[str, str]] = {}
    listed: list[dict[str, str]] = []
    for kill in range(KILLS + 1):
        with Program(tmp_path, ["serve", "--port", "0"], {"LENS_LEASE": "500ms"}) as program, client(program.url()) as api:
            share = todo if kill == KILLS else todo[: RELEASES // (KILLS + 1)]
            timer = threading.Timer(chance.uniform(0.0, 0.1), program.process.kill)
            if kill < KILLS:
                timer.start()
            for release_id in list(share):
                try:
                    answer = api.post("/v1/releases", content=release(release_id))
                except httpx.TransportError:
                    break
                assert answer.status_code in {200, 201}
                answered |= {message["message_id"]: message for message in answer.json()["messages"]}
                todo.remove(release_id)
            timer.cancel()
            if kill == KILLS:
                until(lambda: len(api.get("/v1/messages?limit=1000&status=sent").json()["items"]) == 2 * RELEASES)
                listed = api.get("/v1/messages?limit=1000").json()["items"]
            else:
                program.kill()
    assert todo == []
    assert len(listed) == len(answered) == 2 * RELEASES
    assert {message["status"] for message in listed} == {"sent"}
    assert len({message["release_id"] for message in listed}) == RELEASES
    assert files_of(tmp_path / "spool") == {
        message_id: message["text"].replace("\n", "\r\n").encode() for message_id, message in answered.items()
    }
