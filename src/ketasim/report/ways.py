"""Routes side by side: F against the intravenous arm of the same drug, and the dose that would give the same area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ketasim import nca
from ketasim.dosing import Dose
from ketasim.nca import Summary
from ketasim.report.given import active_doses, arm_parameters, drug_name
from ketasim.report.kinetics import Spread, percentiles, settings, single_dose
from ketasim.system.drugs import find_drug
from ketasim.system.result import Result
from ketasim.units import convert, is_compatible

INTRAVENOUS = "iv"


@dataclass(frozen=True)
class Way:
    """One arm beside the intravenous arm of its drug.

    `arm`, `reference` : indices of the two arms. `dose` (mg, per kg of body weight where `per_kg`). `availability` : F, each
    person's ratio of dose-normalised AUCinf. `cmax` (unit of the quantity), `tmax` (h since the dose) at the dose given.
    `equal_dose` : the dose whose area is the intravenous arm's, that arm's dose / median F; `scale` : `equal_dose` / `dose`;
    `equal_cmax` : Cmax at it. `marks` as in `Kinetic`.
    """

    arm: int
    reference: int
    drug: str
    route: str
    dose: float
    per_kg: bool
    availability: Spread
    cmax: Spread
    tmax: Spread
    equal_dose: float
    scale: float
    equal_cmax: Spread
    marks: tuple[str, ...]

    @property
    def unit(self) -> str:
        """The unit of the doses."""
        return "mg/kg" if self.per_kg else "mg"


@dataclass(frozen=True)
class _Single:
    arm: int
    drug: str
    dose: Dose
    milligrams: float


def ways(result: Result) -> tuple[Way, ...]:
    """Return the arms that can be set beside an intravenous arm of the same drug, drug by drug, the highest Cmax first.

    Empty unless there is such an arm and another route of the drug. Left out are arms with more than one dose, with parameters
    of their own that the reference lacks, dosed per kg where the reference is not, or sampled too sparsely.
    """
    if settings("routes")["quantity"] not in result.values:
        return ()
    singles = [s for a in range(len(result.arms)) if (s := _single(result, a)) is not None]
    found = []
    for drug in dict.fromkeys(s.drug for s in singles):
        own = [s for s in singles if s.drug == drug]
        reference = next((s for s in own if s.dose.route == INTRAVENOUS), None)
        beside = [s for s in own if reference is not None and _comparable(result, s, reference)]
        compared = [] if reference is None else _compared(result, reference, beside)
        if any(w.route != INTRAVENOUS for w in compared):
            found += sorted(compared, key=lambda w: -w.cmax.median)
    return tuple(found)


def _single(result: Result, arm: int) -> _Single | None:
    doses = active_doses(result, arm)
    if len(doses) != 1 or doses[0].count != 1 or not is_compatible(doses[0].unit, "mg"):
        return None
    (dose,) = doses
    drug = drug_name(dose.drug)
    if not find_drug(drug).isomers:
        return None
    return _Single(arm, drug, dose, convert(dose.amount, dose.unit, "mg"))


def _comparable(result: Result, one: _Single, reference: _Single) -> bool:
    alike = arm_parameters(result, one.arm) == arm_parameters(result, reference.arm)
    return alike and one.dose.per_kg == reference.dose.per_kg


def _compared(result: Result, reference: _Single, beside: list[_Single]) -> list[Way]:
    quantity = settings("routes")["quantity"]
    intravenous = single_dose(result, reference.arm, quantity)
    if intravenous is None or _missed(intravenous):
        return []
    found = []
    for one in beside:
        figures = single_dose(result, one.arm, quantity)
        if figures is None or _missed(figures):
            continue
        if np.any(np.isfinite(figures.auc_inf) & np.isfinite(intravenous.auc_inf)):
            found.append(_way(one, figures, reference, intravenous))
    return found


def _missed(figures: Summary) -> bool:
    return float(np.mean(figures.sparse)) > settings("of")["refused_share"]


def _way(one: _Single, figures: Summary, reference: _Single, intravenous: Summary) -> Way:
    share = percentiles(nca.bioavailability(figures.auc_inf, one.milligrams, intravenous.auc_inf, reference.milligrams))
    equal = reference.milligrams / share.median
    scale = equal / one.milligrams
    limit = settings("of")["marked_share"]
    told = {"extrapolated": figures.far | intravenous.far, "sparse": figures.sparse}
    return Way(
        arm=one.arm,
        reference=reference.arm,
        drug=one.drug,
        route=one.dose.route,
        dose=one.milligrams,
        per_kg=one.dose.per_kg,
        availability=share,
        cmax=percentiles(figures.cmax),
        tmax=percentiles(figures.tmax),
        equal_dose=equal,
        scale=scale,
        equal_cmax=percentiles(scale * figures.cmax),
        marks=tuple(name for name, people in told.items() if float(np.mean(people)) > limit),
    )
