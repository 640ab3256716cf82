import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from app.simulator.control import control_app
from app.simulator.script import Script, ScriptedFault, ScriptStep
from app.simulator.serve import SwitchAddresses, serve_switch
from app.simulator.setup import Setup
from app.simulator.switch import Switch
from tests.simulator.sender import Sender, am, run


@asynccontextmanager
async def steering(switch: Switch, host: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """A client of the switch's control application, in process."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(control_app(switch)), base_url=f"http://{host}") as client:
        yield client


def test_inboxes_and_counts_are_shown() -> None:
    """An inbox is a list with number, order and text, oldest first; one that has nothing is empty."""

    async def scenario() -> None:
        async with Switch() as switch, steering(switch) as client:
            sender = await Sender.to(switch)
            sender.send(am(1), am(2, "AZSIR0000"), am(3))
            await switch.arrived(3)
            assert (await client.get("/inboxes")).json() == {"AZSIR0000": 1, "TXSIR0000": 2}
            assert (await client.get("/inboxes/TXSIR0000")).json() == [
                {"message_id": "LN00000001", "order": 1, "text": am(1).replace("\r\n", "\n")},
                {"message_id": "LN00000003", "order": 3, "text": am(3).replace("\r\n", "\n")},
            ]
            assert (await client.get("/inboxes/NMSIR0000")).json() == []
            counts = (await client.get("/counts")).json()
            assert (counts["arrivals"], counts["delivered"], counts["duplicates"]) == (3, 3, 0)
            await sender.hang_up()

    run(scenario)


def test_faults_outages_and_texts_are_ordered_over_http() -> None:
    """Each request has its effect on the wire."""

    async def scenario() -> None:
        async with Switch() as switch, steering(switch) as client:
            sender = await Sender.to(switch)
            await switch.connected()
            assert (await client.post("/faults", json={"kind": "nak", "count": 1, "reason": "BUSY"})).status_code == 204
            assert (await client.post("/faults", json={"kind": "no_ack"})).status_code == 204
            assert (await client.delete("/faults")).status_code == 204
            assert (await client.post("/faults", json={"kind": "nak", "count": 1, "reason": "BUSY"})).status_code == 204
            sender.send(am(1))
            assert await sender.hear() == "NAK LN00000001 BUSY"
            assert (await client.post("/states/TX", json={"down": "04"})).status_code == 204
            sender.send(am(1))
            assert await sender.hear() == "ACK LN00000001"
            assert ".04. TXSIR0000" in (await sender.hear() or "")
            assert (await client.post("/states/TX", json={"down": None})).status_code == 204
            assert (await client.post("/inject", json={"text": "AM.TXSIR0000 TXT HELLO"})).status_code == 204
            assert await sender.hear() == "AM.TXSIR0000 TXT HELLO"
            assert (await client.post("/network", json={"service": False, "until": "1800 EST"})).status_code == 204
            assert "UNTIL 1800 EST" in (await sender.hear() or "")
            await sender.hang_up()

    run(scenario)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/faults", '{"kind": "explode"}', "Invalid enum value 'explode'"),
        ("/faults", '{"kind": "lag"}', "needs seconds above 0"),
        ("/faults", "{", "truncated"),
        ("/states/TX", '{"down": "03"}', "Invalid enum value '03'"),
        ("/network", "{}", "missing required field `service`"),
        ("/inject", '{"text": ""}', "1 to 65536 bytes"),
        ("/inject", '{"words": "x"}', "unknown field `words`"),
    ],
)
def test_a_wrong_body_says_what_is_wrong(path: str, body: str, words: str) -> None:
    """422 and nothing happens."""

    async def scenario() -> None:
        async with Switch() as switch, steering(switch) as client:
            answer = await client.post(path, content=body)
            assert answer.status_code == 422
            assert words in answer.json()["detail"]

    run(scenario)


def test_only_a_name_of_this_machine_is_answered() -> None:
    """A web page that points its own name here gets nothing."""

    async def scenario() -> None:
        async with Switch() as switch, steering(switch, "evil.example") as client:
            assert (await client.get("/counts")).status_code == 400

    run(scenario)


def test_the_whole_program_serves_both_addresses_and_its_script(tmp_path: Path) -> None:
    """`serve_switch` listens, says where, plays its script, and ends when it is cancelled."""

    async def scenario() -> None:
        ready: asyncio.Future[SwitchAddresses] = asyncio.get_running_loop().create_future()
        script = Script((ScriptStep(after_messages=1, fault=ScriptedFault(kind="nak", reason="BUSY")),))
        serving = asyncio.create_task(
            serve_switch(Setup(inbox_dir=tmp_path), port=0, control_port=0, script=script, ready=ready.set_result)
        )
        addresses = await ready
        host, _, port = addresses.switch.rpartition(":")
        sender = Sender(*await asyncio.open_connection(host, int(port)))
        sender.send(am(1))
        assert await sender.hear() == "ACK LN00000001"
        async with httpx.AsyncClient(base_url=f"http://{addresses.control}") as client:
            assert (await client.get("/inboxes")).json() == {"TXSIR0000": 1}
        sender.send(am(2))
        assert await sender.hear() == "NAK LN00000002 BUSY"
        serving.cancel()
        assert isinstance((await asyncio.gather(serving, return_exceptions=True))[0], asyncio.CancelledError)
        assert await sender.hear() is None
        await sender.hang_up()

    run(scenario)


def test_a_port_that_is_taken_is_said_at_once() -> None:
    """Both addresses: nothing half started is left running."""

    async def scenario() -> None:
        async with Switch() as switch:
            port = int(switch.address.rpartition(":")[2])
            with pytest.raises(OSError, match="address already in use"):
                await serve_switch(Setup(), port=port, control_port=0)
            with pytest.raises(OSError, match="Address already in use"):
                await serve_switch(Setup(), port=0, control_port=port)

    run(scenario)
