"""Statistics of trials, batched over virtual trials (R, ...): pure functions on arrays, NaN where a value is missing."""

from ketasim.trial.statistics.binary import (
    Counts,
    Needed,
    chi_square,
    counts,
    fisher_exact,
    needed_to_treat,
    odds_ratio,
    proportion,
    risk_difference,
    risk_ratio,
)
from ketasim.trial.statistics.continuous import (
    ancova,
    correlation,
    difference,
    hedges_correction,
    hedges_g,
    mean_change,
    moments,
    standardised_change,
)
from ketasim.trial.statistics.estimate import Estimate, Interval, Statistic
from ketasim.trial.statistics.people import Sample
from ketasim.trial.statistics.power import clopper_pearson, power_t, rejection_rate, sample_size_t
from ketasim.trial.statistics.repeated import Repeated, mmrm
from ketasim.trial.statistics.survival import Curve, hazard_ratio, kaplan_meier, log_rank, median_survival, survival_at

__all__ = [
    "Counts",
    "Curve",
    "Estimate",
    "Interval",
    "Needed",
    "Repeated",
    "Sample",
    "Statistic",
    "ancova",
    "chi_square",
    "clopper_pearson",
    "correlation",
    "counts",
    "difference",
    "fisher_exact",
    "hazard_ratio",
    "hedges_correction",
    "hedges_g",
    "kaplan_meier",
    "log_rank",
    "mean_change",
    "median_survival",
    "mmrm",
    "moments",
    "needed_to_treat",
    "odds_ratio",
    "power_t",
    "proportion",
    "rejection_rate",
    "risk_difference",
    "risk_ratio",
    "sample_size_t",
    "standardised_change",
    "survival_at",
]
