"""What a fit found becomes package data: values, intervals and spreads in place, everything else as it was (issue 4)."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from ketasim.errors import RunError
from ketasim.inference.between import Between
from ketasim.inference.stages import claim
from ketasim.inference.store import store
from ketasim.parameters.table import read_table

TABLE = """# A comment that stays.
[CL]
title = "clearance"
unit = "L/min"
scaling = "clearance"
s = { value = 1.48, status = "estimated_in_source", source = "simons2022", se = 0.06, iiv = { sd = 0.17, status = "estimated_in_source", source = "simons2022", place = "omega2 0.029" }, iov = { sd = 0.1, status = "estimated_in_source", source = "simons2022", place = "table 4" } }
[V1]
title = "volume"
unit = "L"
all = { value = 11.6, status = "estimated_in_source", source = "simons2022" }
"""  # noqa: E501 - one line an entry, as in the package's tables


@pytest.fixture
def stored(tmp_path):
    folder = tmp_path / "parameters" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "qualify" / "data").mkdir(parents=True)
    (folder / "exposure.toml").write_text(TABLE, "utf-8")
    draws = np.exp(np.linspace(0.3, 0.5, 41))
    problem = SimpleNamespace(
        name="exposure",
        coordinates=SimpleNamespace(values=lambda z: {"CL.s": draws}),
        data=SimpleNamespace(kinds=["ketamine"]),
        spec={"prior": {"CL.s": {"value": 1.48, "source": "simons2022", "place": "table 4"}}},
    )
    fit = SimpleNamespace(z=np.zeros((41, 1)), tau=np.full((41, 1), 0.2), rho=np.full((41, 1), 0.1))
    files = store(problem, fit, Between({"CL": (0.21, 0.1)}, 9), tmp_path)
    return tmp_path, folder, files


def test_fitted_numbers_take_the_place_of_the_priors_and_nothing_else_moves(stored):
    _, folder, files = stored
    table = read_table(folder / "exposure.toml")
    p = table.resolve("CL", "s")
    assert p.value == pytest.approx(np.exp(0.4), rel=1e-3)
    assert p.status == "fitted_here"
    assert p.low == pytest.approx(np.exp(0.31), rel=1e-3)
    assert p.spread.sd == 0.21 and p.spread.status == "fitted_here"
    assert p.occasion_spread.sd == 0.1 and p.occasion_spread.status == "estimated_in_source"
    text = (folder / "exposure.toml").read_text("utf-8")
    assert text.startswith("# A comment that stays.\n[CL]\n")
    assert text.endswith(TABLE[TABLE.index("[V1]") :])
    assert {f.name for f in files} == {"exposure.csv", "errors.csv", "exposure.toml"}


def test_draws_are_written_row_by_row_in_the_tables_units(stored):
    root, folder, _ = stored
    rows = (folder / "posterior" / "exposure.csv").read_text("utf-8").splitlines()
    assert rows[0] == "CL.s" and len(rows) == 42
    assert float(rows[1]) == pytest.approx(np.exp(0.3), rel=1e-4)
    assert (
        (root / "qualify" / "data" / "errors.csv").read_text("utf-8").startswith("tau ketamine,rho ketamine\n0.2,0.1\n")
    )


def test_a_folder_of_another_fit_is_refused(tmp_path):
    claim(tmp_path, "one", "fit")
    claim(tmp_path, "one", "fit")
    with pytest.raises(RunError, match="another fit"):
        claim(tmp_path, "two", "fit")
