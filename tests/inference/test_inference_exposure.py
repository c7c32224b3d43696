"""The joint fit of the exposure layer: what it may see, and what it left in the package (issue 4)."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from ketasim.evidence import evidence
from ketasim.inference.problem import Problem
from ketasim.inference.recovery import read_ranks
from ketasim.parameters import builtin_table
from ketasim.parameters.draws import draws


@pytest.fixture(scope="module")
def problem():
    return Problem("exposure")


def test_the_fit_sees_calibrate_rows_alone(problem):
    roles = {evidence().by_row[e.target.row].role for e in problem.entries if e.target.row}
    assert roles == {"calibrate"}
    assert {evidence().names[e.arm.study].role for e in problem.entries} == {"calibrate"}
    assert not [e for e in problem.entries if e.observed.recalled]


def test_prior_centres_rest_on_no_held_out_study(problem):
    held_out = {s.study_id for s in evidence().studies if s.role != "calibrate"}
    assert not {p["source"] for p in problem.spec["prior"].values() if "source" in p} & held_out


def test_every_fitted_parameter_is_marked_and_inside_its_interval(problem):
    table = builtin_table()
    for name in problem.coordinates.parameters:
        base, _, variant = name.partition(".")
        p = table.resolve(base, variant)
        assert p.status == "fitted_here", name
        assert p.low < p.value < p.high, name


def test_the_table_holds_the_median_of_the_posterior_draws(problem):
    rows = draws(builtin_table(), 1, 400)
    for name in problem.coordinates.parameters:
        values = np.array([r[name] for r in rows])
        base, _, variant = name.partition(".")
        assert builtin_table().resolve(base, variant).value == pytest.approx(np.median(values), rel=0.02), name


def test_the_recovery_check_holds_on_at_least_fifty_data_sets(problem):
    """Simulation-based calibration (Talts 2018): ranks of the true values among posterior draws are uniform."""
    path = files("ketasim.inference").joinpath("data", "recovery_exposure.csv")
    ranks = read_ranks(problem, path)
    assert len(ranks.ranks) >= 50
    p = np.array(list(ranks.uniformity().values()))
    # As many small p values as chance allows: under uniformity each falls below 0.01 once in a hundred.
    assert (p < 0.01).sum() <= 5
    assert p.min() > 1e-4
    inside = np.mean(list(ranks.coverage(0.9).values()))
    # Among 16 draws there are 17 ranks, of which the middle 15 make up the interval.
    assert inside == pytest.approx(15 / 17, abs=0.03)


def test_a_spread_that_was_fitted_has_the_centre_of_its_source_in_the_next_fit(problem):
    """A fit that is run again must not take its own result for the prior."""
    fitted = {
        p.base
        for p in builtin_table()
        if p.spread is not None and p.spread.status == "fitted_here" and p.spread.place.startswith("joint fit")
    }
    assert fitted == set(problem.spec["between"]["prior"])
    for base, value in problem.spec["between"]["prior"].items():
        spread = next(p.spread for p in builtin_table().find(base) if p.spread is not None)
        assert spread.sd != value
        assert spread.place.startswith("joint fit to reported SDs (prior ")
