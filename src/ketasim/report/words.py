"""Numbers and times as a reader meets them."""

from __future__ import annotations

import math

from ketasim.report.package import data_table, settings

MINUS = "\N{MINUS SIGN}"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int | None = None) -> str:
    """Return `value` with three significant digits (or `digits`), no exponent between a thousandth and a million, a true
    minus.
    """
    most = settings("table")["digits"]
    digits = most if digits is None else digits
    if not math.isfinite(value):
        return "not defined"
    if value == 0:
        return "0"
    if abs(value) < settings("table")["nought"]:
        return "about 0"
    size = math.floor(math.log10(abs(value)))
    if size < -most or size >= 2 * most:
        text = _power(f"{value:.{digits - 1}e}")
    else:
        text = f"{round(value, digits - 1 - size):,.{max(digits - 1 - size, 0)}f}"
    if not text.strip("-0.,"):
        text = "0"
    return text.replace("-", MINUS)


def _power(text: str) -> str:
    """Return "1.71e-05" as it is printed, 1.71 times a power of ten."""
    head, _, power = text.partition("e")
    return f"{head} \N{MULTIPLICATION SIGN} 10{superscript(int(power))}"


def superscript(power: int) -> str:
    """Return a whole number in raised digits."""
    return str(power).translate(_RAISED)


def with_unit(value: float, unit: str, digits: int | None = None) -> str:
    """Return the number followed by its unit in words that a reader knows."""
    return f"{number(value, digits)} {unit_words(unit)}".strip()


def unit_words(unit: str) -> str:
    """Return a unit as it is printed ("point" as "points", "umol/L" with a micro sign)."""
    return str(data_table("units").get(unit, unit))


def say_time(hours: float) -> str:
    """Return a length of time in the unit that a reader grasps: seconds, min, h, days or weeks."""
    rule = settings("table")
    size = abs(hours)
    if size == 0:
        return "0 min"
    if size < rule["minutes_below_h"]:
        return f"{_short(hours * 60)} min" if size * 60 >= 1 else f"{_short(hours * 60 * 60)} s"
    if size < rule["hours_below_h"]:
        return f"{_short(hours)} h"
    if size < rule["days_below_h"]:
        return f"{_short(hours / 24)} days"
    return f"{_short(hours / (24 * 7))} weeks"


def _short(value: float) -> str:
    """Return a number with at most one digit after the point."""
    text = f"{value:.1f}"
    return text.removesuffix(".0").replace("-", MINUS)


def listed(words: list[str]) -> str:
    """Return "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
