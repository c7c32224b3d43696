"""Issue: `ketasim qualify DESIGN` from the command line: its contract, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cli_calls import assert_refused, call

from ketasim.qualify import errors


@pytest.fixture
def some_errors(monkeypatch):
    """Study effects as a fit would leave them, so that no test depends on whether one has."""
    kinds = ("ketamine", "norketamine", "hnk", "dhnk", "other people", "interaction", "time")
    columns = {f"{what} {k}": np.full(4, value) for k in kinds for what, value in (("tau", 0.2), ("rho", 0.1))}
    monkeypatch.setattr(errors, "_columns", lambda: columns)


def test_unknown_design_is_refused_with_the_nearest(capfd, tmp_path):
    """Contract: bad input is one line that names what was expected, exit status 2."""
    result = call(capfd, "qualify", "exposre", "--out", str(tmp_path))
    assert_refused(result, tmp_path, "unknown design", "'exposre'", "'exposure' (nearest)")


@pytest.mark.parametrize("draws", ["0", "1", "many", "1e3", "10001", "²"])
def test_bad_draws_are_refused(capfd, tmp_path, draws):
    """Contract: a number of draws that is none, or too small for an interval, is refused before anything is simulated."""
    assert_refused(
        call(capfd, "qualify", "exposure", "--draws", draws, "--out", str(tmp_path)),
        tmp_path,
        "draws",
        "a whole number",
    )


def test_bad_seed_is_refused(capfd, tmp_path):
    """Contract: a seed is a whole number."""
    assert_refused(call(capfd, "qualify", "exposure", "--seed", "x", "--out", str(tmp_path)), tmp_path, "seed")


def test_unknown_study_is_refused_with_the_nearest(capfd, tmp_path, some_errors):
    """Contract: --only takes a study of the design."""
    result = call(capfd, "qualify", "exposure", "--only", "fanta2016", "--out", str(tmp_path))
    assert_refused(result, tmp_path, "only", "'fanta2015' (nearest)")


def test_without_a_fit_the_run_fails_in_one_line(capfd, tmp_path, monkeypatch):
    """Law: a prediction without an interval is not a prediction; without the fit's study effects there is none."""

    def nothing():
        raise FileNotFoundError("errors.csv")

    monkeypatch.setattr(errors, "_columns", nothing)
    result = call(capfd, "qualify", "exposure", "--out", str(tmp_path))
    assert_refused(result, tmp_path, "no fit", "errors.csv", status=1)


@pytest.mark.slow
def test_one_study_leaves_page_table_json_and_figures(capfd, tmp_path, some_errors):
    """Issue: fanta2015's three figures through the whole command; --json prints what summary.json holds, twice the same."""
    ask = ("qualify", "exposure", "--only", "fanta2015", "--draws", "4", "--json", "--out", str(tmp_path))
    result = call(capfd, *ask)
    assert result.status == 0, result.err
    found = json.loads(result.out)
    assert (found["design"], found["draws"]) == ("exposure", 4)
    assert {c["arm"] for c in found["comparisons"]} == {"fanta2015 iv", "fanta2015 oral"}
    assert json.loads((tmp_path / "summary.json").read_text("utf-8")) == found
    page = (tmp_path / "qualification.html").read_text("utf-8")
    assert "fanta2015 oral" in page
    assert "--only fanta2015" in page
    assert (tmp_path / "forest_calibrate.png").read_bytes().startswith(b"\x89PNG")
    assert len((tmp_path / "qualification.csv").read_text("utf-8").splitlines()) == 1 + len(found["comparisons"])
    assert call(capfd, *ask).out == result.out
    shown = call(capfd, "qualify", "exposure", "--only", "fanta2015", "--draws", "4", "--out", str(tmp_path / "b"))
    assert "fanta2015 oral" in shown.out
    assert "hydroxynorketamine" in shown.out


@pytest.mark.slow
def test_courses_of_a_study_are_drawn(capfd, tmp_path, some_errors):
    """otto2021 has two courses: time courses and the prediction-corrected check are among the figures."""
    result = call(capfd, "qualify", "exposure", "--only", "otto2021", "--draws", "4", "--out", str(tmp_path))
    assert result.status == 0, result.err
    for name in ("courses", "vpc", "observed_predicted"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "qualification.html").read_text("utf-8")
    assert "10.1208/s12248-011-9255-z" in page
    assert "of study means, not of people" in page
