"""Issue 6: the mixed model for repeated measures, against published fits and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from ketasim.errors import InputError
from ketasim.trial import statistics as ts

# Potthoff & Roy (1964), doi:10.1093/biomet/51.3-4.313: distance (mm) at ages 8, 10, 12 and 14 of 11 girls and 16 boys
GIRLS = """21 20 21.5 23/21 21.5 24 25.5/20.5 24 24.5 26/23.5 24.5 25 26.5/21.5 23 22.5 23.5/20 21 21 22.5/21.5 22.5 23 25/
23 23 23.5 24/20 21 22 21.5/16.5 19 19 19.5/24.5 25 28 28"""
BOYS = """26 25 29 31/21.5 22.5 23 26.5/23 22.5 24 27.5/25.5 27.5 26.5 27/20 23.5 22.5 26/24.5 25.5 27 28.5/22 22 24.5 26.5/
24 21.5 24.5 25.5/23 20.5 31 26/27.5 28 31 31.5/23 23 23.5 25/21.5 23.5 24 28/17 24.5 26 29.5/22.5 25.5 25.5 26/
23 24.5 26 30/22 21.5 23.5 25"""
GROWTH = np.array([[float(x) for x in row.split()] for row in (GIRLS + "/" + BOYS).replace("\n", "").split("/")])
BOY = np.repeat([0, 1], [11, 16])
WITHOUT_TEN = np.array([3, 6, 9, 10, 13, 16, 23, 24, 27]) - 1  # Little & Rubin (1987) took away their age 10


def incomplete():
    """Age 8 as baseline, three visits: dropout of five people, one visit missed by three, one person without baseline."""
    change, baseline = GROWTH[:, 1:] - GROWTH[:, :1], GROWTH[:, 0].copy()
    change[[2, 15], 1:] = np.nan
    change[[5, 9, 20], 2:] = np.nan
    change[[7, 13, 25], 1] = np.nan
    baseline[24] = np.nan
    return change, baseline


def test_complete_data_equal_the_published_fit_of_mmrm():
    """A notebook of R's mmrm on these data (jsahlmann/mbk, part 07) prints: boys at age 8 1.6932 (SE 0.9115, df 25), restricted
    log-likelihood -207, and this covariance.
    """
    got = ts.mmrm(GROWTH, None, BOY)
    assert got.difference.estimate[0] == pytest.approx(1.6932, abs=5e-5)
    assert got.difference.se[0] == pytest.approx(0.9115, abs=5e-5)
    assert got.difference.df == pytest.approx(np.full(4, 25.0), rel=1e-6)
    assert got.difference.p[0] == pytest.approx(0.07504, abs=5e-6)
    assert got.log_likelihood == pytest.approx(-207, abs=0.5)
    want = [[5.4155, 2.7170, 3.9106, 2.7104], [2.7170, 4.1850, 2.9274, 3.3173],
            [3.9106, 2.9274, 6.4564, 4.1312], [2.7104, 3.3173, 4.1312, 4.9858]]  # fmt: skip
    assert got.covariance == pytest.approx(np.array(want), abs=1e-3)  # its optimiser stops there: df 24.999 to 25.001


def test_jennrich_and_schluchter_and_little_and_rubin():
    """Plain -2 log-likelihoods of the model without structure: 416.509 complete (Jennrich & Schluchter 1986, Biometrics 42:805,
    model 1); 386.957 with nine ages of 10 missing (Little & Rubin 1987, Statistical Analysis with Missing Data, chapter 8).
    """
    assert -2 * ts.mmrm(GROWTH, None, BOY, restricted=False).log_likelihood == pytest.approx(416.509, abs=5e-4)
    fewer = GROWTH.copy()
    fewer[WITHOUT_TEN, 1] = np.nan
    assert -2 * ts.mmrm(fewer, None, BOY, restricted=False).log_likelihood == pytest.approx(386.957, abs=5e-4)


def test_one_visit_is_ancova_to_rounding():
    rng = np.random.default_rng(1)
    y, b, g = rng.normal(size=(40, 30)), rng.normal(30, 5, (40, 30)), rng.integers(0, 2, (40, 30))
    y[rng.random(y.shape) < 0.1] = np.nan
    mixed, plain = ts.mmrm(y[..., None], b, g).difference, ts.ancova(y, b, g)
    for part in ("estimate", "se", "df", "p", "low", "high"):
        assert getattr(mixed, part)[:, 0] == pytest.approx(getattr(plain, part), rel=1e-9)


def test_complete_data_are_ancova_at_every_visit():
    rng = np.random.default_rng(2)
    y, b, g = rng.normal(size=(20, 30, 4)).cumsum(axis=-1), rng.normal(size=(20, 30)), np.arange(30) % 2
    mixed = ts.mmrm(y, b, g).difference
    for visit in range(4):
        plain = ts.ancova(y[..., visit], b, g)
        for part in ("estimate", "se", "df", "p"):
            assert getattr(mixed, part)[:, visit] == pytest.approx(getattr(plain, part), rel=1e-8)


def direct(change, baseline, restricted):
    """Fit by general-purpose minimisation of a likelihood written person by person: estimate, SE, Satterthwaite df, -2 log L."""
    rows = []
    for y, b, g in zip(change, baseline, BOY, strict=True):
        at = np.flatnonzero(np.isfinite(y)) if np.isfinite(b) else []
        if len(at):
            x = np.zeros((len(at), 9))
            for i, visit in enumerate(at):
                x[i, 3 * visit : 3 * visit + 3] = 1, g, b - 22
            rows.append((y[at], x, np.ix_(at, at)))

    def parts(sigma):
        info, right = np.zeros((9, 9)), np.zeros(9)
        for y, x, at in rows:
            inv = np.linalg.inv(sigma[at])
            info, right = info + x.T @ inv @ x, right + x.T @ inv @ y
        beta = np.linalg.solve(info, right)
        minus = np.linalg.slogdet(info)[1] - 9 * np.log(2 * np.pi) if restricted else 0.0
        for y, x, at in rows:
            r = y - x @ beta
            minus += len(y) * np.log(2 * np.pi) + np.linalg.slogdet(sigma[at])[1] + r @ np.linalg.solve(sigma[at], r)
        return minus, beta, np.linalg.inv(info)

    i, j = np.tril_indices(3)

    def sigma_of(theta):
        half = np.zeros((3, 3))
        half[i, j] = theta
        return half @ half.T

    found = optimize.minimize(
        lambda t: parts(sigma_of(t))[0], np.eye(3)[i, j] * 2, method="BFGS", options={"gtol": 1e-7}
    )
    sigma = sigma_of(found.x)
    minus, beta, cov = parts(sigma)

    def moved(*steps):
        out = sigma.copy()
        for k, h in steps:
            out[i[k], j[k]] += h
            if i[k] != j[k]:
                out[j[k], i[k]] += h
        return parts(out)

    h = 1e-3
    hessian = np.array([[(moved((a, h), (b, h))[0] - moved((a, h), (b, -h))[0] - moved((a, -h), (b, h))[0]
                          + moved((a, -h), (b, -h))[0]) / (8 * h * h) for b in range(6)] for a in range(6)])  # fmt: skip
    group = [1, 4, 7]
    slope = np.array([(moved((a, h))[2] - moved((a, -h))[2]).diagonal()[group] / (2 * h) for a in range(6)])
    variance = cov.diagonal()[group]
    df = 2 * variance**2 / np.einsum("av,ab,bv->v", slope, np.linalg.inv(hessian), slope)
    return beta[group], np.sqrt(variance), df, minus, sigma


@pytest.mark.parametrize("restricted", [True, False])
def test_direct_maximisation_of_the_likelihood_agrees(restricted):
    """Estimates and errors to 1e-5, degrees of freedom (second differences) to 1e-3, -2 log-likelihood to 1e-8."""
    change, baseline = incomplete()
    got = ts.mmrm(change, baseline, BOY, restricted=restricted)
    estimate, se, df, minus, sigma = direct(change, baseline, restricted)
    assert got.converged
    assert got.difference.estimate == pytest.approx(estimate, abs=1e-5)
    assert got.difference.se == pytest.approx(se, rel=1e-5)
    assert got.difference.df == pytest.approx(df, rel=1e-3)
    assert -2 * got.log_likelihood == pytest.approx(minus, rel=1e-8)
    assert got.covariance == pytest.approx(sigma, rel=1e-4)


def long_form(change, baseline):
    person, visit = np.nonzero(np.isfinite(change) & np.isfinite(baseline)[:, None])
    x = np.zeros((person.size, 9))
    for column, value in enumerate((np.ones(27), BOY, baseline - 22)):
        x[np.arange(person.size), 3 * visit + column] = value[person]
    return person, visit, x, change[person, visit]


def test_statsmodels_generalised_least_squares_agrees():
    """At the covariance found, statsmodels GLS on the stacked ratings gives the same estimates and errors, to 1e-9."""
    import statsmodels.api as sm

    change, baseline = incomplete()
    got = ts.mmrm(change, baseline, BOY)
    person, visit, x, y = long_form(change, baseline)
    whole = np.where(person[:, None] == person, got.covariance[visit[:, None], visit], 0.0)
    fit = sm.GLS(y, x, sigma=whole).fit(cov_type="fixed scale")
    assert got.difference.estimate == pytest.approx(fit.params[1::3], rel=1e-9)
    assert got.difference.se == pytest.approx(fit.bse[1::3], rel=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_statsmodels_mixed_model_agrees():
    """MixedLM with a random effect for every visit is the same model (its residual variance is one parameter too many):
    estimates to 1e-6, restricted log-likelihood to 1e-8. Its errors add the uncertainty of the covariance (joint Hessian).
    """
    from statsmodels.regression.mixed_linear_model import MixedLM

    change, baseline = incomplete()
    got = ts.mmrm(change, baseline, BOY)
    person, visit, x, y = long_form(change, baseline)
    fit = MixedLM(y, x, groups=person, exog_re=np.eye(3)[visit]).fit(reml=True, method="bfgs", gtol=1e-9)
    assert got.difference.estimate == pytest.approx(fit.fe_params[1::3], abs=1e-6)
    assert got.difference.se == pytest.approx(fit.bse_fe[1::3], rel=5e-3)
    assert got.log_likelihood == pytest.approx(fit.llf, rel=1e-8)


def test_monotone_dropout_factors_into_regressions():
    """Anderson (1957), doi:10.1080/01621459.1957.10501379; Rubin (1974), doi:10.1080/01621459.1974.10482976: with dropout alone,
    plain maximum likelihood is a chain of regressions, each visit on the design and the visits before. To 1e-7.
    """
    rng = np.random.default_rng(3)
    n, visits = 60, 4
    g, b = np.arange(n) % 2, rng.normal(30, 5, n)
    y = rng.normal(size=(n, visits)).cumsum(axis=1) - 2 * g[:, None] - 0.3 * b[:, None]
    y[np.arange(visits) >= rng.integers(2, visits + 3, n)[:, None]] = np.nan
    effect, sigma = np.zeros(visits), np.zeros((visits, visits))
    for v in range(visits):
        who = np.isfinite(y[:, v])
        x = np.column_stack([np.ones(n), g, b, y[:, :v]])[who]
        beta = np.linalg.lstsq(x, y[who, v], rcond=None)[0]
        on = beta[3:]
        effect[v] = beta[1] + on @ effect[:v]
        sigma[v, :v] = sigma[:v, v] = sigma[:v, :v] @ on
        sigma[v, v] = np.mean((y[who, v] - x @ beta) ** 2) + on @ sigma[:v, :v] @ on
    got = ts.mmrm(y, b, g, restricted=False)
    assert got.difference.estimate == pytest.approx(effect, rel=1e-7)
    assert got.covariance == pytest.approx(sigma, rel=1e-7)


def test_a_person_with_baseline_alone_changes_nothing():
    change, baseline = incomplete()
    more = np.vstack([change, np.full((4, 3), np.nan)])
    got = ts.mmrm(more, np.append(baseline, [20, 21, 22, 23]), np.append(BOY, [0, 1, 0, 1])).difference
    want = ts.mmrm(change, baseline, BOY).difference
    assert got.estimate == pytest.approx(want.estimate, rel=1e-9)
    assert got.df == pytest.approx(want.df, rel=1e-6)


def test_units_and_shifts_carry_through():
    """Ratings in other units, baselines on another scale: the estimate scales, p and df stay."""
    change, baseline = incomplete()
    got, want = ts.mmrm(change * 1e4, baseline * 1e-3 + 7, BOY).difference, ts.mmrm(change, baseline, BOY).difference
    assert got.estimate == pytest.approx(want.estimate * 1e4, rel=1e-6)
    assert got.p == pytest.approx(want.p, rel=1e-5)
    assert got.df == pytest.approx(want.df, rel=1e-5)


def test_trials_that_cannot_be_fitted_are_nan_and_spare_the_others():
    change, baseline = incomplete()
    lonely, nobody, twin, apart = (change.copy() for _ in range(4))
    lonely[3:, 2] = np.nan  # three ratings at the last visit
    nobody[:] = np.nan
    twin[:, 2] = twin[:, 1]  # two visits are one
    apart[::2, 1], apart[1::2, 2] = np.nan, np.nan  # a pair of visits that nobody has
    got = ts.mmrm(np.stack([lonely, change, nobody, twin, apart]), baseline, BOY)
    assert got.converged.tolist() == [False, True, False, False, False]
    assert np.isnan(got.difference.estimate[~got.converged]).all()
    assert np.isnan(got.covariance[~got.converged]).all()
    assert got.difference.p[1] == pytest.approx(ts.mmrm(change, baseline, BOY).difference.p, rel=1e-6)


@pytest.mark.parametrize(
    "shapes", [((5,), (5,), (5,)), ((2, 5, 3), (4,), (5,)), ((2, 5, 3), (5,), (6,)), ((2, 5, 3), (3, 5), (5,))]
)
def test_shapes_that_do_not_match_are_refused(shapes):
    with pytest.raises(InputError, match="shapes"):
        ts.mmrm(*(np.zeros(s) for s in shapes))
