"""Ratings: expected score at a true severity, its inverse, and what a rater writes down.

A rating is the expected score plus noise and drift, rounded to a whole step and held within the scale. Rounding to the
nearest step is even on both sides; with normal noise of SD s (in steps) it moves a mean by at most
exp(-2 pi^2 s^2)/pi steps, 0.014 at the least noise of any scale (0.4) and less than 1e-7 from s = 0.9 on. Only the ends
bend means: who has no symptom cannot be rated below none, so noise there adds a little (about a tenth of a step).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim.errors import InputError
from ketasim.trial.scales.read import scale, scale_names
from ketasim.trial.scales.spec import Scale

Floats = NDArray[np.float64]


def expected(name: str, points: ArrayLike, *, xp: Any = np) -> Floats:
    """Return the expected score of a depression scale, a real number within its ends.

    Parameters
    ----------
    name : the scale. points : true severity in MADRS points (0 and above; beyond 60 counts as 60), of any shape.
    xp : module of the arrays, NumPy or jax.numpy (then traced values are taken and the answer is differentiable).

    Raises
    ------
    InputError
        For an unknown scale, or one that is no depression scale.
    """
    s = _depression(name)
    return _line(s, _floats(points, xp) if not s.via else expected(s.via, points, xp=xp), xp=xp)


def points_of(name: str, score: ArrayLike, *, xp: Any = np) -> Floats:
    """Return the true severity (MADRS points) at which a depression scale is expected to show `score`; undoes `expected`.

    Scores beyond the ends count as the ends; where a scale is full before severity is, the least such severity comes back.
    xp : as in `expected`.

    Raises
    ------
    InputError
        As `expected`.
    """
    s = _depression(name)
    scores, severities = np.array([p.score.value for p in s.pairs]), np.array([p.at for p in s.pairs], dtype=float)
    at = xp.interp(_floats(score, xp), scores, severities)
    return points_of(s.via, at, xp=xp) if s.via else _floats(at, xp)


def band(name: str, points: ArrayLike) -> tuple[Floats, Floats]:
    """Return the lowest and highest expected score (points of the scale) that the stated ranges of its line allow.

    Parameters and errors are those of `expected`.
    """
    s = _depression(name)
    low, high = band(s.via, points) if s.via else (_floats(points), _floats(points))
    return _line(s, low, 0), _line(s, high, 1)


def noise_sd(name: str, true: ArrayLike, *, xp: Any = np) -> Floats:
    """Return the SD (points) of one rating at a true score (points of the scale): full at illness, small without symptoms.

    The variance grows in proportion to the score above the low end, as that of a sum of items of which only those present
    are in doubt. xp : as in `expected`.
    """
    s = scale(name)
    least, full = s.noise_at_low.value * s.step, s.noise.value
    share = xp.clip((_floats(true, xp) - s.low) / (s.noise_full_from.value * (s.high - s.low)), 0, 1)
    return xp.sqrt(least**2 + (full**2 - least**2) * share)


def rated(name: str, points: ArrayLike, z: ArrayLike, drift: ArrayLike = 0.0) -> Floats:
    """Return ratings on a depression scale, whole steps within its ends.

    Parameters
    ----------
    name : the scale. points : true severity in MADRS points. z : standard normal numbers of the same or a broadcasting
        shape, one for each rating. drift : points of the scale by which raters are off together.

    Raises
    ------
    InputError
        As `expected`.
    """
    return _written(scale(name), expected(name, points), z, drift)


def rated_own(name: str, baseline: ArrayLike, share: ArrayLike, z: ArrayLike, drift: ArrayLike = 0.0) -> Floats:
    """Return ratings on a scale of its own (or an acute one), whole steps within its ends.

    Parameters
    ----------
    name : the scale. baseline : true score before treatment (points of the scale). share : what remains of it above the
        low end (1 all, 0 none). z, drift : as in `rated`.

    Raises
    ------
    InputError
        For an unknown scale, or a depression scale, which is rated from severity.
    """
    s = scale(name)
    if s.kind == "depression":
        own = [n for n in scale_names() if scale(n).kind != "depression"]
        raise InputError(
            "is rated from severity", key="scale", value=name, expected=f"rated(), or one of {', '.join(own)}"
        )
    return _written(s, np.clip(s.low + (_floats(baseline) - s.low) * _floats(share), s.low, s.high), z, drift)


def remaining(of: Scale, share: Any, values: Mapping[str, Any]) -> Any:
    """Return what remains on a scale of its own where `share` of depression remains, by the scale's power in parameter `values`."""
    return share ** values[of.power] if of.power else share


def _written(s: Scale, true: Floats, z: ArrayLike, drift: ArrayLike) -> Floats:
    felt = true + noise_sd(s.name, true) * _floats(z) + _floats(drift)
    return np.clip(s.low + s.step * np.rint((felt - s.low) / s.step), s.low, s.high)


def _line(s: Scale, at: Floats, end: int | None = None, *, xp: Any = np) -> Floats:
    """Return the scale's line at `at`: its best estimate, or the lower (0) or upper (1) end of its range."""
    scores = np.array([p.score.value if end is None else p.ends[end] for p in s.pairs], dtype=float)
    return _floats(xp.interp(at, np.array([p.at for p in s.pairs], dtype=float), scores), xp)


def _depression(name: str) -> Scale:
    s = scale(name)
    if s.kind != "depression":
        known = [n for n in scale_names() if scale(n).kind == "depression"]
        raise InputError("is no depression scale", key="scale", value=name, expected=f"one of {', '.join(known)}")
    return s


def _floats(values: ArrayLike, xp: Any = np) -> Floats:
    return xp.asarray(values, dtype=float)
