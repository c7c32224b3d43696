"""The terminal's tables of non-compartmental figures and of routes side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ketasim.report.kinetics import Kinetic, Spread, settings
from ketasim.report.ways import Way
from ketasim.report.words import number, unit_words
from ketasim.system.result import Result

if TYPE_CHECKING:
    from rich.table import Table

_SIGNS = {"sparse": "*", "extrapolated": "+", "few": "-"}


def kinetics_table(result: Result, found: Sequence[Kinetic]) -> Table | None:
    """Return the medians (5th to 95th percentile) of kinetics.toml's terminal quantities, None where there are none."""
    shown = [k for k in found if k.quantity in settings("of")["terminal"]]
    if not shown:
        return None
    from rich.markup import escape
    from rich.table import Table

    figures = list(dict.fromkeys(k.figure for k in shown))
    table = Table(title="Kinetics", caption=_caption(result, shown))
    for head in ("quantity", "arm"):
        table.add_column(head, no_wrap=True)
    for figure in figures:
        unit = next(unit_words(k.unit) for k in shown if k.figure == figure)
        table.add_column(settings("figure")[figure] + (f"\n{unit}" if unit else ""), justify="right", no_wrap=True)
    for quantity, arm in dict.fromkeys((k.quantity, k.arm) for k in shown):
        own = {k.figure: k for k in shown if (k.quantity, k.arm) == (quantity, arm)}
        table.add_row(escape(quantity), escape(arm), *(_cell(own.get(f)) for f in figures))
    return table


def _cell(k: Kinetic | None) -> str:
    if k is None or "none" in k.marks:
        return "" if k is None else settings("note")["none"]
    return _spread(Spread(k.median, k.p05, k.p95)) + "".join(_SIGNS[m] for m in k.marks)


def _spread(s: Spread) -> str:
    median, low, high = number(s.median), number(s.p05), number(s.p95)
    return median if low == median == high else f"{median} ({low} to {high})"


def _caption(result: Result, shown: Sequence[Kinetic]) -> str:
    of = f"the first {len(result.ids):,} of {result.size:,}" if result.partial else f"{result.size:,}"
    marks = dict.fromkeys(m for k in shown for m in k.marks if m in _SIGNS)
    told = [f"median (5th to 95th percentile) of {of} people", *(f"{_SIGNS[m]} {settings('note')[m]}" for m in marks)]
    return "; ".join(told)


def ways_table(result: Result, found: Sequence[Way]) -> Table | None:
    """Return routes side by side, None where no two can be."""
    if not found:
        return None
    from rich.markup import escape
    from rich.table import Table

    rule = settings("routes")
    unit = unit_words(result.quantities[rule["quantity"]].unit)
    table = Table(title="Routes side by side", caption=f"{rule['heading']}. {says(result, found)}")
    for head in ("drug", "arm"):
        table.add_column(head, no_wrap=True)
    for head in ("dose", "F", f"Cmax\n{unit}", "tmax\nh", "dose for\nthe same AUC", f"Cmax then\n{unit}"):
        table.add_column(head, justify="right", no_wrap=True)
    for w in found:
        share = "reference" if w.arm == w.reference else _spread(w.availability)
        cells = (share, _spread(w.cmax), _spread(w.tmax), f"{number(w.equal_dose)} {w.unit}", _spread(w.equal_cmax))
        table.add_row(w.drug, escape(result.arms[w.arm]), f"{number(w.dose)} {w.unit}", *cells)
    return table


def says(result: Result, found: Sequence[Way]) -> str:
    """Return the sentence on doses of equal area."""
    names = " or ".join(dict.fromkeys(result.arms[w.reference] for w in found))
    return str(settings("routes")["says"]).format(reference=names)
