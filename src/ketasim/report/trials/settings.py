"""What the reports of trials take from data: `trials.toml`, and the look of figures from `qualification.toml`."""

from __future__ import annotations

from typing import Any

from scipy.special import ndtri

from ketasim.report.colours import colour_of
from ketasim.report.package import data_table


def part(name: str) -> dict[str, Any]:
    """Return one table of `trials.toml`."""
    table: dict[str, Any] = data_table("trials")[name]
    return table


def house() -> dict[str, Any]:
    """Return the look that all figures share: ink, type, lines."""
    table: dict[str, Any] = data_table("qualification")["figure"]
    return table


def reach() -> float:
    """Return half the width of the central predictive interval, in SD of a normal distribution."""
    return float(ndtri((1 + part("coverage")["nominal"]) / 2))


def scale_words(scale: str) -> str:
    """Return a rating scale as it is printed ("MADRS" of "madrs")."""
    return str(part("scales").get(scale, scale.replace("_", " ")))


def scale_colour(scale: str) -> str:
    """Return the colour of a rating scale: that of the quantity it reads."""
    return colour_of(str(part("colours").get(scale, scale)))


def panel_name(measure: str, unit: str) -> str:
    """Return the name of the panel in which a figure is drawn: one of trials.toml, or the measure's or unit's own."""
    own = part("own").get(measure)
    if own:
        return str(own)
    return next((str(p["name"]) for p in data_table("trials")["panel"] if unit in p["units"]), unit)


def panel(name: str) -> dict[str, Any]:
    """Return the entry of a panel: title, axis and, where they are set, percent, ticks, span and reference."""
    found = next((p for p in data_table("trials")["panel"] if p["name"] == name), None)
    return found or {"name": name, "title": name, "axis": name, "units": [name]}


def panel_order(names: set[str]) -> list[str]:
    """Return names of panels in the order of trials.toml, others after them by name."""
    known = [p["name"] for p in data_table("trials")["panel"]]
    return [n for n in known if n in names] + sorted(names - set(known))


def is_uncalibrated(calibration: str) -> bool:
    """Return whether a state of calibration says that the mood layer is not fitted."""
    return str(part("words")["short"]) in calibration
