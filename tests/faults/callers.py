"""A system of record that calls over HTTP, as callers should: it repeats what was not answered, anywhere, until it is."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import httpx
import msgspec

from tests.cli.programs import KEY
from tests.faults.records import Told, told_by
from tests.intake.following_up import living_in

_AGAIN = {503}


class SystemOfRecord:
    """Keeps a journal: `told`, every message that an answer named, and `answered`, the release ids with an answer.

    Raises AssertionError on any answer that no caller should get.
    """

    def __init__(self, urls: Callable[[], Sequence[str]], rng: Random, name: str = "MIX") -> None:
        """`urls` gives those to try now."""
        self._urls = urls
        self._rng = rng
        self._name = name
        self.told: dict[str, Told] = {}
        self.answered: set[str] = set()
        self.replays = 0
        self.refused_for_now = 0
        self.allowed = 0
        """How many releases may be sent by now."""

    async def send_all(self, releases: int, callers: int) -> None:
        """Sends so many releases, several at a time; each now and then twice at once, corrected or cancelled."""
        numbers = iter(range(releases))
        headers = {"Authorization": f"Bearer {KEY}"}
        limits = httpx.Limits(max_connections=4 * callers)
        async with httpx.AsyncClient(headers=headers, timeout=3.0, limits=limits, trust_env=False) as api:

            async def call() -> None:
                for number in numbers:
                    while number >= self.allowed:  # noqa: ASYNC110 - whoever raises it knows nothing of us
                        await asyncio.sleep(0.01)
                    await self._one(api, f"{self._name}-{number}")

            await asyncio.gather(*(call() for _ in range(callers)))

    async def _one(self, api: httpx.AsyncClient, release_id: str) -> None:
        rng = self._rng
        body = living_in(rng.choice(("TX", "NM", "AZ")), release_id)
        at_once = 2 if rng.random() < 0.1 else 1
        await asyncio.gather(*(self._until_answered(api, "/v1/releases", body) for _ in range(at_once)))
        self.answered.add(release_id)
        if rng.random() < 0.1:
            corrected = living_in(rng.choice(("TX", "NM", "AZ")), release_id)
            await self._until_answered(api, f"/v1/releases/{release_id}/correction", corrected)
        if rng.random() < 0.05:
            reason = msgspec.json.encode({"reason": "wrong person"})
            await self._until_answered(api, f"/v1/releases/{release_id}/cancellation", reason)

    async def _until_answered(self, api: httpx.AsyncClient, path: str, body: bytes) -> None:
        while True:
            urls = self._urls()
            answer = None
            if urls:
                try:
                    answer = await api.post(self._rng.choice(urls) + path, content=body)
                except httpx.TransportError:
                    answer = None
            if answer is not None and answer.status_code in {200, 201}:
                self.replays += answer.status_code == 200
                for told in told_by(answer.json()):
                    self.told[told.message_id] = told
                return
            assert answer is None or answer.status_code in _AGAIN, answer.text
            self.refused_for_now += answer is not None
            await asyncio.sleep(self._rng.uniform(0.02, 0.1))
