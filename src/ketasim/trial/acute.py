"""What people write down of dissociation without a drug: a few points, mostly none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim.trial.scales import Scale

Floats = NDArray[np.float64]


def background(of: Scale, mean: float, shape: float, z: Floats) -> Floats:
    """Return whole points on an acute scale, any shape as `z`: negative binomial with this mean and shape, cut at the scale's end.

    z : standard normal, large where much is rated. The variance is mean + mean^2 / shape: a small shape is a long tail.
    """
    from scipy.special import ndtr
    from scipy.stats import nbinom

    below = nbinom.cdf(np.arange(of.high - of.low), shape, shape / (shape + mean))
    return of.low + np.searchsorted(below, ndtr(z)).astype(float)
