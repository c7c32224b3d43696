"""Replicate a study: simulate its design, form groups of the published size, compare with the published curves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.evidence import timecourse
from ketasim.parameters import builtin_table
from ketasim.risk.panel import quantities as panel_quantities
from ketasim.risk.panel import run_panel
from ketasim.scenario.run import Progress, run
from ketasim.studies.load import Curve, StudyDesign
from ketasim.system.result import Result
from ketasim.units import convert, mass_to_molar

Floats = NDArray[np.float64]
_LOW, _HIGH = 5, 95


def replicate_curves(design: StudyDesign, *, progress: Progress | None = None) -> dict[str, Any]:
    """Simulate a study and compare it.

    Returns
    -------
    {study, role, endpoints, summary, safety}: an endpoint for every published point (observed with its reading error, mean
    predicted, 90 % predictive interval of a mean of the published size), for every curve the geometric mean ratio
    predicted/observed with its limits and whether it keeps them, and the panel of safety of the arms.

    Raises
    ------
    InputError
        If the design names an unknown time course, quantity or analyte.
    RunError
        If a subject could not be solved.
    """
    observed = {id(c): _observed(design, c) for c in design.curves}
    times = sorted({t for rows in observed.values() for t, _ in rows})
    quantities = list(dict.fromkeys(c.quantity for c in design.curves))
    result = run(
        design.scenario,
        size=design.n * design.groups,
        quantities=quantities,
        times=[f"{t!r} h" for t in times],
        progress=progress,
    )
    endpoints: list[dict[str, Any]] = []
    summary = []
    for curve in design.curves:
        groups = _groups(design, curve, result, [t for t, _ in observed[id(curve)]])
        values = np.array([v for _, v in observed[id(curve)]])
        endpoints += _endpoints(design, curve, observed[id(curve)], groups)
        summary.append(_ratio(curve, values, groups, design))
    return {
        "study": design.study,
        "title": design.title,
        "role": design.role,
        "n": design.n,
        "endpoints": endpoints,
        "summary": summary,
        "note": design.note,
        "safety": run_panel(run(design.scenario, quantities=panel_quantities()), design.scenario).document(),
    }


def _observed(design: StudyDesign, curve: Curve) -> list[tuple[float, float]]:
    """Return (time in h, value) of a published curve, without what cannot be read."""
    source = design.source
    table = timecourse(source["timecourse"])
    columns = [table.column(source[c]) for c in ("arm_column", "analyte_column", "time_column", "value_column")]
    rows = [
        (float(t), float(v))
        for arm, analyte, t, v in zip(*columns, strict=True)
        if (arm, analyte) == (curve.arm, curve.analyte)
    ]
    kept = sorted((t, v) for t, v in rows if t > source["from_h"] and v > 0)
    if not kept:
        raise InputError(
            "no published points",
            key="curve.analyte",
            value=curve.analyte,
            expected=f"an analyte of {source['timecourse']}",
        )
    return kept


def _groups(design: StudyDesign, curve: Curve, result: Result, times: list[float]) -> Floats:
    """Return the means of simulated groups, (group, time), in the unit of the published curve."""
    at = [int(np.argmin(np.abs(result.times_h - t))) for t in times]
    values = result.values[curve.quantity][result.arms.index(curve.arm)][:, at]
    molar = builtin_table().resolve(curve.molar_mass)
    factor = convert(
        mass_to_molar(1.0, result.quantities[curve.quantity].unit, convert(molar.value, molar.unit, "g/mol"), "umol/L"),
        "umol/L",
        design.source["unit"],
    )
    return values.reshape(design.groups, design.n, len(at)).mean(axis=1) * factor


def _endpoints(
    design: StudyDesign, curve: Curve, observed: list[tuple[float, float]], groups: Floats
) -> list[dict[str, Any]]:
    low, high = np.percentile(groups, (_LOW, _HIGH), axis=0)
    rows = []
    for k, (t, value) in enumerate(observed):
        reading = value * curve.reading_error
        rows.append(
            {
                "name": curve.analyte,
                "arm": curve.arm,
                "time_h": t,
                "unit": design.source["unit"],
                "observed": value,
                "observed_low": value - reading,
                "observed_high": value + reading,
                "predicted": float(groups[:, k].mean()),
                "predicted_p05": float(low[k]),
                "predicted_p95": float(high[k]),
                "inside": bool(value + reading >= low[k] and value - reading <= high[k]),
                "role": design.role,
            }
        )
    return rows


def _ratio(curve: Curve, observed: Floats, groups: Floats, design: StudyDesign) -> dict[str, Any]:
    each = np.exp(np.log(groups / observed).mean(axis=1))
    ratio = math.exp(float(np.log(groups.mean(axis=0) / observed).mean()))
    low, high = np.percentile(each, (_LOW, _HIGH))
    inside = curve.limits[0] <= ratio <= curve.limits[1]
    return {
        "name": f"geometric mean ratio predicted/observed, {curve.analyte}",
        "arm": curve.arm,
        "points": len(observed),
        "ratio": ratio,
        "ratio_p05": float(low),
        "ratio_p95": float(high),
        "limits": list(curve.limits),
        "pass": inside,
        "role": design.role,
    }
