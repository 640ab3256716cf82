"""Releases as the schema allows them, hand-written as strategies: every field there or not, at its limits, in odd characters.

A strategy gives the JSON document, since that is what callers send. All people in it are invented.
"""

from typing import Any

from hypothesis import strategies as st

Document = dict[str, Any]

STATES = ("AK", "AS", "AZ", "DC", "GU", "MP", "NE", "PR", "TX", "VI")
"""States of release: usual ones, those whose Nlets code differs, those without a route."""

_ODD_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
_NAMES = st.sampled_from(["Sample", "Núñez", "O'Brien", "Łukaszewicz", "王", "de la Cruz", "Ab]]>c", "A\nAM.X.Y.*Z.TXT", " "])
_WORDS = st.one_of(_NAMES, _ODD_TEXT)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def _form(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern, fullmatch=True)


NAMES = st.fixed_dictionaries(
    {"last": st.one_of(_NAMES, _ODD_TEXT.filter(bool))},
    optional={"first": _maybe(_WORDS), "middle": _maybe(_WORDS), "suffix": _maybe(_WORDS.map(lambda text: text[:10]))},
)

DATES = st.dates().map(lambda day: day.isoformat())

MOMENTS = st.builds(
    lambda moment, fraction, offset: f"{moment:%H:%M:%S}{fraction}{offset}",
    st.times(),
    st.sampled_from(["", ".5", ".123456789"]),
    st.sampled_from(["Z", "z", "+00:00", "-05:00", "+10:00", "-10:30"]),
)

STAYS = st.fixed_dictionaries(
    {
        "ended": st.booleans(),
        # A day in from either end of the calendar, so that the moment exists in every offset.
        "released_at": st.builds(
            lambda day, joint, time: f"{day.isoformat()}{joint}{time}",
            st.dates().filter(lambda day: 1 < day.toordinal() < 3_652_059),
            st.sampled_from("Tt"),
            MOMENTS,
        ),
        "reason": st.one_of(st.sampled_from(["OSUP", "BOND", "T", "DEP", "USM", "TERM", "ESC"]), _WORDS),
        "state": st.sampled_from(STATES),
    },
    optional={"facility": _maybe(_WORDS)},
)

SUBJECTS = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "aliases": st.lists(NAMES, max_size=3),
        "date_of_birth": _maybe(DATES),
        "sex": _maybe(st.one_of(st.sampled_from("MFU"), _WORDS)),
        "race": _maybe(st.one_of(st.sampled_from("ABIUW"), _WORDS)),
        "place_of_birth": _maybe(st.one_of(st.sampled_from(["MM", "TX", "YY"]), _WORDS)),
        "height": _maybe(_form("[2-8][0-1][0-9]")),
        "weight": _maybe(st.one_of(st.integers(20, 999), st.sampled_from([180.0, 20.0]))),
        "eyes": _maybe(_WORDS),
        "hair": _maybe(_WORDS),
        "fbi_number": _maybe(_form("[A-Z0-9]{1,9}")),
        "state_id": _maybe(_form("[A-Z]{2}[A-Z0-9]{1,8}")),
        "alien_number": _maybe(_form("A?[0-9]{7,9}")),
    },
)

RESIDENCES = st.fixed_dictionaries(
    {"state": _maybe(st.sampled_from(STATES))},
    optional={
        "street": _maybe(st.one_of(_WORDS, st.just("9" * 120), st.just("100 MAIN ST APT 2"))),
        "city": _maybe(_WORDS),
        "zip": _maybe(_form("[0-9]{5}(-?[0-9]{4})?")),
        "country": _maybe(_WORDS),
    },
)

CONVICTIONS = st.fixed_dictionaries(
    {
        "charge_code": st.one_of(st.sampled_from(["0902", "1201", "2301", "0101", "1701", "9999"]), _form("[0-9]{4}")),
        "status": st.sampled_from(["convicted", "convicted", "pending", "dismissed", "not_stated"]),
    },
    optional={"convicted_on": _maybe(DATES)},
)

HOLDS = st.lists(
    st.one_of(st.sampled_from(["section_1367", "asylum", "juvenile", "sealed", "citizenship_claim", "none"]), _WORDS),
    max_size=3,
)

RELEASES: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {
        "release_id": _form("[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"),
        "stay": STAYS,
        "subject": SUBJECTS,
        "convictions": st.lists(CONVICTIONS, max_size=4),
    },
    optional={"residence": _maybe(RESIDENCES), "holds": HOLDS},
)
"""Any release that the schema allows, in the states of STATES."""

LIKELY = st.fixed_dictionaries(
    {
        "release_id": st.just("EX-1"),
        "stay": st.fixed_dictionaries(
            {
                "ended": st.sampled_from([True, True, True, False]),
                "released_at": st.sampled_from(
                    ["2026-11-23T10:30:00-07:00", "2015-05-31T23:59:59-10:00", "2015-06-01T00:00:00Z"]
                ),
                "reason": st.sampled_from(["OSUP", "BOND", "BOND", "T", "DEP", "USM", "NEW", "unknown"]),
                "state": st.sampled_from(STATES),
            }
        ),
        "subject": SUBJECTS,
        "convictions": st.lists(CONVICTIONS, max_size=3),
        "residence": _maybe(RESIDENCES),
        "holds": st.one_of(st.just([]), st.just([]), HOLDS),
    }
)
"""Releases that often lead to a notice."""


def release_document(**changes: Any) -> Document:  # noqa: ANN401 - any JSON value
    """A whole release in Arizona of an invented person who says he will live in Texas, with top-level fields replaced.

    It is the release of the worked example in the contract's message format.
    """
    document: Document = {
        "release_id": "EARM-2026-000123",
        "stay": {
            "ended": True,
            "released_at": "2026-11-23T10:30:00-07:00",
            "reason": "OSUP",
            "state": "AZ",
            "facility": "ELOY FEDERAL CONTRACT FACILITY",
        },
        "subject": {
            "name": {"last": "Doe", "first": "John", "middle": "A"},
            "date_of_birth": "1980-01-02",
            "sex": "M",
            "race": "W",
            "place_of_birth": "MM",
            "fbi_number": "12345678A",
        },
        "residence": {"street": "100 Main St Apt 2", "city": "El Paso", "state": "TX", "zip": "79901"},
        "convictions": [{"charge_code": "0902", "status": "convicted"}],
    }
    return document | changes
