"""Textbook closed forms: Gabrielsson & Weiner, Pharmacokinetic and Pharmacodynamic Data Analysis, chapter 2; Rowland & Tozer."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.nca import (
    accumulation,
    auc_inf,
    auc_last,
    auc_partial,
    auc_to,
    bioavailability,
    cmax,
    concentration_at,
    from_dose,
    half_life,
    measurable,
    sparse_peak,
    summary,
    terminal_slope,
    tmax,
    trough,
)

DOSE, V, CL, KA, F = 100.0, 20.0, 5.0, 1.3, 0.4
K = CL / V
DENSE = np.linspace(0, 60, 6001)


def bolus(t: np.ndarray) -> np.ndarray:
    return DOSE / V * np.exp(-K * t)


def infusion(t: np.ndarray, length: float) -> np.ndarray:
    rise = DOSE / length / CL * (1 - np.exp(-K * np.minimum(t, length)))
    return rise * np.exp(-K * np.maximum(t - length, 0))


def oral(t: np.ndarray) -> np.ndarray:
    return F * DOSE * KA / (V * (KA - K)) * (np.exp(-K * t) - np.exp(-KA * t))


def test_bolus() -> None:
    """One compartment, bolus: AUC = dose/CL, t1/2 = ln 2/k, MRT = 1/k, Vss = V, exact by the logarithmic rule at any spacing."""
    times = np.array([0, 0.5, 3, 7, 12.0])
    found = summary(times, bolus(times), dose=DOSE)
    expected = {
        "cmax": DOSE / V,
        "auc_inf": DOSE / CL,
        "half_life": np.log(2) / K,
        "mrt": 1 / K,
        "clearance": CL,
        "vss": V,
    }
    for key, value in expected.items():
        assert getattr(found, key) == pytest.approx(value, rel=1e-12), key
    assert found.percent_extrapolated == pytest.approx(100 * np.exp(-K * 12), rel=1e-12)
    assert found.slope.points == 4  # Cmax is not part of the terminal phase
    assert auc_last(times, bolus(times), method="linear") > auc_last(times, bolus(times))  # the chord lies above


def test_infusion() -> None:
    """One compartment, infusion: peak at its end, AUC = dose/CL, MRT = 1/k after half the infusion is taken off."""
    found = summary(DENSE, infusion(DENSE, 2.0), dose=DOSE, infusion_h=2.0)
    assert found.tmax == 2.0
    assert found.cmax == pytest.approx(DOSE / 2 / CL * (1 - np.exp(-2 * K)), rel=1e-12)
    assert found.clearance == pytest.approx(CL, rel=1e-5)
    assert found.mrt == pytest.approx(1 / K, rel=1e-5)
    assert found.vss == pytest.approx(V, rel=1e-5)


def test_oral() -> None:
    """One compartment, first-order absorption: tmax = ln(ka/k)/(ka - k), AUC = F dose/CL, MRT = 1/k + 1/ka, F from areas."""
    found = summary(DENSE, oral(DENSE), dose=DOSE)
    peak = np.log(KA / K) / (KA - K)
    assert found.tmax == pytest.approx(peak, abs=0.0051)  # half the spacing
    assert found.cmax == pytest.approx(float(oral(np.array(peak))), rel=1e-5)
    assert found.auc_inf == pytest.approx(F * DOSE / CL, rel=1e-5)
    assert found.mrt == pytest.approx(1 / K + 1 / KA, rel=1e-5)
    # The rule may reach back towards the peak as long as adjusted R2 stays within 1e-4: here a bias below a percent.
    assert found.half_life == pytest.approx(np.log(2) / K, rel=0.01)
    late = terminal_slope(DENSE, oral(DENSE), window_h=(20, 60))
    assert half_life(late) == pytest.approx(np.log(2) / K, rel=1e-8)
    reference = auc_inf(DENSE, bolus(DENSE)).value
    assert bioavailability(found.auc_inf, DOSE, reference, DOSE) == pytest.approx(F, rel=1e-5)
    assert bioavailability(found.auc_inf, DOSE, 2 * reference, 2 * DOSE) == pytest.approx(F, rel=1e-5)


def test_accumulation() -> None:
    """Repeated boluses: the interval after many doses holds 1/(1 - exp(-k tau)) times the first; trough = its decay."""
    tau, count = 4.0, 30
    times = np.linspace(0, tau * count, 40 * count + 1)
    since = times[:, None] - tau * np.arange(count)
    # Each interval is the profile after its own dose; sampled just after a dose, as the areas of an interval need it.
    conc = np.where(since >= 0, DOSE / V * np.exp(-K * np.maximum(since, 0)), 0).sum(axis=1)
    told = 1 / (1 - np.exp(-K * tau))
    found = accumulation(times, conc, 0.0, tau * (count - 1), tau)
    assert found.cmax == pytest.approx(told, rel=1e-10)
    # The last sample of each interval already holds the next dose: leave it out to compare areas.
    first, later = (auc_partial(times, conc, a, a + tau - 0.1) for a in (0.0, tau * (count - 2)))
    assert later / first == pytest.approx(told, rel=1e-10)
    assert trough(times[:40], conc[:40], 0.0, tau - 0.1) == pytest.approx(
        DOSE / V * np.exp(-K * (tau - 0.1)), rel=1e-10
    )
    assert np.isnan(trough(times[:40], conc[:40], 0.0, tau))
    assert np.isnan(accumulation(times[:60], conc[:60], 0.0, tau, tau).auc)


def test_two_compartments() -> None:
    """Biexponential: the rule finds beta where the first phase has gone, a fixed window finds it to eight digits."""
    alpha, beta = 2.0, 0.08
    times = np.array([0, 0.25, 0.5, 1, 2, 4, 8, 12, 18, 24, 36.0])
    conc = 9 * np.exp(-alpha * times) + np.exp(-beta * times)
    assert terminal_slope(times, conc).rate == pytest.approx(beta, rel=0.01)
    assert terminal_slope(times, conc, window_h=(12, 36)).rate == pytest.approx(beta, rel=1e-8)
    steep = terminal_slope(times, conc, window_h=(0, 1)).rate
    assert steep > 10 * beta


def test_areas_between_samples() -> None:
    """Areas to a time and between times use the curve of the rule: exact for one exponential, NaN beyond the samples."""
    times = np.array([0, 3, 7, 12.0])
    assert auc_to(times, bolus(times), 5.0) == pytest.approx(DOSE / CL * (1 - np.exp(-5 * K)), rel=1e-12)
    assert auc_partial(times, bolus(times), 1.0, 9.0) == pytest.approx(
        DOSE / CL * (np.exp(-K) - np.exp(-9 * K)), rel=1e-12
    )
    assert concentration_at(times, bolus(times), 5.0) == pytest.approx(DOSE / V * np.exp(-5 * K), rel=1e-12)
    assert np.isnan(auc_to(times, bolus(times), 12.5))
    assert np.isnan(concentration_at(times, bolus(times), -1.0))


def test_what_cannot_be_had_says_why() -> None:
    """A figure that cannot be had is NaN with a reason, for that person alone."""
    times = np.array([0, 1, 2, 4, 8, 12.0])
    conc = np.stack([oral(times), np.zeros(6), [0, 5, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5.0], [0, 4, 2, 2, 2, 2.0]])
    found = summary(times, conc, dose=DOSE)
    assert list(found.reasons["half_life"]) == [
        "", "no concentration above nought", "the terminal phase does not fall", "too few points after Cmax",
        "the terminal phase does not fall",
    ]  # fmt: skip
    for key in ("half_life", "auc_inf", "mrt", "clearance", "vss"):
        assert list(np.isfinite(getattr(found, key))) == [True, False, False, False, False], key
    assert list(np.isfinite(found.tmax)) == [True, False, True, True, True]
    assert np.all(np.isfinite(found.cmax)) and np.all(np.isfinite(found.auc_last))
    assert set(summary(times, conc).reasons["vss"]) == {"no dose given"}


def test_after_the_last_measurable() -> None:
    """What lies below the limit of measurement ends the profile, as below an assay's limit."""
    times = np.array([0, 1, 2, 4, 8, 12.0])
    conc = measurable(bolus(times)[None], np.array([0.2]))
    assert conc[0, -1] > 0 and measurable(bolus(times)[None], np.array([1.0]))[0, -2:].tolist() == [0, 0]
    assert auc_last(times, measurable(bolus(times), 1.0)) == pytest.approx(DOSE / CL * (1 - np.exp(-4 * K)), rel=1e-12)


def test_far_and_sparse_are_marked() -> None:
    """EMA: more than 20 % beyond the last sample is marked; so is a peak whose neighbours lie far below it."""
    times = np.array([0, 0.5, 1, 1.5, 2, 3, 4.0])
    assert summary(times, oral(times)).far and not summary(DENSE, oral(DENSE)).far
    assert not sparse_peak(DENSE, oral(DENSE))
    assert sparse_peak(np.array([0, 1, 24.0]), oral(np.array([0, 1, 24.0])))
    assert sparse_peak(np.array([0, 0.2, 0.4]), oral(np.array([0, 0.2, 0.4])))


def test_profile_from_the_dose() -> None:
    """The profile starts at the dose: nought before absorption, the line carried back after a bolus (WinNonlin)."""
    times = np.array([0, 10.25, 10.5, 12.0])
    t, c = from_dose(times, np.array([0, *bolus(times[1:] - 10)]), 10.0, bolus=True)
    assert t.tolist() == [0, 0.25, 0.5, 2] and c[0] == pytest.approx(DOSE / V, rel=1e-12)
    assert from_dose(times, np.ones(4), 10.0)[1][0] == 0


@pytest.mark.parametrize(
    ("times", "conc", "says"),
    [
        ([0, 1, 1], [0, 1, 2], "do not increase"),
        ([0, 1, float("nan")], [0, 1, 2], "do not increase"),
        ([0, 1, 2], [0, 1], "shapes"),
        ([0, 1, 2], [0, -1, 2], "negative"),
        ([0, 1, 2], [0, float("inf"), 2], "not finite"),
        ([0], [1], "row of times"),
        ([0, 1], ["a", "b"], "not numbers"),
    ],
)
@pytest.mark.parametrize("figure", [cmax, tmax, auc_last, terminal_slope, summary])
def test_wrong_input(figure, times: list[float], conc: list[float], says: str) -> None:
    """Contract: wrong input is an InputError that says what is wrong."""
    with pytest.raises(InputError, match=says):
        figure(times, conc)


def test_wrong_requests() -> None:
    """Contract: an unknown rule, an empty interval or window, and a dose of nought are refused."""
    times, conc = np.array([0, 1, 2.0]), np.array([2, 1, 0.5])
    for call in (
        lambda: auc_last(times, conc, method="spline"),
        lambda: auc_partial(times, conc, 1.0, 1.0),
        lambda: terminal_slope(times, conc, window_h=(2.0, 1.0)),
        lambda: terminal_slope(times, conc, least_points=1),
        lambda: bioavailability(1.0, 0.0, 1.0, 1.0),
        lambda: from_dose(times, conc, 2.0),
    ):
        with pytest.raises(InputError):
            call()
