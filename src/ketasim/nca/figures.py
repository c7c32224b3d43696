"""The figures of one profile or of many at once: the last axis of concentrations is time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.errors import InputError
from ketasim.nca.areas import auc_last, auc_partial, aumc, concentration_at
from ketasim.nca.profile import Floats, Texts, at_index, checked, last_index, peak_index
from ketasim.nca.settings import nca_settings
from ketasim.nca.slope import NOTHING, Slope, terminal_slope


def cmax(times_h: Any, concentrations: Any) -> Floats:
    """Return the highest concentration (...). Raises `InputError` for a wrong profile."""
    _, conc = checked(times_h, concentrations)
    return np.asarray(conc.max(axis=-1))


def tmax(times_h: Any, concentrations: Any) -> Floats:
    """Return the time (h) of the first highest concentration (...); NaN where nothing is above nought. Raises `InputError`."""
    times, conc = checked(times_h, concentrations)
    return np.where((conc > 0).any(axis=-1), times[peak_index(conc)], np.nan)


def sparse_peak(times_h: Any, concentrations: Any) -> np.ndarray:
    """Return whether the samples lie too far apart to tell Cmax (...).

    They do where the sample before the highest, or the one after it, is below nca.toml's share of it, or there is none.
    Raises `InputError`.
    """
    _, conc = checked(times_h, concentrations)
    rule, k = nca_settings("sparse"), peak_index(conc)
    top = at_index(conc, k)
    before = np.where(k > 0, at_index(conc, np.maximum(k - 1, 0)), 0.0)
    after = np.where(k < conc.shape[-1] - 1, at_index(conc, np.minimum(k + 1, conc.shape[-1] - 1)), 0.0)
    return np.asarray((top > 0) & ((before < rule["before"] * top) | (after < rule["after"] * top)))


def half_life(slope: Slope) -> Floats:
    """Return the half-life (h), ln 2 / rate, (...); NaN where the slope is."""
    return np.asarray(np.log(2) / slope.rate)


@dataclass(frozen=True)
class Extrapolated:
    """An area to infinity: `value`, `percent` of it beyond the last sample, `reason` where it cannot be had; each (...)."""

    value: Floats
    percent: Floats
    reason: Texts

    @property
    def far(self) -> np.ndarray:
        """Whether more is extrapolated than nca.toml allows without a mark (20 %)."""
        return np.asarray(self.percent > nca_settings("extrapolation")["most_percent"])


def auc_inf(
    times_h: Any, concentrations: Any, slope: Slope | None = None, *, method: str | None = None
) -> Extrapolated:
    """Return AUCinf, the area to the last concentration above nought and C_last / rate beyond it. Raises `InputError`."""
    times, conc = checked(times_h, concentrations)
    slope = terminal_slope(times, conc) if slope is None else slope
    return _beyond(auc_last(times, conc, method=method), _last(times, conc)[1] / slope.rate, slope)


def aumc_inf(
    times_h: Any, concentrations: Any, slope: Slope | None = None, *, method: str | None = None
) -> Extrapolated:
    """Return AUMCinf; beyond the last sample C_last * t_last / rate + C_last / rate^2. Raises `InputError`."""
    times, conc = checked(times_h, concentrations)
    slope = terminal_slope(times, conc) if slope is None else slope
    when, last = _last(times, conc)
    return _beyond(aumc(times, conc, method=method), last * when / slope.rate + last / slope.rate**2, slope)


def _last(times: Floats, conc: Floats) -> tuple[Floats, Floats]:
    k = np.maximum(last_index(conc), 0)
    return times[k], at_index(conc, k)


def _beyond(known: Floats, tail: Floats, slope: Slope) -> Extrapolated:
    whole = known + tail
    percent = np.where(whole > 0, tail / np.where(whole > 0, whole, 1.0), np.nan) * _PERCENT
    return Extrapolated(whole, percent, slope.reason)


_PERCENT = 100  # exact


def mrt(area: Floats, moment: Floats, *, infusion_h: float = 0.0) -> Floats:
    """Return the mean residence time (h) AUMCinf / AUCinf, less half the length of an infusion, (...)."""
    return _ratio(moment, area) - infusion_h / 2


def clearance(dose: Any, area: Any) -> Floats:
    """Return dose / AUCinf (...), CL after an intravenous dose and CL/F after others, in the units of the two."""
    return _ratio(dose, area)


def vss(cl: Any, residence_h: Any) -> Floats:
    """Return the volume of distribution at steady state CL * MRT (...); it has a meaning after intravenous doses."""
    return np.asarray(np.asarray(cl, dtype=float) * np.asarray(residence_h, dtype=float))


def bioavailability(area: Any, dose: Any, reference_area: Any, reference_dose: Any) -> Floats:
    """Return F, the ratio of dose-normalised areas (...). Raises `InputError` for a dose that is not above nought."""
    for key, value in (("dose", dose), ("reference_dose", reference_dose)):
        if not np.all(np.asarray(value, dtype=float) > 0):
            raise InputError("a dose is not above nought", key=key, value=str(value), expected="more than 0")
    return _ratio(area, reference_area) * _ratio(reference_dose, dose)


@dataclass(frozen=True)
class Accumulation:
    """How much more there is in a later dosing interval than in the first: ratios of areas and of peaks (...)."""

    auc: Floats
    cmax: Floats


def accumulation(
    times_h: Any, concentrations: Any, first_h: float, later_h: float, tau_h: float, *, method: str | None = None
) -> Accumulation:
    """Return the ratios of the interval of `tau_h` (h) from the dose at `later_h` to that from the dose at `first_h`.

    NaN where the times do not hold both intervals. Raises `InputError`.
    """
    times, conc = checked(times_h, concentrations)
    areas = [auc_partial(times, conc, t, t + tau_h, method=method) for t in (first_h, later_h)]
    peaks = []
    for start in (first_h, later_h):
        within = (times >= start) & (times < start + tau_h)  # the next dose may already be in the last sample
        held = within.any() and times[0] <= start and times[-1] >= start + tau_h
        peaks.append(conc[..., within].max(axis=-1) if held else np.full(conc.shape[:-1], np.nan))
    return Accumulation(_ratio(areas[1], areas[0]), _ratio(peaks[1], peaks[0]))


def trough(times_h: Any, concentrations: Any, dose_time_h: float, tau_h: float, *, method: str | None = None) -> Floats:
    """Return the concentration at the end of the dosing interval (...); NaN beyond the last time. Raises `InputError`."""
    return concentration_at(times_h, concentrations, dose_time_h + tau_h, method=method)


def _ratio(above: Any, below: Any) -> Floats:
    top, bottom = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    return np.asarray(np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan))


@dataclass(frozen=True)
class Summary:
    """All figures of a single dose, arrays (...): concentrations in the unit given, times in h since the dose.

    `clearance`, `vss` are NaN without a dose. `reasons` maps a figure to texts (...) that say why it is NaN, empty where not;
    `far` marks an AUCinf of which too much is extrapolated, `sparse` a Cmax that the samples may have missed.
    """

    cmax: Floats
    tmax: Floats
    auc_last: Floats
    auc_inf: Floats
    percent_extrapolated: Floats
    half_life: Floats
    mrt: Floats
    clearance: Floats
    vss: Floats
    aumc_inf: Floats
    slope: Slope
    far: np.ndarray
    sparse: np.ndarray
    reasons: dict[str, Texts]


def summary(
    times_h: Any,
    concentrations: Any,
    *,
    dose: Any = None,
    infusion_h: float = 0.0,
    method: str | None = None,
    window_h: tuple[float, float] | None = None,
) -> Summary:
    """Return all figures of profiles (..., n) that begin at a single dose (`from_dose`).

    Parameters
    ----------
    dose : the amount, broadcast against (...); its unit and the concentration's give those of clearance and volume.
    infusion_h : h of an infusion, for the mean residence time. method, window_h : as in `auc_last` and `terminal_slope`.

    Raises
    ------
    InputError
        For a wrong profile; never for a figure that cannot be had.
    """
    times, conc = checked(times_h, concentrations)
    slope = terminal_slope(times, conc, window_h=window_h)
    area, moment = auc_inf(times, conc, slope, method=method), aumc_inf(times, conc, slope, method=method)
    stay = mrt(area.value, moment.value, infusion_h=infusion_h)
    cl = clearance(np.nan if dose is None else dose, area.value)
    none = np.full(conc.shape[:-1], "", dtype=object)
    none[...] = np.where((conc > 0).any(axis=-1), "", NOTHING)
    by_slope = dict.fromkeys(("half_life", "auc_inf", "percent_extrapolated", "aumc_inf", "mrt"), slope.reason)
    given = slope.reason if dose is not None else np.full(conc.shape[:-1], "no dose given", dtype=object)
    return Summary(
        cmax=cmax(times, conc),
        tmax=tmax(times, conc),
        auc_last=auc_last(times, conc, method=method),
        auc_inf=area.value,
        percent_extrapolated=area.percent,
        half_life=half_life(slope),
        mrt=stay,
        clearance=cl,
        vss=vss(cl, stay),
        aumc_inf=moment.value,
        slope=slope,
        far=area.far,
        sparse=sparse_peak(times, conc),
        reasons={"tmax": none, **by_slope, "clearance": given, "vss": given},
    )
