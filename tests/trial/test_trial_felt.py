"""Issue 6: people who got no drug write down a few points of dissociation."""

from __future__ import annotations

import numpy as np
import pytest
from trial_pools import by_hand, data, made, of_size, value

from ketasim.evidence import observation
from ketasim.studies import load_study
from ketasim.trial.acute import background
from ketasim.trial.scales import scale
from ketasim.trial.virtual import prepared, virtual_trials

CADSS = scale("cadss")


def test_a_background_has_the_mean_and_spread_given_and_a_long_tail():
    """Closed form: mean, and variance mean + mean^2/shape; most rate nothing or little; rising in what is behind it."""
    z = np.random.default_rng(3).standard_normal(400_000)
    found = background(CADSS, 3.55, 0.57, z)
    assert found.mean() == pytest.approx(3.55, rel=0.01)
    assert found.std() == pytest.approx(np.sqrt(3.55 + 3.55**2 / 0.57), rel=0.01)
    assert np.median(found) <= 2
    assert found.min() == CADSS.low
    assert found.max() <= CADSS.high
    np.testing.assert_array_equal(found, np.round(found))
    assert (np.diff(background(CADSS, 3.55, 0.57, np.linspace(-9, 9, 200))) >= 0).all()
    assert background(CADSS, 3.55, 0.57, np.array([40.0])) == CADSS.high


def test_volunteers_rate_after_saline_as_they_did():
    """goldway2025pain: mean 3.55 (SD 5.06) of 33 after saline, 3.69 (SD 5.85) of 26 at the end."""
    design = load_study("goldway2025pain")
    found = virtual_trials(design, replicates=200, pool=by_hand(design), seed=1).figures
    for at, row in (("after the bolus", "0422"), ("end of the infusion", "0424")):
        seen = observation(f"clinical-{row}")
        assert (seen.role, seen.verified) == ("calibrate", "read")
        assert abs(found[f"CADSS, saline, {at}"].mean() - seen.value) < 0.2


def test_one_in_ten_patients_is_above_four_after_placebo():
    """jnjmedinfo2024cadss: 5 to 16 % across trials."""
    design = load_study("jnjmedinfo2024cadss")
    row = observation("clinical-0594")
    found = virtual_trials(design, replicates=40, pool=by_hand(design), seed=1).figures
    assert row.low < 1 - found["CADSS of at most 4, placebo"].mean() < row.high


def felt(n=400, cadss=0.0):
    ends = [{"name": t, "measure": "level", "scale": "cadss", "arm": "drug", "at": t} for t in ("30 min", "24 h")]
    design = made(endpoints=ends, arm=of_size(n, n), population=data()["population"])
    pool = by_hand(design, cadss={"drug": cadss})
    return prepared(design, seed=1, pool=pool).trials.block(0, 40)


def test_a_persons_background_stays_theirs():
    found = felt().scores["drug"]["cadss"]
    assert found.mean() == pytest.approx(value("cadss_background.patient"), abs=0.1)
    assert 0.3 < np.corrcoef(found[..., 1].ravel(), found[..., 2].ravel())[0, 1] < value("background_persistence") + 0.1


def test_who_feels_the_drug_rates_the_drug_and_guesses_by_it_alone():
    """The background is in what is written down: it adds nothing to a strong effect, and nothing to the peak behind the guess."""
    block = felt(cadss=40.0)
    np.testing.assert_allclose(block.peak["drug"], 40)
    rated = block.scores["drug"]["cadss"][..., 1]
    assert rated.mean() == pytest.approx(np.round(40 * np.exp(-0.5)), abs=0.1)
    np.testing.assert_array_equal(felt().peak["drug"], 0)
