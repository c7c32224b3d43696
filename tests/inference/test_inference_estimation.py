"""The likelihood, the mode and the chains against a linear model whose posterior is known (issue 4, joint estimation)."""

from __future__ import annotations

from dataclasses import replace

import inference_linear as linear
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ketasim.inference.mode import VariancePrior, find_mode
from ketasim.inference.recovery import Ranks, simulated
from ketasim.inference.sample import begin, run_chains
from ketasim.inference.summary import log_likelihood, precision


class _Known(VariancePrior):
    """Error SDs at their known values."""

    def start(self, kinds):
        return linear.TAU.copy(), linear.RHO.copy()

    def fit(self, data, se, target, jacobian, tau, rho):
        return linear.TAU.copy(), linear.RHO.copy()

    def log_density(self, tau, rho):
        return np.zeros(tau.shape[1:])


KNOWN = _Known(1.0, 1.0, 0.0)


def test_the_likelihood_is_the_multivariate_normal_with_study_effects_of_either_sign():
    z = np.array([[0.1, -0.4], [0.3, 0.2], [0.2, 0.9]])
    tau, rho = (np.repeat(x[:, None], 2, axis=1) for x in (linear.TAU, linear.RHO))
    found = log_likelihood(linear.data(), linear.model(z), linear.SE, tau, rho)
    full = [multivariate_normal(linear.model(z)[:, k], linear.covariance()).logpdf(linear.data().value) for k in (0, 1)]
    assert found == pytest.approx(full, rel=1e-12)
    assert precision(linear.data(), linear.SE, linear.TAU, linear.RHO) @ linear.covariance() == pytest.approx(
        np.eye(5), abs=1e-12
    )


def test_sampling_error_is_the_reported_one_or_the_spread_over_root_n_with_the_error_of_reading():
    d = replace(linear.data(), se=np.array([0.1, np.nan, np.nan, 0.2, 0.3]), n=np.array([4, 16, 0, 4, 4]))
    d = replace(d, reading=np.array([0.0, 0.0, 0.0, 0.0, 0.4]), mean=np.array([True, False, False, False, False]))
    spread = np.full(5, 0.6)
    assert d.sampling(spread, 9) == pytest.approx([0.1, 0.15, 0.2, 0.2, 0.5])
    assert d.shift(spread) == pytest.approx([0.18, 0, 0, 0, 0])


def test_the_mode_of_a_linear_model_is_generalised_least_squares():
    mode = find_mode(linear.model, linear.data(), linear.SE, np.zeros(3), KNOWN, rounds=5, step=0.01, small=1e-9)
    mean, cov = linear.posterior()
    assert mode.z == pytest.approx(mean, abs=1e-8)
    assert mode.factor @ mode.factor.T == pytest.approx(cov, abs=1e-8)


def test_chains_return_the_posterior_even_from_a_poor_reference():
    mean, cov = linear.posterior()
    mode = find_mode(linear.model, linear.data(), linear.SE, np.zeros(3), KNOWN, rounds=3, step=0.01, small=1e-9)
    poor = replace(mode, z=mode.z + 0.2, factor=1.3 * mode.factor)
    state = begin(linear.model, poor, 400, 5)
    state.tau[:], state.rho[:] = linear.TAU[:, None], linear.RHO[:, None]
    chains = run_chains(linear.model, linear.data(), linear.SE, poor, KNOWN, state, steps=150, beta=0.5)
    last = chains.z[40:].transpose(1, 0, 2).reshape(3, -1)
    error = np.sqrt(np.diag(cov) / 400)  # as if each chain gave one independent draw
    assert (np.abs(last.mean(axis=1) - mean) < 4 * error).all()
    assert np.cov(last) == pytest.approx(cov, rel=0.25, abs=0.002)


def test_error_sds_are_estimated_where_the_data_know_them():
    generator = np.random.default_rng(3)
    d = linear.data()
    many = replace(
        d,
        value=np.zeros(400),
        se=np.full(400, 0.01),
        n=np.full(400, 9),
        mean=np.zeros(400, dtype=bool),
        kind=np.zeros(400, dtype=int),
        block=np.repeat(np.arange(80), 5),
        sign=np.ones(400),
        reading=np.zeros(400),
        inflation=np.ones(400),
        kinds=("a",),
    )
    value = np.repeat(0.3 * generator.standard_normal(80), 5) + 0.1 * generator.standard_normal(400)
    prior = VariancePrior(0.2, 0.1, 0.7)
    tau, rho = prior.fit(many, many.se, value, np.zeros((400, 1)), *prior.start(1))
    assert tau[0] == pytest.approx(0.3, rel=0.25)
    assert rho[0] == pytest.approx(0.1, rel=0.15)


def test_simulated_studies_have_the_covariance_of_the_likelihood():
    generator = np.random.Generator(np.random.Philox(key=2))
    draws = np.array(
        [
            simulated(linear.data(), np.zeros(5), linear.SE, linear.TAU, linear.RHO, generator).value
            for _ in range(20000)
        ]
    )
    assert np.cov(draws.T) == pytest.approx(linear.covariance(), abs=0.01)


def test_ranks_of_an_honest_fit_are_uniform_and_of_a_too_narrow_one_are_not():
    generator = np.random.default_rng(1)
    honest = generator.integers(0, 33, size=(200, 1))
    narrow = np.where(generator.random((200, 1)) < 0.4, 0, 32)
    assert Ranks(("a",), honest, 32).uniformity()["a"] > 0.01
    assert Ranks(("a",), narrow, 32).uniformity()["a"] < 1e-6
    assert Ranks(("a",), honest, 32).coverage(0.9)["a"] == pytest.approx(0.9, abs=0.06)
