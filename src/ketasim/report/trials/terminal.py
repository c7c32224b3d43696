"""What a terminal shows of a replication and of a designed trial: rows of plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ketasim.errors import InputError, nearest
from ketasim.report.trials.compared import Replicated, worst
from ketasim.report.trials.coverage import by_role
from ketasim.report.trials.designed import Designed, designed
from ketasim.report.trials.given import replicated
from ketasim.report.trials.settings import is_uncalibrated
from ketasim.report.trials.settings import part as setting
from ketasim.report.trials.words import (
    error_words,
    figure_words,
    loud_words,
    observed_words,
    predicted_words,
    share_words,
)

Rows = list[dict[str, str]]


def replication_rows(results: Sequence[Mapping[str, Any]], part: str = "worst") -> Rows:
    """Return rows of words: "worst" (worst misses, the worst first) or "coverage" (figures inside by role, all roles last).

    Raises
    ------
    InputError
        For another part, or as `write_replication` does.
    """
    parts = {"worst": _worst, "coverage": _coverage}
    if part not in parts:
        raise InputError("unknown part", key="part", value=part, expected=nearest(part, parts))
    return parts[part](replicated(results))


def replication_notice(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the sentence to print above the tables while the mood layer is uncalibrated, "" otherwise. Raises `InputError`."""
    return loud_words(replicated(results))


def calibration_line(calibration: str, *, own: bool = False) -> str:
    """Return the line below one trial's table while the mood layer is uncalibrated, "" otherwise; `own`: a user's design."""
    return str(setting("words")["line_trial" if own else "line"]) if is_uncalibrated(calibration) else ""


def _worst(studies: Sequence[Replicated]) -> Rows:
    some = worst([c for s in studies for c in s.endpoints], setting("worst")["terminal"])
    return [
        {
            "worst misses": c.study,
            "figure": c.name,
            "role": c.role,
            "published": observed_words(c),
            "predicted (90 % interval)": predicted_words(c),
            "error, SD": error_words(c),
        }
        for c in some
    ]


def _coverage(studies: Sequence[Replicated]) -> Rows:
    return [
        {
            "role": c.role,
            "studies": str(c.studies),
            "counted": str(c.counted),
            "inside": str(c.inside),
            "share inside (95 % interval)": share_words(c),
            "90 % is": c.verdict,
            "recalled, not counted": str(c.recalled),
        }
        for c in by_role([c for s in studies for c in s.endpoints])
    ]


def trial_rows(result: Mapping[str, Any], part: str = "endpoints") -> Rows:
    """Return rows of words: "endpoints" (each over virtual trials, with its power) or "sample size". Raises `InputError`."""
    parts = {"endpoints": _endpoints, "sample size": _sizes}
    if part not in parts:
        raise InputError("unknown part", key="part", value=part, expected=nearest(part, parts))
    return parts[part](designed(result))


def _endpoints(trial: Designed) -> Rows:
    rows = []
    for e in trial.endpoints:
        low, high = (figure_words(v, e.measure, e.unit) for v in (e.p05, e.p95))
        rows.append(
            {
                "endpoint": e.name,
                "median trial": figure_words(e.median, e.measure, e.unit, with_unit=True),
                "90 % of trials": f"{low} to {high}",
                "power": power_words(e.p_below, e.p_low, e.p_high),
            }
        )
    return rows


def power_words(share: float | None, low: float | None, high: float | None) -> str:
    """Return "81 % (77 to 85)", "" where nothing was tested."""
    if share is None:
        return ""
    ends = (
        ""
        if low is None or high is None
        else " ({} to {})".format(*(f"{v:.0%}".removesuffix("%") for v in (low, high)))
    )
    return f"{share:.0%}".replace("%", " %") + ends


def _sizes(trial: Designed) -> Rows:
    return [
        {"endpoint": name, "power": f"{power:.0%}".replace("%", " %"), "people in each arm": size_words(n)}
        for name, power, n in trial.sizes
    ]


def size_words(n: float | None) -> str:
    """Return the number of people in each arm, or that none suffices."""
    return "no number suffices" if n is None else f"{n:,.0f}"
