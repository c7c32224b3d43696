"""The reported side of each target: value, standard error and spread between people, on the logarithmic scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ketasim.errors import InputError
from ketasim.evidence import Observation, evidence, log_sd_from_cv
from ketasim.parameters import ParameterTable
from ketasim.qualify.figure import Figure
from ketasim.qualify.spec import StudyArm, Target
from ketasim.units import convert, is_compatible

_UNITS = {
    "cmax": "ng/mL", "conc": "ng/mL", "auc": "ng*h/mL", "auc_inf": "ng*h/mL", "tmax": "h", "thalf": "h",
    "cl": "L/h", "cl_app": "L/h", "cl_met": "L/h", "cl_sys": "L/h", "vss": "L", "vz": "L",
}  # fmt: skip
_MASSES = {"norketamine": "M_norketamine", "hnk": "M_hnk", "dhnk": "M_dhnk", "ketamine": "M_ketamine"}


@dataclass(frozen=True)
class Observed:
    """A reported figure, logarithms throughout.

    Attributes
    ----------
    value, low, high : log of the figure, or of the ends of the printed range (then `value` is their middle); a printed lower
        bound is a range without end (then `value` is the bound).
    se : standard error of `value` where the report allows one. sd : spread between people (log SD), where reported.
    mean : whether an arithmetic mean is reported, which lies above the typical person. n : people, 0 where not known.
    row, study, role, unit : of the evidence; `recalled` marks a figure that nobody has read in
        the source. reading : error of reading it off a figure (log SD).
    """

    value: float
    low: float
    high: float
    se: float | None
    sd: float | None
    mean: bool
    n: int
    row: str
    study: str
    role: str
    recalled: bool
    reading: float = 0.0

    @property
    def ranged(self) -> bool:
        """Whether only a range is printed."""
        return self.high > self.low


def unit_of(f: Figure) -> str:
    """Return the unit in which a figure is computed ("" for a ratio)."""
    return "" if f.relation or f.second else _UNITS.get(f.verb, "")


def level_factor(unit: str, f: Figure, table: ParameterTable) -> float:
    """Return what turns a level of the figure's substance in `unit` (mass or molar) into ng/mL."""
    if not is_compatible(unit, "umol/L"):
        return convert(1.0, unit, "ng/mL")
    name = f.analyte.removeprefix("s_").removeprefix("r_")
    mass = table.resolve(_MASSES[name]) if name in _MASSES else table.resolve("M_drug", name)
    return convert(1.0, unit, "umol/L") * mass.value


def observed(arm: StudyArm, target: Target, table: ParameterTable) -> Observed:
    """Return what was reported for a target. Raises `InputError` for a row that does not fit its figure."""
    if target.observed is not None:
        factor = _factor(target.unit, target.figure, arm, table)
        value = math.log(target.observed * factor)
        role = evidence().names[arm.study].role
        return Observed(
            value, value, value, None, None, True, target.n or 0, target.label, arm.study, role, False, target.reading
        )
    one = evidence().by_row[target.row]
    try:
        return _of_row(one, target.figure, arm, table)
    except InputError as error:
        raise error.at(key=f"{arm.id} {target.row}") from None


def _of_row(one: Observation, f: Figure, arm: StudyArm, table: ParameterTable) -> Observed:
    factor, shift = 1.0, 0.0
    if f.relation == "change" and not (one.value_kind == "ratio" or one.unit == "fold"):
        shift = 1.0
    elif not (f.relation or f.second or f.verb == "f"):
        factor = _factor(one.unit, f, arm, table)
    ends = [one.low, one.high] if one.bound == "range" else [one.value, one.value]
    if one.bound == ">" and one.value is not None:
        ends = [one.value, math.inf]
    if ends[0] is None or ends[1] is None:
        raise InputError("no value", expected="a value or a range")
    low, high = (math.log((float(e) + shift) * factor) for e in ends if e is not None)
    value = (low + high) / 2 if math.isfinite(high) else low
    sd = _log_sd(one, shift)
    n = int(one.n or 0)
    return Observed(
        value=value,
        low=low,
        high=high,
        se=_log_se(one, sd, n, shift),
        sd=sd,
        mean=one.statistic == "mean",
        n=n,
        row=one.row_id,
        study=one.study_id,
        role=one.role,
        recalled=one.verified == "recalled",
    )


def _factor(unit: str, f: Figure, arm: StudyArm, table: ParameterTable) -> float:
    """Return what turns the reported unit into the figure's: per kg, molar, minutes."""
    wanted, factor = _UNITS[f.verb], 1.0
    if unit.endswith("/kg"):
        unit, factor = unit.removesuffix("/kg"), arm.weight
    unit = unit.removesuffix("_per_g_tissue")  # a gram of brain is taken as 1 mL
    if wanted == "ng/mL":
        return factor * level_factor(unit, f, table)
    return factor * convert(1.0, unit, wanted)


def _log_sd(one: Observation, shift: float) -> float | None:
    """Return the spread between people as a log SD, by the lognormal with the reported mean and SD."""
    if shift or one.value is None or not one.value > 0:
        return None
    kind, low, high = one.spread_type, one.spread_low, one.spread_high
    if low is None:
        return None
    if kind == "SD":
        return log_sd_from_cv(low / one.value)
    if kind == "CV_between":
        return log_sd_from_cv(low)
    if kind == "GSD":
        return math.log(low) if low > 1 else None
    if kind == "IQR" and high is not None and low > 0:
        from ketasim.evidence import sd_from_iqr

        return sd_from_iqr(math.log(low), math.log(high), one.n) if one.n else None
    return None


def _log_se(one: Observation, sd: float | None, n: int, shift: float) -> float | None:
    """Return the standard error of the log of the reported value, None where the report has none."""
    kind, low, high = one.spread_type, one.spread_low, one.spread_high
    if kind in ("CI95", "CI90") and low is not None and high is not None and low + shift > 0:
        from ketasim.evidence import se_from_interval

        return se_from_interval(math.log(low + shift), math.log(high + shift), kind)
    if kind == "SE" and low is not None and one.value:
        return low / (one.value + shift)
    if kind == "CV_se" and low is not None:
        return low
    return sd / math.sqrt(n) if sd is not None and n else None
