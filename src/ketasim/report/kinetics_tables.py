"""The tables of non-compartmental figures in the report."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import ketasim.report.html as html
from ketasim.report.kinetics import Kinetic, Spread, settings
from ketasim.report.kinetics_terminal import says
from ketasim.report.view import short
from ketasim.report.ways import Way
from ketasim.report.words import number, unit_words
from ketasim.system.result import Result

_COLUMNS = ("cmax", "tmax", ("auc_last", "auc_tau"), "auc_inf", "half_life")
_HEAD = ("Quantity", "Arm", "Cmax", "tmax (h)", "AUC0-t", "AUCinf", "Half-life (h)", "Note")


def kinetics_section(result: Result, found: Sequence[Kinetic]) -> str:
    """Return the part "Kinetics" of the report, empty where the run has no plasma quantity or no dose."""
    if not found:
        return ""
    names = list(dict.fromkeys(k.quantity for k in found))
    lead = [n for n in settings("of")["lead"] if n in names] or names
    rest = [n for n in names if n not in lead]
    more = html.details(f"The other plasma quantities ({len(rest)})", _table(result, found, rest)) if rest else ""
    return f"""<section id="kinetics" aria-label="Kinetics">
<h3>Kinetics <span class="term">non-compartmental figures</span></h3>
<p>{escape(_of_whom(result))} Times count from the dose. Areas are linear while concentrations rise and logarithmic while they fall;
the half-life is that of the terminal phase with the best adjusted R². What is below {html.value(settings("of")["least_share"])}
of a person's highest concentration counts as not measurable.</p>
{_table(result, found, lead)}
{more}
</section>"""


def _of_whom(result: Result) -> str:
    held = f"the first {len(result.ids):,} of {result.size:,}" if result.partial else f"{result.size:,}"
    return f"Median and, below it, 5th to 95th percentile of {held} people in each arm."


def _table(result: Result, found: Sequence[Kinetic], names: Sequence[str]) -> str:
    rows = []
    for quantity in names:
        for arm in dict.fromkeys(k.arm for k in found if k.quantity == quantity):
            own = {k.figure: k for k in found if (k.quantity, k.arm) == (quantity, arm)}
            rows.append([escape(short(result, quantity)), escape(arm), *_cells(own), _notes(own)])
    units = ", ".join(dict.fromkeys(unit_words(result.quantities[n].unit) for n in names))
    head = [
        h if h not in ("Cmax", "AUC0-t", "AUCinf") else f"{h} ({'h·' if h != 'Cmax' else ''}{units})" for h in _HEAD
    ]
    return _noted("Kinetics", [escape(h) for h in head], rows)


def _noted(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose last column holds notes, without that column where there is no note."""
    width = len(head) if any(row[-1] for row in rows) else len(head) - 1
    return html.table(caption, head[:width], [row[:width] for row in rows], kind="numbers")


def _cells(own: dict[str, Kinetic]) -> list[str]:
    cells = []
    for column in _COLUMNS:
        names = (column,) if isinstance(column, str) else column
        k = next((own[n] for n in names if n in own), None)
        if k is None or "none" in k.marks:
            cells.append("not defined")
            continue
        badges = "".join(f" {html.badge(m)}" for m in k.marks)
        cells.append(spread(Spread(k.median, k.p05, k.p95)) + badges)
    return cells


def _notes(own: dict[str, Kinetic]) -> str:
    words = settings("figure")
    marks = dict.fromkeys(m for k in own.values() for m in k.marks if m != "none")
    said = [settings("note")[m] for m in marks]
    if "auc_tau" in own:
        said.insert(0, "repeated doses: the first interval, its area in place of AUC0-t; half-life after the last dose")
        said += [
            f"{words[n]} from the first to the last interval {html.value(own[n].median)}-fold"
            for n in ("accumulation_auc", "accumulation_cmax")
            if "none" not in own[n].marks
        ]
    return "; ".join(said)


def spread(s: Spread) -> str:
    """Return a median with its 90 % range below it, as HTML; without the range where everybody is alike."""
    if number(s.p05) == number(s.p95):
        return html.value(s.median)
    return html.value(s.median) + f"<span class='note'>{html.value(s.p05)} to {html.value(s.p95)}</span>"


def ways_section(result: Result, found: Sequence[Way], figure: str) -> str:
    """Return the part that sets routes side by side, empty where no two can be."""
    if not found:
        return ""
    rule = settings("routes")
    unit = unit_words(result.quantities[rule["quantity"]].unit)
    head = ("Drug", "Arm", "Dose", "F", f"Cmax ({unit})", "tmax (h)", "Note")
    given = _noted("At the dose given, the highest peak first", head, [_given(result, w) for w in found])
    then = ("Drug", "Arm", "Dose for the same AUC", f"Cmax then ({unit})", "Cmax, multiple of iv", "tmax (h)")
    caption = "At the dose with the area of the intravenous arm"
    equal = html.table(caption, then, [_equal(result, w, found) for w in found], kind="numbers")
    return f"""<section id="routes" aria-label="Routes side by side">
<h3>Routes side by side</h3>
{given}
<h3>{escape(rule["heading"])}</h3>
<p>{escape(says(result, found))}</p>
{equal}
{figure}
</section>"""


def _given(result: Result, w: Way) -> list[str]:
    share = "1, the reference" if w.arm == w.reference else spread(w.availability)
    note = "; ".join(settings("note")[m] for m in w.marks)
    return [
        escape(w.drug),
        escape(result.arms[w.arm]),
        html.value(w.dose, w.unit),
        share,
        spread(w.cmax),
        spread(w.tmax),
        note,
    ]


def _equal(result: Result, w: Way, found: Sequence[Way]) -> list[str]:
    top = next(o.cmax.median for o in found if o.arm == w.reference)
    return [
        escape(w.drug), escape(result.arms[w.arm]), html.value(w.equal_dose, w.unit), spread(w.equal_cmax),
        html.value(w.equal_cmax.median / top), spread(w.tmax),
    ]  # fmt: skip
