"""The kinetics of the whole system: mass balance, proportionality, superposition, routes (issue 2)."""

from __future__ import annotations

import numpy as np
import pytest
from system_runs import KETAMINE_G_PER_MOL, KINETICS, dose, solved

from ketasim.parameters import builtin_table
from ketasim.system.species import ways_in

TIMES = np.array([0.0, 0.1, 0.5, 1.0, 4.0, 12.0, 24.0, 96.0])
# Those of people; a mouse has others (tests/scenario/test_scenario_animals.py).
ROUTES = sorted(ways_in(dose(), builtin_table(), "human"))
DRUGS = {"ketamine": (0.5, 0.5), "esketamine": (1.0, 0.0), "arketamine": (0.0, 1.0)}


@pytest.mark.parametrize("drug", list(DRUGS))
@pytest.mark.parametrize("route", ROUTES)
def test_the_moles_of_each_enantiomer_are_kept(route, drug):
    """All that is present and lost equals what was given, by every route, for every person."""
    more = {"duration": "40 min"} if route == "iv" else {}
    outputs, people = solved([dose(route=route, drug=drug, **more)], TIMES)
    given = 0.5 * people.values["weight"] / 1e6 / KETAMINE_G_PER_MOL * 1000
    for k, share in enumerate(DRUGS[drug]):
        moles = outputs[:, k]
        late = moles[TIMES >= 12]
        assert np.all(np.abs(late - share * given) <= 1e-9 * given), (route, drug)
        assert np.all(np.diff(moles, axis=0) >= -1e-9 * given)
        if route == "iv":
            part = np.minimum(TIMES / (2 / 3), 1.0)[:, None]
            assert np.all(np.abs(moles - share * given * part) <= 1e-9 * given)


def test_the_moles_of_split_nasal_devices_are_kept():
    """84 mg esketamine are three devices: the first on the first recipe, the others on the later one."""
    outputs, _ = solved([dose("84 mg", "intranasal", "esketamine")], TIMES)
    given = 84 / KETAMINE_G_PER_MOL * 1000
    assert np.allclose(outputs[-2:, 0], given, rtol=1e-9)
    assert np.all(outputs[:, 1] == 0)


@pytest.mark.parametrize("route", ROUTES)
def test_every_concentration_is_proportional_to_the_dose(route):
    one, _ = solved([dose("0.25 mg/kg", route)], TIMES)
    two, _ = solved([dose("1 mg/kg", route)], TIMES)
    assert np.allclose(two[1:], 4 * one[1:], rtol=1e-11, atol=1e-13 * np.abs(two).max())


def test_doses_add_up():
    """Superposition: an infusion and a later bolus together equal their sum apart."""
    infusion, bolus = dose("0.5 mg/kg", duration="40 min"), dose("20 mg", start="1 h", drug="esketamine")
    both, one, two = (solved(d, TIMES)[0] for d in ([infusion, bolus], [infusion], [bolus]))
    assert np.allclose(both, one + two, rtol=1e-9, atol=1e-12 * np.abs(both).max())


def test_a_repeated_dose_is_the_sum_of_shifted_ones():
    times = np.array([1.0, 23.9, 24.5, 47.0, 49.0, 72.0])
    course, _ = solved([dose(duration="40 min", every="24 h", count=3)], times)
    single = [solved([dose(duration="40 min", start=f"{24 * k} h")], times)[0] for k in range(3)]
    assert np.allclose(course, sum(single), rtol=1e-9, atol=1e-12 * np.abs(course).max())


def test_a_racemate_is_half_of_each_enantiomer():
    outputs, _ = solved([dose(duration="40 min")], TIMES)
    halves = [solved([dose("0.25 mg/kg", duration="40 min", drug=d)], TIMES)[0] for d in ("esketamine", "arketamine")]
    assert np.allclose(outputs, halves[0] + halves[1], rtol=1e-9, atol=1e-12 * np.abs(outputs).max())


def test_milligrams_and_micromoles_name_the_same_dose():
    by_mass, _ = solved([dose("50 mg", duration="40 min")], TIMES)
    by_moles, _ = solved([dose(f"{50 / KETAMINE_G_PER_MOL * 1000!r} umol", duration="40 min")], TIMES)
    assert np.allclose(by_mass, by_moles, rtol=1e-12)


def test_a_dose_per_kg_scales_with_the_persons_weight():
    per_kg, people = solved([dose("0.5 mg/kg", duration="40 min")], TIMES)
    flat, _ = solved([dose("35 mg", duration="40 min")], TIMES)
    assert np.allclose(per_kg, flat * people.values["weight"] / 70e6, rtol=1e-11, atol=1e-12 * np.abs(flat).max())


@pytest.mark.parametrize("amount", ["56 mg", "84 mg"])
def test_later_nasal_devices_are_absorbed_less(amount):
    """perezruixo2021: each device after the first passes less of its dose through the nose; 28 mg are one device.

    Exposure (AUC) is linear in the parts, so n devices give AUC(first) + (n - 1) AUC(later).
    """
    typical = {"spread": False, "count": 1}
    times = np.linspace(0, 96, 1153)  # five-minute steps: devices follow each other by five minutes

    def auc(doses, **parameters):
        outputs, _ = solved(doses, times, parameters=parameters, **typical)
        return np.trapezoid(outputs[:, KINETICS.index("arterial.ketamine"), 0], times)

    first = auc([dose("28 mg", "intranasal", "esketamine")])
    later = auc(
        [dose("28 mg", "intranasal", "esketamine")], F_nose=typical_number("F_nose.s") * typical_number("F_nose_later")
    )
    devices = int(amount.split()[0]) // 28
    found = auc([dose(amount, "intranasal", "esketamine")])
    assert found == pytest.approx(first + (devices - 1) * later, rel=1e-3)
    assert found < devices * first * 0.97


def test_bioavailability_follows_the_typical_parameters():
    """AUC by route over AUC intravenous: oral F_gut F_hepatic; nasal F_nose + (1 - F_nose) swallowed share x that."""
    times = np.unique(np.concatenate([np.linspace(0, 12, 2000), np.linspace(12, 96, 400)]))

    def auc(route, drug):
        outputs, _ = solved([dose("50 mg", route, drug, devices=1)], times, spread=False, count=1)
        return np.trapezoid(outputs[:, KINETICS.index("arterial.ketamine"), 0], times)

    gut = typical_number("F_gut")
    for drug, hepatic in (("esketamine", typical_number("F_hepatic.s")), ("arketamine", typical_number("F_hepatic.r"))):
        intravenous = auc_iv(drug, times)
        assert auc("oral", drug) / intravenous == pytest.approx(gut * hepatic, rel=2e-3)
    nasal, _ = solved([dose("28 mg", "intranasal", "esketamine")], times, spread=False, count=1)
    nose = typical_number("F_nose.s")
    area = np.trapezoid(nasal[:, KINETICS.index("arterial.ketamine"), 0], times) / 28 * 50
    assert area / auc_iv("esketamine", times) == pytest.approx(
        nose + (1 - nose) * typical_number("F_nose_swallowed") * gut * typical_number("F_hepatic.s"), rel=2e-3
    )


def typical_number(name):
    base, _, variant = name.partition(".")
    return builtin_table().resolve(base, variant).value


def auc_iv(drug, times):
    outputs, _ = solved([dose("50 mg", "iv", drug, duration="40 min")], times, spread=False, count=1)
    return np.trapezoid(outputs[:, KINETICS.index("arterial.ketamine"), 0], times)


def test_clearance_is_dose_over_area():
    """AUC = dose/CL for S-ketamine, typical person."""
    times = np.unique(np.concatenate([np.linspace(0, 12, 2000), np.linspace(12, 200, 800)]))
    assert auc_iv("esketamine", times) == pytest.approx(50e3 / (60 * typical_number("CL.s")), rel=1e-3)


@pytest.mark.parametrize("factor", [0.3, 2.5])
def test_intrinsic_clearance_acts_through_the_well_stirred_liver(factor):
    """CL = Q CLint/(Q + CLint), with Q and CLint of the typical person from CL and F_hepatic."""
    clearance, escapes = 60 * typical_number("CL.s"), typical_number("F_hepatic.s")
    flow = clearance / (1 - escapes)
    intrinsic = factor * clearance / escapes
    expected = flow * intrinsic / (flow + intrinsic)
    times = np.unique(np.concatenate([np.linspace(0, 12, 2000), np.linspace(12, 400, 1600)]))
    outputs, _ = solved(
        [dose("50 mg", "iv", "esketamine", duration="40 min")], times, spread=False, count=1,
        parameters={"CLint_factor": factor},
    )  # fmt: skip
    area = np.trapezoid(outputs[:, KINETICS.index("arterial.ketamine"), 0], times)
    assert 50e3 / area == pytest.approx(expected, rel=1e-3)
