"""Output times of a plan's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ketasim.scenario.load import duration_h


def grid_times(grid: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the output times of a grid of stretches, in h."""
    times, last = {0.0}, 0.0
    for part in grid:
        until, every = duration_h(part["until"], "until"), duration_h(part["every"], "every")
        times |= {last + every * k for k in range(1, round((until - last) / every) + 1)}
        last = until
    return [f"{t!r} h" for t in sorted(times)]
