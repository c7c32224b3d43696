"""Expected improvement over time from everything but the drug: time, visits and hope, being sure of the drug, added treatments.

Shares combine as shares of what is left, 1 - e = (1 - e_drug)(1 - e_hope)(1 - e_added)..., but drug and hope may help the same
people by the same points (`left`).
`xp` is the module of the arrays, NumPy or jax.numpy: values, times and people may be traced, and all is differentiable in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketasim.trial.spec import Added, Design, Enrolment, TrialArm
from ketasim.units import convert

Array = Any  # of NumPy or of JAX
Values = Mapping[str, Any]
_SHARP = 4  # of the smooth minimum
_NONE = 1e-12  # keeps it smooth where both are none


def control(setting: str, times_h: Array, values: Values, shift: Array, *, xp: Any = np) -> Array:
    """Return the improvement of the controls of a setting, (..., V): a surge of hours, a fast share, a slow one over weeks.

    times_h : (V,) from the first dose; 0 at and before it. shift : of the trial, (...,), added to the fast share.
    """
    t = xp.maximum(times_h, 0)
    fast = xp.clip(values[f"control_fast.{setting}"] + shift[..., None], 0, 1)
    surge = values[f"control_surge.{setting}"] * xp.exp(-t / values["tau_surge"])
    slow = values[f"control_slow.{setting}"] * -xp.expm1(-t / _hours(values["tau_control"]))
    found = 1 - (1 - xp.clip(fast + surge, 0, 1)) * (1 - slow)
    return xp.where(times_h > 0, found, 0.0)


def kept(arm: TrialArm, times_h: Array, values: Values, *, xp: Any = np) -> Array:
    """Return what is still there, (V,), of the improvement by control and hope: it wanes some weeks after treatment has stopped."""
    late = xp.maximum(times_h - arm.stop_h - _hours(values["control_hold"]), 0)
    return xp.exp(-late / _hours(values["control_relapse"]))


def natural(people: Enrolment, times_h: Array, values: Values, *, xp: Any = np) -> Array:
    """Return the improvement that time alone brings to a diagnosis, (V,); more in a first episode."""
    size = values[f"natural_size.{people.diagnosis}"]
    if people.first_episode:
        size = size + people.first_episode * (values["natural_size.first_episode"] - size)
    return size * -xp.expm1(-xp.maximum(times_h, 0) / _hours(values["natural_tau"]))


def guess(sedated: Array, peak: Array, values: Values, *, xp: Any = np) -> Array:
    """Return the chance that people guess the active drug, by the largest CADSS they felt (points) and whether they are sedated."""
    at_none = xp.log(values["guess_none"] / (1 - values["guess_none"]))
    odds = at_none + peak / values["guess_cadss"] + values["guess_sedation"] * sedated
    return xp.asarray(1 / (1 + xp.exp(-odds)))


@dataclass(frozen=True)
class Known:
    """What people of an arm may know of their treatment, each 1 or 0 (or arrays of them): sedated; the setting's usual controls are;
    open label; this is the control arm.
    """

    sedated: Array
    usual: Array
    open: Array
    control: Array


def known(design: Design, arm: TrialArm) -> Known:
    """Return what people of an arm may know of their treatment."""
    return Known(arm.sedated, design.setting == "active_control", design.blinding == "open", arm.control)


def expectancy(what: Known, peak: Array, values: Values, *, xp: Any = np) -> Array:
    """Return the improvement from being surer of the drug than the setting's controls are, any shape of `peak`; open label is sure."""
    usual = guess(what.usual, 0.0, values, xp=xp)
    sure = xp.where(what.open, 1.0 - what.control, guess(what.sedated, peak, values, xp=xp))
    return values["expectancy_bonus"] * (sure - usual)


def remains(
    drug: Array,
    there: Array,
    controlled: Array,
    hoped: Array,
    by_time: Array,
    times_h: Array,
    values: Values,
    *,
    xp: Any = np,
) -> Array:
    """Return the severity left by drug, control, hope and time, a share, broadcast to all (..., V).

    Parameters
    ----------
    drug, controlled, hoped, by_time : what each alone would take (`control` with what failed treatments leave of it, `expectancy`,
    `natural`). there : what is `kept` of control and hope. times_h : (V,) or (..., V).
    """
    unmoved = 1 - xp.minimum(there * controlled, 1)
    unmoved = unmoved * xp.where(times_h > 0, 1 - there * hoped, 1)
    return left(drug, 1 - unmoved, values, xp=xp) * (1 - by_time)


def left(drug: Array, hope: Array, values: Values, *, xp: Any = np) -> Array:
    """Return the severity that drug and hope leave, a share, broadcast to both; each argument is what it would take alone.

    (1 - d)(1 - h)(1 + w m), with m a smooth minimum of d and h; it falls in both for every w up to 1. Where `hope_overlap` w is 0 each
    takes its share of what the other leaves; at 1 the two together take little more than the larger alone. Less than the sum was
    found by a balanced placebo design (Lund et al. 2014, doi 10.1371/journal.pone.0084104).
    """
    d, h = xp.maximum(drug, 0), xp.maximum(hope, 0)
    least = d * h / (d**_SHARP + h**_SHARP + _NONE) ** (1 / _SHARP)
    return (1 - drug) * (1 - hope) * (1 + values["hope_overlap"] * least)


def added(
    treatment: Added,
    times_h: Array,
    values: Values,
    relieved: Array,
    *,
    inpatient: float = 0.0,
    psychotic: float = 0.0,
    xp: Any = np,
) -> Array:
    """Return the improvement from an added treatment, broadcast to `relieved` (..., V).

    relieved : what the drug has taken at its best so far; training acts on that alone. inpatient, psychotic : shares of such
    people, for ECT.
    """
    t = xp.maximum(times_h - treatment.start_h, 0)
    if treatment.kind == "ect":
        done = xp.minimum(xp.floor(t * treatment.per_week / _hours(1)), treatment.sessions)
        done = xp.where((t > 0) & (treatment.sessions > 0), xp.minimum(done + 1, treatment.sessions), 0)
        more = 1 + inpatient * (values["ect_factor.inpatient"] - 1) + psychotic * (values["ect_factor.psychotic"] - 1)
        return xp.broadcast_to(1 - (1 - values[f"ect_session.{treatment.placement}"]) ** (done * more), relieved.shape)
    share = values[f"add_size.{treatment.kind}"] * -xp.expm1(-t / _hours(values[f"add_tau.{treatment.kind}"]))
    return share * xp.clip(relieved, 0, 1) if treatment.kind == "training" else xp.broadcast_to(share, relieved.shape)


def _hours(weeks: float) -> float:
    return weeks * convert(1.0, "week", "h")
