"""Expected improvement over time from everything but the drug: visits and hope, being sure of the drug, added treatments.

Shares combine as shares of what is left: 1 - e = (1 - e_drug)(1 - e_control)(1 - e_expectancy)(1 - e_added)...
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ketasim.trial.spec import Added, Design, TrialArm
from ketasim.units import convert

Floats = NDArray[np.float64]
Values = Mapping[str, float]


def control(setting: str, times_h: Floats, values: Values, shift: Floats) -> Floats:
    """Return the improvement of the controls of a setting, (..., V): a surge of hours, a fast share, a slow one over weeks.

    times_h : (V,) from the first dose; 0 at and before it. shift : of the trial, (...,), added to the fast share.
    """
    t = np.maximum(times_h, 0)
    fast = np.clip(values[f"control_fast.{setting}"] + shift[..., None], 0, 1)
    surge = values[f"control_surge.{setting}"] * np.exp(-t / values["tau_surge"])
    slow = values[f"control_slow.{setting}"] * -np.expm1(-t / _hours(values["tau_control"]))
    found = 1 - (1 - np.clip(fast + surge, 0, 1)) * (1 - slow)
    return np.where(times_h > 0, found, 0.0)


def guess(arm: TrialArm, peak: Floats, values: Values) -> Floats:
    """Return the chance that people of an arm guess the active drug, by the largest CADSS they felt (points, any shape)."""
    at_none = np.log(values["guess_none"] / (1 - values["guess_none"]))
    odds = at_none + peak / values["guess_cadss"] + values["guess_sedation"] * arm.sedated
    return np.asarray(1 / (1 + np.exp(-odds)))


def expectancy(design: Design, arm: TrialArm, peak: Floats, values: Values) -> Floats:
    """Return the improvement from being surer of the drug than the setting's controls are, any shape of `peak`; open label is sure."""
    usual = guess(TrialArm("", 1, sedated=design.setting == "active_control"), np.zeros(()), values)
    known = np.zeros_like(peak) if arm.control else np.ones_like(peak)
    sure = known if design.blinding == "open" else guess(arm, peak, values)
    return values["expectancy_bonus"] * (sure - usual)


def added(
    treatment: Added,
    times_h: Floats,
    values: Values,
    relieved: Floats,
    *,
    inpatient: float = 0.0,
    psychotic: float = 0.0,
) -> Floats:
    """Return the improvement from an added treatment, broadcast to `relieved` (..., V).

    relieved : what the drug has taken at its best so far; training acts on that alone. inpatient, psychotic : shares of such
    people, for ECT.
    """
    t = np.maximum(times_h - treatment.start_h, 0)
    if treatment.kind == "ect":
        done = np.minimum(np.floor(t * treatment.per_week / _hours(1)), treatment.sessions)
        done = np.where((t > 0) & (treatment.sessions > 0), np.minimum(done + 1, treatment.sessions), 0)
        more = 1 + inpatient * (values["ect_factor.inpatient"] - 1) + psychotic * (values["ect_factor.psychotic"] - 1)
        return np.broadcast_to(1 - (1 - values[f"ect_session.{treatment.placement}"]) ** (done * more), relieved.shape)
    share = values[f"add_size.{treatment.kind}"] * -np.expm1(-t / _hours(values[f"add_tau.{treatment.kind}"]))
    return share * np.clip(relieved, 0, 1) if treatment.kind == "training" else np.broadcast_to(share, relieved.shape)


def _hours(weeks: float) -> float:
    return weeks * convert(1.0, "week", "h")
