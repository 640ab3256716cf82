import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from app.dispatch.channels.tcp import TcpChannel
from app.dispatch.channels.tcp_arrivals import Arrivals, arrival
from app.dispatch.channels.tcp_connection import _TEXT
from app.errors import Unavailable
from app.simulator.switch import Switch
from app.simulator.texts import ODD_STYLES, administrative, as_legacy, as_niem, error, in_service, out_of_service, status
from tests.dispatch.channels.conftest import Scenario
from tests.dispatch.channels.link import Bare, Store, channel_to, fates, message, running, until, up

InLoop = Callable[[Scenario], None]
AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)


def test_texts_come_at_any_time_and_a_slow_store_does_not_hold_up_acks(in_loop: InLoop) -> None:
    """ACKs go on being read while a text waits to be stored."""

    async def scenario() -> None:
        store = Store()
        store.open_.clear()
        async with Switch() as switch, running(channel_to(switch.address), store) as channel:
            await up(channel)
            switch.say(error("19", "AM...", "VTINS07S0", "LN00000009"))
            await until(lambda: len(store.tries) == 1)
            assert fates(await channel.send([message(1)])) == ["taken"]
            assert store.arrivals == []
            store.open_.set()
            await store.holds(1)

    in_loop(scenario)


def test_every_form_the_network_uses_is_known_as_a_text() -> None:
    """ER, SM and AM in each odd layout of the field, and as XML: none of them is taken for garbage."""
    texts = [
        error("19", "AM.VTINS07S0.TXSIR0000.*LN00000001.TXT", "VTINS07S0", "LN00000001"),
        status(code="04", sent="AM.VTINS07S0", destination="TXSIR0000", to="VTINS07S0", control="LN00000001"),
        administrative("TXSIR0000", "VTINS07S0", "REQUEST IMMIGRATION STATUS"),
        in_service("VTINS07S0"),
        out_of_service("1800 EST", "VTINS07S0"),
    ]
    for text in texts:
        assert all(_TEXT.match(as_legacy(text, AT, 7, style)) for style in ODD_STYLES)
        assert _TEXT.match(as_niem(text))


def test_the_same_words_without_a_stamp_are_two_sayings_of_them(in_loop: InLoop) -> None:
    """Both may be meant, NLETS IN SERVICE for instance: what is made of the second is for the store to say."""

    async def scenario() -> None:
        store = Store()
        async with Bare() as bare, running(channel_to(bare.address), store) as channel:
            await up(channel)
            bare.say("SM.NL0000000 TXT NLETS IN SERVICE", "SM.NL0000000 TXT NLETS IN SERVICE")
            await store.holds(2)
            assert [
                len({arrival.source for arrival in store.arrivals}),
                len({arrival.occurrence for arrival in store.arrivals}),
            ] == [1, 2]
            assert all(len(arrival.source) < 100 and not arrival.stamped for arrival in store.arrivals)

    in_loop(scenario)


def test_a_text_said_again_with_its_stamp_is_the_same_arrival(in_loop: InLoop) -> None:
    """The link has no receipt for texts, so a careful network repeats what may have been lost with a connection."""
    once = as_legacy(
        status(
            code="04",
            sent="AM.VTINS07S0.TXSIR0000.*LN00000001.TXT",
            destination="TXSIR0000",
            to="VTINS07S0",
            control="LN00000001",
        ),
        AT,
        7,
    )
    another = as_legacy(
        status(
            code="04",
            sent="AM.VTINS07S0.TXSIR0000.*LN00000001.TXT",
            destination="TXSIR0000",
            to="VTINS07S0",
            control="LN00000001",
        ),
        AT,
        8,
    )

    async def scenario() -> None:
        store = Store()
        async with Bare() as bare, running(channel_to(bare.address), store) as channel:
            await up(channel)
            bare.say(once)
            await store.holds(1)
            bare.hang_up()
            await until(lambda: bare.connections == 2)
            bare.say(once, another)
            await store.holds(3)
            first, again, later = store.arrivals
            assert first.source == again.source != later.source
            assert first.occurrence != again.occurrence
            assert first.stamped

    in_loop(scenario)


def test_a_stamp_that_a_text_only_quotes_is_none() -> None:
    """In XML, and behind TXT, the stamp is another text's."""
    quoting = "AM.TXSIR0000\r\nTXT\r\nREF YOUR 10:30 11/23/2026 00007"
    niem = as_niem(administrative("TXSIR0000", "VTINS07S0", "REF YOUR 10:30 11/23/2026 00007 TXT"))
    for text in (quoting, niem):
        assert not arrival(text, "a:1").stamped


def test_a_text_is_kept_until_it_is_stored(in_loop: InLoop) -> None:
    """A store that cannot serve is asked again, under the same source and in order."""

    async def scenario() -> None:
        store = Store(fail=[Unavailable(), Unavailable()])
        async with Bare() as bare, running(_quick(bare.address), store) as channel:
            await up(channel)
            bare.say("SM.NL0000000 TXT FIRST", "SM.NL0000000 TXT SECOND")
            await store.holds(2)
            assert [arrival.text[-6:] for arrival in store.arrivals] == [" FIRST", "SECOND"]
            assert len({arrival.source for arrival in store.tries[:3]}) == 1

    in_loop(scenario)


def test_a_text_that_cannot_be_stored_does_not_hold_up_the_others(in_loop: InLoop) -> None:
    """What fails alone goes to the end of the queue, and is tried again."""

    async def scenario() -> None:
        store = Store(fail=[ValueError("a fault of the program")])
        async with Bare() as bare, running(_quick(bare.address), store) as channel:
            await up(channel)
            bare.say("SM.NL0000000 TXT FIRST", "SM.NL0000000 TXT SECOND")
            await store.holds(2)
            assert [arrival.text[-6:] for arrival in store.arrivals] == ["SECOND", " FIRST"]

    in_loop(scenario)


def test_when_too_many_texts_wait_nothing_more_is_read_and_none_is_lost(in_loop: InLoop) -> None:
    """Memory is bounded by not reading; once there is room all come, in order."""

    async def scenario() -> None:
        store = Store()
        store.open_.clear()
        arrivals = Arrivals(limit=10, patience=60.0)
        texts = [f"AM.TXSIR0000 TXT {number} " + "X" * 2000 for number in range(3000)]
        async with Bare() as bare:
            channel = TcpChannel(bare.address, 5.0, ping_every=0.15, arrivals=arrivals)
            async with running(channel, store):
                await up(channel)
                bare.say(*texts)
                await until(lambda: arrivals.full)
                before = len(arrivals)
                await asyncio.sleep(0.5)  # long enough to be given up, were silence of our own making held against the switch
                assert len(arrivals) == before < 3000
                store.open_.set()
                await store.holds(3000)
                assert [arrival.text.split()[2] for arrival in store.arrivals] == [str(number) for number in range(3000)]
                assert bare.connections == 1

    in_loop(scenario)


def test_what_has_come_is_stored_before_the_channel_ends(in_loop: InLoop) -> None:
    """The network may not say it again."""

    async def scenario() -> None:
        store = Store()
        store.open_.clear()
        async with Bare() as bare:
            async with running(channel_to(bare.address), store) as channel:
                await up(channel)
                bare.say("SM.NL0000000 TXT FIRST", "SM.NL0000000 TXT SECOND")
                await until(lambda: len(channel._arrivals) == 2)
                asyncio.get_running_loop().call_later(0.05, store.open_.set)
            assert len(store.arrivals) == 2
            assert channel.problem() is not None

    in_loop(scenario)


def _quick(address: str) -> TcpChannel:
    return TcpChannel(address, 5.0, retry=(0.01, 0.05), arrivals=Arrivals(store_again=0.01))
