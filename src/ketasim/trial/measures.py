"""The measures that an endpoint may name: what each needs in its entry, and the unit of its figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

POINT, SHARE, RATIO, PLAIN, HOURS = "point", "fraction", "ratio", "", "h"


@dataclass(frozen=True)
class Measure:
    """A measure: words for people, unit, keys that its entry must (`needs`) and may have, and whether it compares two arms."""

    title: str
    unit: str
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    between: bool = False
    timed: bool = True


RATIOS = ("risk_ratio", "odds_ratio", "hazard_ratio", "nnt", "relapse_median")  # whose logarithms are compared
_POINTS = ("change", "difference", "level", "sd_change", "sd_level")
_RESPONSE = ("response", "at_most", "fall", "of", "days", "least")


def error_of(measure: str) -> str:
    """Return the parameter that holds the error of a published figure beyond sampling and trial: of its logarithm for ratios."""
    if measure in RATIOS:
        return "unexplained_ratio"
    if measure in _POINTS:
        return "unexplained_points"
    return "unexplained_smd" if measure in ("smd", "smd_within", "correlation") else "unexplained_share"


MEASURES: Mapping[str, Measure] = {
    "level": Measure("mean score", POINT),
    "sd_level": Measure("SD of the score", POINT),
    "change": Measure("mean change from baseline", POINT, may=("from",)),
    "sd_change": Measure("SD of the change from baseline", POINT, may=("from",)),
    "percent_change": Measure("mean relative change from baseline", SHARE),
    "difference": Measure("difference of mean changes", POINT, may=("from", "adjusted", "model"), between=True),
    "smd": Measure("standardised difference of changes (Hedges)", PLAIN, between=True),
    "smd_within": Measure("mean change over the SD of baseline", PLAIN),
    "response": Measure("share of responders", SHARE, may=_RESPONSE),
    "remission": Measure("share in remission", SHARE, needs=("at_most",), may=_RESPONSE),
    "threshold": Measure("share beyond a limit", SHARE, may=_RESPONSE),
    "ever_response": Measure("share that responds at any visit", SHARE, may=_RESPONSE),
    "risk_difference": Measure("difference of shares", SHARE, may=_RESPONSE, between=True),
    "risk_ratio": Measure("ratio of shares", RATIO, may=_RESPONSE, between=True),
    "odds_ratio": Measure("odds ratio", RATIO, may=_RESPONSE, between=True),
    "nnt": Measure("number needed to treat", PLAIN, may=_RESPONSE, between=True),
    "relapse": Measure("share of responders that relapses", SHARE, needs=("from",), may=(*_RESPONSE, "criterion")),
    "relapse_median": Measure(
        "median time to relapse of responders", HOURS, needs=("from",), may=(*_RESPONSE, "criterion"), timed=False
    ),
    "hazard_ratio": Measure(
        "hazard ratio of relapse", RATIO, needs=("from",), may=(*_RESPONSE, "criterion"), between=True, timed=False
    ),
    "correlation": Measure("correlation between people", PLAIN, needs=("with",)),
}
