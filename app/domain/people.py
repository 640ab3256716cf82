"""Who did something, by name: what two names say about whether two people acted, and which names nobody may give a key.

Until people sign in themselves, two keys of different names are two people. A name that differs from another only in case, in
spaces and marks between words, or in characters that look alike, is the same name.
"""

import re
from typing import Self

_LOOK_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "|": "l"})
_THREE_AS_E = str.maketrans("3", "e")
_PAIRS = (("rn", "m"), ("vv", "w"))
_AT_COMMAND_LINE = re.compile(r"cli uid ([0-9]+) \((.*?)\)(?: as (.*))?")

RESERVED = (
    "bootstrap",
    "try-out",
    "folder",
    "system",
    "lens",
    "network",
    "the network",
    "simulator",
    "root",
    "dispatcher",
    "escalation",
    "sign-in",
    "feed watch",
    "anonymous",
    "nobody",
)
"""Names that LENS itself acts under, or that would pass for them."""

_RESERVED_FIRST_WORDS = ("cli", "process", "uid", "lens")
"""Words that the names of LENS's own actors begin with, e.g. `cli uid 1000 (ann)`, `lens db move`."""


class Actor(str):
    """The name of the caller who acts, with the id of the API key (`key`), which the audit trail keeps beside the name."""

    __slots__ = ("key",)

    key: int

    def __new__(cls, name: str, key: int) -> Self:
        """A name, and the id of a key."""
        actor = super().__new__(cls, name)
        actor.key = key
        return actor


def folded(name: str) -> str:
    """What is left of a name without case, marks and spaces, each character as the plainest that looks like it.

    >>> folded("Cl1 R00T") == folded("cli-root")
    True
    """
    plain = re.sub(r"[\W_]+", "", name.casefold()).translate(_LOOK_ALIKE)
    for pair, single in _PAIRS:
        plain = plain.replace(pair, single)
    return plain


def is_reserved(name: str) -> bool:
    """Whether nobody may give this name to a key, since it passes for a name of LENS itself or of the command line.

    >>> is_reserved("F0lder"), is_reserved("cli root as director"), is_reserved("client-feed")
    (True, True, False)
    """
    first = folded(re.split(r"[\W_]+", name.strip(), maxsplit=1)[0].rstrip("0123456789"))
    whole = folded(name)
    known = {"cliroot", "commandline", *RESERVED}
    names = {folded(each) for each in known}
    firsts = {folded(each) for each in _RESERVED_FIRST_WORDS}
    # Only against names of LENS: that ann3 and anne were one person would be wrong.
    as_letters = {first, first.translate(_THREE_AS_E)}
    return not firsts.isdisjoint(as_letters) or not names.isdisjoint({whole, whole.translate(_THREE_AS_E)})


def same_person(one: str, other: str) -> bool:
    """Whether two actors must be taken for one person.

    One user id at the command line is one person, whatever it says of itself; and so is a key of the account's name. An earlier
    version did not note the user id: what it noted of the command line may be anybody there.

    >>> same_person("cli uid 0 (root) as ann", "cli uid 0 (root) as ben"), same_person("Ann", "a-n-n"), same_person("ann", "ben")
    (True, True, False)
    """
    users = [_AT_COMMAND_LINE.match(actor) for actor in (one, other)]
    if all(actor.startswith("cli ") for actor in (one, other)):
        return None in users or len({user[1] for user in users if user is not None}) == 1
    names = [
        {folded(name) for name in (user.groups()[1:] if user else (actor,)) if name}
        for actor, user in zip((one, other), users, strict=True)
    ]
    return not names[0].isdisjoint(names[1])
