"""Figures of a program that nobody here wrote: Phoenix WinNonlin on R's Theoph and Indometh (tests/nca/data/README.md)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ketasim.nca import aumc, from_dose, summary

DATA = Path(__file__).parent / "data"
DOSES = {"theoph": (320.0, 0.0), "indometh": (25.0, 0.25)}


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((DATA / f"{name}.csv").read_text("utf-8").splitlines()))


def profile(name: str, subject: str) -> tuple[np.ndarray, np.ndarray]:
    own = [r for r in rows(name) if r["subject"] == subject]
    return np.array([float(r["time_h"]) for r in own]), np.array([float(r["concentration_mg_per_L"]) for r in own])


CASES = [(name, row) for name in DOSES for row in rows(f"{name}_winnonlin")]


@pytest.mark.parametrize(
    ("name", "told"), CASES, ids=[f"{n}-{r['dosing']}-{r['rule']}-{r['subject']}" for n, r in CASES]
)
def test_winnonlin(name: str, told: dict[str, str]) -> None:
    """Cmax, tmax, the chosen terminal phase, areas, moments, MRT, CL and Vss as WinNonlin gives them (Han 2018)."""
    dose, length = DOSES[name]
    times, conc = from_dose(*profile(name, told["subject"]), bolus=told["dosing"] == "bolus")
    infusion = length if told["dosing"] == "infusion" else 0.0
    # WinNonlin takes the highest sample, not the concentration carried back to a bolus, for Cmax.
    found = summary(times, conc, dose=dose, infusion_h=infusion, method=told["rule"])
    got = {"points": found.slope.points, "rate": found.slope.rate, "r2_adjusted": found.slope.r2_adjusted}
    got |= {k: getattr(found, k) for k in ("half_life", "auc_last", "auc_inf", "percent_extrapolated", "aumc_inf")}
    got |= {"mrt": found.mrt, "clearance": found.clearance, "aumc": aumc(times, conc, method=told["rule"])}
    if told["dosing"] != "bolus":
        got |= {"cmax": found.cmax, "tmax": found.tmax}
    if told["vss"]:
        got["vss"] = found.vss
    for key, value in got.items():
        assert float(value) == pytest.approx(float(told[key]), rel=2e-8), key


def test_many_at_once() -> None:
    """Law 4: a figure does not depend on who else is handed in."""
    times = profile("indometh", "1")[0]
    every = np.stack([profile("indometh", str(k))[1] for k in range(1, 7)])
    together = summary(times, every, dose=25.0)
    for k in range(6):
        alone = summary(times, every[k], dose=25.0)
        for key in ("cmax", "tmax", "auc_inf", "half_life", "clearance"):
            assert getattr(together, key)[k] == getattr(alone, key), key
