"""The tcp channel: one connection to the switch, made again whenever it is lost. Protocol: docs/reference/switch.md."""

import asyncio
import random
import ssl
import time
from collections.abc import Sequence
from math import inf
from pathlib import Path

import structlog

from app.dispatch.channel import Arrived, Outgoing, Receipt, is_loopback
from app.dispatch.channels.tcp_arrivals import Arrivals
from app.dispatch.channels.tcp_connection import Connection, words_of
from app.errors import BadSetting

_log = structlog.get_logger(__name__)

_STORE_BEFORE_END = 5.0
"""Seconds that texts already received get to be stored when the program ends: the network may not send them again."""

_HELD_UP = "LENS has let go of it, for texts from the network cannot be stored now"


class TcpChannel:
    """A link to the switch over tcp.

    Many messages may be under way; ACKs come in any order. A message whose ACK does not come in time, or whose connection is
    lost after it was written, is `unknown`; one that was never written is `unsent`. An ACK that comes too late changes nothing.
    A connection begins with a PING, and nothing is written before the switch has answered: one that takes connections and says
    nothing would swallow a window of every lane. Where no answer comes, a single message finds out whether it is of use all the same.

    Texts from the network are stored in the order they came, beside the reading of ACKs. Trying to store a text again is known
    as the same arrival, and so is one that the network says again with the same stamp (`tcp_arrivals.arrival`). When too many
    wait to be stored, nothing more is read; when the store takes none, the connection is let go of until it does.
    """

    name = "tcp"

    def __init__(
        self,
        address: str,
        ack_timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
        *,
        ping_every: float = 5.0,
        probe_after: float = 1.0,
        retry: tuple[float, float] = (0.1, 2.0),
        arrivals: Arrivals | None = None,
    ) -> None:
        """`address` is `host:port` (`[::1]:7070` for IPv6); all times are in seconds.

        `probe_after` is how long a switch has to answer before a message is risked. `retry` bounds the wait between attempts to
        connect, which doubles and has jitter.
        """
        host, _, port = address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._address = address
        self._ack_timeout = ack_timeout
        self._tls = tls
        self._ping_every = ping_every
        self._probe_after = probe_after
        self._retry_first, self._retry_cap = retry
        self._arrivals = Arrivals() if arrivals is None else arrivals
        self._connection: Connection | None = None
        self._probe_at = 0.0
        self._problem = f"not yet connected to the switch at {address}"

    async def lying(self) -> Sequence[str]:
        """None: what is acknowledged has left us."""
        return ()

    def problem(self) -> str | None:
        """Why nothing can be sent, in words, or None while connected."""
        if self._connection is None:
            return self._problem
        if self._connection.cause:
            return self._lost(self._connection.cause)
        if self._connection.proved.done() or time.monotonic() >= self._probe_at:
            return None
        return f"the switch at {self._address} has not answered yet"

    async def run(self, arrived: Arrived) -> None:
        """Keeps the connection up and stores what comes, until cancelled; then stores what has come already."""
        if self._tls is None and not is_loopback(self._host):
            _log.warning("link_not_encrypted", address=self._address, mend="give LENS_SWITCH_TLS_CA")
        storing = asyncio.create_task(self._arrivals.run(arrived), name="tcp-arrivals")
        try:
            await self._keep_connected()
        finally:
            try:
                async with asyncio.timeout(_STORE_BEFORE_END):
                    await self._arrivals.emptied()
            except TimeoutError:
                _log.error("arrivals_not_stored", texts=len(self._arrivals))
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]:
        """Sends messages in order, a receipt each, within the ACK time-out."""
        problem = self.problem()
        if self._connection is None or problem is not None:
            return [Receipt("unsent", problem or "")] * len(messages)
        if self._connection.proved.done():
            return await self._connection.send(messages, self._ack_timeout)
        self._probe_at = inf  # one at a time
        first = await self._connection.send(messages[:1], self._ack_timeout)
        waits = Receipt("unsent", f"the switch at {self._address} has not answered yet")
        return [*first, *[waits] * (len(messages) - 1)]

    async def _keep_connected(self) -> None:
        wait = self._retry_first
        while True:
            await self._arrivals.flowing()
            connection = await self._connect()
            if connection is not None:
                wait = self._retry_first if await self._use(connection) else wait
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
            wait = min(wait * 2, self._retry_cap)

    async def _connect(self) -> Connection | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._ack_timeout):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._arrivals, self._ping_every), self._host, self._port, ssl=self._tls
                )
        except OSError as error:
            self._note(f"no connection to the switch at {self._address}: {words_of(error)}")
            return None
        return connection

    async def _use(self, connection: Connection) -> bool:
        """Sends over the connection until it is lost; whether the far side ever spoke the protocol."""
        self._probe_at = time.monotonic() + self._probe_after
        self._connection = connection
        self._arrivals.on_room = connection.resume_reading
        try:
            await asyncio.wait((connection.proved, connection.lost), return_when=asyncio.FIRST_COMPLETED)
            if connection.proved.done():
                _log.info("link_up", address=self._address)
            cause = await self._until_lost(connection)
        finally:
            connection.end("LENS is ending")  # no effect where it is lost already
            self._connection = None
            self._problem = ""
        self._note(self._lost(cause))
        return connection.proved.done()

    async def _until_lost(self, connection: Connection) -> str:
        """Why the connection ended. It is let go of while texts cannot be stored: then the network keeps those that are to come."""
        held_up = asyncio.create_task(self._arrivals.held_up(), name="tcp-held-up")
        try:
            await asyncio.wait((connection.lost, held_up), return_when=asyncio.FIRST_COMPLETED)
            if not connection.lost.done():
                await connection.let_go(_HELD_UP)
        finally:
            held_up.cancel()
        return await connection.lost

    def _lost(self, cause: str) -> str:
        return f"the connection to the switch at {self._address} was lost: {cause}"

    def _note(self, problem: str) -> None:
        if problem != self._problem:
            _log.warning("link_down", problem=problem)
        self._problem = problem


def client_tls(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """TLS as the client: `ca` proves the switch, `cert` and `key` prove LENS. None when no file is given: no TLS.

    Raises BadSetting when the files cannot be used.
    """
    if ca is None and cert is None and key is None:
        return None
    if key is not None and cert is None:
        raise BadSetting("LENS_SWITCH_TLS_KEY is given without LENS_SWITCH_TLS_CERT; give both, or neither")
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise BadSetting(f"LENS_SWITCH_TLS_CA cannot be used: {words_of(error)}; it is a PEM file of certificates") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if cert is not None:
            context.load_cert_chain(cert, key)
    except OSError as error:
        raise BadSetting(f"LENS_SWITCH_TLS_CERT and _KEY cannot be used: {words_of(error)}; they are PEM files") from None
    return context
