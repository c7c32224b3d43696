"""Areas under the curve and under its first moment, by trapezoids.

"linear" is the linear rule throughout. "log_down" is linear while concentrations rise or stand, and logarithmic while they
fall, which is exact for one exponential (Gabrielsson J, Weiner D, Pharmacokinetic and Pharmacodynamic Data Analysis, 2.8;
WinNonlin's "linear up, log down"; PKNCA's "lin up/log down").
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.nca.profile import Floats, checked, last_index
from ketasim.nca.settings import nca_settings

METHODS = ("linear", "log_down")


def auc_last(times_h: Any, concentrations: Any, *, method: str | None = None) -> Floats:
    """Return the area from the first time to the last concentration above nought (...), in concentration x h.

    `method` is "linear" or "log_down" (the default of nca.toml). Raises `InputError`.
    """
    times, conc = checked(times_h, concentrations)
    return _until_last(_pieces(times, conc, _method(method), moment=False), conc)


def aumc(times_h: Any, concentrations: Any, *, method: str | None = None) -> Floats:
    """Return the area under time x concentration to the last concentration above nought (...), concentration x h^2.

    Times count from the first time given as they are: hand in h since the dose. Raises `InputError`.
    """
    times, conc = checked(times_h, concentrations)
    return _until_last(_pieces(times, conc, _method(method), moment=True), conc)


def auc_to(times_h: Any, concentrations: Any, until_h: float, *, method: str | None = None) -> Floats:
    """Return the area from the first time to `until_h` (h), (...); NaN beyond the last time. Raises `InputError`."""
    times, conc = checked(times_h, concentrations)
    return auc_partial(times, conc, float(times[0]), until_h, method=method)


def auc_partial(
    times_h: Any, concentrations: Any, start_h: float, end_h: float, *, method: str | None = None
) -> Floats:
    """Return the area from `start_h` to `end_h` (h), (...).

    Concentrations between samples follow the rule: straight lines, or exponentials where "log_down" falls. NaN where the
    times do not hold the interval: nothing is extrapolated. Raises `InputError` where the interval is empty or reversed.
    """
    times, conc = checked(times_h, concentrations)
    rule = _method(method)
    if not end_h > start_h:
        raise InputError("not an interval", key="end", value=end_h, expected=f"a time after {start_h:g} h")
    if start_h < times[0] or end_h > times[-1]:
        return np.full(conc.shape[:-1], np.nan)
    k = np.arange(times.size - 1)[(times[:-1] < end_h) & (times[1:] > start_h)]
    begin, end = np.maximum(times[k], start_h), np.minimum(times[k + 1], end_h)
    falls = _falls(conc[..., k], conc[..., k + 1], rule)
    before, after = (_between(times[k], times[k + 1], conc[..., k], conc[..., k + 1], t, falls) for t in (begin, end))
    return _integral(begin, end, before, after, falls, moment=False).sum(axis=-1)


def concentration_at(times_h: Any, concentrations: Any, at_h: float, *, method: str | None = None) -> Floats:
    """Return the concentration at a time (h) by the rule of the area, (...); NaN outside the times. Raises `InputError`."""
    times, conc = checked(times_h, concentrations)
    rule = _method(method)
    if not times[0] <= at_h <= times[-1]:
        return np.full(conc.shape[:-1], np.nan)
    k = min(int(np.searchsorted(times, at_h, side="right")) - 1, times.size - 2)
    before, after = conc[..., k], conc[..., k + 1]
    return _between(times[k], times[k + 1], before, after, at_h, _falls(before, after, rule))


def _method(method: str | None) -> str:
    name = nca_settings("area")["default"] if method is None else method
    if name not in METHODS:
        raise InputError("unknown rule for areas", key="method", value=name, expected=nearest(str(name), METHODS))
    return str(name)


def _falls(before: Floats, after: Floats, method: str) -> NDArray[np.bool_]:
    """Return where an interval is an exponential."""
    return np.asarray((method == "log_down") & (after > 0) & (after < before * (1 - nca_settings("area")["level"])))


def _between(start: Any, end: Any, before: Floats, after: Floats, at: Any, falls: NDArray[np.bool_]) -> Floats:
    """Return the concentration at times inside intervals."""
    share = (at - start) / (end - start)
    ratio = np.where(falls, after, 1.0) / np.where(falls, before, 1.0)
    return np.where(falls, before * ratio**share, before + (after - before) * share)


def _integral(
    start: Floats, end: Floats, before: Floats, after: Floats, falls: NDArray[np.bool_], *, moment: bool
) -> Floats:
    """Return the area of each interval, or that under time x concentration."""
    dt = end - start
    straight = dt * (start * before + end * after) / 2 if moment else dt * (before + after) / 2
    # C = before * exp(-x*share) over the interval; the two integrals of exp(-x*share) and share*exp(-x*share).
    falls = falls & (after < before)
    x = np.log(np.where(falls, before, 2.0) / np.where(falls, after, 1.0))
    whole = -np.expm1(-x) / x
    area = dt * before * whole
    if not moment:
        return np.where(falls, area, straight)
    return np.where(falls, start * area + dt**2 * before * (whole - np.exp(-x)) / x, straight)


def _pieces(times: Floats, conc: Floats, method: str, *, moment: bool) -> Floats:
    before, after = conc[..., :-1], conc[..., 1:]
    return _integral(times[:-1], times[1:], before, after, _falls(before, after, method), moment=moment)


def _until_last(pieces: Floats, conc: Floats) -> Floats:
    within = np.arange(1, conc.shape[-1]) <= last_index(conc)[..., None]
    return np.where(within, pieces, 0.0).sum(axis=-1)
