"""The table of `ketasim qualify safety`: every row on risk that is computed, and every other one with the reason why not."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ketasim.evidence import Observation, evidence, observation
from ketasim.parameters import builtin_table, draws
from ketasim.qualify.risk.arms import Courses, Floats, design, simulated
from ketasim.qualify.risk.figures import figure, spread
from ketasim.system.bind import whole_system
from ketasim.system.drugs import find_drug
from ketasim.system.grade import one_digit, worst

LOW, HIGH = 5, 95  # percentiles of a 90 % interval
_PEOPLE = ("share", "above")  # figures that are a share of people: sampling is binomial


@dataclass(frozen=True)
class Line:
    """One computed row. Figures in the unit of the row; `low` and `high` the 90 % predictive interval at the study's size,
    over parameter draws; `inside` whether the report lies in it. A guess (grade C) has one significant digit.
    """

    row: Observation
    words: str
    grade: str
    fitted: bool
    observed: str
    computed: float
    low: float
    high: float
    inside: bool
    note: str = ""


@cache
def left() -> Mapping[str, str]:
    """Return the rows of the safety file that nothing computes, with the reason."""
    text = files("ketasim.qualify.risk").joinpath("data", "left.toml").read_text("utf-8")
    return {row: str(why["why"]) for why in tomllib.loads(text)["left"] for row in why["rows"]}


def used() -> Mapping[str, tuple[str, ...]]:
    """Return the safety rows that a parameter points at, with the names of those parameters."""
    found: dict[str, tuple[str, ...]] = {}
    for p in builtin_table():
        if p.row.startswith("safety-"):
            found[p.row] = (*found.get(p.row, ()), p.name)
    return found


def rows_not_computed() -> list[tuple[Observation, str]]:
    """Return the rows of the safety file that are not computed, each with the parameters it feeds or why it is left."""
    computed = {e["row"] for e in design()["compare"]}
    found = []
    for o in evidence().observations:
        if o.row_id.startswith("safety-") and o.row_id not in computed:
            feeds = used().get(o.row_id)
            found.append((o, f"read into {', '.join(feeds)}" if feeds else left()[o.row_id]))
    return found


def compared(
    count: int | None = None,
    seed: int | None = None,
    only: str | None = None,
    role: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Line]:
    """Return every comparison of the design; arms that none needs are not simulated.

    Parameters
    ----------
    count, seed : parameter draws (None: the design's). only : one row or study. role : of rows.
    progress : called with draws done and in all.
    """
    plan = design()
    total = plan["draws"] if count is None else count
    start = plan["seed"] if seed is None else seed
    rows = {e["row"]: observation(e["row"]) for e in plan["compare"]}
    entries = [
        e
        for e in plan["compare"]
        if only in (None, e["row"], rows[e["row"]].study_id) and role in (None, rows[e["row"]].role)
    ]
    arms = list(dict.fromkeys(e[k] for e in entries for k in ("arm", "also", "against") if k in e))
    central = simulated(arms=arms)
    drawn: list[Courses] = []
    for k, values in enumerate(draws(builtin_table(), start, total)):
        drawn.append(simulated(values, size=plan["draw_size"], arms=arms))
        if progress is not None:
            progress(k + 1, total)
    noise = np.random.Generator(np.random.Philox(start))
    return [_line(e, central, drawn, noise) for e in entries]


def _line(entry: Mapping[str, Any], central: Courses, drawn: Sequence[Courses], noise: np.random.Generator) -> Line:
    row, grade = observation(entry["row"]), grade_of(entry)
    at = figure(central, entry)
    each = np.concatenate([_sampled(entry, row, c, figure(c, entry), noise) for c in drawn])
    low, high = (float(np.percentile(each, p)) for p in (LOW, HIGH))
    shown = (at, low, high) if grade != "C" else tuple(one_digit(np.array([at, low, high])).tolist())
    return Line(
        row=row,
        words=_words(entry),
        grade=grade,
        fitted=bool(entry.get("fit")),
        observed=_observed(row, entry),
        computed=shown[0],
        low=shown[1],
        high=shown[2],
        inside=_inside(entry, row, low, high),
        note=str(entry.get("note", "")),
    )


def grade_of(entry: Mapping[str, Any]) -> str:
    """Return the grade of a comparison: its quantity's with the drugs of its arm, or its parameters'."""
    table = builtin_table()
    if "name" in entry:
        return table.resolve(entry["name"]).grade
    if entry["of"] == "urinary":
        return worst(table.resolve(n).grade for n in ("luts_odds", "luts_day"))
    arms = [design()["arm"][entry[k]] for k in ("arm", "also", "against") if k in entry]
    given = {find_drug(d["drug"]).name for arm in arms for d in arm["dose"]}
    return whole_system().quantities[entry["quantity"]].given(given).grade


def _sampled(
    entry: Mapping[str, Any], row: Observation, courses: Courses, value: float, noise: np.random.Generator
) -> Floats:
    """Return the figure as studies of the row's size would have found it, (samples,): binomial for shares, normal for means."""
    n, count = row.n, int(design()["noise"])
    if entry["of"] in _PEOPLE and n and not row.n_is_whole_trial:
        return noise.binomial(n, min(max(value, 0.0), 1.0), count) / n
    if row.spread_type == "CI95" and row.spread_low is not None and row.spread_high is not None:
        width = float(norm_width(row.spread_low, row.spread_high))
        return value + width * noise.standard_normal(count)
    sd = spread(courses, entry) / entry.get("scale", 1)
    if n and math.isfinite(sd) and entry["of"] != "share":
        return value + sd / math.sqrt(n) * noise.standard_normal(count)
    return np.full(count, value)


def norm_width(low: float, high: float) -> float:
    """Return the standard error behind a 95 % interval, in its unit."""
    from scipy.stats import norm

    return (high - low) / (2 * float(norm.ppf(1 - 0.05 / 2)))


def _inside(entry: Mapping[str, Any], row: Observation, low: float, high: float) -> bool:
    value = None if row.value is None else float(row.value)
    if entry.get("positive"):
        return low > 0
    if entry.get("negative"):
        return high < 0
    if value is not None and (entry.get("below") or row.bound == "<"):
        return low < value
    if value is not None:
        return low <= value <= high
    return low <= float(row.high or 0) and high >= float(row.low or 0)


def _observed(row: Observation, entry: Mapping[str, Any]) -> str:
    if entry.get("positive") or entry.get("negative"):
        return f"{'above' if entry.get('positive') else 'below'} 0 at {row.value:g} {row.unit}"
    if row.value is None:
        return f"{row.low:g} to {row.high:g}"
    text = f"{row.bound.replace('=', '')}{row.value:g}"
    if row.spread_low is not None:
        ends = f"{row.spread_low:g}" if row.spread_high is None else f"{row.spread_low:g} to {row.spread_high:g}"
        text += f" ({row.spread_type} {ends})"
    return text


def _words(entry: Mapping[str, Any]) -> str:
    """Return what is compared, in words."""
    what = entry.get("quantity") or entry.get("name") or f"urinary symptoms at {entry.get('days')} days of use"
    arms = " and ".join(entry[k] for k in ("arm", "also") if k in entry).replace("_", " ")
    more = "".join(f", {k} {entry[k]}" for k in ("over", "drug", "at", "against", "fraction") if k in entry)
    return f"{entry['of'].replace('_', ' ')} of {what}{f' ({arms})' if arms else ''}{more}"


def coverage(lines: Sequence[Line]) -> dict[str, tuple[int, int]]:
    """Return for each role (fitted rows apart) how many rows lie inside their interval, and how many there are."""
    found: dict[str, tuple[int, int]] = {}
    for line in lines:
        role = "fitted" if line.fitted else str(line.row.role)
        inside, total = found.get(role, (0, 0))
        found[role] = inside + line.inside, total + 1
    return found
