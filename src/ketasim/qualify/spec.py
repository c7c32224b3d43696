"""Arms of published kinetic studies: what was given to whom, and which evidence row is which figure of the course."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.evidence import evidence, timecourse
from ketasim.parameters import builtin_table
from ketasim.qualify.figure import Figure, parse_figure
from ketasim.scenario.load import parse_scenario
from ketasim.scenario.spec import Arm
from ketasim.system.species import HUMAN, find_species, species_table
from ketasim.units import convert

_KEYS = (
    "id",
    "study",
    "dose",
    "setting",
    "weight",
    "people",
    "effects",
    "with",
    "reference",
    "note",
    "rows",
    "assay",
    "species",
    "parameters",
    "horizon",
)


@dataclass(frozen=True)
class Target:
    """One figure to compare: its evidence row ("" for a point of a curve) and what it is of the simulated course.

    A point of a digitized curve carries its `observed` value (in `unit`), number of people and error of reading (log SD) itself.
    """

    figure: Figure
    row: str = ""
    assay: str = ""
    observed: float | None = None
    unit: str = ""
    n: int | None = None
    reading: float = 0.0
    label: str = ""


@dataclass(frozen=True)
class StudyArm:
    """An arm: doses, weight (kg), covariates, co-medication, the arm it is compared with, and its targets.

    `setting` is "" for awake adults, else what makes these people different ("children", "anaesthesia"). `horizon_h` is how long
    the arm is simulated; the arm of the scenario holds parameters that it alone has.
    """

    id: str
    study: str
    arm: Arm
    weight: float
    targets: tuple[Target, ...]
    people: Mapping[str, Any] = field(default_factory=dict)
    effects: Mapping[str, bool] = field(default_factory=dict)
    comedication: tuple[str, ...] = ()
    reference: str = ""
    note: str = ""
    setting: str = ""
    species: str = HUMAN
    horizon_h: float = 0.0

    @property
    def route(self) -> str:
        """The route of its first dose."""
        return self.arm.doses[0].route

    @property
    def drug(self) -> str:
        """The drug of its first dose."""
        return self.arm.doses[0].drug


@dataclass(frozen=True)
class Design:
    """Arms by id, and the evidence rows that are left out, each with its reason."""

    arms: Mapping[str, StudyArm]
    left_out: Mapping[str, str]


@cache
def settings() -> Mapping[str, Any]:
    """Return the numbers of data/settings.toml."""
    return tomllib.loads(files("ketasim.qualify").joinpath("data", "settings.toml").read_text("utf-8"))


@cache
def design(name: str = "exposure") -> Design:
    """Return the shipped design of that name. Raises `InputError` with file, arm and key where it is wrong."""
    source = f"{name}.toml"
    data = tomllib.loads(files("ketasim.qualify").joinpath("data", source).read_text("utf-8"))
    try:
        return parse_design(data)
    except InputError as error:
        raise error.at(file=source) from None


def parse_design(data: Mapping[str, Any]) -> Design:
    """Check a parsed design. Raises `InputError` with key, value and what was expected."""
    points = dict(_points(data.get("curve", [])))
    arms: dict[str, StudyArm] = {}
    for entry in data["arm"]:
        if entry["id"] in arms:
            raise InputError("stands twice", key="arm.id", value=entry["id"], expected="each arm once")
        try:
            arms[entry["id"]] = _arm(entry, points.get(entry["id"], ()))
        except InputError as error:
            raise error.at(key=f"arm {entry['id']}") from None
    for arm in arms.values():
        if arm.reference and arm.reference not in arms:
            raise InputError(
                "no such arm", key=f"{arm.id}.reference", value=arm.reference, expected=nearest(arm.reference, arms)
            )
    return Design(arms, data.get("left_out", {}))


def _arm(entry: Mapping[str, Any], points: tuple[Target, ...]) -> StudyArm:
    for key in entry:
        if key not in _KEYS:
            raise InputError("unknown key", key=key, expected=nearest(key, _KEYS))
    known = evidence()
    if entry["study"] not in known.names:
        raise InputError("unknown study", value=entry["study"], expected=nearest(entry["study"], known.names))
    targets = []
    for row, text in entry.get("rows", {}).items():
        if row not in known.by_row:
            raise InputError("unknown evidence row", value=row, expected=nearest(row, known.by_row))
        targets.append(Target(parse_figure(text), row, entry.get("assay", {}).get(row, "")))
    kind = find_species(entry.get("species", HUMAN)).name
    own = {"name": entry["id"], "dose": entry["dose"], "parameters": entry.get("parameters", {})}
    scenario = parse_scenario({"horizon": entry.get("horizon", settings()["horizon"]), "arm": [own], "species": kind})
    return StudyArm(
        id=entry["id"],
        study=entry["study"],
        arm=scenario.arms[0],
        weight=float(entry.get("weight", _weight(kind))),
        targets=(*points, *targets),
        people=entry.get("people", {}),
        effects=entry.get("effects", {}),
        comedication=tuple(entry.get("with", ())),
        reference=entry.get("reference", ""),
        note=entry.get("note", ""),
        setting=entry.get("setting", ""),
        species=kind,
        horizon_h=scenario.horizon_h,
    )


def _weight(kind: str) -> float:
    """Return the weight (kg) of a person or animal whose study prints none."""
    if kind == HUMAN:
        return float(settings()["weight_kg"])
    return species_table(builtin_table(), kind).resolve("weight_reference").value


def _points(curves: list[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Target, ...]]]:
    """Yield each arm with the points of its digitized curves."""
    for curve in curves:
        table, column = timecourse(curve["timecourse"]), curve["column"]
        rows = list(zip(*(table.column(column[c]) for c in ("arm", "analyte", "time", "value")), strict=True))
        first = convert(*_quantity(curve["from"]), "h")
        without = {convert(*_quantity(t), "h") for t in curve.get("leave_out", [])}
        # A point is read off to a share of its panel's height, so that small values are read worse.
        top: dict[tuple[str, str], float] = {}
        for arm, analyte, _, value in rows:
            key = str(arm), str(analyte)
            top[key] = max(top.get(key, 0.0), float(value))
        found: dict[str, list[Target]] = {}
        for arm, analyte, time, value in rows:
            if float(time) * (1 + 1e-9) <= first or float(value) <= 0 or float(time) in without:
                continue
            share = curve["reading"].get(analyte, curve["reading"]["otherwise"])
            reading = share * top[str(arm), str(analyte)] / float(value)
            analyte = curve.get("names", {}).get(analyte, analyte)
            site = curve["site"] if str(analyte).endswith("ketamine") and "nor" not in str(analyte) else "plasma"
            figure = parse_figure(f"conc {site}.{analyte} {float(time):.6g} h")
            label = f"{curve['timecourse']} {arm} {analyte} {float(time):.3g} h"
            found.setdefault(str(arm), []).append(
                Target(
                    figure, observed=float(value), unit=curve["unit"], n=int(curve["n"]), reading=reading, label=label
                )
            )
        for arm, targets in found.items():
            yield curve["arms"][arm], tuple(targets)


def _quantity(text: str) -> tuple[float, str]:
    number, unit = text.split()
    return float(number), unit
