"""The technical bounds of the dosing room, read from `data/limits.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Limits:
    """Technical bounds; see the comments in `data/limits.toml`.

    Attributes
    ----------
    merge_tolerance_h : breaks closer than this (h) are one break.
    max_file_bytes : largest event table that is read (bytes).
    max_additional_doses, max_run_in_doses, max_devices : counts beyond which a request is refused.
    share_tolerance : how far stereoisomer shares may be from a sum of one.
    """

    merge_tolerance_h: float
    max_file_bytes: int
    max_additional_doses: int
    max_run_in_doses: int
    max_devices: int
    share_tolerance: float


@cache
def limits() -> Limits:
    """Return the bounds (read once)."""
    text = files("ketasim.dosing").joinpath("data", "limits.toml").read_text(encoding="utf-8")
    return Limits(**tomllib.loads(text))


def snapped(times: Iterable[float]) -> dict[float, float]:
    """Map each time (h) to the break it belongs to: the earliest time of its group.

    A group starts at the earliest time left and takes all times within the merge tolerance of that start, so the
    result does not depend on the order in which the times are given.
    """
    tolerance = limits().merge_tolerance_h
    place: dict[float, float] = {}
    start: float | None = None
    for time in sorted(set(times)):
        if start is None or time - start > tolerance:
            start = time
        place[time] = start
    return place
