"""Issue 6, law: the answer does not depend on how it was asked. Seeds, more trials, another order, a run that was stopped."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from trial_pools import by_hand, data, made, of_size, without_engine

from ketasim.errors import InputError, RunError
from ketasim.trial import statistics as st
from ketasim.trial.settings import settings
from ketasim.trial.user import Wanted, courses, simulate_trial, sized, summary
from ketasim.trial.virtual import parts_of, virtual_trials

ASKED = Wanted(replicates=100, draws=1, seed=3, alpha=0.05)
EFFECT = {"drug": 0.15}
PART = settings()["part"]


def same(a, b, first=None):
    """Say whether two sets of virtual trials are equal bit for bit (the first ones of them)."""
    assert set(a.figures) == set(b.figures)
    return all(x[n].tobytes() == y[n][:first].tobytes() for x, y in ((a.figures, b.figures), (a.p, b.p)) for n in x)


def run(design=None, **asked):
    design = design or made()
    return virtual_trials(design, pool=by_hand(design, EFFECT), **({"replicates": 60, "seed": 1} | asked))


def test_the_same_seed_gives_the_same_bytes():
    assert same(run(), run())
    assert not same(run(), run(seed=2))


@pytest.mark.parametrize("fewer", [1, 39, 40, 41, 60])
def test_more_trials_begin_with_the_same_ones(fewer):
    """Issue 6: also where a part of trials is begun and not filled."""
    assert same(run(replicates=fewer), run(replicates=130), fewer)


def test_parts_cover_the_trials():
    size = settings()["part"]
    for total in (1, size, size + 1, 3 * size - 1):
        parts = parts_of(total)
        assert [k for k, _ in parts] == list(range(len(parts)))
        assert sum(n for _, n in parts) == total
        assert all(n == size for _, n in parts[:-1])


def test_the_order_of_arms_changes_nothing():
    assert same(run(), run(made(arm=data()["arm"][::-1])))


def test_another_endpoint_changes_no_other():
    """Law: asking for more does not change what was asked before, a further visit included."""
    first = data()["endpoint"][:1]
    later = {"name": "later", "measure": "change", "arm": "drug", "at": "28 d"}
    alone, beside = run(made(endpoints=first)), run(made(endpoints=[*first, later]))
    assert alone.figures["difference"].tobytes() == beside.figures["difference"].tobytes()


def test_parts_take_the_parameter_draws_in_turn():
    """Uncertainty travels: a part of trials of each draw, and then from the first draw again."""
    design = made(endpoints=data()["endpoint"][:1])
    draws = [{"inflation.saline_parallel": 0.0}, {"inflation.saline_parallel": 31.0}]
    found = virtual_trials(design, replicates=3 * PART, seed=1, pool=by_hand(design, {"drug": 0.5}, values=draws))
    gap = found.figures["difference"].reshape(3, PART).mean(axis=1)
    assert gap[0] < -9
    assert abs(gap[1]) < 2
    assert gap[2] < -9


# --- a run that was stopped


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    """Issue 6: parts that are there are taken, the rest is done, and the result is that of one run."""
    design = made()
    asked = without_engine(monkeypatch, EFFECT)
    whole = simulate_trial(design, ASKED, None)
    short = dataclasses.replace(ASKED, replicates=PART + PART // 2)
    total = len(parts_of(ASKED.replicates))
    simulate_trial(design, short, tmp_path)
    kept = {p.name: p.read_bytes() for p in (tmp_path / "parts").iterdir()}
    assert sorted(kept) == ["part-00000.json", "part-00001.json"]
    told = []
    assert same(whole, simulate_trial(design, ASKED, tmp_path, told=lambda *x: told.append(x)))
    assert told == [(k, total) for k in range(1, total + 1)]
    assert (tmp_path / "parts" / "part-00000.json").read_bytes() == kept["part-00000.json"]
    (tmp_path / "parts" / "part-00001.json").unlink()
    assert same(whole, simulate_trial(design, ASKED, tmp_path))
    before = len(asked)
    assert same(whole, simulate_trial(design, ASKED, tmp_path))
    assert same(simulate_trial(design, short, tmp_path), whole, short.replicates)
    assert courses(simulate_trial(design, ASKED, tmp_path)) == courses(whole)
    assert len(asked) == before  # nothing was simulated again


OTHERS = {
    "seed": lambda d, w: (d, dataclasses.replace(w, seed=4)),
    "draws": lambda d, w: (d, dataclasses.replace(w, draws=2)),
    "people": lambda d, w: (made(arm=of_size(61, 60)), w),
    "dose": lambda d, w: (made(setting="active_control"), w),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_folder_of_another_run_is_refused(tmp_path, monkeypatch, other):
    """Issue 6: parts of another seed, of other draws or of another design are not mixed in, and not overwritten."""
    without_engine(monkeypatch, EFFECT)
    simulate_trial(made(), ASKED, tmp_path)
    kept = {p.name: p.read_bytes() for p in (tmp_path / "parts").iterdir()}
    design, asked = OTHERS[other](made(), ASKED)
    with pytest.raises(InputError, match="this folder holds another run") as error:
        simulate_trial(design, asked, tmp_path)
    assert str(tmp_path) in str(error.value)
    assert {p.name: p.read_bytes() for p in (tmp_path / "parts").iterdir()} == kept


def test_alpha_and_power_may_change_for_parts_that_are_there(tmp_path, monkeypatch):
    """Parts hold p values, not verdicts."""
    asked = without_engine(monkeypatch, EFFECT)
    one = simulate_trial(made(), ASKED, tmp_path)
    assert same(one, simulate_trial(made(), dataclasses.replace(ASKED, alpha=0.01), tmp_path))
    assert len(asked) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"key": 1}', "\x00"])
def test_a_damaged_part_is_refused_by_name(tmp_path, monkeypatch, text):
    """Every way a run can go on is enumerated: a part that is none is named, not taken."""
    without_engine(monkeypatch, EFFECT)
    simulate_trial(made(), ASKED, tmp_path)
    (tmp_path / "parts" / "part-00001.json").write_text(text, "utf-8")
    with pytest.raises(InputError) as error:
        simulate_trial(made(), ASKED, tmp_path)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_folder_that_cannot_be_made_fails_in_one_line(tmp_path, monkeypatch):
    without_engine(monkeypatch, EFFECT)
    (tmp_path / "blocked").write_text("a file", "utf-8")
    with pytest.raises(RunError, match="blocked") as error:
        simulate_trial(made(), ASKED, tmp_path / "blocked")
    assert "\n" not in str(error.value)


def test_kept_parts_hold_figures_without_edges_exactly(tmp_path, monkeypatch):
    """NaN and infinity (nobody relapses, no difference of shares) come back as what they were."""
    without_engine(monkeypatch)
    small = made(arm=of_size(2, 2))
    first = simulate_trial(small, ASKED, tmp_path)
    assert any(np.isnan(v).any() for v in first.figures.values())
    assert np.isinf(first.figures["number needed to treat"]).any()
    again = simulate_trial(small, ASKED, tmp_path)
    for name, values in first.figures.items():
        np.testing.assert_array_equal(values, again.figures[name])
    assert json.loads((tmp_path / "parts" / "part-00000.json").read_text("utf-8"))["key"]


# --- what a user is told


def test_the_summary_is_of_the_virtual_trials(monkeypatch):
    """Percentiles of the figures, and power as the share of trials with p below alpha with its exact interval."""
    without_engine(monkeypatch, EFFECT)
    asked = dataclasses.replace(ASKED, alpha=0.01)
    found = simulate_trial(made(), asked, None)
    rows = {r["name"]: r for r in summary(found, asked)}
    assert set(rows) == set(found.figures)
    for name, row in rows.items():
        values = found.figures[name][np.isfinite(found.figures[name])]
        assert row["mean"] == pytest.approx(values.mean())
        np.testing.assert_allclose([row["p05"], row["median"], row["p95"]], np.percentile(values, [5, 50, 95]))
        power = st.rejection_rate(found.p[name], alpha=0.01)
        assert (row["p_below"], row["p_low"], row["p_high"]) == (power.estimate, power.low, power.high)
        assert row["p_low"] <= np.mean(found.p[name] < 0.01) <= row["p_high"]


def test_the_size_for_a_power_is_that_of_the_formula(monkeypatch):
    """Issue 6: for a normal difference the search by virtual trials ends near the noncentral t's answer."""
    effect = {"drug": 0.25}
    design = made(endpoints=data()["endpoint"][:1])
    without_engine(monkeypatch, effect)
    many = virtual_trials(design, replicates=400, pool=by_hand(design, effect), seed=1).figures["difference"]
    formula = float(st.sample_size_t(many.mean() / (many.std() * np.sqrt(60 / 2)), 0.8))
    row = sized(design, dataclasses.replace(ASKED, replicates=400, power=0.8))[0]
    assert row["power"] == 0.8
    assert row["n_per_arm"] == pytest.approx(formula, rel=0.3, abs=3)
    assert sized(design, ASKED) == []


def test_no_size_is_found_for_a_drug_that_does_nothing(monkeypatch):
    """A size beyond the largest that is simulated is none, not the largest."""
    without_engine(monkeypatch)
    design = made(endpoints=data()["endpoint"][:1])
    row = sized(design, dataclasses.replace(ASKED, replicates=40, power=0.9))[0]
    assert row["n_per_arm"] is None


def test_courses_begin_at_the_baseline_and_tell_arms_apart(monkeypatch):
    without_engine(monkeypatch, {"drug": 0.5})
    rows = {r["arm"]: r for r in courses(simulate_trial(made(), ASKED, None))}
    assert {a: r["control"] for a, r in rows.items()} == {"drug": False, "placebo": True}
    for row in rows.values():
        assert row["time_h"][0] == 0
        assert row["median"][0] == pytest.approx(32, abs=1)
        assert all(a <= b <= c for a, b, c in zip(row["p05"], row["median"], row["p95"], strict=True))
    assert rows["drug"]["median"][-1] < rows["placebo"]["median"][-1] - 5
