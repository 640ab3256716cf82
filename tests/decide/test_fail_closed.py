"""Where the engine cannot be trusted, a person decides and nothing is sent."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given

from app.decide.decide import Decider
from app.decide.terms import Terms
from app.domain.decision import Errand, dry_run_answer
from app.rulebook.book import RuleBook
from app.rulebook.engine.durable import Network
from app.rulebook.engine.verdicts import LookUp
from tests.decide.deciding import NOW, decided, decider
from tests.domain.releases import LIKELY, Document, release_document
from tests.rulebook.shipped import shipped

DISAGREEMENT = Errand("engine-disagreement", "", within=86_400)


def with_network(look_ups: Sequence[LookUp], network: Network | None) -> tuple[LookUp, ...]:
    """The look-ups with no verdict known and another network to ask."""
    return tuple(replace(look_up, network=network, verdicts={}) for look_up in look_ups)


def lost(network: Network) -> Network:
    """A network that has been given up."""
    network.close()
    return network


def distrusted(part: str, how: str) -> RuleBook:
    """The shipped rulebook with nothing known about a part of it, and an engine that is wrong, gone or fine."""
    book = shipped()
    look_ups = book.eligibility if part == "eligibility" else book.routing
    rules = look_ups[0].program.rules
    network = look_ups[0].network
    if how == "wrong":
        network = Network([(id, ["never"]) for id, _ in rules])
    elif how == "gone":
        network = lost(Network(rules))
    doubtful = with_network(look_ups, network)
    return replace(book, eligibility=doubtful) if part == "eligibility" else replace(book, routing=doubtful)


@pytest.mark.parametrize("part", ["eligibility", "routing"])
@pytest.mark.parametrize("how", ["wrong", "gone"])
def test_nothing_is_sent(part: str, how: str) -> None:
    """A release for which a notice is owed is held for a person, with no text, no reason given, and its facts kept."""
    decision = decided(release_document(), Decider(distrusted(part, how), Terms()))
    assert decision.outcome == "hold_for_review"
    assert decision.notices == ()
    assert decision.because == ()
    assert decision.errands == (DISAGREEMENT,)
    assert decision.facts == decided(release_document()).facts
    answer = dry_run_answer(decision)
    assert [(item.code, item.status) for item in answer.work_items] == [("engine-disagreement", "open")]


@pytest.mark.parametrize("part", ["eligibility", "routing"])
def test_a_miss_is_no_disagreement(part: str) -> None:
    """What was not found at load is decided twice and answered as ever."""
    assert decided(release_document(), Decider(distrusted(part, "fine"), Terms())) == decided(release_document())


@given(LIKELY)
def test_any_release_is_decided_in_spite_of_the_engine(document: Document) -> None:
    """No release makes a decider with a wrong engine raise or send; where both agree that no rule holds, it is as ever."""
    by = Decider(WRONG, Terms())
    release = by.read(json.dumps(document).encode())
    decision = by.decide(release, NOW)
    usual = decider().decide(release, NOW)
    assert decision.notices == ()
    assert decision.errands == (DISAGREEMENT,) or decision == usual


WRONG = distrusted("eligibility", "wrong")
