"""The tables of a qualification, in HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import ketasim.report.html as html
from ketasim.qualify.compare import Comparison, Qualification
from ketasim.report.qualification.groups import Row, failures, fold, left_out, marks, said, settings, verb
from ketasim.report.qualification.plot import analyte_words
from ketasim.report.words import number, say_time

ERROR_HEAD = (
    "",
    "Studies",
    "GMFE (90 % interval)",
    "Limit",
    "Bias",
    "Inside 90 %",
    "Arms",
    "Figures",
    "Papers",
    "Verdict",
)
_BESIDE = ("Prediction", "Report", "Predicted / reported")


def error_table(caption: str, rows: Sequence[Row]) -> str:
    """Return a table of errors; a row without comparisons says "none"."""
    return html.table(caption, ERROR_HEAD, [error_cells(row) for row in rows], kind="numbers")


def error_cells(row: Row) -> list[str]:
    """Return the cells (HTML) of one row."""
    limit = html.value(row.limit) if row.limit is not None else ""
    s = row.summary
    if s is None:
        return [escape(said(row.group)), escape(row.role), "none", limit, "", "", "0", "0", "0", "none"]
    mark = {True: "inside", False: "outside", None: "open"}[row.met]
    return [
        escape(said(row.group)),
        escape(row.role),
        _fold_error(s.gmfe) + (f" ({html.value(s.low)} to {html.value(s.high)})" if s.studies > 1 else " (one paper)"),
        limit,
        html.value(s.bias),
        f'<data value="{s.covered!r}">{s.covered:.0%}</data>',
        *(f"{n:,}" for n in (s.arms, s.figures, s.studies)),
        f'<span class="{mark}">{escape(row.verdict)}</span>',
    ]


def _fold_error(gmfe: float) -> str:
    """Return a fold error with three decimals, so that 1.254 does not read as a limit of 1.25 kept."""
    return f'<data value="{gmfe!r}">{gmfe:.3f}</data>'


def figure_words(c: Comparison) -> str:
    """Return what is compared: "AUCinf of S-ketamine, as a ratio", "concentration of S-ketamine at 40 min"."""
    text = f"{said(verb(c))} of {analyte_words(c.analyte)}"
    if " of " in c.figure:
        text += ", as a ratio"
    return text + (f" at {say_time(c.time_h)}" if c.time_h is not None else "")


def failure_table(q: Qualification) -> str:
    """Return every failure, the furthest off first, with the arm's note."""
    found = failures(q.comparisons)
    if not found:
        return "<p>None: every report lies inside its 90 % interval and within two-fold.</p>"
    rows = [
        [
            f'<a href="#arm-{_anchor(c.arm)}">{escape(c.arm)}</a>',
            escape(figure_words(c)),
            *_beside(c)[:2],
            f"{number(fold(c))}-fold {'too high' if c.log_fold > 0 else 'too low'}",
            "inside" if c.inside else "outside",
            f"{escape(c.role)}; {_paper(c.study)}",
            escape("; ".join([*marks(c, q.design), q.design.arms[c.arm].note]).strip("; ")),
        ]
        for c in found
    ]
    far = settings("fold")["far"]
    head = ("Arm", "Figure", *_BESIDE[:2], "Off by", "90 % interval", "Role and paper", "Note")
    return html.table(
        f"Outside the 90 % interval, or more than {far}-fold off ({len(found)})", head, rows, kind="numbers"
    )


def _beside(c: Comparison) -> list[str]:
    unit = c.unit.replace("*", " ")
    predicted = f"{html.value(c.predicted, unit)} <span class='note'>{html.value(c.p05)} to {html.value(c.p95)}</span>"
    ends = f"{html.value(c.low)} to {html.value(c.high)}"
    seen = html.value(c.observed, unit)
    if c.ranged and not math.isfinite(c.high):
        reported = f"above {html.value(c.low, unit)}<span class='note'>printed as a lower bound</span>"
    elif c.ranged:
        reported = f"{ends} {escape(unit)}<span class='note'>printed as a range</span>"
    elif c.low < c.observed < c.high:
        reported = f"{seen}<span class='note'>{ends}, n {c.n or 'not given'}</span>"
    else:
        reported = f"{seen}<span class='note'>n {c.n or 'not given'}</span>"
    return [predicted, reported, html.value(math.exp(c.log_fold)) if math.isfinite(c.log_fold) else "not defined"]


def _paper(study: str) -> str:
    """Return a link to the entry of the list of sources; the id is shorter than some citations."""
    return f'<a href="#source-{escape(study, quote=True)}">{escape(study)}</a>'


def _anchor(arm: str) -> str:
    return escape("".join(ch if ch.isalnum() else "-" for ch in arm), quote=True)


def comparison_table(q: Qualification) -> str:
    """Return every comparison; arms that serve as a reference alone are listed too."""
    rows = []
    for c in q.comparisons:
        verdict = "not counted" if c.recalled else "inside" if c.inside else "outside"
        rows.append(
            [
                f'<span id="arm-{_anchor(c.arm)}">{escape(c.arm)}</span>',
                escape(figure_words(c)),
                *_beside(c),
                f'<span class="{"open" if c.recalled else verdict}">{verdict}</span>',
                escape(said(c.route)),
                escape(f"{c.role}{f', {c.setting}' if c.setting else ''}"),
                f"{escape(c.row)}<span class='note'>{escape('; '.join(marks(c, q.design)))}</span>",
            ]
        )
    used = {c.arm for c in q.comparisons}
    for arm in (a for a in q.design.arms.values() if a.id not in used):
        blank = ["", "", "", ""]
        rows.append(
            [escape(arm.id), "reference of another arm", *blank, escape(said(arm.route)), escape(arm.setting), ""]
        )
    head = ("Arm", "Figure", *_BESIDE, "90 % interval", "Route", "Role, people", "Evidence row")
    return html.table("Every comparison", head, rows, kind="numbers")


def left_out_table(q: Qualification) -> str:
    """Return what is not compared or not counted, and why."""
    rows = [(escape(r), _paper(s) if s else "", escape(why)) for r, s, why in left_out(q.design, q.comparisons)]
    if not rows:
        return "<p>Nothing.</p>"
    return html.table(f"Left out ({len(rows)})", ("Evidence row", "Paper", "Why"), rows)
