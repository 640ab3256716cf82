import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from app.dispatch.channels.tcp import TcpChannel, client_tls
from app.errors import BadSetting
from app.simulator.setup import Setup
from app.simulator.switch import Switch
from tests.dispatch.channels.conftest import Scenario
from tests.dispatch.channels.link import TX, fates, message, running, until, up

InLoop = Callable[[Scenario], None]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An invented certificate authority."""
    return trustme.CA()


@pytest.fixture
def server(authority: trustme.CA) -> ssl.SSLContext:
    """TLS of a switch that asks senders for a certificate of the same authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def files(folder: Path, authority: trustme.CA) -> tuple[Path, Path, Path]:
    """The authority's certificate, and a sender's certificate and key, as files."""
    ca, cert, key = folder / "ca.pem", folder / "cert.pem", folder / "key.pem"
    sender = authority.issue_cert("lens.example")
    authority.cert_pem.write_to_path(ca)
    sender.cert_chain_pems[0].write_to_path(cert)
    sender.private_key_pem.write_to_path(key)
    return ca, cert, key


def channel_to(switch: Switch, tls: ssl.SSLContext | None) -> TcpChannel:
    """A channel that reconnects at once."""
    return TcpChannel(switch.address, 5.0, tls, retry=(0.01, 0.05))


def test_messages_go_over_tls_with_a_client_certificate(
    in_loop: InLoop, tmp_path: Path, authority: trustme.CA, server: ssl.SSLContext
) -> None:
    """Both ends prove who they are."""

    async def scenario() -> None:
        tls = client_tls(*files(tmp_path, authority))
        async with Switch(Setup(tls=server)) as switch, running(channel_to(switch, tls)) as channel:
            await up(channel)
            assert fates(await channel.send([message(number) for number in range(1, 20)])) == ["taken"] * 19
            assert len(switch.inbox(TX)) == 19

    in_loop(scenario)


def test_a_switch_of_another_authority_is_not_talked_to(
    in_loop: InLoop, tmp_path: Path, authority: trustme.CA, server: ssl.SSLContext
) -> None:
    """A certificate nobody vouches for ends it before a message goes out, and the words say so."""

    async def scenario() -> None:
        _, cert, key = files(tmp_path, authority)
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(other)
        async with Switch(Setup(tls=server)) as switch, running(channel_to(switch, client_tls(other, cert, key))) as channel:
            await until(lambda: "certificate" in (channel.problem() or "") or "self" in (channel.problem() or ""))
            assert (channel.problem() or "").startswith(f"no connection to the switch at {switch.address}: TLS: ")
            assert fates(await channel.send([message(1)])) == ["unsent"]

    in_loop(scenario)


def test_a_switch_refuses_a_sender_without_a_certificate(
    in_loop: InLoop, tmp_path: Path, authority: trustme.CA, server: ssl.SSLContext
) -> None:
    """Nothing is ever taken without the client's proof."""

    async def scenario() -> None:
        ca, _, _ = files(tmp_path, authority)
        async with Switch(Setup(tls=server)) as switch, running(channel_to(switch, client_tls(ca, None, None))) as channel:
            await until(lambda: "lost" in (channel.problem() or "") or "TLS" in (channel.problem() or ""))
            assert set(fates(await channel.send([message(1)]))) <= {"unsent", "unknown"}
            assert switch.counts.arrivals == 0

    in_loop(scenario)


def test_a_plain_sender_gets_nowhere_with_a_tls_switch(in_loop: InLoop, server: ssl.SSLContext) -> None:
    """Without TLS nothing is taken."""

    async def scenario() -> None:
        async with Switch(Setup(tls=server)) as switch, running(channel_to(switch, None)) as channel:
            await until(lambda: "was lost" in (channel.problem() or ""))
            assert switch.counts.arrivals == 0

    in_loop(scenario)


def test_no_file_means_no_tls() -> None:
    """TLS is asked for by giving a file."""
    assert client_tls(None, None, None) is None


def test_files_that_cannot_be_used_are_named_by_their_setting(tmp_path: Path, authority: trustme.CA) -> None:
    """Each wrong file is a BadSetting that says which variable and what it takes."""
    ca, cert, key = files(tmp_path, authority)
    missing = tmp_path / "missing.pem"
    with pytest.raises(BadSetting, match=r"LENS_SWITCH_TLS_CA cannot be used: No such file or directory; it is a PEM file"):
        client_tls(missing, cert, key)
    with pytest.raises(BadSetting, match=r"LENS_SWITCH_TLS_CERT and _KEY cannot be used"):
        client_tls(ca, key, key)
    with pytest.raises(BadSetting, match=r"LENS_SWITCH_TLS_KEY is given without LENS_SWITCH_TLS_CERT"):
        client_tls(ca, None, key)
