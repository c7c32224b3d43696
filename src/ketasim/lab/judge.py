"""How a computed figure is held against a reported one: by sign, by a yes or no, or by size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ketasim.errors import InputError, nearest
from ketasim.evidence import Observation, observation
from ketasim.lab.settings import settings

JUDGES = ("sign", "flag", "size", "difference")


def sign_of(value: float, nothing: float) -> int:
    """Return -1, 0 or 1; an effect no larger than `nothing` counts as none."""
    return 0 if not math.isfinite(value) or abs(value) <= nothing else int(math.copysign(1, value))


def reported(row: Observation, entry: Mapping[str, Any]) -> tuple[float, float]:
    """Return the reported figure as low and high ends (equal for a single value), turned as the entry says.

    `from_log10` reads a negative logarithm of molar, `scale` multiplies (units), `minus` names a row whose figure is taken off
    (a value at rest), `expect` says yes or no where the report is one by being there. Raises `InputError` if the row holds no figure.
    """
    if "expect" in entry:
        return float(entry["expect"]), float(entry["expect"])
    low = row.low if row.value is None else row.value
    high = row.high if row.value is None else row.value
    if low is None or high is None:
        raise InputError("the row holds no figure", key=row.row_id, expected="a value or a range")
    if entry.get("from_log10"):
        low, high = 10.0**-high, 10.0**-low
    scale = float(entry.get("scale", 1.0))
    rest = observation(entry["minus"]).value or 0.0 if "minus" in entry else 0.0
    return low * scale - rest, high * scale - rest


def judge(
    kind: str, middle: float, values: Sequence[float], low: float, high: float, entry: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `sign` and `size` (right, wrong or None where they are not asked) and `probability`, the share of draws right.

    Parameters
    ----------
    kind : one of `JUDGES`. middle : the figure at the shipped numbers. values : the figure in every draw; 0 and 1 for a flag.
    low, high : the report. entry : may say `within` (a factor for size, an amount for difference) and `nothing`.

    Raises
    ------
    InputError
        For an unknown kind.
    """
    rule = settings()["judge"]
    nothing = float(entry.get("nothing", rule["nothing"]))
    if kind == "sign":
        wanted = sign_of((low + high) / 2, 0.0)
        right = [sign_of(v, nothing) == wanted for v in values]
        return {"sign": sign_of(middle, nothing) == wanted, "size": None, "probability": float(np.mean(right))}
    if kind == "flag":
        wanted_flag = (low + high) / 2
        share = float(np.mean(np.asarray(values) == wanted_flag))
        return {"sign": middle == wanted_flag, "size": None, "probability": share}
    if kind == "size":
        fold = float(entry.get("within", rule["fold"]))
        right = [_within_fold(v, low, high, fold) for v in values]
        same = sign_of(middle, 0.0) == sign_of((low + high) / 2, 0.0) if entry.get("signed") else None
        return {"sign": same, "size": _within_fold(middle, low, high, fold), "probability": float(np.mean(right))}
    if kind == "difference":
        amount = float(entry["within"])
        right = [low - amount <= v <= high + amount for v in values]
        same = sign_of(middle, nothing) == sign_of((low + high) / 2, 0.0) if entry.get("signed") else None
        size = low - amount <= middle <= high + amount
        return {"sign": same, "size": size, "probability": float(np.mean(right))}
    raise InputError("unknown judge", key="judge", value=kind, expected=nearest(kind, JUDGES))


def _within_fold(value: float, low: float, high: float, fold: float) -> bool:
    """Return whether a value lies in the range widened by a factor; values of another sign never do."""
    if low < 0 and high < 0:
        value, low, high = -value, -high, -low
    return bool(math.isfinite(value) and low / fold <= value <= high * fold)
