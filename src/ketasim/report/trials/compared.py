"""A published figure beside what virtual trials of its design give, as the reports read it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ketasim.report.trials.settings import panel_name, reach


@dataclass(frozen=True)
class Compared:
    """One endpoint of a replicated study, in `unit`.

    Attributes
    ----------
    study, setting, role : of the study; an endpoint may have a role of its own.
    observed : the published figure, None where only `low` to `high` were printed or nothing was published.
    low, high : its interval or printed range, None where there is none.
    predicted, p05, p95, sd : mean, 5th and 95th percentile and SD over virtual trials of the published size.
    inside : whether the published figure lies in the 90 % predictive interval; None where nothing was published.
    read : whether the figure was read in its source; a recalled one is shown and never counted.
    """

    study: str
    setting: str
    role: str
    name: str
    arm: str
    versus: str
    measure: str
    scale: str
    time_h: float | None
    unit: str
    observed: float | None
    low: float | None
    high: float | None
    predicted: float
    p05: float
    p95: float
    sd: float
    inside: bool | None
    read: bool
    row: str
    note: str

    @property
    def panel(self) -> str:
        """Return the name of the panel in which it is drawn."""
        return panel_name(self.measure, self.unit)

    @property
    def published(self) -> bool:
        """Whether there is a published figure or range."""
        return self.observed is not None or self.low is not None or self.high is not None

    @property
    def counted(self) -> bool:
        """Whether it counts: published, read in its source, and judged."""
        return self.read and self.inside is not None and self.published

    @property
    def gap(self) -> float | None:
        """Return published minus predicted; against a printed range the nearer end counts (0 inside it). None without either."""
        if self.observed is not None:
            return self.observed - self.predicted
        if not self.published:
            return None
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        return min(max(self.predicted, low), high) - self.predicted

    @property
    def error(self) -> float | None:
        """Return the standardised error, gap over the predictive SD; infinite where the prediction has no spread."""
        return _over(self.gap, self.sd)

    @property
    def depth(self) -> float | None:
        """Return how far out it lies, in SD of the normal half through the mean and the percentile on its side.

        1.64 is the edge of the 90 % interval on either side. Where that half has no width the predictive SD stands in.
        """
        gap = self.gap
        if gap is None:
            return None
        width = (self.p95 - self.predicted if gap > 0 else self.predicted - self.p05) / reach()
        found = _over(gap, width if width > 0 else self.sd)
        return None if found is None else abs(found)

    @property
    def size(self) -> float:
        """Return the size of the standardised error for sorting; below every other where there is none."""
        return -1.0 if self.error is None else abs(self.error)


@dataclass(frozen=True)
class Replicated:
    """A replicated study: what it is, its endpoints, the rows of evidence left out with their reasons (row, why).

    `safety` is the document of its panel of safety, empty where there is none.
    """

    study: str
    title: str
    role: str
    design: str
    setting: str
    n: str
    calibration: str
    note: str
    endpoints: tuple[Compared, ...]
    left: tuple[tuple[str, str], ...]
    safety: Mapping[str, Any] = field(default_factory=dict)


def _over(gap: float | None, width: float) -> float | None:
    if gap is None:
        return None
    if gap == 0:
        return 0.0
    return gap / width if width > 0 else math.copysign(math.inf, gap)


def worst(some: list[Compared], most: int) -> list[Compared]:
    """Return the counted endpoints furthest off in predictive SD, the furthest first, at most `most` of them."""
    found = [c for c in some if c.counted and c.error is not None]
    return sorted(found, key=lambda c: (-c.size, c.study, c.name))[:most]
