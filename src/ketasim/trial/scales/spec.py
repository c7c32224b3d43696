"""What is known of a rating scale, immutable and already checked."""

from __future__ import annotations

from dataclasses import dataclass

from ketasim.parameters import Status


@dataclass(frozen=True)
class Number:
    """A number of the data file with its unit, status and source; `low` to `high` is its range (None where exact)."""

    value: float
    unit: str
    status: Status
    low: float | None = None
    high: float | None = None
    source: str = ""
    row: str = ""
    place: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Pair:
    """A point of a scale's line: the expected `score` (points of the scale) `at` a true severity, or a score of its `via`."""

    at: float
    score: Number

    @property
    def ends(self) -> tuple[float, float]:
        """The stated range of the score, the score itself where it is exact."""
        low, high = self.score.low, self.score.high
        return (self.score.value if low is None else low), (self.score.value if high is None else high)


@dataclass(frozen=True)
class Scale:
    """A rating scale; scores, noise and drift are in points.

    `kind` is "depression", "own" or "acute"; ratings are whole `step`s from `low` to `high`. `noise` is the SD of one
    rating, which falls to `noise_at_low` (steps) at the low end of the scale and is full from the share
    `noise_full_from` of its length on. `power` names the parameter to whose power the
    share that remains of depression is raised (none: 1). `pairs` relate a depression scale to severity, or to the scale `via`.
    """

    name: str
    title: str
    kind: str
    low: float
    high: float
    noise: Number
    drift: Number
    noise_at_low: Number
    noise_full_from: Number
    step: float = 1.0
    unit: str = "point"
    via: str = ""
    pairs: tuple[Pair, ...] = ()
    power: str = ""
