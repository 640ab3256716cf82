"""Cases that a proof finds: how many, and one of them to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.rulebook.engine.joint import Stretch
from app.rulebook.language.view import View


@dataclass(slots=True)
class Found:
    """How many cases, and the first of them."""

    count: int = 0
    example: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()

    def add(self, view: View, stretch: Stretch, path: tuple[str, ...] = ()) -> None:
        """Counts cases that are alike, and keeps the first of all."""
        if not self.count:
            self.example = {"release_date": day_shown(view), **stretch.values}
            self.path = path
        self.count += stretch.count


def day_shown(view: View) -> str:
    """A day of the view to show: its first, or its last where it has no beginning."""
    return (view.first if view.first.year > 1 else view.last).isoformat()
