"""How many signs and sizes of a table are right, by role of the studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ketasim.lab.tables import Line


@dataclass(frozen=True)
class Score:
    """Right and asked, for one role and kind ("sign" or "size"); recalled figures are never counted."""

    role: str
    kind: str
    right: int
    asked: int

    @property
    def share(self) -> float:
        """The share that is right; NaN where none was asked."""
        return self.right / self.asked if self.asked else float("nan")


def scores(lines: Sequence[Line]) -> list[Score]:
    """Return the scores of each role, signs before sizes, in the order in which roles appear."""
    found = []
    for role in dict.fromkeys(line.row.role for line in lines):
        for kind in ("sign", "size"):
            asked = [
                getattr(n, kind) for n in lines if n.row.role == role and n.counted and getattr(n, kind) is not None
            ]
            if asked:
                found.append(Score(role, kind, sum(asked), len(asked)))
    return found
