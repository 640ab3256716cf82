"""What a service looks out for while it stores decisions."""

from typing import NamedTuple

from app.decide.addresses import Addresses, Mark
from app.domain.release import Release
from app.domain.surge import Breaker


class Guards(NamedTuple):
    """`breaker` says when there is too much to send, `addresses` tells residences from one another; None: nobody looks."""

    breaker: Breaker | None = None
    addresses: Addresses | None = None

    def mark(self, release: Release) -> Mark | None:
        """The address of the release's residence, as it is counted."""
        return None if self.addresses is None else self.addresses.mark(release.residence)


NO_GUARDS = Guards()
"""For where nothing is to be looked out for."""
