"""How many published figures lie in the intervals that should hold them, with binomial limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri

from ketasim.report.trials.compared import Compared
from ketasim.report.trials.settings import part
from ketasim.trial.statistics import clopper_pearson

Floats = NDArray[np.float64]
ALL = "all roles"


@dataclass(frozen=True)
class Coverage:
    """Counts of one group: figures counted, those inside their 90 % interval, studies, and recalled figures (not counted).

    `bias` and `spread` are mean and SD of the standardised errors (finite ones), NaN where there are too few.
    """

    group: str
    role: str
    studies: int
    counted: int
    inside: int
    recalled: int
    bias: float
    spread: float

    @property
    def share(self) -> float:
        """Return the share inside; NaN where nothing counts."""
        return self.inside / self.counted if self.counted else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Return the exact binomial 95 % interval of the share (Clopper and Pearson); figures taken as independent."""
        found = clopper_pearson(self.inside, self.counted, level=part("coverage")["band"])
        return float(found.low), float(found.high)

    @property
    def verdict(self) -> str:
        """Return in words whether the nominal coverage lies in the interval."""
        if not self.counted:
            return "nothing counted"
        (low, high), aim = self.interval, part("coverage")["nominal"]
        return "too few inside" if high < aim else "too many inside" if low > aim else "as it should be"


def coverage(some: Iterable[Compared], group: str, role: str) -> Coverage:
    """Return the counts of some endpoints."""
    every = list(some)
    counted = [c for c in every if c.counted]
    errors = np.array([c.error for c in counted if c.error is not None and math.isfinite(c.error)])
    return Coverage(
        group=group,
        role=role,
        studies=len({c.study for c in counted}),
        counted=len(counted),
        inside=sum(bool(c.inside) for c in counted),
        recalled=sum(c.published and not c.read for c in every),
        bias=float(errors.mean()) if len(errors) else math.nan,
        spread=float(errors.std(ddof=1)) if len(errors) > 1 else math.nan,
    )


def roles(some: Sequence[Compared]) -> list[str]:
    """Return the roles that occur, in the order of trials.toml, others after them."""
    found = {c.role for c in some}
    order = part("roles")["order"]
    return [r for r in order if r in found] + sorted(found - set(order))


def by_role(some: Sequence[Compared]) -> list[Coverage]:
    """Return the coverage of each role, and of all together last."""
    each = [coverage([c for c in some if c.role == r], r, r) for r in roles(some)]
    return [*each, coverage(some, ALL, ALL)]


def by_setting(some: Sequence[Compared]) -> list[Coverage]:
    """Return the coverage of each role within each setting."""
    found = []
    for setting in sorted({c.setting for c in some}):
        own = [c for c in some if c.setting == setting]
        found += [coverage([c for c in own if c.role == r], setting, r) for r in roles(own)]
    return found


def levels() -> Floats:
    """Return the nominal central coverages at which intervals are checked."""
    return np.array(part("coverage")["levels"], dtype=float)


def shares_inside(some: Sequence[Compared]) -> Floats:
    """Return for each nominal coverage the share of counted figures inside, (levels,); NaN without any.

    The central interval of any level is that of a normal distribution on either side of the mean, through the 5th and the 95th
    percentile (the predictive SD where a side has no width), so that at 90 % it is the interval itself.
    """
    depth = np.array([c.depth for c in some if c.counted and c.depth is not None])
    reach = ndtri((1 + levels()) / 2)
    if not len(depth):
        return np.full(len(reach), np.nan)
    slack = 1 + np.sqrt(np.finfo(float).eps)  # a figure printed at the edge is inside
    return np.asarray((depth[:, None] <= reach * slack).mean(axis=0))


def binomial_band(n: int) -> tuple[Floats, Floats]:
    """Return for each nominal coverage the shares between which 95 % of samples of `n` would lie, were it true."""
    counts, tail = np.arange(n + 1), (1 - part("coverage")["band"]) / 2
    below = np.array([[bdtr(k, n, p) for k in counts] for p in levels()])
    low, high = (np.array([np.searchsorted(row, q) for row in below]) for q in (tail, 1 - tail))
    return low / n, high / n
