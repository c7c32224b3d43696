"""An experiment as data: a scenario, protocols of the bench, and named figures of both, all checked before anything runs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np

from ketasim.errors import InputError, RunError, check_keys, nearest
from ketasim.lab.bench import Measurement, measurement
from ketasim.lab.figures import FIGURES, PEOPLE, UNITS, WITH_FRACTION
from ketasim.lab.rules import Formula, parse_formula
from ketasim.scenario.load import bundled, check_size, duration_h, parse_scenario
from ketasim.scenario.run import configured, dose_times, run
from ketasim.scenario.spec import Scenario
from ketasim.system.result import Result

_FIGURE = ("of", "quantity", "arm", "from", "to", "at", "fraction", "people")
_PARTS = ("scenario", "figure", "quantity", "people", "grid")
_TIME = 1e-9  # h; output times are matched to rounding


@dataclass(frozen=True)
class Figure:
    """A named figure: read off the curve of `quantity` in `arm` between `low_h` and `high_h`, measured at the bench, or
    `formula` over others.

    `of` is a name of `figures.FIGURES`, `people` one of `figures.PEOPLE`; `fraction` is for `gone`.
    """

    name: str
    unit: str = ""
    of: str = ""
    quantity: str = ""
    arm: str = ""
    low_h: float = 0.0
    high_h: float = 0.0
    fraction: float | None = None
    people: str = "median"
    formula: Formula | None = None
    measured: Measurement | None = None

    def value(self, result: Result | None, values: Mapping[str, float], known: Mapping[str, float]) -> float:
        """Return the figure; `known` holds the figures before it, `values` the parameters. NaN where it has no value."""
        if self.formula is not None:
            return self.formula.value(known)
        if self.measured is not None:
            return self.measured.value(values)
        if result is None:
            return float("nan")
        inside = (result.times_h >= self.low_h - _TIME) & (result.times_h <= self.high_h + _TIME)
        curve = result.values[self.quantity][result.arms.index(self.arm)][:, inside]
        more = {} if self.fraction is None else {"fraction": self.fraction}
        each = FIGURES[self.of](result.times_h[inside], curve, **more)
        return PEOPLE[self.people](each)


@dataclass(frozen=True)
class Experiment:
    """A scenario (None: everything is measured at the bench) and figures. The scenario has everything but the parameters of a
    draw; `calibration` are the states of the layers and networks that the figures come from.
    """

    id: str
    scenario: Scenario | None
    figures: tuple[Figure, ...]
    calibration: frozenset[str]

    def measure(self, values: Mapping[str, float], number: int = 0) -> dict[str, float]:
        """Return the figures by name for one set of parameter values (the scenario's own settings come on top).

        Raises
        ------
        RunError
            If it could not be solved; names `number`, the draw.
        """
        try:
            s = self.scenario
            result = None if s is None else run(replace(s, parameters={**values, **s.parameters}))
            found: dict[str, float] = {}
            for figure in self.figures:
                found[figure.name] = figure.value(result, values, found)
        except RunError as error:
            raise RunError(f"{self.id}, draw {number}: {error}") from None
        return found


def experiment(table: Mapping[str, Any], *, name: str, file: str, text: str) -> Experiment:
    """Return the experiment that a table describes.

    Parameters
    ----------
    table : `scenario` (inline, or `use` with keys replaced), `figure` (a table of named figures), and where wanted
        `quantity` (of figures that name none), `people` and `grid`; other keys are left to the caller.
    name, file : of the entry, for messages. text : what stands for the scenario's file in hashes.

    Raises
    ------
    InputError
        With file and key: the scenario or a figure is wrong.
    """
    try:
        return _experiment({k: table[k] for k in _PARTS if k in table}, name, file, text)
    except InputError as error:
        if error.file is None or error.file == file:
            raise within(error, name).at(file=file) from None
        raise


def within(error: InputError, name: str) -> InputError:
    """Return the error with the entry's name before its key."""
    if error.key is None or error.key.startswith(name):
        return error.at(key=name)
    return InputError(
        error.problem, file=error.file, line=error.line, key=f"{name}.{error.key}", value=error.value,
        expected=error.expected,
    )  # fmt: skip


def _experiment(table: Mapping[str, Any], name: str, file: str, text: str) -> Experiment:
    from ketasim.system.bind import whole_system

    scenario: Scenario | None = None
    known: Mapping[str, Any] = {}
    people = check_size(table.get("people", 1), "people")
    if "scenario" in table:
        scenario = parse_scenario(_scenario(table), file=file, text=text)
        known = whole_system(scenario.species).quantities
    figures = _figures(table, scenario, {q: known[q].unit for q in known})
    wanted = tuple(dict.fromkeys(f.quantity for f in figures if f.quantity))
    if scenario is not None:
        scenario = configured(replace(scenario, quantities=wanted, size=people, spread=people > 1))
    states = {c for q in wanted for c in known[q].calibration.split(", ")}
    states |= {f.measured.calibration for f in figures if f.measured is not None}
    return Experiment(name, scenario, figures, frozenset(states - {""}))


def _scenario(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parsed TOML of the scenario: inline, or a bundled one (`use`) with keys replaced, on the grid asked for."""
    own = dict(table["scenario"])
    name = own.pop("use", None)
    if name is not None:
        if name not in bundled():
            raise InputError("no such scenario", key="scenario.use", value=name, expected=nearest(str(name), bundled()))
        inside = files("ketasim.scenario").joinpath("data", f"{name}.toml")
        own = tomllib.loads(inside.read_text("utf-8")) | own
    own.setdefault("title", "an experiment of the laboratory")
    if "grid" in table:
        own["output"] = {"times": _grid(table["grid"])}
    return own


def _grid(stretches: Any) -> list[str]:
    """Return output times for stretches { until, every } that follow each other from 0 h."""
    times, start = [0.0], 0.0
    for k, stretch in enumerate(stretches):
        check_keys(stretch, ("until", "every"), f"grid[{k + 1}]")
        until, every = (duration_h(stretch.get(n), f"grid[{k + 1}].{n}") for n in ("until", "every"))
        if not 0 < every <= until - start:
            raise InputError(
                "not a stretch", key=f"grid[{k + 1}]", value=stretch, expected="a later end, a step that fits"
            )
        steps = round((until - start) / every)
        times += [start + (until - start) * (i + 1) / steps for i in range(steps)]
        start = until
    return [f"{t!r} h" for t in times]


def _figures(table: Mapping[str, Any], scenario: Scenario | None, units: Mapping[str, str]) -> tuple[Figure, ...]:
    found: dict[str, Figure] = {}
    for name, entry in table["figure"].items():
        key = f"figure.{name}"
        if not isinstance(entry, dict):
            raise InputError(
                "not a figure", key=key, value=entry, expected="{ of = ... }, { bench = ... } or { is = ... }"
            )
        if "is" in entry:
            check_keys(entry, ("is", "unit"), key)
            try:
                formula = parse_formula(entry["is"], frozenset(found))
            except InputError as error:
                raise error.at(key=key) from None
            found[name] = Figure(name, str(entry.get("unit", "")), formula=formula)
        elif "bench" in entry:
            measured = measurement(entry, key)
            found[name] = Figure(name, measured.unit, measured=measured)
        elif scenario is None:
            raise InputError("needs a scenario", key=key, value=entry, expected="a [scenario], or bench = ...")
        else:
            found[name] = _read_off(name, {"quantity": table.get("quantity"), **entry}, scenario, units, key)
    return tuple(found.values())


def _read_off(name: str, entry: Mapping[str, Any], s: Scenario, units: Mapping[str, str], key: str) -> Figure:
    check_keys(entry, _FIGURE, key)
    of = str(_one_of(entry.get("of"), FIGURES, f"{key}.of"))
    quantity = str(_one_of(entry.get("quantity"), units, f"{key}.quantity"))
    arms = [a.name for a in s.arms]
    arm = str(_one_of(entry.get("arm", arms[0] if len(arms) == 1 else None), arms, f"{key}.arm"))
    low, high = (duration_h(entry.get(n, d), f"{key}.{n}") for n, d in (("from", "0 h"), ("to", f"{s.horizon_h!r} h")))
    if "at" in entry:
        low = high = duration_h(entry["at"], f"{key}.at")
    times = np.array(s.times_h or _default(s))
    fewest = 1 if "at" in entry else 2
    if ((times >= low - _TIME) & (times <= high + _TIME)).sum() < fewest:
        raise InputError(
            "no output times there", key=key, value=f"{low:g} h to {high:g} h", expected="times of the grid"
        )
    fraction = entry.get("fraction")
    if (fraction is not None) != (of in WITH_FRACTION) or not (fraction is None or 0 < fraction < 1):
        raise InputError(
            "a fraction", key=f"{key}.fraction", value=fraction, expected="above 0, below 1, with `gone` alone"
        )
    unit = UNITS.get(of, f"{units[quantity]}*h".lstrip("*") if of == "auc" else units[quantity])
    people = str(_one_of(entry.get("people", "median"), PEOPLE, f"{key}.people"))
    return Figure(name, "" if people == "cv" else unit, of, quantity, arm, low, high, fraction, people)


def _default(s: Scenario) -> tuple[float, ...]:
    from ketasim.scenario.load import default_times

    return default_times(s.horizon_h, dose_times(s.arms, s.horizon_h))


def _one_of(value: Any, known: Any, key: str) -> Any:
    if value not in known:
        raise InputError("unknown or missing", key=key, value=value, expected=nearest(str(value), known))
    return value
