"""Evidence: the papers, the figures read in them, digitized curves and person-level ratings.

One register of papers (`study`, `studies`), one set of figures (`observations`, `observation`), curves (`timecourse`)
and people (`individual`), all package data. Load your own files with `load`. Heavy imports wait until data are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ketasim.evidence.curves import Table, individual, timecourse, timecourses
from ketasim.evidence.load import Evidence, evidence, load
from ketasim.evidence.lookup import observation, observations, studies, study
from ketasim.evidence.spread import (
    cv_from_log_sd,
    log_sd_from_cv,
    log_sd_from_gsd,
    mean_from_quartiles,
    sd_from_iqr,
    sd_from_range,
    sd_from_se,
    se_from_interval,
    se_from_sd,
    standard_deviation,
    standard_error,
)

if TYPE_CHECKING:
    from ketasim.evidence.schema import Observation, Study

__all__ = [
    "Evidence",
    "Observation",
    "Study",
    "Table",
    "cv_from_log_sd",
    "evidence",
    "individual",
    "load",
    "log_sd_from_cv",
    "log_sd_from_gsd",
    "mean_from_quartiles",
    "observation",
    "observations",
    "sd_from_iqr",
    "sd_from_range",
    "sd_from_se",
    "se_from_interval",
    "se_from_sd",
    "standard_deviation",
    "standard_error",
    "studies",
    "study",
    "timecourse",
    "timecourses",
]


def __getattr__(name: str) -> Any:
    """Import the record types (and with them pydantic) only when they are asked for."""
    if name in {"Observation", "Study"}:
        from ketasim.evidence import schema

        return getattr(schema, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
