"""Tables of evidence: every row on receptors, circuits and dissociation, with the experiment that answers it or why none does.

A table is data/tables/<name>.toml. `[row.<row id>]` holds an experiment (`scenario`, `figure`), `value` (a formula over its
figures; the last figure where it is left out) or `rule` (for a flag) and how to `judge`; or `left`, the reason for which
nothing is computed. Nothing that is computed is dropped for failing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ketasim.errors import InputError, RunError, check_keys, nearest
from ketasim.evidence import Observation, observation, study
from ketasim.files import parse_toml
from ketasim.lab.experiment import Experiment, experiment, within
from ketasim.lab.judge import JUDGES, judge, reported
from ketasim.lab.rules import Formula, Rule, parse_formula, parse_rule
from ketasim.lab.settings import settings
from ketasim.parameters import builtin_table, draws

_LEFT = ("left",)
_KEYS = (
    "scenario", "figure", "quantity", "people", "grid", "value", "rule", "judge", "within", "nothing", "signed", "scale",
    "from_log10", "minus", "expect", "unit", "note",
)  # fmt: skip
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Row:
    """A row of evidence with what answers it; without an `experiment`, `left` says why."""

    observed: Observation
    role: str
    entry: Mapping[str, Any]
    experiment: Experiment | None = None
    value: Formula | None = None
    rule: Rule | None = None
    left: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a computed table. `computed` is the figure at the shipped numbers, `low` and `high` the 90 % interval over
    parameter draws; `sign` and `size` say whether the former is right (None where not asked), `probability` the share of draws
    that are. `counted` is false for recalled figures.
    """

    row: Row
    observed: tuple[float, float]
    computed: float
    low: float
    high: float
    sign: bool | None
    size: bool | None
    probability: float
    counted: bool


@dataclass(frozen=True)
class Table:
    """A table of evidence, ready to compute."""

    name: str
    title: str
    topics: tuple[str, ...]
    rows: tuple[Row, ...]

    def lines(self, *, count: int | None = None, seed: int | None = None, only: str | None = None) -> Iterator[Line]:
        """Yield each computed line.

        Parameters
        ----------
        count, seed : parameter draws (None: as data/settings.toml says). only : one row or study.

        Raises
        ------
        RunError
            If an experiment could not be computed; names the row.
        """
        total = settings()["draws"] if count is None else count
        drawn = draws(builtin_table(), settings()["seed"] if seed is None else seed, total)
        for row in self.chosen(only):
            if row.experiment is not None:
                yield _line(row, drawn)

    def chosen(self, only: str | None) -> tuple[Row, ...]:
        """Return the rows of one id or study; all without one. Raises `InputError` if it names none."""
        if only is None:
            return self.rows
        found = tuple(r for r in self.rows if only in (r.observed.row_id, r.observed.study_id))
        if not found:
            names = {r.observed.row_id for r in self.rows} | {r.observed.study_id for r in self.rows}
            raise InputError(
                "no such row or study in this table", key="only", value=only, expected=nearest(only, names)
            )
        return found


def table_names() -> list[str]:
    """Return the names of the shipped tables."""
    folder = files("ketasim.lab").joinpath("data", "tables")
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


@cache
def table(name: str) -> Table:
    """Return a shipped table. Raises `InputError` if there is none of that name, or with file and key if it is wrong."""
    if name not in table_names():
        raise InputError("unknown table", key="table", value=name, expected=nearest(name, table_names()))
    text = files("ketasim.lab").joinpath("data", "tables", f"{name}.toml").read_text("utf-8")
    return load_table(text, name=name, file=f"{name}.toml")


def load_table(text: str, *, name: str, file: str) -> Table:
    """Return the table of a TOML text. Raises `InputError` with file, key and what was expected."""
    data = parse_toml(text, file)
    check_keys(data, ("title", "topics", "row"), name)
    rows = tuple(_row(row_id, entry, file) for row_id, entry in data.get("row", {}).items())
    return Table(name, str(data.get("title", name)), tuple(data.get("topics", ())), rows)


def _row(row_id: str, entry: Mapping[str, Any], file: str) -> Row:
    try:
        observed = observation(row_id)
        role = observed.role or study(observed.study_id).role
        if "left" in entry:
            check_keys(entry, _LEFT, row_id)
            return Row(observed, role, entry, left=str(entry["left"]))
        return _computed(observed, role, entry, file)
    except InputError as error:
        raise within(error, row_id).at(file=file) from None


def _computed(observed: Observation, role: str, entry: Mapping[str, Any], file: str) -> Row:
    check_keys(entry, _KEYS, observed.row_id)
    kind = entry.get("judge")
    if kind not in JUDGES:
        raise InputError("unknown judge", key="judge", value=kind, expected=nearest(str(kind), JUDGES))
    made = experiment(entry, name=observed.row_id, file=file, text=repr(entry))
    names = frozenset(f.name for f in made.figures)
    if kind == "flag":
        return Row(observed, role, entry, made, rule=parse_rule(entry.get("rule"), names))
    if kind == "difference" and "within" not in entry:
        raise InputError("is missing", key="within", expected="an amount in the figure's unit")
    return Row(observed, role, entry, made, value=parse_formula(entry.get("value", made.figures[-1].name), names))


def answer(row: Row, values: Mapping[str, float], number: int) -> float:
    """Return the figure that is held against the report; for a rule 1 where it holds, else 0."""
    figures = row.experiment.measure(values, number) if row.experiment is not None else {}
    if row.rule is not None:
        return float(row.rule.holds(figures))
    return row.value.value(figures) if row.value is not None else float("nan")


def _line(row: Row, drawn: list[dict[str, float]]) -> Line:
    central, *found = (answer(row, values, k) for k, values in enumerate([{}, *drawn]))
    finite = [v for v in found if np.isfinite(v)]
    if not (finite and np.isfinite(central)):
        raise RunError(f"{row.observed.row_id}: no figure came of it")
    low, high = reported(row.observed, row.entry)
    ends = np.percentile(finite, settings()["interval"])
    verdict = judge(str(row.entry["judge"]), central, finite, low, high, row.entry)
    counted = row.observed.verified == "read" and row.observed.use
    return Line(row, (low, high), central, float(ends[0]), float(ends[1]), counted=counted, **verdict)
