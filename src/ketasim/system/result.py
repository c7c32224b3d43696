"""What a run returns: quantities by arm, subject and time, with units and provenance, and their summaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, missing, nearest
from ketasim.system.bind import Quantity
from ketasim.system.grade import GUESS, one_digit, said

if TYPE_CHECKING:
    import xarray

STATISTICS = ("mean", "sd", "p05", "p25", "median", "p75", "p95")
CALIBRATED = frozenset({"fitted", "partly fitted", "from the literature"})
_PERCENTILES = {"p05": 5, "p25": 25, "median": 50, "p75": 75, "p95": 95}


@dataclass(frozen=True)
class Result:
    """The outcome of a scenario.

    `values` maps a quantity to an array (arm, subject, time) in that quantity's unit; `times_h` are in h. `provenance` holds
    versions, hashes, seed and the whole scenario; `doses` the text of each arm's doses, `dose_times_h` the times of active ones;
    `drug_times_h` has those by drug, as quantities name theirs ("" for ketamine and what it becomes).

    A run too large to be held is summarised from its files: then `values` hold the first of the people (`ids`), `total` says
    how many people each arm has and `whole` holds the statistics of all of them. `scenario` is the scenario as run, where there was
    one: a room above this one knows its type.
    """

    title: str
    arms: tuple[str, ...]
    ids: NDArray[np.int64]
    times_h: NDArray[np.float64]
    quantities: Mapping[str, Quantity]
    values: Mapping[str, NDArray[np.float64]]
    seed: int
    controls: tuple[bool, ...] = ()
    doses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    dose_times_h: Mapping[str, Sequence[float]] = field(default_factory=dict)
    drug_times_h: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    total: int | None = None
    whole: Mapping[str, Mapping[str, NDArray[np.float64]]] | None = None
    species: str = "human"
    scenario: Any = None

    @property
    def size(self) -> int:
        """The number of subjects in each arm, held in `values` or not."""
        return len(self.ids) if self.total is None else self.total

    @property
    def partial(self) -> bool:
        """Whether `values` hold only the first of the people."""
        return len(self.ids) < self.size

    def __getitem__(self, name: str) -> xarray.DataArray:
        """Return a quantity as an array (arm, id, time) with `units`, of the people held. Raises `InputError` for an
        unknown name, `RunError` where xarray is not installed.
        """
        try:
            import xarray
        except ImportError:
            raise missing("xarray") from None
        if name not in self.values:
            raise InputError("unknown quantity", value=name, expected=nearest(name, self.values))
        q = self.quantities[name]
        return xarray.DataArray(
            self.shown(name),
            dims=("arm", "id", "time"),
            coords={"arm": list(self.arms), "id": self.ids, "time": self.times_h},
            name=name,
            attrs={"units": q.unit or "1", "long_name": q.title, "calibration": q.calibration, "time_units": "h"}
            | ({"grade": said(q.grade)} if q.grade else {}),
        )

    @cached_property
    def statistics(self) -> Mapping[str, Mapping[str, NDArray[np.float64]]]:
        """Return for each quantity the arrays (arm, time) of mean, sd, p05, p25, median, p75, p95 over all subjects.

        Those of a guess (grade C) have one significant digit: no table, file or figure has more.
        """
        found = self.whole
        if found is None:
            found = {name: summarised(v, axis=1) for name, v in self.values.items()}
        return {
            n: {s: one_digit(v) for s, v in stats.items()} if self.guessed(n) else stats for n, stats in found.items()
        }

    def guessed(self, name: str) -> bool:
        """Return whether the quantity rests on a guess (grade C)."""
        return self.quantities[name].grade == "C"

    def shown(self, name: str) -> NDArray[np.float64]:
        """Return the values (arm, subject, time) as they may be shown: a guess (grade C) with one significant digit."""
        return one_digit(self.values[name]) if self.guessed(name) else self.values[name]

    @property
    def labels(self) -> Mapping[str, str]:
        """The words that stand wherever a quantity is shown, of those that rest on a guess."""
        return {n: GUESS for n in self.values if self.guessed(n)}

    def summary(self) -> list[dict[str, Any]]:
        """Return the rows (arm, quantity, unit, time_h, mean, sd, p05, median, p95, calibration, calibrated) of a run's table, and
        `grade` where the quantity has one.
        """
        rows = []
        for name, stats in self.statistics.items():
            q = self.quantities[name]
            for a, arm in enumerate(self.arms):
                for k, t in enumerate(self.times_h):
                    row: dict[str, Any] = {"arm": arm, "quantity": name, "unit": q.unit, "time_h": float(t)}
                    row |= {s: float(stats[s][a, k]) for s in ("mean", "sd", "p05", "median", "p95")}
                    row |= {"calibration": q.calibration, "calibrated": is_calibrated(q.calibration)}
                    rows.append(row | ({"grade": said(q.grade)} if q.grade else {}))
        return rows

    @property
    def uncalibrated(self) -> tuple[str, ...]:
        """The names of the quantities that come from an uncalibrated layer."""
        return tuple(n for n in self.values if "uncalibrated" in self.quantities[n].calibration)


def is_calibrated(calibration: str) -> bool:
    """Return whether all states in a quantity's calibration ("fitted, simulated") are of numbers held against data."""
    return set(calibration.split(", ")) <= CALIBRATED


def summarised(values: NDArray[np.float64], axis: int, *, overwrite: bool = False) -> dict[str, NDArray[np.float64]]:
    """Return mean, sd, p05, p25, median, p75, p95 of values along the axis of subjects; the SD of one subject is 0.

    Percentiles are linear between the order statistics. `overwrite` lets them reorder `values`, which saves a copy.
    """
    result = {"mean": values.mean(axis=axis), "sd": values.std(axis=axis, ddof=1 if values.shape[axis] > 1 else 0)}
    points = np.percentile(values, list(_PERCENTILES.values()), axis=axis, overwrite_input=overwrite)
    result |= dict(zip(_PERCENTILES, points, strict=True))
    return result


def geometric_mean(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the geometric mean of positive values along `axis`."""
    return np.exp(np.log(values).mean(axis=axis))
