"""Rating scales: how true severity is written down by raters and patients (numbers in trial/data/scales.toml).

Depression scales share one metric, true severity in MADRS points. All functions take and return float arrays of any
shape (they broadcast), draw nothing at random, and hand NaN through.
"""

from ketasim.trial.scales.outcome import remitted, responded
from ketasim.trial.scales.rate import band, expected, noise_sd, points_of, rated, rated_own, remaining
from ketasim.trial.scales.read import read_scales, scale, scale_names
from ketasim.trial.scales.spec import Number, Pair, Scale

__all__ = [
    "Number",
    "Pair",
    "Scale",
    "band",
    "expected",
    "noise_sd",
    "points_of",
    "rated",
    "rated_own",
    "read_scales",
    "remaining",
    "remitted",
    "responded",
    "scale",
    "scale_names",
]
