"""The tables of a report: what every figure shows, the key figures beside published ones, and every quantity."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import ketasim.report.html as html
from ketasim.report.compare import Comparison, Figure, Published
from ketasim.report.sources import short_names
from ketasim.report.view import Layer, digits, is_uncalibrated, mark, short, turn
from ketasim.report.words import unit_words
from ketasim.system.result import Result

if TYPE_CHECKING:
    from ketasim.evidence import Observation

TURN_HEAD = (
    "Quantity",
    "Arm",
    "Before the first dose",
    "Furthest point",
    "90 % of subjects then",
    "When",
    "At the end",
    "Unit",
)


def turn_rows(result: Result, quantities: Sequence[str]) -> list[list[str]]:
    """Return the rows of a table of medians: one for each quantity and arm, times in h since the start of the run."""
    rows = []
    for quantity in quantities:
        told, few = mark(result, quantity), digits(result, quantity)
        name = escape(short(result, quantity)) + (f" {html.badge(told)}" if told else "")
        for a, arm in enumerate(result.arms):
            t = turn(result, quantity, a)
            far = ["no change", "", ""] if t.still else _furthest(t.value, t.low, t.high, t.time_h, few)
            unit = escape(unit_words(result.quantities[quantity].unit)) or "1"
            start, end = (html.value(v, "", few) for v in (t.start, t.end))
            rows.append([name, escape(arm), start, *far, end, unit])
    return rows


def _furthest(value: float, low: float, high: float, time_h: float, few: int | None) -> list[str]:
    far, low_, high_ = (html.value(v, "", few) for v in (value, low, high))
    return [far, f"{low_} to {high_}", html.time(time_h)]


def layer_table(result: Result, layer: Layer) -> str:
    """Return the table beside a layer's figure."""
    return html.table(f"{layer.plain}: the same numbers", TURN_HEAD, turn_rows(result, layer.draw), kind="numbers")


def everything_table(result: Result, quantities: Sequence[str]) -> str:
    """Return the table of every quantity of one layer."""
    return html.table("All quantities of the layer, medians", TURN_HEAD, turn_rows(result, quantities), kind="numbers")


def key_figures(result: Result, compared: Sequence[Comparison]) -> str:
    """Return the table of key figures beside published ones, or a sentence where none apply."""
    if not compared:
        return "<p>None of the published figures on file was measured at the doses of this run.</p>"
    head = ("Key figure", "Model", "Published", "Compared, and what the published figure is for", "Source")
    of_whom = (
        f"<p>The model's figures in this table are those of the first {len(result.ids):,} of {result.size:,} people in each "
        "arm; everything else in this report is of all of them.</p>\n"
        if result.partial
        else ""
    )
    return of_whom + html.table(
        "Key figures beside published ones", head, [_row(result, c) for c in compared], kind="key"
    )


def _row(result: Result, c: Comparison) -> list[str]:
    badge = f" {html.badge()}" if is_uncalibrated(result, c.anchor.quantity) else ""
    note = f'<span class="note">{escape(c.anchor.differs)}</span>' if c.anchor.differs else ""
    verdict = {True: "inside", False: "outside", None: "open"}[c.inside]
    return [
        f"{escape(c.anchor.title)}{badge}{note}",
        _model(c.model, c.anchor.statistic, result.arms[c.arm]),
        _published(c.published),
        f'<span class="{verdict}">{escape(c.verdict)}</span>{_share(c)}{_use(c)}',
        "".join(dict.fromkeys(_source(row) for row in c.published.rows)),
    ]


def _model(model: Figure, statistic: str, arm: str) -> str:
    unit = unit_words(model.unit)
    return (
        f"{html.value(model.value, unit)}<span class='note'>{statistic}, {escape(arm)}; 90 % of subjects "
        f"{html.value(model.low)} to {html.value(model.high)}</span>"
    )


def _published(p: Published) -> str:
    unit = unit_words(p.unit)
    if p.value is None:
        text = f"{html.value(p.low or 0.0)} to {html.value(p.high or 0.0, unit)}"
    else:
        text = html.value(p.value, unit)
        if p.low is not None and p.high is not None:
            text += f"<span class='note'>{html.value(p.low)} to {html.value(p.high)}: {escape(p.interval)}</span>"
    return text + f"<span class='note'>{escape('; '.join(_detail(p)))}</span>"


def _detail(p: Published) -> list[str]:
    row, said = p.rows[0], []
    said.append(row.statistic if len(p.rows) == 1 else "ratio of two means")
    if row.spread_type in ("SD", "SE") and row.spread_low is not None and len(p.rows) == 1:
        said.append(f"{row.spread_type} {row.spread_low:g}")
    said.append(f"n = {row.n:,}" if row.n is not None else "n not given")
    return [s for s in said if s]


def _share(c: Comparison) -> str:
    """Return the model as a share of the published figure, where no spread allows a verdict."""
    p = c.published
    if c.inside is not None or p.value is None or p.value == 0 or p.low is not None or not c.model.value / p.value > 0:
        return ""
    return f"<span class='note'>model / published = {html.value(c.model.value / p.value)}</span>"


def _use(c: Comparison) -> str:
    role = {row.role for row in c.published.rows}
    words = {"calibrate": "may be used to fit", "validate": "kept for checks", "replicate": "kept for checks"}
    said = ", ".join(sorted(words.get(r, r) for r in role))
    if c.anchor.set:
        said = "used to set a start value"
    read = "recalled, not read" if c.published.recalled else "read in the source"
    if not c.published.recalled and any(row.source_kind == "secondary" for row in c.published.rows):
        read = "read in a secondary source"
    return f"<span class='note'>{said}; {read}</span>"


def _source(row: Observation) -> str:
    from ketasim.evidence import study

    paper = study(row.study_id)
    link = f"{html.doi_link(paper.doi)}, " if paper.doi else ""
    note = f"{link}row {escape(row.row_id)}: {escape(row.arm)}"
    return f"{short_names([row.study_id])}<span class='note'>{note}</span>"
