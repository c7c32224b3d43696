"""The fit behind `ke0_opioid_naltrexone` and `K_opioid_naltrexone`: `python tests/receptors/naltrexone_fit.py`.

Least squares on the logit of blockade by dose (PET, rows mechanism-0121 to -0127 and -0132) and the logarithm of its half-time
(mechanism-0134). The rows say "within 8 h": 5 h is taken. Plasma comes from the whole system for the typical person.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from system_runs import dose, solved

from ketasim.evidence import observation
from ketasim.parameters import builtin_table

PET_H = 5.0
PET = [f"mechanism-{k:04d}" for k in range(121, 128)]
HALF_TIME = "mechanism-0134"
NAMES = ("ke0_opioid_naltrexone", "K_opioid_naltrexone")
OUTPUTS = ("occupancy.mor_naltrexone",)


def blockade(mg, times, values=None):
    """Return the share of mu receptors blocked at times (h) after an oral dose (mg) in the typical person."""
    times = np.asarray([0.0, *times])
    out, _ = solved(
        [dose(f"{mg} mg", "oral", "naltrexone")], times, count=1, spread=False, outputs=OUTPUTS, parameters=values
    )
    return out[1:, 0, 0]


def half_time(values=None):
    """Return the time (h) from the peak of blockade after 50 mg until it has halved."""
    times = np.arange(1.0, 301.0)
    b = blockade(50, times, values)
    top = int(b.argmax())
    return float(np.interp(-b[top] / 2, -b[top:], times[top:]) - times[top])


def residuals(values=None):
    """Return the residuals of the fit: logits of blockade, SD 0.5, and the log half-time, SD 0.2."""
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    rows = [observation(r) for r in PET]
    doses = {float(r.dose) for r in rows}
    modelled = {d: float(blockade(d, [PET_H], values)[0]) for d in doses | {50.0}}
    found = [(logit(modelled[float(r.dose)]) - logit(r.value)) / 0.5 for r in rows]
    found.append((logit(modelled[50.0]) - logit(observation("mechanism-0132").value)) / 0.5)
    row = observation(HALF_TIME)
    return [*found, np.log(half_time(values) / np.sqrt(row.low * row.high)) / 0.2]


def fit():
    """Return the fitted values by name, in the table's units."""
    start = np.log([builtin_table().resolve(n).value for n in NAMES])
    found = least_squares(lambda x: residuals(dict(zip(NAMES, np.exp(x), strict=True))), start, diff_step=1e-3)
    return dict(zip(NAMES, np.exp(found.x), strict=True))


if __name__ == "__main__":
    best = fit()
    print(best, half_time(best), {mg: float(blockade(mg, [PET_H], best)[0]) for mg in (2, 5, 15, 50)})
