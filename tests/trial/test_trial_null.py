"""Issue 6: under two identical arms each endpoint's test rejects as often as it says; a known effect comes back without bias."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from trial_pools import by_hand, data, made, of_size, value

from ketasim.errors import InputError
from ketasim.trial.user import null_design
from ketasim.trial.virtual import virtual_trials

TRIALS, ALPHA = 2000, 0.05
LEVEL = 1 - 0.01 / 50  # about fifty checks, all inside in 99 % of runs (Bonferroni)
LOW, HIGH = np.array(binom.interval(LEVEL, TRIALS, ALPHA)) / TRIALS
TESTED = [
    "difference", "adjusted difference", "smd", "risk difference", "risk ratio", "odds ratio", "number needed to treat",
    "hazard ratio",
]  # fmt: skip
STILL = [{"study_sd": 0.0}]


@pytest.fixture(scope="module", params=[0.0, 0.3], ids=["untreated", "treated alike"])
def chance(request):
    """Return p values of 2,000 trials in which both arms get the same, nothing or a drug that works."""
    design = made(arm=of_size(100, 100))
    same = {a.name: request.param for a in design.arms}
    return virtual_trials(design, replicates=TRIALS, pool=by_hand(design, same), seed=1).p


@pytest.mark.parametrize("endpoint", TESTED)
def test_identical_arms_differ_as_often_as_the_test_says(chance, endpoint):
    """Issue 6: the rejection rate of 2,000 trials lies inside its binomial interval, for every endpoint with a p value."""
    assert sorted(chance) == sorted(TESTED)
    assert not np.isnan(chance[endpoint]).any()
    assert LOW <= np.mean(chance[endpoint] < ALPHA) <= HIGH


@pytest.mark.parametrize("handling", ["observed", "locf", "failure", "completers"])
def test_dropout_does_not_make_differences(handling):
    """Issue 6: people lost from two identical arms, however the analysis treats them, show no difference beyond chance."""
    design = made(arm=of_size(100, 100), dropout={"share": 0.3, "handling": handling})
    p = virtual_trials(design, replicates=TRIALS, pool=by_hand(design), seed=4).p
    for endpoint in ("difference", "adjusted difference", "risk difference", "hazard ratio"):
        assert LOW <= np.mean(p[endpoint] < ALPHA) <= HIGH, endpoint


def test_a_crossover_of_two_placebos_differs_as_often_as_the_test_says():
    """Issue 6: people are their own controls in a crossover, and the test of the difference has to know it."""
    design = made("crossover")
    p = virtual_trials(design, replicates=TRIALS, pool=by_hand(design), seed=1).p["difference"]
    assert LOW <= np.mean(p < ALPHA) <= HIGH


@pytest.mark.parametrize("handling", ["failure", "missing", "treated"])
def test_rules_that_look_at_scores_make_no_difference(handling):
    """Issue 6: raised to what they got anyway and rescued alike, people of two identical arms differ by chance alone."""
    low, placebo = of_size(100, 100)
    arms = [low, low | {"name": "raised"}, placebo]
    rescue = {"arms": ["drug", "placebo"], "at": ["7 d", "10 d"], "at_least": 30, "handling": handling}
    rescue |= {"add": {"kind": "ssri"}} if handling == "treated" else {}
    design = made(arm=arms, titrate={"arm": "drug", "to": "raised", "at": "3 d"}, rescue=rescue)
    same = {a.name: 0.2 for a in design.arms}
    p = virtual_trials(design, replicates=TRIALS, pool=by_hand(design, same), seed=1).p
    for endpoint in ("difference", "adjusted difference", "risk difference", "hazard ratio"):
        assert LOW <= np.mean(p[endpoint] < ALPHA) <= HIGH, endpoint


def test_an_early_look_at_the_final_level_costs_error_and_a_strict_one_does_not():
    """Issue 6: stopping at half the people where p < 0.05 rejects more often than 5 %; where p < 0.001 about as often."""
    rates = {}
    for limit in (0.05, 0.001):
        design = made(arm=of_size(100, 100), endpoint=data()["endpoint"][:1], interim={"share": 0.5, "p": limit})
        p = virtual_trials(design, replicates=TRIALS, pool=by_hand(design), seed=2).p["difference"]
        rates[limit] = np.mean(p < ALPHA)
    assert rates[0.05] > HIGH
    assert LOW <= rates[0.001] <= HIGH


def test_the_null_of_a_design_gives_every_arm_what_one_arm_gets():
    """Issue 6: error of the first kind is asked of the user's own design, all arms treated as one of them."""
    drug, placebo = data()["arm"]
    dose = [{"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min", "start": "0 h"}]
    arms = [drug | {"n": 30, "dose": dose, "add": [{"kind": "ssri"}]}, placebo | {"n": 20}]
    design = made(arm=arms)
    for one in ("drug", "placebo"):
        null = null_design(design, one)
        assert [(a.name, a.n) for a in null.arms] == [("drug", 30), ("placebo", 20)]
        assert {a.added for a in null.arms} == {design.arm(one).added}
        doses = next(a.doses for a in design.scenario.arms if a.name == one)
        assert [a.name for a in null.scenario.arms] == ["drug", "placebo"]
        assert all(a.doses == doses for a in null.scenario.arms)


def test_a_null_is_refused_where_there_is_none():
    """Contract: an unknown arm, and a crossover, whose people get every arm anyway."""
    with pytest.raises(InputError, match="null: no such arm, got 'salin'"):
        null_design(made(), "salin")
    with pytest.raises(InputError, match="null: cannot be asked of a crossover"):
        null_design(made("crossover"), "saline")


def control_share(setting, hours):
    """Return the improvement of the controls of a setting in closed form."""
    surge = value(f"control_surge.{setting}") * np.exp(-hours / value("tau_surge"))
    slow = value(f"control_slow.{setting}") * -np.expm1(-hours / (168 * value("tau_control")))
    return 1 - (1 - value(f"control_fast.{setting}") - surge) * (1 - slow)


@pytest.mark.parametrize("effect", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("setting", ["saline_parallel", "industry_multicentre"])
def test_a_known_effect_comes_back_without_bias(effect, setting):
    """Issue 6: baseline x effect x what the controls leave, within 4 standard errors and 0.1 points for the scale's ends."""
    design = made(setting=setting, endpoint=data()["endpoint"][:2])
    pool = by_hand(design, {"drug": effect}, values=STILL)
    found = virtual_trials(design, replicates=400, pool=pool, seed=2).figures
    true = -(32 - value(f"inflation.{setting}")) * effect * (1 - control_share(setting, 14 * 24))
    for name in ("difference", "adjusted difference"):
        error = found[name].std(ddof=1) / np.sqrt(400)
        assert abs(found[name].mean() - true) < 4 * error + 0.1, name


def test_an_effect_that_fades_comes_back_at_each_visit():
    """Issue 6: the drug's course, not a single number, is what trials see."""
    at = {"24 h": 24.0, "72 h": 72.0, "7 d": 168.0, "14 d": 336.0}
    between = {"measure": "difference", "arm": "drug", "versus": "placebo"}
    design = made(endpoints=[{"name": t, "at": t, **between} for t in at])

    def fading(hours):
        return 0.6 * np.exp(-hours / 96)

    found = virtual_trials(design, replicates=400, pool=by_hand(design, {"drug": fading}, values=STILL), seed=3).figures
    for name, hours in at.items():
        true = (
            -(32 - value("inflation.saline_parallel")) * fading(hours) * (1 - control_share("saline_parallel", hours))
        )
        assert abs(found[name].mean() - true) < 4 * found[name].std(ddof=1) / np.sqrt(400) + 0.1, name


def test_who_is_treated_scales_the_effect():
    """Issue 6: age and genotype act on the drug's effect by the factors of the parameter table, each once."""
    people = data()["population"]
    first = data()["endpoint"][:1]

    def effect(**changes):
        design = made(population=people | changes, endpoint=first)
        pool = by_hand(design, {"drug": 0.4}, values=STILL)
        return virtual_trials(design, replicates=120, pool=pool, seed=1).figures["difference"].mean()

    usual, half, met = effect(), value("effect_factor.elderly"), value("met_factor")
    old = {"mean": 75, "sd": 1}
    assert effect(age=old) / usual == pytest.approx(half, abs=0.02)
    assert effect(diagnosis="elderly") / usual == pytest.approx(half, abs=0.02)
    assert effect(diagnosis="elderly", age=old) / usual == pytest.approx(half, abs=0.02)
    assert effect(age={"mean": 40, "sd": 1}) == usual
    assert effect(genotype={"met": 1.0}) / usual == pytest.approx(met, abs=0.02)
    assert effect(genotype={"met": 0.0}) == usual


def test_the_repeated_measures_model_is_ancova_where_nothing_is_missing():
    """Issue 6: MMRM as an endpoint's model; with one visit and nobody lost it is ANCOVA, trial by trial."""
    import numpy as np

    from ketasim.trial.compute import figure, tested
    from ketasim.trial.scores import Block
    from ketasim.trial.spec import Endpoint

    rng = np.random.default_rng(5)
    before = rng.normal(32, 5, (40, 30, 1))
    scores = {
        arm: {"madrs": np.concatenate([before, 0.6 * before + rng.normal(5, 4, before.shape)], axis=-1)} for arm in "ab"
    }
    block = Block(np.array([0.0, 24.0]), scores, {arm: np.zeros((40, 30)) for arm in "ab"})
    design = type("Plain", (), {"crossover": False, "dropout": type("D", (), {"handling": "observed"})})()
    one, other = (
        Endpoint("d", "difference", "madrs", "a", "b", 24.0, options, None, "own")
        for options in ({"model": "mmrm"}, {"adjusted": True})
    )
    assert np.allclose(figure(design, block, one), figure(design, block, other), atol=1e-7)
    assert np.allclose(tested(design, block, one), tested(design, block, other), atol=1e-5)
