"""What a caller is told of a field that no one asked for: where it stands and what was probably meant, never its name.

A value that slipped into the place of a name may be a person's, so a name that a caller sent is not repeated.
"""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

from app.errors import Fault

_COMPARED = 40  # characters of a name at the most, and names of one object, that are compared with those known
_ALIKE = 0.75


def unknown_field_faults(
    pointer: str,
    names: Iterable[str],
    accepted: Collection[str],
    known: Collection[str],
    allowed: tuple[str, ...] | None = None,
) -> Iterator[Fault]:
    """A fault for each of the names of the object at `pointer` that is not accepted there; its place counts from 1.

    `known` are the names from which one may be suggested, `allowed` those that are shown, if any.
    """
    told = 0
    for place, name in enumerate(names, 1):
        if name in accepted:
            continue
        told += 1
        alike = get_close_matches(name[:_COMPARED].lower(), known, 1, _ALIKE) if told <= _COMPARED else []
        meant = f"; did you mean {alike[0]}?" if alike else "; see /openapi.json"
        yield Fault(pointer, "unknown-field", f"field {place} of this object is not known{meant}", allowed)
