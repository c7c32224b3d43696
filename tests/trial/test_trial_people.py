"""Issue 6: failed treatments and what they do to response; traits of the enrolled that hang together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr
from trial_pools import QUIET, by_hand, data, made, of_size, value

from ketasim.evidence import observation
from ketasim.parameters import builtin_table
from ketasim.studies import load_study
from ketasim.trial.people import stages
from ketasim.trial.virtual import prepared, virtual_trials

STILL = {"study_sd": 0.0}
MOST = 5


def people(**more):
    return data()["population"] | more


def only(failed):
    return {"shares": [float(k + 1 == failed) for k in range(MOST)]}


def trials(values=(), n=400, **more):
    """Return a design's trials with a pool by hand, and its drug arm."""
    design = made(population=people(**more), arm=of_size(n, n))
    pool = by_hand(design, values=[STILL | dict(values)])
    return prepared(design, seed=1, pool=pool).trials, design.arm("drug")


# --- failed treatments


@pytest.mark.parametrize("mean", [1, 1.7, 3, 4.6, 5])
def test_stages_have_the_mean_given(mean):
    shares = stages(mean)
    assert len(shares) == MOST
    assert sum(shares) == pytest.approx(1)
    assert np.dot(np.arange(1, MOST + 1), shares) == pytest.approx(mean)


def test_people_have_failed_as_many_treatments_as_the_file_says():
    """Shares of 16,000 people within four binomial standard errors."""
    shares = np.array([0.1, 0.35, 0.3, 0.2, 0.05])
    found, arm = trials(resistance={"shares": shares.tolist()})
    failed = found.failed(arm, 0, (40, 400))
    seen = np.array([(failed == k + 1).mean() for k in range(MOST)])
    assert (np.abs(seen - shares) < 4 * np.sqrt(shares * (1 - shares) / failed.size)).all()


def change(arm, values=(), effect=None, at="28 d", setting="saline_parallel", add=None, **more):
    ends = [{"name": "x", "measure": "change", "arm": arm, "at": at}]
    arms = of_size(400, 400)
    if add:
        arms[1] |= {"add": [{"kind": add}]}
    design = made(endpoints=ends, population=people(**more), arm=arms, setting=setting)
    pool = by_hand(design, effect, values=[STILL | dict(values)])
    return virtual_trials(design, replicates=20, pool=pool, seed=1).figures["x"].mean()


def test_who_is_as_usual_responds_as_usual():
    """People with as many failed treatments as those in whom the numbers were read differ in nothing."""
    usual = {"failed_usual.saline_parallel": 3.0, "failed_usual.drug": 3.0}
    for arm in ("drug", "placebo"):
        as_usual = change(arm, usual, {"drug": 0.3}, resistance=only(3))
        assert as_usual == pytest.approx(change(arm, usual, {"drug": 0.3}), abs=1e-9)


def test_controls_and_the_drug_do_less_for_each_failed_treatment():
    """Closed form: factor to the power of treatments more than usual."""
    none = {f"control_{k}.saline_parallel": 0.0 for k in ("fast", "slow", "surge")}
    none |= {"natural_size.trd": 0.0, "inflation.saline_parallel": 0.0, "expectancy_bonus": 0.0}
    for failed in (1, 4, 5):
        more = failed - value("failed_usual.drug")
        wanted = -32 * 0.4 * value("failed_factor.drug") ** more
        assert change("drug", none, {"drug": 0.4}, resistance=only(failed)) == pytest.approx(wanted, abs=0.2), failed
        fast = none | {"control_fast.saline_parallel": 0.2}
        wanted = -32 * 0.2 * value("failed_factor.control") ** (failed - value("failed_usual.saline_parallel"))
        assert change("placebo", fast, resistance=only(failed)) == pytest.approx(wanted, abs=0.2), failed


def test_an_antidepressant_does_less_where_others_have_failed_and_therapy_does_not():
    none = {f"control_{k}.saline_parallel": 0.0 for k in ("fast", "slow", "surge")} | {"natural_size.trd": 0.0}
    for kind, falls in (("ssri", True), ("therapy", False)):
        one, five = (change("placebo", none, add=kind, resistance=only(k)) for k in (1, 5))
        assert (five > one + 0.5) == falls


def test_remission_falls_by_step_as_in_stard():
    """rush2006stard: 36.8, 30.6, 13.7 and 13.0 % at steps 1 to 4; a straight line on the log of response, so within 0.1 each."""
    design = load_study("rush2006stard")
    name = design.endpoints[0].name
    first = observation("clinical-0178").value
    raised = {
        "failed_usual.oral_antidepressant": 0.86
    }  # at which the first step is met: -log(1.295)/log(0.74) below step 1
    pool = by_hand(design, values=[raised])
    steps = []
    for failed in range(4):
        found = prepared(design, seed=1, pool=pool)
        found.trials.failed = lambda arm, k, shape, n=failed: np.full(shape, n)
        steps.append(float(found.part(0, 20).figures[name].mean()))
    rows = [observation(f"clinical-0{k}").value for k in (178, 179, 180, 181)]
    assert steps[0] == pytest.approx(first, abs=0.03)
    np.testing.assert_allclose(steps, rows, atol=0.1)
    assert steps == sorted(steps, reverse=True)


# --- traits that hang together


ALL = {"resistance": {"failed_mean": 3}, "age": {"mean": 45, "sd": 12}, "genotype": {"met": 0.3}}
STATED = {"severity_age": -0.3, "severity_failed": 0.35, "age_failed": 0.25}


def ranks(found, arm):
    shape = (40, 400)
    at_entry = found.enrolled(found.baseline(arm, "madrs", 0), "madrs", found.who(arm), 0, shape)
    return {
        "severity": at_entry.ravel(),
        "age": found.age(arm, 0, shape).ravel(),
        "failed": found.latent("failed", arm, 0, shape).ravel(),
        "met": found.latent("genotype", arm, 0, shape).ravel(),
    }


@pytest.mark.parametrize("stated", [{}, STATED])
def test_the_enrolled_show_the_stated_rank_correlations(stated):
    """Fisher's z of 16,000 people, four standard errors (1.06/(n - 3) is the variance for Spearman's coefficient)."""
    found, arm = trials({f"baseline_rank.{k}": v for k, v in stated.items()}, **ALL)
    seen = ranks(found, arm)
    for a, b in itertools.combinations(seen, 2):
        wanted = value("baseline_rank.met") if b == "met" else stated.get(f"{a}_{b}", value(f"baseline_rank.{a}_{b}"))
        got = spearmanr(seen[a], seen[b]).statistic
        assert abs(np.arctanh(got) - np.arctanh(wanted)) < 4 * np.sqrt(1.06 / (len(seen[a]) - 3)), (a, b, got)


def test_whole_treatments_keep_the_sign_of_a_correlation():
    """Ties take a little off: a stage of five values shows nine tenths of the rank correlation of what is behind it."""
    found, arm = trials({f"baseline_rank.{k}": v for k, v in STATED.items()}, **ALL)
    seen = ranks(found, arm)
    stage = found.failed(arm, 0, (40, 400)).ravel()
    got = spearmanr(seen["severity"], stage).statistic
    assert 0.85 * STATED["severity_failed"] < got < STATED["severity_failed"]


def test_severity_at_entry_does_not_depend_on_what_else_is_told():
    """A file that names age or failed treatments enrols the same baselines."""
    plain, arm = trials()
    more, _ = trials(**ALL)
    a, b = (x.enrolled(x.baseline(arm, "madrs", 0), "madrs", x.who(arm), 0, (4, 50)) for x in (plain, more))
    np.testing.assert_array_equal(a, b)


def test_any_drawn_correlations_can_be_had_together():
    """At the ends of their ranges, whatever the signs, there are numbers with these correlations."""
    found, _ = trials()
    pairs = [p for p in builtin_table() if p.name.startswith("baseline_rank.")]
    assert len(pairs) == 4
    for ends in itertools.product(*[(p.low, p.high) for p in pairs]):
        found.values[0].update({p.name: e for p, e in zip(pairs, ends, strict=True)})
        assert np.linalg.eigvalsh(found._correlations(0)).min() > 0.2


def test_carriers_are_as_many_as_the_file_says():
    """Carriage by itself (no other trait): the drug does less for the share told, within four binomial standard errors."""
    found, arm = trials(QUIET, genotype={"met": 0.3})
    factor = found.factor(arm, 0, (40, 400))
    lower = (factor < factor.max()).mean()
    assert abs(lower - 0.3) < 4 * np.sqrt(0.3 * 0.7 / factor.size)
