"""The table that a terminal shows after a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ketasim.errors import InputError, nearest
from ketasim.report.package import settings
from ketasim.report.view import digits, mark
from ketasim.report.words import number, say_time, unit_words
from ketasim.system.result import Result

if TYPE_CHECKING:
    from rich.table import Table


def summary_table(result: Result, times: Sequence[float | str], quantities: Sequence[str]) -> Table:
    """Return the medians (5th to 95th percentile of subjects) as a table for the terminal.

    Parameters
    ----------
    times : h since the start of the run, or texts such as "40 min"; the nearest time of the result is shown.
    quantities : the rows. What is not fitted is marked "uncalibrated".

    Raises
    ------
    InputError
        For an unknown quantity, or a time beyond the run.
    """
    from rich.markup import escape
    from rich.table import Table

    columns = [_index(result, t) for t in times]
    ranged = len(result.arms) * len(columns) <= settings("table")["ranged_columns"]
    caption = (
        "median (5th to 95th percentile of subjects)" if ranged else "median of subjects; the report has the ranges"
    )
    table = Table(title=escape(result.title), caption=caption)
    table.add_column("quantity", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for arm in result.arms:
        for k in columns:
            table.add_column(f"{escape(arm)}\n{say_time(float(result.times_h[k]))}", justify="right", no_wrap=True)
    for quantity in quantities:
        if quantity not in result.values:
            raise InputError(
                "unknown quantity", key="quantities", value=quantity, expected=nearest(quantity, result.values)
            )
        told = mark(result, quantity)
        name = f"{escape(quantity)} [italic]({told})[/italic]" if told else escape(quantity)
        cells = [_cell(result, quantity, a, k, ranged=ranged) for a in range(len(result.arms)) for k in columns]
        table.add_row(name, escape(unit_words(result.quantities[quantity].unit)), *cells)
    return table


def _cell(result: Result, quantity: str, arm: int, k: int, *, ranged: bool) -> str:
    stats = result.statistics[quantity]
    few = digits(result, quantity)
    median, low, high = (number(float(stats[s][arm, k]), few) for s in ("median", "p05", "p95"))
    return median if not ranged or low == median == high else f"{median}\n({low} to {high})"


def _index(result: Result, time: float | str) -> int:
    """Return the index of the grid time nearest to `time`."""
    if isinstance(time, str):
        from ketasim.units import convert, parse_quantity

        value, unit = parse_quantity(time, like="h")
        hours = convert(value, unit, "h")
    else:
        hours = float(time)
    first, last = float(result.times_h[0]), float(result.times_h[-1])
    if not first <= hours <= last:
        raise InputError("beyond the run", key="times", value=time, expected=f"{first:g} h to {last:g} h")
    return int(np.argmin(np.abs(result.times_h - hours)))
