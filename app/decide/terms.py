"""The terms under which a service decides: what its settings say that the rulebook does not."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Terms:
    """`origin_ori` signs the messages; `late_after` is seconds from release to acceptance after which a notice says LATE.

    `future_tolerance` is how many seconds from acceptance a release may lie ahead and be believed all the same.
    With `allow_generic_ori` off, a message to an ORI that no state has confirmed is held for a person. `review_within` is how many
    seconds a person has to look at a release that is held.
    """

    origin_ori: str = "VTINS07S0"
    message_key: Literal["AM", "AML"] = "AM"
    message_format: Literal["legacy", "niem"] = "legacy"
    late_after: float = 86_400.0
    allow_generic_ori: bool = True
    review_within: int = 86_400
    future_tolerance: float = 86_400.0
