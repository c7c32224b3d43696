"""An entry made ready to run: its scenario, figures and rule, all checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np

from ketasim.claims.entries import Entry, check_keys
from ketasim.claims.figures import FIGURES, PEOPLE, UNITS, WITH_FRACTION
from ketasim.claims.rules import Formula, Rule, parse_formula, parse_rule
from ketasim.claims.settings import settings
from ketasim.errors import InputError, nearest
from ketasim.scenario.load import bundled, check_size, duration_h, parse_scenario
from ketasim.scenario.run import configured, dose_times
from ketasim.scenario.spec import Scenario
from ketasim.system.result import Result

_FIGURE = ("of", "quantity", "arm", "from", "to", "at", "fraction", "people")
_TIME = 1e-9  # h; output times are matched to rounding


@dataclass(frozen=True)
class Figure:
    """A named figure: read off the curve of `quantity` in `arm` between `low_h` and `high_h`, or `formula` over others.

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

    def value(self, result: Result, known: Mapping[str, float]) -> float:
        """Return the figure of a run; `known` holds the figures before it. NaN where it has no value."""
        if self.formula is not None:
            return self.formula.value(known)
        inside = (result.times_h >= self.low_h - _TIME) & (result.times_h <= self.high_h + _TIME)
        curve = result.values[self.quantity][result.arms.index(self.arm)][:, inside]
        more = {} if self.fraction is None else {"fraction": self.fraction}
        each = FIGURES[self.of](result.times_h[inside], curve, **more)
        return PEOPLE[self.people](each)


@dataclass(frozen=True)
class Experiment:
    """A claim's experiment. `scenario` has everything but the parameters of a draw; `calibration` are the states of the
    layers that its quantities come from.
    """

    id: str
    scenario: Scenario
    figures: tuple[Figure, ...]
    rule: Rule
    draws: int
    assumes: tuple[str, ...]
    calibration: frozenset[str]


def ready(entry: Entry) -> Experiment:
    """Return the experiment of an entry.

    Raises
    ------
    InputError
        With file and key: the scenario, a figure or the rule is wrong.
    """
    try:
        return _ready(entry)
    except InputError as error:
        if error.file is None or error.file == entry.file:
            raise _within(error, entry.id).at(file=entry.file) from None
        raise


def _within(error: InputError, claim_id: str) -> InputError:
    """Return the error with the claim before its key."""
    if error.key is None or error.key.startswith(claim_id):
        return error.at(key=claim_id)
    return InputError(
        error.problem, file=error.file, line=error.line, key=f"{claim_id}.{error.key}", value=error.value,
        expected=error.expected,
    )  # fmt: skip


def _ready(entry: Entry) -> Experiment:
    from ketasim.system.bind import whole_system

    table = entry.table
    people = check_size(table.get("people", 1), "people")
    scenario = parse_scenario(_scenario(table), file=entry.file, text=entry.fingerprint)
    known = whole_system().quantities
    figures = _figures(table, scenario, {name: q.unit for name, q in known.items()})
    wanted = tuple(dict.fromkeys(f.quantity for f in figures if f.quantity))
    scenario = configured(replace(scenario, quantities=wanted, size=people, spread=people > 1))
    return Experiment(
        id=entry.id,
        scenario=scenario,
        figures=figures,
        rule=parse_rule(table["rule"], frozenset(f.name for f in figures)),
        draws=check_size(table.get("draws", settings()["draws"]), "draws"),
        assumes=tuple(str(a) for a in table.get("assumes", [])),
        calibration=frozenset(c for q in wanted for c in known[q].calibration.split(", ")),
    )


def _scenario(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parsed TOML of the scenario: inline, or a bundled one (`use`) with keys replaced, on the grid asked for."""
    own = dict(table["scenario"])
    name = own.pop("use", None)
    if name is not None:
        if name not in bundled():
            raise InputError("no such scenario", key="scenario.use", value=name, expected=nearest(str(name), bundled()))
        inside = files("ketasim.scenario").joinpath("data", f"{name}.toml")
        own = tomllib.loads(inside.read_text("utf-8")) | own
    own.setdefault("title", "the experiment of a claim")
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


def _figures(table: Mapping[str, Any], scenario: Scenario, units: Mapping[str, str]) -> tuple[Figure, ...]:
    found: dict[str, Figure] = {}
    for name, entry in table["figure"].items():
        key = f"figure.{name}"
        if not isinstance(entry, dict):
            raise InputError("not a figure", key=key, value=entry, expected="{ of = ... } or { is = ... }")
        if "is" in entry:
            check_keys(entry, ("is", "unit"), key)
            try:
                formula = parse_formula(entry["is"], frozenset(found))
            except InputError as error:
                raise error.at(key=key) from None
            found[name] = Figure(name, str(entry.get("unit", "")), formula=formula)
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
