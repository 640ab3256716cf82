"""Which words of the network's own texts stop and resume all sending: a line that says so, and nothing else."""

import pytest

from app.simulator.texts import NETWORK, NetworkText
from tests.dispatch.outbox_rows import ORIGIN
from tests.dispatch.test_whose_word import both, changes, heard


@pytest.mark.parametrize(
    "words",
    [
        "NLETS IN SERVICE TRAINING IS ON FRIDAY",
        "NLETS IN SERVICE ON FRIDAY FOR TRAINING",
        "IS NLETS IN SERVICE?",
        "NLETS IN SERVICE?",
        "NLETS IS NOT IN SERVICE",
        "NLETS WILL BE BACK IN SERVICE AT 1400 EST",
        "ASK WHEN NLETS IS BACK IN SERVICE",
        "NLETS IN SERVICES",
        '"NLETS IN SERVICE" IS WHAT WE WILL SAY',
        "NLETS IN SERVICE 2 DAY TRAINING",
        "THE MANUAL SAYS NLETS TEMPORARILY OUT OF SERVICE UNTIL",
        "NLETS TEMPORARILY OUT OF SERVICE TEXTS ARE DESCRIBED IN SECTION 9",
        "NLETS TEMPORARILY OUT OF SERVICE UNTILED",
        "STATE OF TEXAS TEMPORARILY OUT OF SERVICE",
        "NLETS TEMPORARILY OUT OF SERVICE UNTIL 1400 EST\nNLETS IN SERVICE",
    ],
)
def test_words_that_only_contain_the_sentence_do_not_stop_or_resume_the_network(words: str) -> None:
    """A line says that and nothing else, else a person reads it; so does who hears both at once."""
    for form in both(NetworkText("SM", NETWORK, ORIGIN, words)):
        found = heard(form)
        assert (found.kind, changes(found)) == ("SM", False)


@pytest.mark.parametrize(
    "words",
    [
        "NLETS IN SERVICE",
        "NLETS IN SERVICE.",
        "*** NLETS IN SERVICE ***",
        "  Nlets  is\tback in service ",
        "NLETS IS IN SERVICE AT 1400 EST",
        "NLETS IS NOW BACK IN SERVICE AS OF 11/23/2026 14:00 EST.",
        "NLETS IN SERVICE - 1400EST, MONDAY NOVEMBER 23RD, 2026",
        "NLETS IN SERVICE 2026-11-23 14:00:05Z",
        "ATTENTION ALL USERS\nNLETS IN SERVICE\nTHANK YOU",
    ],
)
def test_the_network_s_word_that_it_is_back_is_believed_with_a_time_after_it(words: str) -> None:
    """Else everything would stay paused: spaces, case, punctuation, a time and a date are tolerated."""
    for form in both(NetworkText("SM", NETWORK, ORIGIN, words)):
        assert heard(form).network == "resume"


@pytest.mark.parametrize(
    "words",
    [
        "NLETS TEMPORARILY OUT OF SERVICE",
        "Nlets is temporarily  out of service.",
        "NLETS TEMPORARILY OUT OF SERVICE UNTIL FURTHER NOTICE",
        "NLETS TEMPORARILY OUT OF SERVICE UNTIL APPROXIMATELY 1400 EST (2 HOURS)",
        "NLETS TEMPORARILY OUT OF SERVICE FROM 1200 UNTIL 1400 EST",
        "NLETS TEMPORARILY OUT OF SERVICE, 11/23/2026 1400 EST",
        "NLETS TEMPORARILY OUT OF SERVICE UNTIL",
    ],
)
def test_the_network_s_word_that_it_is_out_of_service_is_believed(words: str) -> None:
    """Until when is told in words of its own."""
    for form in both(NetworkText("SM", NETWORK, ORIGIN, words)):
        assert heard(form).network == "pause"
