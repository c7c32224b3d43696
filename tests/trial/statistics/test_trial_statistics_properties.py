"""Issue 6: statistics know no order of people or trials, and a missing person is as if absent."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from ketasim.trial import statistics as ts

R, N, V = 7, 26, 3


def data(seed=5):
    """Return change, baseline, visits, outcome, time, event and group, all with trials first and people second."""
    rng = np.random.default_rng(seed)
    group = np.stack([rng.permutation(np.arange(N) % 2) for _ in range(R)]).astype(float)
    baseline, change = rng.normal(30, 5, (R, N)), rng.normal(-8, 6, (R, N))
    visits = rng.normal(size=(R, N, V)).cumsum(axis=-1)
    visits[rng.random((R, N, V)) < 0.1] = np.nan
    return {
        "change": change, "baseline": baseline, "visits": visits, "group": group,
        "outcome": (rng.random((R, N)) < 0.5).astype(float),
        "time": np.ceil(rng.exponential(10, (R, N))), "event": (rng.random((R, N)) < 0.7).astype(float),
    }  # fmt: skip


STATISTICS = {
    "moments": lambda d: ts.moments(d["change"]),
    "mean_change": lambda d: ts.mean_change(d["change"]),
    "welch": lambda d: ts.difference(d["change"], d["group"]),
    "pooled": lambda d: ts.difference(d["change"], d["group"], pooled=True),
    "ancova": lambda d: ts.ancova(d["change"], d["baseline"], d["group"]),
    "hedges_g": lambda d: ts.hedges_g(d["change"], d["group"]),
    "standardised_change": lambda d: ts.standardised_change(d["change"], d["baseline"]),
    "correlation": lambda d: ts.correlation(d["change"], d["baseline"]),
    "mmrm": lambda d: ts.mmrm(d["visits"], d["baseline"], d["group"]),
    "counts": lambda d: ts.risk_difference(*ts.counts(d["outcome"], d["group"])),
    "fisher": lambda d: ts.fisher_exact(*ts.counts(d["outcome"], d["group"])),
    "survival_at": lambda d: ts.survival_at(d["time"], d["event"], 6),
    "median": lambda d: ts.median_survival(d["time"], d["event"]),
    "log_rank": lambda d: ts.log_rank(d["time"], d["event"], d["group"]),
    "hazard_ratio": lambda d: ts.hazard_ratio(d["time"], d["event"], d["group"]),
}


def flat(result):
    """Return all arrays of a result, trials first."""
    if not is_dataclass(result):
        return [np.asarray(result, dtype=float)]
    return [a for f in fields(result) for a in flat(getattr(result, f.name))]


def same(one, other):
    for a, b in zip(flat(one), flat(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-9)


@pytest.fixture(params=STATISTICS)
def statistic(request):
    return STATISTICS[request.param]


def test_order_of_people_does_not_matter(statistic):
    order = np.random.default_rng(1).permutation(N)
    same(statistic({k: v[:, order] for k, v in data().items()}), statistic(data()))


def test_order_of_trials_does_not_matter(statistic):
    order = np.random.default_rng(2).permutation(R)
    got, want = statistic({k: v[order] for k, v in data().items()}), statistic(data())
    for a, b in zip(flat(got), flat(want), strict=True):
        np.testing.assert_allclose(a, b[order], rtol=2e-6, atol=1e-9)


def test_a_missing_person_is_as_if_absent(statistic):
    """People whose values are NaN, among the others, against the same data without them."""
    places = np.random.default_rng(3).choice(N + 6, N, replace=False)
    places.sort()
    more = {}
    for key, value in data().items():
        filler = 1.0 if key == "group" else np.nan
        more[key] = np.full((R, N + 6, *value.shape[2:]), filler)
        more[key][:, places] = value
    same(statistic(more), statistic(data()))


def test_a_person_in_no_arm_is_as_if_absent():
    d = data()
    out = {k: v[:, 4:] for k, v in d.items()}
    d["group"][:, :4] = np.nan
    for name in ("welch", "ancova", "mmrm", "counts", "log_rank", "hazard_ratio"):
        same(STATISTICS[name](d), STATISTICS[name](out))


def test_one_trial_alone_gives_what_it_gives_among_others(statistic):
    whole = statistic(data())
    for i in range(R):
        alone = statistic({k: v[i] for k, v in data().items()})
        for a, b in zip(flat(alone), flat(whole), strict=True):
            np.testing.assert_allclose(a, b[i], rtol=2e-6, atol=1e-9)


def test_inputs_are_not_changed(statistic):
    d = data()
    before = {k: v.copy() for k, v in d.items()}
    statistic(d)
    for key, value in before.items():
        np.testing.assert_array_equal(d[key], value)


def test_the_arm_named_versus_turns_the_sign():
    d = data()
    turned = {**d, "group": 1 - d["group"]}
    for name in ("welch", "ancova"):
        a, b = STATISTICS[name](d), STATISTICS[name](turned)
        np.testing.assert_allclose(a.estimate, -b.estimate, rtol=1e-9)
        np.testing.assert_allclose(a.p, b.p, rtol=1e-9)
    a, b = STATISTICS["hazard_ratio"](d), STATISTICS["hazard_ratio"](turned)
    np.testing.assert_allclose(a.estimate, 1 / b.estimate, rtol=1e-6)


def test_more_trials_than_fit_at_once_are_fitted_in_parts():
    """More than `trials_at_once`: the answer is that of each trial alone."""
    from ketasim.trial.statistics.settings import setting

    times = int(setting("trials_at_once")) // R + 2
    d = {k: np.concatenate([v] * times) for k, v in data().items()}
    got, one = STATISTICS["mmrm"](d), STATISTICS["mmrm"](data())
    np.testing.assert_allclose(got.difference.p, np.concatenate([one.difference.p] * times), rtol=2e-6)
