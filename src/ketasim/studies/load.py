"""Read a study of kinetics: the design as a scenario, and the published curves it is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.evidence import study as evidence_study
from ketasim.scenario import Scenario, parse_scenario
from ketasim.scenario.load import check_size, duration_h

_KEYS = ("study", "title", "n", "groups", "note", "scenario", "curves", "curve")
_CURVES = ("timecourse", "arm_column", "analyte_column", "time_column", "value_column", "unit", "from")
_CURVE = ("arm", "analyte", "quantity", "molar_mass", "reading_error", "limits")


@dataclass(frozen=True)
class Curve:
    """A published curve: which rows of the time course it is, and the quantity that predicts it.

    `reading_error` is relative; `limits` bound the geometric mean ratio predicted/observed for a pass.
    """

    arm: str
    analyte: str
    quantity: str
    molar_mass: str
    reading_error: float
    limits: tuple[float, float]


@dataclass(frozen=True)
class StudyDesign:
    """A published study: design, published size `n`, simulated `groups`, curves and where they stand."""

    study: str
    title: str
    role: str
    n: int
    groups: int
    note: str
    scenario: Scenario
    source: Mapping[str, Any]
    curves: tuple[Curve, ...]


def curve_design(data: dict[str, Any], file: str, text: str) -> StudyDesign:
    """Return the design of a study of kinetics with published curves. Raises `InputError` with file and key."""
    try:
        _keys(data, _KEYS, "")
        if "study" not in data or "scenario" not in data:
            raise InputError(
                "is missing", key="study" if "study" not in data else "scenario", expected="a study id and a [scenario]"
            )
        paper = evidence_study(str(data["study"]))
        source = dict(data.get("curves", {}))
        _keys(source, _CURVES, "curves")
        if data.get("curve"):
            _needed(source, tuple(n for n in _CURVES if n != "from"), "curves")
        source["from_h"] = duration_h(source.get("from", "0 h"), "curves.from")
        scenario = parse_scenario(data["scenario"], text=text)
        curves = tuple(_curve(c, f"curve[{k + 1}]", scenario) for k, c in enumerate(data.get("curve", [])))
        return StudyDesign(
            study=paper.study_id,
            title=str(data.get("title", paper.citation)),
            role=paper.role,
            n=check_size(data.get("n"), "n"),
            groups=check_size(data.get("groups", 1), "groups"),
            note=str(data.get("note", "")),
            scenario=scenario,
            source=source,
            curves=curves,
        )
    except InputError as error:
        raise error.at(file=file) from None


def _curve(entry: Any, key: str, scenario: Scenario) -> Curve:
    _keys(entry, _CURVE, key)
    _needed(entry, _CURVE, key)
    arms = [a.name for a in scenario.arms]
    if entry["arm"] not in arms:
        raise InputError("no such arm", key=f"{key}.arm", value=entry["arm"], expected=nearest(str(entry["arm"]), arms))
    limits = entry["limits"]
    if not isinstance(limits, list) or len(limits) != 2:
        raise InputError("not a pair of numbers", key=f"{key}.limits", value=limits, expected="[low, high]")
    low, high = (_positive(v, f"{key}.limits") for v in limits)
    return Curve(
        arm=entry["arm"],
        analyte=str(entry["analyte"]),
        quantity=str(entry["quantity"]),
        molar_mass=str(entry["molar_mass"]),
        reading_error=_positive(entry["reading_error"], f"{key}.reading_error"),
        limits=(low, high),
    )


def _positive(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise InputError("not a number", key=key, value=value, expected="a number of 0 or more")
    return float(value)


def _needed(table: dict[str, Any], names: tuple[str, ...], key: str) -> None:
    for name in names:
        if name not in table:
            raise InputError("is missing", key=f"{key}.{name}", expected=f"all of {', '.join(names)}")


def _keys(table: Any, known: tuple[str, ...], key: str) -> None:
    if not isinstance(table, dict):
        raise InputError("not a table", key=key, value=table, expected="a table")
    for name in table:
        if name not in known:
            raise InputError("unknown key", key=f"{key}.{name}".lstrip("."), expected=nearest(name, known))
