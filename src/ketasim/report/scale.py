"""The vertical axis: its range, and ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ketasim.report.package import settings
from ketasim.report.words import superscript

_MINUS = "\N{MINUS SIGN}"


def limits(low: float, high: float) -> tuple[float, float]:
    """Return the range of an axis that shows values from `low` to `high`, with room above and below.

    What moves by less than report.toml's `flat_share` of its size is drawn flat. A quantity that cannot be negative and
    reaches down to nought starts at nought.
    """
    f = settings("figure")
    if high - low <= f["flat_share"] * max(abs(low), abs(high), f["quiet_share"]):
        room = max(abs(high) * f["headroom"], f["quiet_share"]) if high else 1.0
        return low - room, high + room
    room = (high - low) * f["headroom"]
    return (0.0 if 0 <= low <= room else low - room), high + room


def ticks(low: float, high: float) -> tuple[list[tuple[float, str]], str]:
    """Return the ticks (value, label) of an axis, and the power of ten by which the labels are to be multiplied ("" for 1)."""
    f = settings("figure")
    size = max(abs(low), abs(high))
    power = 0 if f["least_label"] <= size < f["most_label"] else math.floor(math.log10(size))
    step = _step(low, high)
    slack = settings("axis")["tick_slack"]
    numbers = range(math.ceil(low / step - slack), math.floor(high / step + slack) + 1)
    shown = step / 10**power
    places = next((d for d in range(f["most_places"]) if _whole(shown * 10**d)), f["most_places"])
    labels = [(k * step, f"{k * shown:.{places}f}".replace("-", _MINUS)) for k in numbers]
    return labels, f"\N{MULTIPLICATION SIGN} 10{superscript(power)}" if power else ""


def _step(low: float, high: float) -> float:
    """Return the smallest round step with at most report.toml's `y_ticks` of them in the range, but at least two ticks."""
    f = settings("figure")
    raw = (high - low) / f["y_ticks"]
    decade = 10.0 ** math.floor(math.log10(raw))
    steps: Sequence[float] = [s * decade for s in f["y_steps"]]
    slack = 1 - settings("axis")["tick_slack"]
    at = next((k for k, s in enumerate(steps) if s >= raw * slack), len(steps) - 1)
    while at > 0 and math.floor(high / steps[at]) - math.ceil(low / steps[at]) < 1:
        at -= 1
    return steps[at]


def _whole(value: float) -> bool:
    return abs(value - round(value)) <= settings("axis")["tick_slack"] * max(1.0, abs(value))
