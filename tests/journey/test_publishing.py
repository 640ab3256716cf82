"""A rulebook goes live under a running service: no request fails, and each is decided under exactly one version."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec

from app.rulebook.bundles.bundle import pack, read_bundle_folder
from tests.cli.programs import EXAMPLE, ROOT, Program, client, lens, release, until

NEW_WORDS = "FOR YOUR INFORMATION"
NOON = "2026-11-23T12:00:00Z"


def book_in(place: Path) -> Path:
    """A copy of the shipped rulebook."""
    for top in ("rules", "ref_data"):
        shutil.copytree(ROOT / top, place / top)
    return place


def reword(folder: Path, old: str = "INFORMATION ONLY", new: str = NEW_WORDS) -> None:
    """Changes the first line of every notice, and the scenario that has it word for word."""
    file = folder / "rules/messages.yaml"
    text = file.read_text()
    assert old in text
    words = folder / "rules/scenarios/words_test.yaml"
    words.write_text(words.read_text().replace(old, new))
    file.write_text(text.replace(old, new))


class Traffic:
    """Releases sent at a steady rate, from several threads; what was answered, in order of the answers."""

    def __init__(self, url: str, name: str, rate: float) -> None:
        self._url = url
        self._name = name
        self._rate = rate
        self._stop = threading.Event()
        self._count = iter(range(1_000_000))
        self.answers: list[httpx.Response | Exception] = []
        self._threads = [threading.Thread(target=self._send) for _ in range(8)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        pause = len(self._threads) / self._rate
        due = time.monotonic()
        with client(self._url) as api:
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                due = max(due + pause, time.monotonic() - pause)
                try:
                    self.answers.append(api.post("/v1/releases", content=release(f"{self._name}-{next(self._count)}")))
                except httpx.HTTPError as error:
                    self.answers.append(error)

    def enough(self, more: int = 50) -> None:
        """Waits for some more answers."""
        wanted = len(self.answers) + more
        until(lambda: len(self.answers) >= wanted)


def versions(answers: list[httpx.Response | Exception]) -> list[str]:
    """The version that each answer names, once it is found to be whole: the words of its messages are those of its version."""
    failed = [answer for answer in answers if isinstance(answer, Exception) or answer.status_code != 201]
    assert failed == []
    decisions: list[dict[str, Any]] = [answer.json() for answer in answers if isinstance(answer, httpx.Response)]
    words = {(decision["rulebook"], NEW_WORDS in message["text"]) for decision in decisions for message in decision["messages"]}
    assert len(words) == len({version for version, _ in words}), "a version has the words of another"
    return [decision["rulebook"] for decision in decisions]


@contextmanager
def approver(program: Program, url: str) -> Iterator[httpx.Client]:
    """A client with the key of an approver of the service."""
    made = lens(program.folder, "keys", "create", "ben", "--role", "approver")
    with client(url, made.stdout.strip()) as api:
        yield api


def draft(folder: Path, api: httpx.Client) -> tuple[str, str]:
    """A rewording of the shipped rulebook, drafted; the version live before, and the new one."""
    book = book_in(folder / "next")
    reword(book)
    bundle = pack(read_bundle_folder(book, vouched=False).files, NOON)
    answer = api.post("/v1/rulebooks", content=bundle, headers={"Content-Type": "application/x-tar"})
    return api.get("/v1/rulebook").json()["version"], answer.json()["version"]


def test_published_and_rolled_back_under_load(tmp_path: Path) -> None:
    """A hundred requests a second: none fails, each is whole; after publish and rollback answer, every new one is the new one's."""
    with Program(tmp_path, ["serve", "--port", "0"]) as program, client(program.url()) as api:
        with approver(program, str(api.base_url)) as ben, Traffic(str(api.base_url), "L", 100) as traffic:
            old, new = draft(tmp_path, api)
            assert ben.post(f"/v1/rulebooks/{new}/approve", json={"diff_seen": old}).status_code == 200
            traffic.enough()
            marks = [0]
            for what in ("publish", "rollback"):
                marks.append(len(traffic.answers))
                body = {"reason": "Wrong words"} if what == "rollback" else {}
                assert ben.post(f"/v1/rulebooks/{new}/{what}", json=body).status_code == 200
                marks.append(len(traffic.answers))
                traffic.enough()
        found = versions(traffic.answers)
        assert set(found[marks[0] : marks[1]]) == {old}
        # Answers that were under way when publish answered may still stand after it in the list.
        assert set(found[marks[2] + 8 : marks[3]]) == {new}
        assert set(found[marks[4] + 8 :]) == {old}
        stored = api.get("/v1/releases/L-0").json()
        again = api.post(f"/v1/decisions?rulebook={old}", content=release("L-0")).json()
    same = ("outcome", "as_of", "rulebook", "because", "warnings")
    assert [stored[part] for part in same] == [again[part] for part in same]
    trail = lens(tmp_path, "audit", "verify")
    assert trail.returncode == 0, trail.stdout


def test_every_process_changes(tmp_path: Path) -> None:
    """Two API processes behind one socket both follow what `lens rulebook` publishes beside them, and go back together."""
    with Program(tmp_path, ["serve", "--port", "0", "--workers", "2"]) as program, client(program.url()) as api:
        with Traffic(str(api.base_url), "W", 30) as traffic:
            old, new = draft(tmp_path, api)
            for words in (("approve", new, "--diff-seen", old), ("publish", new)):
                done = lens(tmp_path, "rulebook", *words, "--as", "ben")
                assert done.returncode == 0, done.stderr
            until(lambda: set(told(str(api.base_url))) == {new})
            assert api.get("/v1/rulebook").json()["by"].endswith("as ben")
            mark = len(traffic.answers)
            traffic.enough(30)
            changed = len(traffic.answers)
            assert api.post(f"/v1/rulebooks/{new}/rollback", json={"reason": "Wrong words"}).status_code == 200
            until(lambda: set(told(str(api.base_url))) == {old})
        found = versions(traffic.answers)
        assert set(found[mark + 8 : changed]) == {new}


def told(url: str) -> Iterator[str]:
    """The live version as asked on eight new connections: whichever process takes each."""
    for _ in range(8):
        with client(url) as api:
            yield api.get("/v1/rulebook").json()["version"]


def test_the_folder_is_watched(tmp_path: Path) -> None:
    """A good change goes live by itself; a broken one is told by /readyz, metric and log, and the last good one goes on deciding."""
    book = book_in(tmp_path / "book")
    with Program(tmp_path, ["serve", "--port", "0"], {"LENS_RULEBOOK_DIR": str(book)}) as program, client(program.url()) as api:
        old = api.get("/v1/rulebook").json()["version"]
        with Traffic(str(api.base_url), "F", 50) as traffic:
            traffic.enough(10)
            reword(book)
            until(lambda: bool(api.get("/v1/rulebook").json()["version"] != old))
            live = api.get("/v1/rulebook").json()
            assert (live["by"], live["way"], live["degraded"]) == ("folder", "folder", None)
            reword(book, "{message_id}", "{mesage_id}")
            until(lambda: bool(api.get("/readyz").json()["status"] == "degraded"))
            ready = api.get("/readyz")
            assert ready.status_code == 200
            assert ready.json()["parts"]["rulebook"].startswith("degraded: R11")
            until(lambda: "lens_rulebook_degraded 1.0" in api.get("/metrics").text)
            traffic.enough()
        assert versions(traffic.answers)[-1] == live["version"]
        reword(book, "{mesage_id}", "{message_id}")
        until(lambda: bool(api.get("/readyz").json()["status"] == "ready"))
        until(lambda: "lens_rulebook_degraded 0.0" in api.get("/metrics").text)
        assert api.get("/v1/rulebook").json()["version"] == live["version"]
    log = [msgspec.json.decode(line) for line in program.log.read_bytes().splitlines()]
    events = [entry["event"] for entry in log if entry["event"].startswith("rulebook_")]
    assert events == ["rulebook_in_force", "rulebook_not_used", "rulebook_mended"]
    assert EXAMPLE["subject"]["name"]["last"] not in program.log.read_text()


def test_a_first_start_with_a_faulty_folder_says_so(tmp_path: Path) -> None:
    """There is nothing to fall back on: it ends with the faults and their places, and not with a trace."""
    book = book_in(tmp_path / "book")
    reword(book, "{message_id}", "{mesage_id}")
    done = lens(tmp_path, "serve", "--port", "0", settings={"LENS_RULEBOOK_DIR": str(book)})
    assert done.returncode == 1
    assert "rules/messages.yaml" in done.stderr
    assert "did you mean" in done.stderr
    assert "Traceback" not in done.stderr
