"""A canary goes in by every door of a running service, and comes out by none: no log line, metric, problem or word of readiness."""

import contextlib
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx

from app.dispatch.channels.frames import Decoder, frame
from app.running.database import clock
from app.store.callers.keys import NewKey, create
from app.store.database.engine import open_store
from app.store.database.writer import Writer
from tests.api.serving import as_json, release
from tests.api.test_echo import CANARY, refusals
from tests.cli.programs import Program, client, until
from tests.dispatch.outbox_rows import AZ, TX, queue, rows, store_in

SAID = f"{CANARY} WAS HERE"
REASON = {"reason": f"Counsel has cleared {SAID}"}
PERSON = {
    "name": {"last": CANARY, "first": CANARY, "middle": CANARY, "suffix": "JR"},
    "aliases": [{"last": CANARY, "first": CANARY}],
    "place_of_birth": "MM",
}
HOME = {"street": f"1 {CANARY} St", "city": CANARY, "state": "TX", "zip": "79901"}
TEXTS = (
    f"AM.TXSIR0000\nTXT\nRE {SAID} FBI/12345678A",
    f"ER.NL0000000\nTXT\n.19. {SAID} LN00000001",
    f"ER.NL0000000 {SAID}\nTXT\n.19. LN00000001",
    f"SM.NL0000000\nTXT\n.04. {SAID}",
    f"SM.WYSIR0000\nTXT\n.01. LN00000001 {SAID}",
    f"SM.{CANARY}00\nTXT\n.02. {SAID}",
    f"<{CANARY}>{SAID}</{CANARY}>",
    f"<NLETS><NLETSMessageHeader><MessageKeyCodeText>ER</MessageKeyCodeText></NLETSMessageHeader><x>{SAID}</x></NLETS>",
    f"<NLETS><NLETSMessageHeader><OriginatingORIID>{SAID}</OriginatingORIID></NLETSMessageHeader></NLETS>",
    SAID,
)
"""What a gateway may hand over."""


def sent(release_id: str, **changes: object) -> dict[str, object]:
    """A release of a person whose every text is the canary."""
    person = release(release_id)["subject"] | PERSON
    stay = release(release_id)["stay"] | {"facility": CANARY}
    return release(release_id, subject=person, residence=HOME, stay=stay, **changes)


def uploads() -> Iterator[bytes]:
    """Rulebooks that are refused, with the canary in names and contents of files."""
    yield SAID.encode()
    for name, content in (
        (f"rules/{CANARY}.yaml", f"kind: {CANARY}\n"),
        ("rules/a.yaml", f"kind: rules/v1\n{CANARY}: [{CANARY}\n"),
        (f"ref_data/{CANARY}.csv", f"{CANARY},{CANARY}\n\0"),
        (f"../{CANARY}", CANARY),
    ):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
        yield packed.getvalue()


def key_of_canary(url: str) -> str:
    """The key of a person with its name, made as `lens keys create` makes it."""
    with contextlib.closing(open_store(url)) as store, Writer(store) as writer:
        named = NewKey(name=f"{CANARY} Desk", role="operator", by="tests", at=clock(), expires_at=None)
        return str(writer.do_and_wait(create, named))


def accepted(api: httpx.Client, person: httpx.Client) -> None:
    """The canary as data of what is taken: releases, what people of that name do with them and why."""
    unknown = [{"charge_code": "9999", "status": "convicted", "convicted_on": "2011-05-17"}]
    assert api.post("/v1/releases", json=sent("C-1")).status_code == 201
    lines = b"\n".join([as_json(sent("C-2")), as_json(sent("C-3", holds=[CANARY])), f'{{"{SAID}'.encode(), SAID.encode()])
    assert api.post("/v1/releases:batch", content=lines).status_code == 200
    assert api.post("/v1/decisions?explain=full", json=sent("C-4")).status_code == 200
    assert api.post("/v1/releases/C-1/correction", json=sent("C-1", aliases=[])).status_code in {201, 422}
    item = api.post("/v1/releases", json=sent("C-5", convictions=unknown)).json()["work_items"][0]["id"]
    assert person.post(f"/v1/work-items/{item}/assign", json={"to": SAID}).status_code == 200
    changed = api.post(f"/v1/work-items/{item}/lift", json=REASON, headers={"If-Match": '"ECHOED"'})
    assert (changed.status_code, "ECHOED" in changed.text) == (412, False)  # who changed it is told
    assert person.post(f"/v1/work-items/{item}/lift", json=REASON).status_code == 200
    assert api.post("/v1/releases/C-2/cancellation", json=REASON).status_code == 201
    assert person.post(f"/v1/pauses/{AZ}", json=REASON).status_code in {200, 201, 404}


def refused(api: httpx.Client) -> Iterator[httpx.Response]:
    """An answer to the canary in each place in which it is not taken."""
    yield from refusals(api)
    for headers in (
        {"Authorization": f"Bearer {CANARY}"},
        {"Authorization": f"Basic {CANARY}"},
        {"X-Forwarded-For": CANARY, "Authorization": "Bearer wrong"},
        {"X-Request-Id": SAID, "traceparent": f"00-{CANARY}", "User-Agent": CANARY, "Cookie": CANARY, "Authorization": ""},
    ):
        yield api.get("/v1/releases/C-0", headers=headers)


def test_what_goes_in_by_any_door_comes_out_by_none(tmp_path: Path) -> None:
    """Of a whole service with its own log: over HTTP, from the gateway, taken or refused. A release's id alone may be told."""
    with Program(tmp_path, ["serve", "--port", "0"], {"LENS_LOG_LEVEL": "debug"}) as program, client(program.url()) as api:
        key = key_of_canary(f"sqlite:///{tmp_path}/lens.db")
        api.post("/v1/releases", json=release("E-0"))
        with client(str(api.base_url), key) as person:
            accepted(api, person)
        answers = [answer for answer in refused(api) if answer.status_code >= 400]
        for body in uploads():  # the answer quotes the rulebook's own lines to whoever wrote them; the log does not
            answer = api.post("/v1/rulebooks", content=body, headers={"Content-Type": "application/x-tar"})
            assert answer.status_code in {400, 422}, answer.text
        spool = tmp_path / "spool" / "in"
        for place, text in enumerate(TEXTS):
            (spool / f"{place}-{CANARY}.txt").write_text(text)
        until(lambda: len(api.get("/v1/inbound").json()["items"]) == len(TEXTS))
        watched = [api.get("/metrics").text, api.get("/readyz").text]
    told = [answer.text + str(answer.headers) for answer in answers]
    assert len(told) > 200
    for text in (*told, *watched):
        assert CANARY.lower() not in text.lower(), text[:2000]
    lines = program.log.read_text().splitlines()
    assert len(lines) > 200
    names = f'"caller":"{CANARY} Desk"'  # who asked: a name that an administrator gave
    assert [line for line in lines if CANARY.lower() in line.replace(names, "").lower()] == []


def answers(listening: socket.socket) -> None:
    """A switch that says the canary where it can: in why it refuses, in texts, and in what is no frame."""
    known: set[str] = set()
    taken: set[str] = set()
    gossip = [b"".join(frame(text.replace("\n", "\r\n").encode()) for text in TEXTS), SAID.encode()]

    def answer(payload: str) -> str:
        if payload == "PING":
            return "PONG"
        control = payload.partition("*")[2][:10]
        if control not in known:
            known.add(control)
            return f"NAK {control} {SAID}"
        taken.add(control)
        return f"ACK {control}"

    while True:
        with contextlib.suppress(ConnectionError), listening.accept()[0] as connection:
            decoder, talks = Decoder(), bool(gossip)
            while data := connection.recv(65536):
                for payload in decoder.feed(data):
                    connection.sendall(frame(answer(payload).encode()))
                if talks and len(taken) == 2:
                    talks = False
                    connection.sendall(gossip.pop(0))


def test_what_a_switch_says_comes_out_by_no_log(tmp_path: Path) -> None:
    """Over tcp, by a dispatcher alone: refusals with a reason, texts, a payload that is none of these, bytes that are no frame."""
    store = store_in(tmp_path)
    queue(store, [AZ, TX])
    with contextlib.closing(store), socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answers, args=(listening,), daemon=True).start()
        host, port = listening.getsockname()
        settings = {
            "LENS_CHANNEL": "tcp",
            "LENS_SWITCH_ADDRESS": f"{host}:{port}",
            "LENS_RETRY_FIRST": "10ms",
            "LENS_LOG_LEVEL": "debug",
        }
        with Program(tmp_path, ["work"], settings) as program:
            until(lambda: program.log.read_text().count("switch_sent_garbage") == 2)
            until(lambda: rows(store, "SELECT count(*) FROM inbound") == [(len(TEXTS),)])
    lines = program.log.read_text().splitlines()
    assert [line for line in lines if CANARY.lower() in line.lower()] == []
