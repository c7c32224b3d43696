"""Days of use, and what was found among people who used as often: prevalences in users, never a person's risk."""

from __future__ import annotations

import numpy as np

from ketasim.parameters import ParameterTable, builtin_table
from ketasim.scenario.run import dose_times
from ketasim.scenario.spec import Arm
from ketasim.units import coherent_factor


def days_of_use(arm: Arm, at_h: float, table: ParameterTable | None = None) -> int:
    """Return the number of days with a dose in the window (`use_window`, 180 days) that ends at `at_h` (h)."""
    window = (table or builtin_table()).resolve("use_window")
    start = at_h - window.value * coherent_factor(window.unit)
    times = np.array(dose_times([arm], np.inf))
    return len(set(np.floor(times[(times > start) & (times <= at_h)] / 24).tolist()))


def urinary_prevalence(days: float, table: ParameterTable | None = None) -> float:
    """Return the share (0..1) of non-medical users with this many days of use in 180 who report urinary symptoms.

    Grade A for them alone (pal2013): self-selected, doses unknown. No claim about supervised treatment.
    """
    numbers = table or builtin_table()
    odds = numbers.resolve("luts_odds").value * numbers.resolve("luts_day").value ** days
    return float(odds / (1 + odds))
