"""ketpd against its stored reference (20 subjects, solved elsewhere to 1e-12): the engine on a model it was not made for.

data/ketpd_reference.csv: id, time_min, C_mg_per_L, M; dated 2026-11-22. Worry if the errors grow: the bar of a tight run is
2e-5 for C (relative, floor 0.001 mg/L) and 2e-6 for M.
"""

from __future__ import annotations

import csv
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from ketasim.simulate import simulate

REFERENCE = Path(__file__).parent / "data" / "ketpd_reference.csv"


@pytest.fixture(scope="module")
def reference():
    with REFERENCE.open() as handle:
        return [
            (r["id"], float(r["time_min"]) / 60, float(r["C_mg_per_L"]), float(r["M"])) for r in csv.DictReader(handle)
        ]


@pytest.fixture(scope="module")
def twenty(tmp_path_factory):
    lines = files("ketasim.examples").joinpath("ketpd", "population.csv").read_text("utf-8").splitlines()[:21]
    path = tmp_path_factory.mktemp("ketpd") / "twenty.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("dosing", ["regimen.toml", "dosing.csv"])
def test_ketpd_agrees_with_its_reference(reference, twenty, dosing):
    """Both ways to write the dosing give the reference curves far inside the bar of a tight run (issue 3, bench/ketpd)."""
    times = np.array(sorted({t for _, t, _, _ in reference}))
    with as_file(files("ketasim.examples").joinpath("ketpd")) as home:
        run = simulate(home / "model.toml", home / "parameters.toml", home / dosing, twenty, times_h=times)
    at = {t: k for k, t in enumerate(times)}
    who = {name: k for k, name in enumerate(run.ids)}
    rows = [(who[i], at[t], c, m) for i, t, c, m in reference]
    worst_c = max(abs(run.values["C"][s, k] - c) / max(c, 1e-3) for s, k, c, _ in rows)
    worst_m = max(abs(run.values["M"][s, k] - m) / m for s, k, _, m in rows)
    assert worst_c < 1e-8
    assert worst_m < 1e-8
