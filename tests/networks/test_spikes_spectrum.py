"""Spike-train and spectrum figures against trains and traces whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.networks import spectrum, spikes


def test_burst_fraction_counts_both_ends_of_a_short_interval() -> None:
    times = np.array([0.1, 0.105, 0.11, 0.5, 0.505, 0.9])
    cells = np.array([0, 0, 0, 0, 1, 1])
    assert spikes.burst_fraction(times, cells, 0.01) == pytest.approx(3 / 6)


def test_poisson_trains_have_fano_and_irregularity_of_one() -> None:
    rng = np.random.default_rng(3)
    count = rng.poisson(200, 300)
    cells = np.repeat(np.arange(300), count)
    times = rng.uniform(0, 20, count.sum())
    assert spikes.fano(times, cells, 300, 0, 20, 0.5) == pytest.approx(1, abs=0.05)
    assert spikes.irregularity(times, cells) == pytest.approx(1, abs=0.03)
    assert spikes.rate(cells, 300, 20) == pytest.approx(10, rel=0.05)


def test_regular_trains_have_none() -> None:
    times, cells = np.tile(np.arange(100) * 0.1 + 0.05, 4), np.repeat(np.arange(4), 100)
    assert spikes.irregularity(times, cells) == pytest.approx(0, abs=1e-6)
    assert spikes.fano(times, cells, 4, 0, 10, 1) == pytest.approx(0, abs=1e-9)


def test_population_bursts_need_height_and_length() -> None:
    rates = np.zeros(5000)
    rates[1000:1200] = 50  # 200 ms: counts
    rates[2000:2050] = 50  # too short
    rates[3000:3200] = 15  # too low
    assert spikes.population_bursts(rates, 0.001, 0.02, 20, 0.1) == 1


def test_band_power_of_a_sine_is_half_its_squared_amplitude() -> None:
    t = np.arange(0, 20, 0.001)
    f, p = spectrum.welch(4 * np.sin(2 * np.pi * 40 * t), 0.001, 2)
    assert spectrum.band_power(f, p, 30, 80) == pytest.approx(10 * np.log10(8), abs=0.05)
    assert spectrum.band_power(f, p, 4, 8) < -40


def test_peak_is_found_on_a_sloping_background() -> None:
    rng = np.random.default_rng(5)
    t = np.arange(0, 60, 0.001)
    slope = np.cumsum(rng.normal(size=len(t)))
    f, p = spectrum.welch(slope + 15 * np.sin(2 * np.pi * 52 * t), 0.001, 2)
    assert spectrum.peak(f, p, (30, 80), ((15, 25), (90, 120))) == pytest.approx(52, abs=2.5)
