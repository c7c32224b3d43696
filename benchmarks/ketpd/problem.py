"""The problem that every simulator solves: states, parameters, doses, output times, subjects; all read from the example."""

from __future__ import annotations

import copy
import csv
import tomllib
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ketpd.config import MINUTES_PER_HOUR, config

Floats = NDArray[np.float64]
_TRANSIT = "T"


@cache
def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads(files("ketasim.examples").joinpath("ketpd", name).read_text("utf-8"))


def number(text: str | float) -> float:
    """Return the number of a plain quantity ("79 L/h" or 0.7), whose unit is the model's."""
    return float(text.split()[0]) if isinstance(text, str) else float(text)


@cache
def population() -> dict[str, Floats]:
    """Return the parameters that vary between subjects: name -> (10,000)."""
    text = files("ketasim.examples").joinpath("ketpd", "population.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return {name: np.array([float(r[name]) for r in rows]) for name in rows[0] if name != "ID"}


@dataclass(frozen=True)
class Problem:
    """One variant of ketpd.

    `transit`: compartments of the chain between G and S (3 in ketpd). `horizon_h`: end of the run. `doses`: how many of the
    84-hourly doses are given at most; those that would begin at the horizon or later are not.
    """

    transit: int
    horizon_h: float
    doses: int

    @classmethod
    def standard(cls, **changes: Any) -> Problem:
        """Return ketpd itself, with some fields changed."""
        return cls(**(config()["problem"] | changes))

    def plain(self) -> dict[str, Any]:
        """Return the fields as plain data."""
        return asdict(self)

    @cached_property
    def model(self) -> dict[str, Any]:
        """The model file as data, its chain lengthened or shortened."""
        model = copy.deepcopy(_toml("model.toml"))
        chain = [f"{_TRANSIT}{k + 1}" for k in range(self.transit)]
        old = [n for n in model["states"] if n.startswith(_TRANSIT)]
        states = {n: u for n, u in model["states"].items() if n not in old}
        tail = [n for n in ("S", "M") if n in states]
        model["states"] = {n: u for n, u in states.items() if n not in tail}
        model["states"] |= dict.fromkeys(chain, model["states"]["G"]) | {n: states[n] for n in tail}
        for n in old:
            del model["rate"][n], model["initial"][n]
        for before, n in zip(["G", *chain], chain, strict=False):
            model["rate"][n] = f"ktr*({before} - {n})"
            model["initial"][n] = "1"
        model["rate"]["S"] = model["rate"]["S"].replace(old[-1], chain[-1])
        return model

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the states, in the order of the model."""
        return tuple(self.model["states"])

    @cached_property
    def values(self) -> dict[str, float]:
        """Typical parameters by name."""
        table = _toml("parameters.toml")
        return {name: number(table[name]) for name in self.model["params"]}

    @cached_property
    def initial(self) -> Floats:
        """Start of every state."""
        given = self.model["initial"]
        return np.array([self._start(given.get(name, "0")) for name in self.states])

    def _start(self, text: str) -> float:
        return self.values[text] if text in self.values else float(text)

    @cached_property
    def segments(self) -> tuple[tuple[float, float, float], ...]:
        """Spans of constant input: (from h, to h, rate in mg/h), without gaps from 0 to the horizon."""
        dose = _toml("regimen.toml")["dose"][0]
        hours = number(dose["duration"]) / MINUTES_PER_HOUR
        rate, clock, spans = number(dose["amount"]) / hours, 0.0, []
        for k in range(self.doses):
            begin = number(dose["start"]) + k * number(dose["every"])
            if begin >= self.horizon_h:
                break
            if begin > clock:
                spans.append((clock, begin, 0.0))
            spans.append((begin, begin + hours, rate))
            clock = begin + hours
        return (*spans, (clock, self.horizon_h, 0.0))

    @cached_property
    def dose_starts(self) -> tuple[float, ...]:
        """When doses begin, h."""
        return tuple(begin for begin, _, rate in self.segments if rate > 0)

    def times(self, grid: str) -> Floats:
        """Return the output times in h of `dense` (2113 in ketpd) or `visits` (12 in ketpd)."""
        spec = config()["times"]
        if grid == "visits":
            return np.arange(0.0, self.horizon_h + 1, spec["visits_every_h"])
        per_hour = MINUTES_PER_HOUR
        minutes = set(np.arange(0, round(self.horizon_h * per_hour) + 1, spec["dense_every_min"]).tolist())
        for start in self.dose_starts:
            first, every = round(start * per_hour), spec["after_dose_every_min"]
            minutes |= set(range(first, first + spec["after_dose_min"] + 1, every))
        return np.array(sorted(minutes)) / per_hour

    def subjects(self, count: int) -> dict[str, Floats]:
        """Return the parameters of the first `count` subjects; beyond the last, the first come again."""
        return {name: np.resize(column, count) for name, column in population().items()}

    def grids(self, times: Floats) -> list[tuple[float, Floats, NDArray[np.int64]]]:
        """Cut output times at the events, for solvers that take one span at a time.

        Returns for each span its rate, its grid (from the span's begin to its end, both included) and, for each point of the
        grid, the position among `times` or -1.
        """
        cut = []
        for k, (begin, end, rate) in enumerate(self.segments):
            inside = np.flatnonzero((times > begin) & (times < end) | (times == end) | ((k == 0) & (times == begin)))
            grid = [begin, *times[inside], end]
            place = [-1, *inside, -1]
            if len(inside) and times[inside[0]] == begin:
                del grid[0], place[0]
            if len(inside) and times[inside[-1]] == end:
                del grid[-1], place[-1]
            cut.append((rate, np.array(grid), np.array(place)))
        return cut
