"""Count people done for a progress bar, part by part, so that a part done twice is not counted twice."""

from __future__ import annotations

from collections.abc import Callable

from ketasim.stream.job import Part


class Tally:
    """Adds up people over parts; `progress` is called with (people done, people in all), each arm counted."""

    def __init__(self, done: int, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._progress = done, total, progress
        self._under_way: dict[str, int] = {}
        self._tell()

    def moved(self, part: Part, people: int) -> None:
        """More people of a part under way are solved; those solved again are not counted again."""
        self._under_way[part.file] = min(part.count, self._under_way.get(part.file, 0) + people)
        self._tell()

    def lost(self, part: Part) -> None:
        """Whatever was solved of the part is lost."""
        self._under_way.pop(part.file, None)
        self._tell()

    def finished(self, part: Part) -> None:
        """The part is on the disk."""
        self._under_way.pop(part.file, None)
        self._done += part.count
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._done + sum(self._under_way.values()), self._total)
