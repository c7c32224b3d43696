"""Virtual populations: margins and joint distributions within Monte Carlo error, drawn alike in whatever order."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ketasim.evidence import individual, observation, study
from ketasim.parameters import builtin_table
from ketasim.population import covariates, individuals, population_of, populations
from ketasim.population.correlate import effect_correlations
from ketasim.population.marginals import BySex

TABLE = builtin_table()
N = 20000


def people(count=N, seed=3, first=1, spread=True, **table):
    return individuals(TABLE, seed, first, count, spread=spread, population=population_of(table, Path())).covariates


@pytest.fixture(scope="module")
def depression():
    return people(kind="depression")


def of_sex(drawn, sex):
    who = drawn["sex"] == sex
    return {n: v[who] for n, v in drawn.items()}


def test_age_in_depression_is_the_cut_normal_of_its_numbers(depression):
    """nimhmoa2025dataset: 35.8 (SD 9.9) years between 18 and 66; Kolmogorov-Smirnov against the closed form."""
    low, high = ((v - 35.78) / 9.92 for v in (18, 66))
    assert stats.kstest(depression["age"], stats.truncnorm(low, high, 35.78, 9.92).cdf).pvalue > 0.01
    assert 18 <= depression["age"].min() < 20
    assert 64 < depression["age"].max() <= 66


def test_the_share_of_women_is_that_of_the_data(depression):
    assert abs((depression["sex"] == "female").mean() - 0.594) < 4 * math.sqrt(0.594 * 0.406 / N)


@pytest.mark.parametrize(
    ("sex", "height", "sd", "weight", "r"), [("male", 175.72, 7.29, 81.1, 0.42), ("female", 162.0, 6.83, 69.0, 0.25)]
)
def test_height_and_weight_are_jointly_those_of_brainard1992(depression, sex, height, sd, weight, r):
    """Means, SDs and the correlation of height with the logarithm of weight, each within four standard errors."""
    some = of_sex(depression, sex)
    n = len(some["height"])
    log_weight = np.log(some["weight"])
    assert abs(some["height"].mean() - height) < 4 * sd / math.sqrt(n)
    assert abs(some["height"].std() - sd) < 4 * sd / math.sqrt(2 * n)
    assert abs(log_weight.mean() - math.log(weight)) < 4 * 0.214 / math.sqrt(n)
    assert abs(log_weight.std() - 0.214) < 4 * 0.214 / math.sqrt(2 * n)
    assert abs(np.corrcoef(some["height"], log_weight)[0, 1] - r) < 4 * (1 - r * r) / math.sqrt(n)
    for other in ("height", "weight"):
        assert abs(np.corrcoef(some["age"], some[other])[0, 1]) < 4 / math.sqrt(n), "unsourced correlations are 0"


def test_genotypes_stand_in_hardy_weinberg_shares(depression):
    """matimba2009cyp: allele frequency 0.21 (pk-0977)."""
    for genotype, share in (("*1/*1", 0.79**2), ("*1/*6", 2 * 0.79 * 0.21), ("*6/*6", 0.21**2)):
        assert abs((depression["cyp2b6"] == genotype).mean() - share) < 4 * math.sqrt(share * (1 - share) / N)


def test_numbers_of_depression_are_those_of_the_people_on_file():
    """nimhmoa2025dataset, participants.tsv: moments of the people with depression, worked out anew."""
    table = individual("nimh_moa")["participants"]
    rows = [dict(zip(table.columns, r, strict=True)) for r in table.rows]
    kept = [r for r in rows if r["group"] == "MDD" and r["age"] not in (None, "n/a", "")]
    age = np.array([float(r["age"]) for r in kept])
    log_bmi = np.log([float(r["BMI"]) for r in kept])
    given = populations()["depression"].given
    assert given["age"].center == pytest.approx(age.mean(), abs=0.01)
    assert given["age"].sd == pytest.approx(age.std(ddof=1), abs=0.01)
    assert dict(given["sex"].shares)["female"] == pytest.approx(np.mean([r["sex"] == "F" for r in kept]), abs=0.001)
    for sex, weight in given["weight"].by.items():
        height = given["height"].by[sex]
        median = math.exp(log_bmi.mean()) * (height.center / 100) ** 2
        assert weight.center == pytest.approx(median, rel=0.002)
        log_sd = math.hypot(log_bmi.std(ddof=1), 2 * height.sd / height.center)
        assert weight.sd == pytest.approx(log_sd, abs=0.001)


def test_numbers_of_the_elderly_follow_from_their_rows():
    """jpnelderly: age and sex as printed, BMI through two shares (pk-0963 to pk-0966)."""
    given = populations()["elderly"].given
    assert given["age"].center == observation("pk-0963").value
    assert dict(given["sex"].shares)["female"] == pytest.approx(observation("pk-0964").value)
    below25 = observation("pk-0965").value
    z = stats.norm.ppf([below25, below25 + observation("pk-0966").value])
    sd = math.log(30 / 25) / (z[1] - z[0])
    bmi = 25 * math.exp(-z[0] * sd)
    for sex, weight in given["weight"].by.items():
        height = given["height"].by[sex]
        assert weight.center == pytest.approx(bmi * (height.center / 100) ** 2, rel=0.002)
        assert weight.sd == pytest.approx(math.hypot(sd, 2 * height.sd / height.center), abs=0.001)


def test_womens_height_and_correlation_are_the_moments_of_their_two_clusters():
    """brainard1992, pk-0932 to pk-0938: mean, SD and correlation of a mixture, worked out anew."""
    share = observation("pk-0938").value
    rows = [
        [observation(f"pk-{n:04d}") for n in (932, 933, 934)],
        [observation(f"pk-{n:04d}") for n in (935, 936, 937)],
    ]
    w = np.array([share, 1 - share])
    m, s = (np.array([getattr(r[0], k) for r in rows]) for k in ("value", "spread_low"))
    lm, ls = (np.array([getattr(r[1], k) for r in rows]) for k in ("value", "spread_low"))
    cov = (w * np.array([r[2].value for r in rows]) * s * ls).sum() + w.prod() * (m[0] - m[1]) * (lm[0] - lm[1])
    sd = math.sqrt((w * s**2).sum() + w.prod() * (m[0] - m[1]) ** 2)
    log_sd = math.sqrt((w * ls**2).sum() + w.prod() * (lm[0] - lm[1]) ** 2)
    height = populations()["depression"].given["height"].by["female"]
    assert height.center == pytest.approx((w * m).sum(), abs=0.05)
    assert height.sd == pytest.approx(sd, abs=0.01)
    found = next(c for c in populations()["depression"].correlations if c.sex == "female")
    assert found.value == pytest.approx(cov / (sd * log_sd), abs=0.005)


@pytest.mark.parametrize("kind", populations())
def test_a_persons_covariates_do_not_depend_on_range_or_order(kind):
    """DESIGN law 4, bit for bit, in subsets whose women and men lie elsewhere."""
    whole = people(count=60, kind=kind)
    for first, count in ((31, 30), (1, 7), (8, 23)):
        part = people(count=count, first=first, kind=kind)
        for name, values in part.items():
            assert np.array_equal(values, whole[name][first - 1 : first - 1 + count]), name


def test_the_default_kind_draws_weight_alone():
    """Shipped results rest on it: 77 kg with a log SD of 0.2, everything else as of a person of whom nothing is said."""
    drawn = people(count=50)
    assert {n for n, v in drawn.items() if len(set(v.tolist())) > 1} == {"weight"}
    assert drawn["age"][0] == 45
    assert {drawn[n][0] for n in covariates() if covariates()[n].categories} == {
        c.categories[0] for c in covariates().values() if c.categories
    }


def test_without_spread_covariates_are_in_the_middle_and_values_hold():
    still = people(count=3, spread=False, kind="elderly")
    assert set(still["sex"]) == {"female"}
    assert np.allclose(still["age"], 71.85)
    assert np.allclose(still["weight"], 63.6)
    given = people(count=3, spread=False, covariates={"weight": "82 kg", "sex": {"female": 0.2}})
    assert np.allclose(given["weight"], 82)
    assert set(given["sex"]) == {"male"}


def test_a_fixed_body_is_the_same_for_everybody():
    drawn = people(count=20, kind="fixed")
    assert np.allclose(drawn["weight"], 70)
    assert all(len(set(v.tolist())) == 1 for v in drawn.values())


def test_a_distribution_of_ones_own_is_drawn_as_written():
    """Units are converted; the distribution is cut where told."""
    drawn = people(covariates={"weight": {"mean": 176, "sd": 22, "low": 130, "high": 220, "unit": "lb"}})["weight"]
    low, high = (130 - 176) / 22, (220 - 176) / 22
    law = stats.truncnorm(low, high, 176 * 0.45359237, 22 * 0.45359237)
    assert stats.kstest(drawn, law.cdf).pvalue > 0.01


def numbers():
    """Return (where, about) of every number of the populations and correlations."""
    for p in populations().values():
        for name, marginal in p.given.items():
            parts = marginal.by.values() if isinstance(marginal, BySex) else [marginal]
            yield from ((f"{p.kind}.{name}", m.about) for m in parts if m.about)
    for c in (*effect_correlations(), *populations()["depression"].correlations):
        yield "-".join(c.between), {k: v for k, v in vars(c).items() if v}


@pytest.mark.parametrize(("where", "about"), list(numbers()))
def test_no_number_of_a_population_comes_from_a_held_out_study(where, about):
    """DESIGN section 6; rows were read in their source, and an assumption has a reason and a range."""
    assert study(about["source"]).role == "calibrate"
    if "row" in about:
        row = observation(about["row"])
        assert (row.role, row.verified) == ("calibrate", "read")
    if about["status"] == "assumed":
        assert about["reason"]
        assert about["range"]
