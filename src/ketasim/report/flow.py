"""The way from dose to mood as a picture, with live values: boxes that wrap on a narrow page, each with a small curve."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

import ketasim.report.html as html
from ketasim.report.axis import TimeAxis
from ketasim.report.colours import colour_of
from ketasim.report.given import said_doses
from ketasim.report.package import data_table, settings
from ketasim.report.reading import since_dose
from ketasim.report.view import axis_words, is_uncalibrated, lead_arm, turn
from ketasim.report.words import unit_words
from ketasim.system.result import Result


def flow_picture(result: Result, axis: TimeAxis, *, forbidden: bool = False) -> str:
    """Return the flow as a `<figure>`: for each step the furthest median of the first drug arm, and when.

    Steps whose numbers are not fitted are hatched and say so; steps that this run did not ask for say that. `forbidden` says that
    a rule of a label stands in place of the benefit.
    """
    arm = lead_arm(result)
    given = said_doses(result, arm)
    boxes = [
        f'<li class="step"><b>Dose</b><i>{escape(result.arms[arm])}</i><span class="said">{escape(given)}</span></li>'
    ]
    boxes += [
        _box(result, axis, arm, step, "no benefit shown: a rule forbids it" if forbidden and "benefit" in step else "")
        for step in data_table("layers")["step"]
    ]
    return (
        '<figure class="flow" aria-label="The way from dose to mood"><ol>\n'
        + "\n".join(boxes)
        + "\n</ol>\n<figcaption>"
        "Each box shows how far the median moved in the first drug arm, and when; the small curve runs along the same broken "
        "time axis as the figures below. Hatched boxes are uncalibrated: their sizes have not been shown to hold. "
        "The dashed box branches off the blood.</figcaption></figure>"
    )


def _box(result: Result, axis: TimeAxis, arm: int, step: dict[str, Any], instead: str) -> str:
    head = f"<b>{escape(step['name'])}</b><i>{escape(step['term'])}</i>"
    branch = " branch" if step.get("branch") else ""
    quantity = step["quantity"]
    if instead or quantity not in result.values:
        why = instead or "not part of this run"
        return f'<li class="step away{branch}">{head}<span class="said">{why}</span></li>'
    t = turn(result, quantity, arm)
    unit = unit_words(result.quantities[quantity].unit)
    loose = is_uncalibrated(result, quantity)
    said = html.value(t.start if t.still else t.value, unit)
    when = (
        "does not move"
        if t.still
        else escape(since_dose(result, arm, t.time_h).replace("the first dose began", "the start"))
    )
    if not unit:
        came = f", from {html.value(t.start)}" if t.start and not t.still else ""
        said += f' <span class="from">{escape(axis_words(result, quantity))}{came}</span>'
    mark = html.badge() if loose else ""
    return (
        f'<li class="step{" loose" if loose else ""}{branch}">{head}<strong>{said}</strong>'
        f'<span class="said">{when}</span>{_spark(result, axis, quantity, arm)}{mark}</li>'
    )


def _spark(result: Result, axis: TimeAxis, quantity: str, arm: int) -> str:
    """Return the median as a small curve; its words stand beside it, so it is hidden from readers aloud."""
    s = settings("spark")
    median = result.statistics[quantity]["median"][arm]
    low, high = float(median.min()), float(median.max())
    range_ = high - low or 1.0
    wide, tall, inset = s["width"], s["height"], s["inset"]
    lines = []
    for _, x, (y,) in axis.pieces(result.times_h, median):
        pick = np.unique(np.linspace(0, len(x) - 1, min(len(x), s["points"])).astype(int))
        points = " ".join(
            f"{inset + x[k] * (wide - 2 * inset):.1f},{tall - inset - (y[k] - low) / range_ * (tall - 2 * inset):.1f}"
            for k in sorted({*pick.tolist(), int(np.argmax(y)), int(np.argmin(y))})
        )
        lines.append(f'<polyline points="{points}"/>')
    return f'<svg class="spark" aria-hidden="true" viewBox="0 0 {wide} {tall}" stroke="{colour_of(quantity)}">{"".join(lines)}</svg>'
