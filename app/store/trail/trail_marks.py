"""Small numbers by row id, for millions of rows in little memory: what the check of the trail has seen."""

from array import array

_PAGE = 4096
MOST = 65_535
"""The largest number there can be; a larger one is kept as this."""


class Marks:
    """A number from 0 to 65,535 for each id; 0 where none was given. Ids that are close together share a page."""

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}

    def __getitem__(self, key: int) -> int:
        page = self._pages.get(key // _PAGE)
        return 0 if page is None else page[key % _PAGE]

    def __setitem__(self, key: int, value: int) -> None:
        page = self._pages.get(key // _PAGE)
        if page is None:
            page = self._pages[key // _PAGE] = array("H", bytes(2 * _PAGE))
        page[key % _PAGE] = min(value, MOST)
