"""Figures of simulated arms: what the language of figures says, computed from courses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ketasim.parameters import ParameterTable
from ketasim.qualify import course
from ketasim.qualify.figure import Figure
from ketasim.qualify.observed import level_factor
from ketasim.qualify.spec import StudyArm
from ketasim.system.bind import whole_system
from ketasim.system.drugs import find_drug
from ketasim.units import convert

Floats = NDArray[np.float64]
Courses = Mapping[str, tuple[Floats, Mapping[str, Floats]]]


class Model(Protocol):
    """What a figure needs of the model beside the courses."""

    @property
    def tables(self) -> Mapping[str, ParameterTable]:
        """The table of each species."""

    @property
    def table(self) -> ParameterTable:
        """The table of people."""

    def dose_mass(self, arm: StudyArm) -> float:
        """Return all doses of an arm in mg."""

    def clearance(self, arm: StudyArm, analyte: str) -> Floats:
        """Return the clearance of norketamine that the parameters give an arm."""


def evaluate(f: Figure, arm: StudyArm, reference: StudyArm | None, courses: Courses, model: Model) -> Floats:
    """Return a figure of an arm's courses, (L,): ng/mL, h, ng*h/mL, L/h, L or a pure number.

    `change` gives what the figure is times (1 + change), so that it is positive.
    """
    value = _one(f, arm, reference, courses, model)
    if f.relation and reference is not None:
        return value / _one(f, reference, None, courses, model)
    return value


@dataclass(frozen=True)
class _Seen:
    """A course as a figure sees it: all of it (`t`, `c`), its window, and the dose in ug (ng/mL are ug/L: dose over area is L/h)."""

    t: Floats
    c: Floats
    times: Floats
    values: Floats
    ug: float
    infusion_h: float

    @property
    def area(self) -> Floats:
        return course.area_inf(self.t, self.c)


def _one(f: Figure, arm: StudyArm, reference: StudyArm | None, courses: Courses, model: Model) -> Floats:
    if f.second and f.verb != "auc_ratio":
        over, under = (replace(f, quantity=q, second="") for q in (f.quantity, f.second))
        return _one(over, arm, reference, courses, model) / _one(under, arm, reference, courses, model)
    if f.verb == "auc_ratio":
        levels = _levels(courses[arm.id][1], f, arm, model)
        both = [course.inside(courses[arm.id][0], levels[q], f.start_h, f.end_h) for q in f.quantities]
        total = course.area if f.end_h is not None else course.area_inf
        return total(*both[0]) / total(*both[1])
    if f.verb == "cl_sys":
        return model.clearance(arm, f.analyte)
    seen = _seen(f, arm, courses, model)
    if f.verb == "f":
        if reference is None:
            raise ValueError(f"{arm.id}: f needs a reference arm")
        other = _seen(f, reference, courses, model)
        return seen.area / other.area * (other.ug / seen.ug)
    return _of_course(f, seen) if f.verb in _LEVEL else _of_dose(f, seen, model)


_LEVEL = ("cmax", "tmax", "conc", "auc", "auc_inf", "thalf")


def _of_course(f: Figure, seen: _Seen) -> Floats:
    """Return a figure that needs no dose."""
    match f.verb:
        case "cmax":
            return course.peak(seen.times, seen.values)[0]
        case "tmax":
            return course.peak(seen.times, seen.values)[1]
        case "conc":
            return course.at(seen.t, seen.c, f.start_h)
        case "auc":
            return course.area(seen.times, seen.values)
        case "auc_inf":
            return seen.area
    return np.log(2) / course.slope(seen.times, seen.values)


def _of_dose(f: Figure, seen: _Seen, model: Model) -> Floats:
    """Return a clearance or volume."""
    match f.verb:
        case "cl":
            return seen.ug / seen.area
        case "cl_app":  # rate over the level at the end of a long infusion
            return seen.ug / seen.infusion_h / course.at(seen.t, seen.c, seen.infusion_h)
        case "cl_met":
            parent, metabolite = (model.table.resolve(n).value for n in ("M_ketamine", "M_norketamine"))
            return seen.ug * metabolite / parent / seen.area
        case "vss":
            moment = course.moment_inf(seen.t, seen.c)
            return seen.ug / seen.area * (moment / seen.area - seen.infusion_h / 2)
        case "vz":
            return seen.ug / seen.area / course.slope(seen.times, seen.values)
    raise ValueError(f.verb)


def _seen(f: Figure, arm: StudyArm, courses: Courses, model: Model) -> _Seen:
    t, levels = courses[arm.id]
    c = _levels(levels, f, arm, model)[f.quantity]
    ug = model.dose_mass(arm) * _share(arm, f) / convert(1, "ug", "mg")
    return _Seen(t, c, *course.inside(t, c, f.start_h, f.end_h), ug, arm.arm.doses[0].duration_h or 0.0)


def _levels(c: Mapping[str, Floats], f: Figure, arm: StudyArm, model: Model) -> dict[str, Floats]:
    """Return the courses that a figure needs in ng/mL; a sum of quantities under its own name."""
    known, table = whole_system(arm.species).quantities, model.tables[arm.species]
    found = {q: c[q] * level_factor(known[q].unit, replace(f, quantity=q), table) for q in f.quantities}
    if "+" in f.quantity:
        found[f.quantity] = sum((found[q] for q in f.quantity.split("+")), np.zeros(()))
    return found


def _share(arm: StudyArm, f: Figure) -> float:
    """Return which part of the dose is the substance that the figure is about (one isomer of a racemate: half)."""
    isomer = f.analyte.partition("_")[0] if f.analyte[:2] in ("s_", "r_") else ""
    isomers = find_drug(arm.drug).isomers
    return isomers.get(isomer, 0.0) if isomer else 1.0
