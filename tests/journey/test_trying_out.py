"""The whole way with `lens serve --with-simulator`: from a POST to a simulated state's inbox."""

import signal
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.cli.programs import EXAMPLE, ROOT, Program, client, lens, release, until


def are_sent(api: httpx.Client, release_id: str) -> bool:
    """Whether every message of a release is sent."""
    return all(message["status"] == "sent" for message in api.get(f"/v1/releases/{release_id}").json()["messages"])


def test_a_release_arrives_at_both_states(tmp_path: Path) -> None:
    """What a newcomer does: start it, use the key and the line it prints, and see the promised words arrive."""
    settings = {"LENS_BOOTSTRAP_KEY": None, "LENS_LOG_LEVEL": "warning"}
    with Program(tmp_path, ["serve", "--with-simulator", "--port", "0"], settings) as program:
        inboxes = next(word for word in program.hears("The simulated network").split() if word.startswith("http"))
        url = program.url()
        program.hears("A key with every role")
        key = program.hears("lens_").strip()
        assert "curl" in program.hears(f"{url}/v1/releases")
        with client(url, key) as api:
            promised = api.post("/v1/releases", content=release("JOURNEY-1")).json()["messages"]
            for message in promised:
                program.hears(f"{message['message_id']} has arrived at {message['ori']}.")
            until(lambda: are_sent(api, "JOURNEY-1"))
            assert api.get("/readyz").status_code == 200
        for message in promised:
            (found,) = httpx.get(f"{inboxes}/{message['ori']}").json()
            assert (found["message_id"], found["text"]) == (message["message_id"], message["text"])
            file = tmp_path / "var/simulator" / message["ori"] / f"{message['message_id']}.am"
            assert file.read_bytes() == message["text"].replace("\n", "\r\n").encode()
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(40) == 0
    events = [msgspec.json.decode(line)["event"] for line in program.log.read_text().splitlines()]
    assert events == ["database_made"]


def test_the_log_of_a_whole_journey_names_nobody(tmp_path: Path) -> None:
    """Accepting, refusing, reading, a batch, a wrong key, at the most talkative level: no value of the release is in the log."""
    personal = {
        "name": {"last": "Quisenberry", "first": "Zebulon", "middle": "Thaddeus"},
        "aliases": [{"last": "Ravenscroft", "first": "Ignatius"}],
        "date_of_birth": "1971-07-19",
        "fbi_number": "98765432X",
        "alien_number": "A123123123",
    }
    home = {"street": "4711 Nowhere Lane", "city": "Xanadu Springs", "state": "TX", "zip": "79999"}
    body = EXAMPLE | {"release_id": "PRIVATE-1", "subject": personal, "residence": home}
    with Program(tmp_path, ["serve", "--with-simulator", "--port", "0"], {"LENS_LOG_LEVEL": "debug"}) as program:
        with client(program.url()) as api:
            assert api.post("/v1/releases", json=body).status_code == 201
            assert api.post("/v1/releases", json=body | {"residence": None}).status_code == 409
            assert api.post("/v1/releases", json=body | {"holds": "Quisenberry"}).status_code == 422
            assert api.post("/v1/releases", content=b'{"Quisenberry": Zebulon}').status_code == 400
            assert api.post("/v1/releases:batch", json=body | {"release_id": "PRIVATE-2"}).status_code == 200
            assert api.post("/v1/decisions", json=body).status_code == 200
            assert api.get("/v1/messages?state=Quisenberry").status_code == 422
            assert api.get("/Quisenberry/Zebulon?name=Quisenberry").status_code == 404
            until(lambda: are_sent(api, "PRIVATE-1") and are_sent(api, "PRIVATE-2"))
            metrics = api.get("/metrics").text
        with client(str(api.base_url), "Quisenberry-the-key") as stranger:
            assert stranger.get("/v1/messages").status_code == 401
    log = program.log.read_text() + "\n".join(program.heard) + metrics
    assert '"route":"/v1/releases"' in log
    for value in (
        *("Quisenberry", "Zebulon", "Thaddeus", "Ravenscroft", "Ignatius", "1971-07-19", "98765432X"),
        *("123123123", "4711 Nowhere", "Xanadu", "charge", "INFORMATION ONLY"),
    ):
        assert value.lower() not in log.lower(), value
    trail = lens(tmp_path, "audit", "verify")
    assert trail.returncode == 0, trail.stdout


def test_the_shipped_examples_go_through(tmp_path: Path) -> None:
    """Every release of docs/examples/releases.ndjson is decided over HTTP as `lens decide` decides it offline."""
    examples = ROOT / "docs/examples/releases.ndjson"
    with Program(tmp_path, ["serve", "--port", "0"]) as program, client(program.url()) as api:
        answers = api.post("/v1/releases:batch", content=examples.read_bytes()).content.splitlines()
    offline = lens(tmp_path, "decide", str(examples)).stdout.splitlines()
    assert [as_offline(answer) for answer in answers] == [msgspec.json.decode(line) for line in offline]


def as_offline(line: bytes) -> dict[str, Any]:
    """An answer without what only storing gives: numbers of messages, and of work items their numbers and times."""
    answer: dict[str, Any] = msgspec.json.decode(line)
    for field in ("line", "replayed"):
        answer.pop(field, None)
    for message in answer["messages"]:
        message["text"] = message["text"].replace(message["message_id"], "LN--------")
        message["message_id"] = "LN--------"
    for item in answer["work_items"]:
        item.update(id=None, opened_at=None, due_at=None)
    return answer
