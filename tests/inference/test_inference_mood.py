"""The calibration of the slow layers: its parts against the engine and virtual trials, its figures, its draws."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.evidence import observation
from ketasim.inference.mood.animals import animal_curves, animal_drives, figure_of, findings
from ketasim.inference.mood.calibrate import allotted, designs, diagnosed
from ketasim.inference.mood.cases import cases, lanes, wanted
from ketasim.inference.mood.coordinates import coordinates, held
from ketasim.inference.mood.drives import Drives, arm_drives, has_drug, person_factors
from ketasim.inference.mood.information import gain
from ketasim.inference.mood.leaving import LeftOut, check, stacked
from ketasim.inference.mood.posterior import Laplace, Posterior
from ketasim.inference.mood.predict import Figures
from ketasim.inference.mood.profiles import profile
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.slow import severity
from ketasim.inference.mood.store import rewritten
from ketasim.inference.mood.target import Target
from ketasim.lab.rules import parse_chance
from ketasim.parameters import builtin_table, draws
from ketasim.studies.library import load_study
from ketasim.trial.pool import make_pool
from ketasim.trial.virtual import virtual_trials

POSTERIOR = files("ketasim.parameters").joinpath("data", "posterior")


@pytest.fixture(scope="module")
def found():
    return cases(designs())


def test_only_read_calibrate_figures_are_fitted(found):
    rows = [observation(e.observed.row) for c in found for e in c.endpoints]
    assert len(rows) > 200
    assert {r.role for r in rows} == {"calibrate"}
    assert {r.verified for r in rows} == {"read"}
    assert {c.design.role for c in found} == {"calibrate"}


@pytest.mark.parametrize("arm", ["ketamine twice weekly", "ketamine three times weekly"])
def test_stepped_layers_agree_with_the_engine(arm):
    """Severity from drives by exponential steps against the implicit solver on the whole system, six infusions over two weeks."""
    d = load_study("singh2016frequency")
    own, times = d.arm(arm), [0.0, 2.0, 24.0, 72.0, 168.0, 240.0, 360.0]
    drives = arm_drives(d, own, times, 0)
    v = {p.name: p.value for p in builtin_table()}
    factor = person_factors("tau_relapse")
    v["tau_relapse"] = v["tau_relapse"] * factor
    seen = {n: drives.values[k].T for k, n in enumerate(settings()["drives"])}
    got = np.asarray(severity(np.repeat(drives.times_h[:, None], len(factor), axis=1), seen, v))
    at = [int(np.argmin(np.abs(drives.times_h - t))) for t in times]
    pool = make_pool(d, times, count=1, people=len(factor))
    np.testing.assert_allclose(got[at].T, pool.severity[arm][0], atol=0.005)


@pytest.mark.parametrize("name", ["stone2022fda", "wilkinson2019control", "murrough2013midazolam"])
def test_closed_form_is_the_mean_of_virtual_trials(name, found):
    """Predicted figures of `Figures.predict` against the mean over 400 virtual trials with the shipped numbers."""
    case = next(c for c in found if c.design.study == name)
    figures = Figures([case])
    v = {p.name: p.value for p in builtin_table()}
    drug = np.zeros((len(figures.keys), settings()["people"], figures.arms.times_h.shape[1]))
    peak = np.zeros((len(figures.keys), settings()["people"]))
    for k, (_, arm) in enumerate(figures.keys):
        own = case.design.arm(arm)
        if not has_drug(case.design, own):
            continue
        d = arm_drives(case.design, own, case.times_h.tolist(), 0)
        seen = {n: d.values[j].T for j, n in enumerate(settings()["drives"])}
        factor = person_factors("tau_relapse")
        times = np.repeat(d.times_h[:, None], len(factor), axis=1)
        course = np.asarray(severity(times, seen, v | {"tau_relapse": v["tau_relapse"] * factor}))
        at = [int(np.argmin(np.abs(d.times_h - t))) for t in figures.arms.times_h[k]]
        drug[k] = 1 - course[at].T
        peak[k] = d.values[settings()["drives"].index("cadss")][:, d.times_h <= 2].max(axis=1)
    mean = np.asarray(figures.predict(drug, peak, v, 0.0, 1.0)[0])
    trials = virtual_trials(case.design, replicates=400, draws=1, people=settings()["people"])
    for e, expected in zip(case.endpoints, mean, strict=True):
        x = trials.figures[e.name]
        x = x[np.isfinite(x)]
        got = np.log(np.median(x)) if e.measure in ("odds_ratio", "risk_ratio", "nnt") else x.mean()
        # Trials differ (study_sd, effect_sd) and shares bend with it: two hundredths, a fifth of a point or of a log odds ratio.
        room = {"point": 0.5, "fraction": 0.03}.get(case_unit(e.measure), 0.25)
        assert expected == pytest.approx(got, abs=room + 3 * x.std() / np.sqrt(len(x))), e.name


def test_drives_just_solved_lie_in_the_lanes_of_those_kept(found):
    """A first run solves what later calls read: arms must not change places between the two."""
    several = {
        k: Drives(np.arange(3.0) + n, np.full((10, 4, 3), n)) for n, k in enumerate(list(wanted(found))[::-1][:6])
    }
    turned = dict(reversed(several.items()))
    cases = [replace(c, times_h=np.arange(3.0)) for c in found]
    for one, other in zip(lanes(cases, several), lanes(cases, turned), strict=True):
        assert one.where.keys() == other.where.keys()
        assert all(one.where[k][0] == other.where[k][0] for k in one.where)
        assert all((one.drives[n] == other.drives[n]).all() for n in one.drives)


def test_a_pooled_figure_is_as_sure_as_its_printed_interval(found):
    """wilkinson2019control: 34 to 56 % respond to ketamine; people and differences of trials are in that interval already."""
    case = next(c for c in found if c.design.study == "wilkinson2019control" and c.design.setting == "active_control")
    drives = {k: arm_drives(d, arm, times, 0) for k, (d, arm, times) in wanted([case]).items()}
    target = Target([case], drives, coordinates())
    values = coordinates().values(np.zeros(len(coordinates().names)))
    _, cov = target.predicted(values, target.given(drives))
    e = next(k for k, e in enumerate(case.endpoints) if e.name == "response, ketamine, day 1")
    seen = observation(case.endpoints[e].observed.row)
    sd = (seen.spread_high - seen.spread_low) / (2 * 1.96)
    assert float(cov[e, e]) == pytest.approx(sd**2 + float(values["unexplained_share"]) ** 2)
    assert (case.printed > 0).all() and (case.reading == 0).all()


def test_findings_in_animals_are_read_calibrate_rows():
    rows = [f.row.observed for f in findings()]
    assert len(rows) > 40
    assert {(r.role, r.verified) for r in rows} == {("calibrate", "read")}
    assert {"maeng2008ampa", "li2010mtor", "modasava2019spine"} <= {f.study for f in findings()}


def test_animals_by_steps_agree_with_the_engine(tmp_path):
    """Figures of findings from drives by exponential steps against the laboratory's runs of the whole system of a rat and a mouse.

    To a quarter of the width of a finding's chance (0.5 of a limit of 0.15), which is all that the fit reads of them.
    """
    v = {p.name: p.value for p in builtin_table()}
    drives = animal_drives(0, tmp_path)
    curves = animal_curves(v, drives)
    for row_id in ("mechanism-0409", "mechanism-0081", "mechanism-0082", "mechanism-0314"):
        f = next(f for f in findings() if f.row.observed.row_id == row_id)
        solved = f.row.experiment.measure({})
        got = {g.name: float(figure_of(g, row_id, curves)) for g in f.row.experiment.figures}
        assert got == pytest.approx(solved, abs=0.5 * 0.15 / 4), row_id


def test_the_chance_of_a_rule_is_smooth_about_its_limit():
    chance = parse_chance("after < 0.85 and plain - 1 > 0.5*(high - 1)", frozenset({"after", "plain", "high"}), 0.5)
    at = {"after": 0.85, "plain": 2.0, "high": 1.2}
    assert float(chance(at)) == pytest.approx(0.5, abs=1e-6)
    # Logistic curve: one width (0.5 x 0.15) below the limit it is 1/(1 + exp(-1)).
    assert float(chance(at | {"after": 0.775})) == pytest.approx(0.7311, abs=1e-4)
    assert float(chance(at | {"after": 0.7, "plain": 1.05})) < 0.3
    with pytest.raises(InputError):
        parse_chance("not after < 1", frozenset({"after"}), 0.5)


def case_unit(measure):
    from ketasim.trial.measures import MEASURES

    return MEASURES[measure].unit


def test_a_rival_holds_what_it_denies():
    of = coordinates()
    for rival, entry in settings()["rival"].items():
        on = held(rival, of)
        values = of.values(np.zeros(len(of.names)), on)
        for name in entry.get("off", ()):
            assert values[name] <= 1e-12, (rival, name)
        for name, value in entry.get("hold", {}).items():
            assert values[name] == value
        for name in entry.get("free", {}):
            assert values[name] > 0


def test_stacking_prefers_what_predicts_better():
    p = np.log(np.array([[0.9, 0.8, 0.1], [0.1, 0.2, 0.9], [0.1, 0.1, 0.1]]))
    w = stacked(p)
    assert w.sum() == pytest.approx(1)
    assert w[2] < 1e-3
    assert w[0] > w[1] > 0.2


def test_draws_are_shared_out_by_weight():
    got = allotted({"a": 0.7, "b": 0.3, "c": 0.0}, 10)
    assert [got.count(n) for n in "abc"] == [7, 3, 0]
    assert "b" in got[:4]  # the first few are a fair sample too


def test_the_check_knows_good_intervals_from_bad():
    rng = np.random.default_rng(3)
    y = rng.normal(size=4000)
    good = check([LeftOut(np.zeros(4000), np.ones(4000), np.zeros(1))], np.ones(1), y)
    narrow = check([LeftOut(np.zeros(4000), np.full(4000, 0.5), np.zeros(1))], np.ones(1), y)
    assert good.inside.mean() == pytest.approx(0.9, abs=0.02)
    assert narrow.inside.mean() < 0.65


def test_draws_of_the_slow_layers_stay_with_their_upstream_draws():
    """Whatever the seed, plasticity and mood come with the kinetics that they were fitted given."""
    rows = list(csv.DictReader(POSTERIOR.joinpath("mood.csv").read_text("utf-8").splitlines()))
    by_value = {float(r["f_activity"]): int(r["upstream"]) for r in rows if float(r["f_activity"]) > 1e-9}
    table = builtin_table()
    ones = draws(table, 1, len(rows))
    for seed in (1, 7):
        for d in draws(table, seed, 6):
            if d["f_activity"] in by_value:
                assert d["V1.s"] == ones[by_value[d["f_activity"]] - 1]["V1.s"]
    assert draws(table, 1, 3) == ones[:3]
    assert len(draws(table, 7, len(rows) + 2)) == len(rows) + 2


def test_shipped_check_on_left_out_studies():
    """Each study predicted by the others: what `ketasim calibrate mood --check` printed when the draws were made."""
    found = json.loads(POSTERIOR.joinpath("mood_fit.json").read_text("utf-8"))
    left = found["left_out"]
    assert 0.80 <= left["covered"] <= 0.97
    assert abs(left["mean_error"]) <= 0.25
    assert 0.8 <= left["sd_error"] <= 1.25
    assert sum(found["weights"].values()) == pytest.approx(1, abs=1e-3)


def test_tables_are_rewritten_entry_by_entry(tmp_path: Path):
    table = tmp_path / "t.toml"
    table.write_text(
        '[a]\nunit = "h"\nx = { value = 1, status = "assumed", reason = "why", range = [0.5, 2] }\nall = { value = 3 }\n'
    )
    assert rewritten(table, {"a.x": (1.5, 1.2, 1.9)}, {"a.x": 1.0})
    text = table.read_text()
    assert re.search(
        r'x = \{ value = 1.5, status = "fitted_here", place = "fit to trials .*before 1: why", range = \[1.2, 1.9\] \}',
        text,
    )
    assert "all = { value = 3 }" in text
    assert not rewritten(table, {"a.x": (1.5, 1.2, 1.9)}, {"a.x": 1.0})


@pytest.mark.slow
def test_smoke_run_of_every_stage(tmp_path: Path):
    """A few rounds of all stages; run again from its folder it prints the same."""
    import subprocess
    import sys

    command = [
        str(Path(sys.executable).with_name("ketasim")),
        "calibrate",
        "mood",
        "--smoke",
        "--work",
        str(tmp_path / "work"),
    ]
    first = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "inside 90 % intervals" in first.stdout
    second = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path)
    assert second.stdout == first.stdout


class Banana(Posterior):
    """A posterior whose moments are known: x is standard normal, y = x^2/2 + a standard normal; z1 of a third has SD 2."""

    def __init__(self):
        pass

    def slope(self, z, on):
        x, y, w = z
        gap = y - x**2 / 2
        return -(x**2 + gap**2 + w**2 / 4) / 2, np.array([-x + gap * x, -gap, -w / 4])


def test_chains_have_the_moments_of_the_posterior_not_of_the_approximation():
    """Closed form: E y = 1/2, Var y = 1 + 1/2, SD w = 2, where the approximation has mean 0 and SD 1 throughout."""
    around = Laplace(np.zeros(3), np.eye(3), 0.0)
    found = [Banana().chain(around, None, np.zeros(3), 4000, [1, k], 8) for k in range(2)]
    z = np.concatenate([c.z[200:] for c in found])
    # Draws hang together: 5 standard errors at an effective size of a tenth.
    room = 5 / np.sqrt(len(z) / 10)
    assert z[:, 0].mean() == pytest.approx(0, abs=room)
    assert z[:, 1].mean() == pytest.approx(0.5, abs=1.22 * room)
    assert z[:, 1].var() == pytest.approx(1.5, abs=3 * room)
    assert z[:, 2].std() == pytest.approx(2, abs=2 * room)
    told = diagnosed(around, "x", np.stack([c.z for c in found]), 0.9)
    assert told.rhat < 1.05
    assert told.ess > 100
    assert told.widest == pytest.approx(2, abs=2 * room)
    # In the scales of those states chains are faster, and their moments stay.
    scaled = around.scaled(z)
    assert np.sqrt(np.diag(scaled.covariance)) == pytest.approx([1, 1.5**0.5, 2], abs=0.3)
    again = [Banana().chain(scaled, None, z[-1], 4000, [2, k], 8) for k in range(2)]
    assert diagnosed(around, "x", np.stack([c.z for c in again]), 0.9).ess > told.ess
    assert np.concatenate([c.z for c in again])[:, 2].std() == pytest.approx(2, abs=2 * room)


def test_information_of_normals():
    """Two normals far apart are told apart for sure (1 bit), equal ones not at all; a textbook case between (SNR 1)."""
    one = np.eye(1)
    assert gain([(np.zeros(1), one), (np.full(1, 40.0), one)]) == pytest.approx(1, abs=0.01)
    assert gain([(np.zeros(1), one), (np.zeros(1), one)]) == pytest.approx(0, abs=1e-9)
    # Means -1 and 1: capacity of the binary-input Gaussian channel at 0 dB, 0.4859 bit (Proakis and Salehi 2008, figure 6.5-4).
    assert gain([(np.full(1, -1.0), one), (np.full(1, 1.0), one)]) == pytest.approx(0.486, abs=0.02)


def test_a_profile_is_what_all_others_at_their_best_leave(tmp_path):
    """Of a normal log density with mean m and covariance S, the profile of number k is -(x - m)^2 / 2 S_kk."""
    at, cov = np.array([0.4, -0.3, 1.1]), np.array([[1.0, 0.5, 0.2], [0.5, 0.8, 0.1], [0.2, 0.1, 0.6]])
    precision = np.linalg.inv(cov)

    def mode(on, start, rounds):
        k = int(np.flatnonzero(on.held.held)[0])
        rest = [i for i in range(3) if i != k]
        gap = np.zeros(3)
        gap[k] = on.held.value[k] - at[k]
        gap[rest] = -np.linalg.solve(precision[np.ix_(rest, rest)], precision[rest, k] * gap[k])
        return at + gap, float(-gap @ precision @ gap / 2)

    names = SimpleNamespace(names=("a", "b", "c"), moved=lambda z: z)
    posterior = SimpleNamespace(
        target=SimpleNamespace(coordinates=names),
        mode=mode,
        looked=lambda z, on: (np.array([1.0, 2.0]) + z[0], None, None),
        animals=lambda z, on: np.zeros(2),
    )
    free = SimpleNamespace(held=np.zeros(3, dtype=bool), value=np.zeros(3))
    found = SimpleNamespace(
        folder=tmp_path,
        posterior=posterior,
        condition=lambda rival: SimpleNamespace(given=None, held=free, used=None),
        mode=lambda rival: SimpleNamespace(z=at),
    )
    got = profile(found, "b")
    expected = -((got["place"] - at[1]) ** 2) / (2 * cov[1, 1])
    np.testing.assert_allclose(got["density"], expected - expected.max(), atol=1e-12)
    assert (tmp_path / "profile-b.npz").exists()
    assert got["trials"].max() > 0 > got["trials"].min()
