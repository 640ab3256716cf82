"""Who did something, by name: what two names say about whether two people acted, and which names nobody may give a key.

Until people sign in themselves, two keys of different names are two people. A name that differs from another only in case, in
spaces and marks between words, or in characters that look alike, is the same name. A name with a number or a word such as `new`
after it is that of the same person's next key; two names that both have a number are two people.
"""

import re
from typing import Self

_LOOK_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "|": "l"})
_THREE_AS_E = str.maketrans("3", "e")
_PAIRS = (("rn", "m"), ("vv", "w"))
_NUMBERED = re.compile(r"(.*[^\W\d_])[\W_]*([0-9]+)[\W_]*")
_ROTATED = re.compile(r"(.*[^\W_])[\W_]+(?:new|old|next|key|spare|temp|backup|copy)[\W_]*")
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


TOLD_APART = (
    "keys whose names differ only in case, spaces, marks or look-alike characters, or in a number or a word such as `new` after one of "
    "them, are one person"
)
"""How people are told apart by the names of their keys, for those who are taken for one."""


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


def look_alike(one: str, other: str) -> bool:
    """Whether two names are the same but for case, spaces, marks and characters that look alike.

    >>> look_alike("Ann", "a-nn"), look_alike("bi11", "bill"), look_alike("desk 1", "desk 2")
    (True, True, False)
    """
    return folded(one) == folded(other)


def _name_and_number(name: str) -> tuple[str, int | None]:
    """A name without the words and the number that tell a person's keys apart; and that number."""
    rest, number = name.casefold(), None
    while True:
        rotated, numbered = _ROTATED.fullmatch(rest), _NUMBERED.fullmatch(rest)
        if rotated is not None:
            rest = rotated[1]
        elif numbered is not None and number is None:
            rest, number = numbered[1], int(numbered[2])
        else:
            return folded(rest), number


def _one_name(one: str, other: str) -> bool:
    """Whether two names must be taken for those of one person."""
    if look_alike(one, other):
        return True
    (name, number), (other_name, other_number) = _name_and_number(one), _name_and_number(other)
    return name == other_name and (number is None or other_number is None or number == other_number)


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
    >>> same_person("ann", "ann-2"), same_person("ann old", "ann new"), same_person("desk 1", "desk 2")
    (True, True, False)
    """
    users = [_AT_COMMAND_LINE.match(actor) for actor in (one, other)]
    if all(actor.startswith("cli ") for actor in (one, other)):
        return None in users or len({user[1] for user in users if user is not None}) == 1
    names, others = (_names_of(actor) for actor in (one, other))
    return any(_one_name(name, another) for name in names for another in others)


def _names_of(actor: str) -> list[str]:
    """The names that an actor goes by: that of the key; or of the account, and what it says of itself."""
    user = _AT_COMMAND_LINE.match(actor)
    found = (actor,) if user is None else user.groups()[1:]
    return [name for name in found if name]
