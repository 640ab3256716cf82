import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.people import Actor, is_reserved, same_person

ROOT = "cli uid 0 (root)"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ann", "ben", False),
        ("ann", "Ann ", True),
        ("ann lee", "Ann-Lee", True),
        ("bi11", "bill", True),
        ("B0b", "bob", True),
        ("ann", "ann2", True),
        ("ann", "Ann-2", True),
        ("ann", "ann (new)", True),
        ("ann old", "ann new", True),
        ("ann", "ann key 2", True),
        ("ann 02", "ann 2", True),
        ("desk 1", "desk 2", False),
        ("desk-1", "desk10", False),
        ("officer 4471", "officer 4472", False),
        ("ann", "anne", False),
        ("ann", "annkey", False),
        ("4471", "4472", False),
        ("new", "old", False),
        (f"{ROOT} as ann", "ann 2", True),
        ("vvalter", "walter", True),
        (ROOT, f"{ROOT} as director", True),
        (f"{ROOT} as ann", f"{ROOT} as ben", True),
        ("cli uid 1000 (ann)", "cli uid 1001 (ann)", False),
        ("cli uid 1000 (ann)", ROOT, False),
        ("cli uid 100 (ann)", "cli uid 1000 (ben)", False),
        ("cli root as ann", "cli uid 1000 (ben)", True),
        ("cli root", "cli ann", True),
        ("ann", "cli uid 1000 (ann)", True),
        ("ann", f"{ROOT} as ann", True),
        ("ann", ROOT, False),
        ("folder", "ann", False),
    ],
)
def test_who_is_one_person(one: str, other: str, *, same: bool) -> None:
    """Names that look alike, and one user id at the command line, whatever it says of itself."""
    assert same_person(one, other) is same
    assert same_person(other, one) is same


@given(st.text(alphabet="abilo015 -_.", min_size=1), st.integers(0, 2**32))
def test_everybody_is_one_person_with_himself(name: str, uid: int) -> None:
    """Whatever the name, its case, or the remark beside a user id."""
    assert same_person(name, name.upper())
    assert same_person(f"cli uid {uid} (ann)", f"cli uid {uid} ({name}) as {name}")


@pytest.mark.parametrize(
    "name",
    [
        "folder", "Folder", "f0lder", "fo1der", "fo lder", "FOLDER.", "system", "5ystem", "SYS-TEM", "lens", "Lens", "1ens",
        "cli", "CLI", "c1i root", "cli root as director", "cli-root", "cli:root", "cli uid 0 (root)", "cli0", "cliroot",
        "bootstrap", "B00TSTRAP", "try-out", "tryout", "escalation", "feed watch", "process 1", "lens db move", "uid 0",
        "l3ns", "L3NS feed", "the network", "The-Netw0rk", "simulator", "s1mulator", "root", "r00t", "n3twork",
    ],
)  # fmt: skip
def test_names_of_lens_itself_are_reserved(name: str) -> None:
    """Also in other case, with other marks, and in characters that look alike."""
    assert is_reserved(name)


@pytest.mark.parametrize(
    "name",
    ["earm-feed", "client-feed", "clinic", "folders of ICE", "lenscap", "op", "desk 1", "systems-of-record", "rooter", "ann3"],
)
def test_other_names_are_free(name: str) -> None:
    """What only begins like one, in a longer word."""
    assert not is_reserved(name)


def test_an_actor_is_its_name() -> None:
    """And knows the id of the key beside it."""
    actor = Actor("earm-feed", 7)
    assert (actor, actor.key) == ("earm-feed", 7)
