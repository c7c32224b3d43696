"""Non-compartmental figures of concentrations over time: Cmax, AUC, half-life, clearance and what follows from them.

Rules as in Gabrielsson J, Weiner D, Pharmacokinetic and Pharmacodynamic Data Analysis, 4th ed., chapter 2.8; the limit on
extrapolation is EMA's (CPMP/EWP/QWP/1401/98 Rev. 1); the choice of the terminal phase is that of WinNonlin and PKNCA. The
tests hold it against WinNonlin's own figures for theophylline and indometacin.
"""

from ketasim.nca.areas import auc_last, auc_partial, auc_to, aumc, concentration_at
from ketasim.nca.figures import (
    Accumulation,
    Extrapolated,
    Summary,
    accumulation,
    auc_inf,
    aumc_inf,
    bioavailability,
    clearance,
    cmax,
    half_life,
    mrt,
    sparse_peak,
    summary,
    tmax,
    trough,
    vss,
)
from ketasim.nca.profile import from_dose, measurable
from ketasim.nca.settings import nca_settings
from ketasim.nca.slope import Slope, terminal_slope

__all__ = [
    "Accumulation",
    "Extrapolated",
    "Slope",
    "Summary",
    "accumulation",
    "auc_inf",
    "auc_last",
    "auc_partial",
    "auc_to",
    "aumc",
    "aumc_inf",
    "bioavailability",
    "clearance",
    "cmax",
    "concentration_at",
    "from_dose",
    "half_life",
    "measurable",
    "mrt",
    "nca_settings",
    "sparse_peak",
    "summary",
    "terminal_slope",
    "tmax",
    "trough",
    "vss",
]
