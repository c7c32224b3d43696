"""Lesions and weighted hypotheses: names a scenario may use, resolved into values of parameters."""

from __future__ import annotations

import csv
import io
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable


@dataclass(frozen=True)
class Lesion:
    """A part of the model that a scenario can take out. Each of `ways` maps parameters to values; the first usable one is taken."""

    name: str
    title: str
    means: str
    ways: tuple[Mapping[str, float], ...]
    needs: str = ""


@dataclass(frozen=True)
class Hypothesis:
    """A rival explanation that a scenario weighs from 0 to 1 (`default`: as the model stands).

    Each of `ways` holds `set` (parameter to its value at weight 1) or `scale` (parameters multiplied by the weight). A `whole` one is
    a fit of its own, taken with all its numbers (weight 1) or not at all (0).
    """

    name: str
    title: str
    means: str
    ways: tuple[Mapping[str, Any], ...]
    default: float
    supports: tuple[str, ...] = ()
    opposes: tuple[str, ...] = ()
    whole: bool = False


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("ketasim.system").joinpath("data", "switches.toml").read_text("utf-8"))


@cache
def lesions() -> Mapping[str, Lesion]:
    """Return every lesion of data/switches.toml by name."""
    return {
        name: Lesion(name, e["title"], e["means"], tuple(e["way"]), e.get("needs", ""))
        for name, e in _data()["lesion"].items()
    }


@cache
def hypotheses() -> Mapping[str, Hypothesis]:
    """Return every hypothesis of data/switches.toml by name, and each rival explanation fitted alone."""
    return _alone() | {
        name: Hypothesis(
            name,
            e["title"],
            e["means"],
            tuple(e["way"]),
            float(e["default"]),
            tuple(e["supports"]),
            tuple(e["opposes"]),
        )
        for name, e in _data()["hypothesis"].items()
    }


def _alone() -> dict[str, Hypothesis]:
    """Return the rivals of the calibration of mood, each fitted to trials without the others (`ketasim calibrate mood`)."""
    source = files("ketasim.parameters").joinpath("data", "posterior", "mood_rivals.csv")
    found = {}
    for row in csv.DictReader(io.StringIO(source.read_text("utf-8"))) if source.is_file() else ():
        name = f"only_{row.pop('rival')}"
        title = row.pop("title")
        means = "1 this explanation alone, with the numbers fitted to trials under it; 0 the model as it stands"
        found[name] = Hypothesis(
            name, f"{name}: {title}", means, ({"set": {n: float(v) for n, v in row.items()}},), 0.0, whole=True
        )
    return found


def find_lesion(name: object) -> Lesion:
    """Return a lesion by name. Raises `InputError` if unknown, with the nearest."""
    if not isinstance(name, str) or name not in lesions():
        raise InputError("unknown lesion", key="without", value=name, expected=nearest(str(name), lesions()))
    return lesions()[name]


def find_hypothesis(name: str) -> Hypothesis:
    """Return a hypothesis by name. Raises `InputError` if unknown, with the nearest."""
    if name not in hypotheses():
        raise InputError("unknown hypothesis", key="hypotheses", value=name, expected=nearest(name, hypotheses()))
    return hypotheses()[name]


def check_weight(name: str, value: object) -> float:
    """Return the weight of a hypothesis. Raises `InputError` unless it is a number from 0 to 1."""
    find_hypothesis(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value <= 1:  # type: ignore[arg-type,operator]
        raise InputError("not a weight", key=f"hypotheses.{name}", value=value, expected="a number from 0 to 1")
    if find_hypothesis(name).whole and value not in (0, 1):
        raise InputError("a fit of its own", key=f"hypotheses.{name}", value=value, expected="0 or 1")
    return float(value)  # type: ignore[arg-type]


def usable_way(one: Lesion | Hypothesis, table: ParameterTable) -> Mapping[str, Any] | None:
    """Return the first way whose parameters all exist, None where there is none yet."""
    return next((way for way in one.ways if all(n in table or n in table.bases() for n in _named(way))), None)


def _named(way: Mapping[str, Any]) -> list[str]:
    """Return the parameters that a way touches."""
    if "set" in way or "scale" in way:
        return [*way.get("set", ()), *way.get("scale", ())]
    return list(way)


def switched(
    table: ParameterTable, without: Sequence[str], weights: Mapping[str, float], taken: Sequence[str] = ()
) -> dict[str, float]:
    """Return the parameters that lesions and weighted hypotheses set, by canonical name, in the units of the table.

    Parameters
    ----------
    table : the values to scale. without : lesions. weights : hypothesis to weight. taken : parameters that the scenario itself sets.

    Raises
    ------
    InputError
        For an unknown name, a lesion of something the model does not hold yet, a parameter that is set twice to different values.
    """
    values: dict[str, float] = {}
    fixed = {p.name: "parameters" for given in taken for p in table.find(given)}
    given: list[tuple[str, Mapping[str, float]]] = [
        (f"without {n}", _way(find_lesion(n), table, f"without {n}")) for n in without
    ]
    given += [(f"hypotheses.{n}", _weighed(find_hypothesis(n), check_weight(n, w), table)) for n, w in weights.items()]
    for key, changes in given:
        for name, value in ((p.name, v) for n, v in changes.items() for p in table.find(n)):
            if name in fixed and values.get(name) != value:
                raise InputError(f"{name} is set twice", key=key, expected=f"this or {fixed[name]}, not both")
            values[name], fixed[name] = value, key
    return values


def _way(one: Lesion | Hypothesis, table: ParameterTable, key: str) -> Mapping[str, Any]:
    way = usable_way(one, table)
    if way is None:
        needs = getattr(one, "needs", "") or "parameters that do not exist yet"
        raise InputError(f"the model cannot do this yet: it needs {needs}", key=key, expected="another name")
    return way


def _weighed(one: Hypothesis, weight: float, table: ParameterTable) -> dict[str, float]:
    """Return what a hypothesis sets at this weight; where its scale has no 0, the floor of the file."""
    way = _way(one, table, f"hypotheses.{one.name}")
    if one.whole:
        return dict(way["set"]) if weight else {}
    found = {n: v * weight for n, v in way.get("set", {}).items()}
    for n in way.get("scale", ()):
        found |= {p.name: max(p.value * weight, _data()["floor"]) for p in table.find(n)}
    return found
