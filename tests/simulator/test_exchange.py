from app.simulator.exchange import Exchange
from app.simulator.incoming import Incoming, read_message

ORIS = {"TXSIR0000": "TX", "NBSIR0000": "NB"}


def message(number: int, ori: str = "TXSIR0000", more: str = "") -> Incoming:
    """An invented message as the network reads it."""
    return read_message(f"AM.VTINS07S0.{ori}.*LN{number:08d}.TXT\r\nLENS LN{number:08d}{more}\r\n")


def test_a_message_is_delivered_once_however_often_it_comes() -> None:
    """The control number tells; other bytes under a known number are dropped too, and counted."""
    exchange = Exchange(ORIS)
    assert len(exchange.receive(message(1))[0]) == 1
    assert exchange.receive(message(1)) == ((), ())
    assert exchange.receive(message(1, more=" CHANGED")) == ((), ())
    assert (exchange.counts.delivered, exchange.counts.duplicates, exchange.counts.altered) == (1, 2, 1)
    assert [one.order for one in exchange.inboxes["TXSIR0000"]] == [1]


def test_an_unknown_ori_is_an_error_and_can_be_sent_again_later() -> None:
    """ER .19. from the network; refused is not delivered, so the number stays free."""
    exchange = Exchange(ORIS)
    _, (said,) = exchange.receive(message(1, "AZSIR0000"))
    assert (said.key, said.origin, said.destination, said.control) == ("ER", "NL0000000", "VTINS07S0", "LN00000001")
    assert said.body.startswith(".19. ")
    exchange.oris = ORIS | {"AZSIR0000": "AZ"}
    assert len(exchange.receive(message(1, "AZSIR0000"))[0]) == 1


def test_without_a_table_every_well_formed_ori_but_the_networks_own_exists() -> None:
    """The state is then told by the first two letters."""
    exchange = Exchange()
    assert [exchange.state_of(ori) for ori in ("TXSIR0000", "NL0000000", "TX")] == ["TX", None, None]


def test_a_state_that_is_kept_for_gets_its_messages_when_it_is_back() -> None:
    """SM .02.: the network forwards, in order, and what is sent again meanwhile is a duplicate."""
    exchange = Exchange(ORIS)
    exchange.set_state("NB", "02")
    for number in (1, 2):
        delivered, (said,) = exchange.receive(message(number, "NBSIR0000"))
        assert (delivered, said.body[:4]) == ((), ".02.")
    assert exchange.receive(message(1, "NBSIR0000")) == ((), ())
    assert [one.message_id for one in exchange.set_state("NB", None)] == ["LN00000001", "LN00000002"]
    assert exchange.set_state("NB", None) == []


def test_a_state_that_is_not_kept_for_must_be_sent_to_again() -> None:
    """SM .04.: the number is free, and arrives once the state is back."""
    exchange = Exchange(ORIS)
    exchange.set_state("TX", "04")
    assert exchange.receive(message(1))[1][0].body.startswith(".04. ")
    assert len(exchange.receive(message(2, "NBSIR0000"))[0]) == 1
    assert exchange.set_state("TX", None) == []
    assert len(exchange.receive(message(1))[0]) == 1
