"""Kinetics of drugs other than ketamine: closed forms, routes, numbers (DESIGN section 5)."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import numpy as np
import pytest
from other_drug_runs import area, area_inf, given, half_life
from scipy.integrate import solve_ivp
from system_runs import dose, solved

from ketasim.engine.structure import analyse, prune
from ketasim.errors import InputError
from ketasim.parameters import builtin_table
from ketasim.population import individuals
from ketasim.receptors.numbers import scheme_parameters
from ketasim.scenario import load_scenario
from ketasim.scenario.load import parse_scenario
from ketasim.scenario.run import configured
from ketasim.system.bind import whole_system
from ketasim.system.drugs import drugs, find_drug
from ketasim.system.species import species

TABLE = builtin_table()
DRUGS = sorted({q.drug for q in whole_system().quantities.values() if q.drug})


def number(name, drug):
    return TABLE.resolve(name, drug).value


LINEAR = [
    ("memantine", "oral", "20 mg", "1500 h"),
    ("lanicemine", "iv", "150 mg", "300 h"),
    ("phencyclidine", "iv", "1 mg", "500 h"),
    ("phencyclidine", "oral", "1 mg", "500 h"),
    ("naltrexone", "oral", "50 mg", "150 h"),
    ("midazolam", "iv", "5 mg", "60 h"),
    ("midazolam", "oral", "15 mg", "60 h"),
    ("escitalopram", "oral", "10 mg", "500 h"),
    ("bupropion", "oral_pr", "150 mg", "400 h"),
    ("propofol", "iv", "150 mg", "400 h"),
    ("thiopental", "iv", "250 mg", "250 h"),
]


@pytest.mark.parametrize(("drug", "route", "amount", "horizon"), LINEAR, ids=lambda v: v)
def test_clearance_is_the_absorbed_dose_over_the_area(drug, route, amount, horizon):
    """CL = F dose / AUC in ng/mL and L/h: units, molar masses and bioavailability together."""
    t, curves = given(drug, route, amount, horizon=float(horizon.split()[0]))
    absorbed = number("F_drug", drug) if route == "oral" else 1.0
    expected = 1e3 * float(amount.split()[0]) * absorbed / number("CL_drug", drug)
    assert area_inf(t, curves[f"plasma.{drug}"]) == pytest.approx(expected, rel=3e-3)


@pytest.mark.parametrize(
    ("drug", "route", "metabolite", "dose_mg", "horizon"),
    [("naltrexone", "oral", "naltrexol", 50, 250.0), ("bupropion", "oral_pr", "hydroxybupropion", 150, 500.0)],
)
def test_every_mole_becomes_metabolite(drug, route, metabolite, dose_mg, horizon):
    """AUC of the metabolite x its apparent clearance = moles given, first pass included (meyer1984ntx, bupropionlabel)."""
    t, curves = given(drug, route, f"{dose_mg} mg", horizon=horizon)
    cleared = area_inf(t, curves[f"plasma.{metabolite}"]) * number("CL_metabolite", drug) / 1e3
    assert cleared == pytest.approx(dose_mg * number("M_metabolite", drug) / number("M_drug", drug), rel=3e-3)


def test_daily_escitalopram_reaches_the_steady_state_of_its_clearance():
    """At steady state the area over one interval is that of a single dose, F dose / CL (sogaard2005esc)."""
    t, curves = given("escitalopram", "oral", "10 mg", every="24 h", count=30, horizon=720.0)
    expected = 1e4 * number("F_drug", "escitalopram") / number("CL_drug", "escitalopram")
    assert area(t, curves["plasma.escitalopram"], 696.0, 720.0) == pytest.approx(expected, rel=3e-3)


def test_midazolam_by_mouth_is_late_by_the_four_steps_of_its_chain():
    """Mean residence after an oral dose less that after a bolus is 4 / ktr (brill2014mdz), and the areas differ by F."""
    means, areas = [], []
    for route in ("oral", "iv"):
        t, curves = given("midazolam", route, "10 mg", horizon=60.0)
        c = curves["plasma.midazolam"]
        areas.append(area_inf(t, c))
        means.append(area(t, t * c) / area(t, c))
    assert means[0] - means[1] == pytest.approx(4 / number("ka_drug", "midazolam"), rel=0.02)
    assert areas[0] / areas[1] == pytest.approx(number("F_drug", "midazolam"), rel=3e-3)


def test_thiopental_has_the_half_lives_of_its_rate_constants():
    """stanski1990thio prints k10, k12, k21, k13, k31; the slowest eigenvalue of their matrix is the terminal half-life."""
    k12, k21, k13, k31 = 0.48, 0.0787, 0.107, 0.00389
    k10 = 0.00307 / 0.079
    matrix = np.array([[-(k10 + k12 + k13), k21, k31], [k12, -k21, 0], [k13, 0, -k31]]) * 60
    slowest = -np.linalg.eigvals(matrix).real.max()
    t, curves = given("thiopental", "iv", "250 mg", horizon=120.0)
    assert half_life(t, curves["plasma.thiopental"]) == pytest.approx(np.log(2) / slowest, rel=5e-3)


def test_an_effect_site_meets_plasma_at_its_peak_and_holds_the_same_area():
    """dE/dt = ke0 (C - E): E peaks where it equals C, and its area is that of plasma (ke0 of eleveld2018ppf)."""
    t, curves = given("propofol", "iv", "140 mg", horizon=300.0)
    c, e = curves["plasma.propofol"], curves["effect_site.propofol"]
    assert e.max() == pytest.approx(np.interp(t[e.argmax()], t, c), rel=0.01)
    assert area_inf(t, e) == pytest.approx(area_inf(t, c), rel=5e-3)


@pytest.mark.parametrize(("route", "grams"), [("iv", 28.0), ("oral", 35.0), ("oral", 90.0)])
def test_ethanol_follows_an_independent_integration(route, grams):
    """Michaelis-Menten and renal elimination from two compartments, in mg and L by scipy (norberg2000eth)."""
    p = {n: number(f"{n}_drug", "ethanol") for n in ("Vmax", "Km", "CL_renal", "V1", "V2", "Q2", "ka", "F")}
    oral = route == "oral"

    def rates(_, y):
        gut, one, two = y
        c, across = one / p["V1"], p["Q2"] * (one / p["V1"] - two / p["V2"])
        lost = 60 * p["Vmax"] * c / (p["Km"] + c) + 0.06 * p["CL_renal"] * c
        return [-p["ka"] * gut, p["F"] * p["ka"] * gut - lost - across, across]

    times = np.linspace(0.1, 30.0, 150)
    start = [1e3 * grams * oral, 1e3 * grams * (not oral), 0.0]
    exact = solve_ivp(rates, (0, 30), start, method="LSODA", t_eval=times, rtol=1e-10, atol=1e-8).y[1] / p["V1"]
    out, _ = solved([dose(f"{grams} g", route, "ethanol")], times, count=1, spread=False, outputs=("plasma.ethanol",))
    assert np.abs(out[:, 0, 0] - exact).max() < 1e-5 * exact.max()


def test_a_dose_per_kg_of_thiopental_gives_everyone_the_same_level():
    """Its source prints all volumes and flows per kg, so that weight cancels (stanski1990thio)."""
    out, people = solved(
        [dose("4 mg/kg", "iv", "thiopental")], [0.1, 1.0, 8.0], count=6, outputs=("plasma.thiopental",)
    )
    assert np.ptp(people.values["weight"]) > 0
    assert np.allclose(out[:, 0, :], out[:, 0, :1], rtol=1e-6)


def test_brain_memantine_is_its_share_in_cerebrospinal_fluid():
    """memantinesmpc: 0.52 of the level in plasma, here in umol/L."""
    _, curves = given("memantine", "oral", "20 mg", horizon=100.0)
    plasma = curves["plasma.memantine"] / number("M_drug", "memantine")
    assert np.allclose(curves["brain.memantine"], number("csf_drug", "memantine") * plasma, rtol=1e-9)


def test_different_drugs_are_drawn_apart_and_enantiomers_together():
    people = individuals(TABLE, 3, 1, 4000)
    log = {n: np.log(people.values[n]) for n in ("CL_drug.midazolam", "CL_drug.memantine", "CL.s", "CL.r")}
    apart = np.corrcoef(log["CL_drug.midazolam"], log["CL_drug.memantine"])[0, 1]
    assert abs(apart) < 0.05
    assert np.corrcoef(log["CL.s"], log["CL.r"])[0, 1] > 0.99


# What a run of ketamine must not notice


def test_the_landmark_program_holds_no_state_of_a_drug_that_nobody_is_given():
    """Pruning: states of other drugs are neither asked for by default nor solved."""
    quantities = configured("landmark").quantities
    assert not [n for n in quantities if whole_system().quantities[n].drug]
    system = prune(whole_system().flat, quantities, ("s.R_iv", "r.R_iv"))
    instances = {s.partition(".")[0] for s in system.states}
    assert {"s", "r", "mood"} <= instances
    assert not [i for i in instances if whole_system().variants[i] in DRUGS]
    assert not [p for p in system.params if p.partition(".")[2] in DRUGS]


def test_only_ethanol_and_nothing_else_of_the_other_drugs_needs_steps():
    """Structure analysis: Michaelis-Menten leaves a cascade of two states, all else is solved exactly."""
    flat = whole_system().flat
    found = analyse(prune(flat, [n for n, q in whole_system().quantities.items() if q.drug], flat.inputs))
    assert {found.flat.states[i] for i in found.rest} == {"ethanol.K1", "ethanol.K2"}


def scenario(drug, route, amount="1 mg", **more):
    entry = {"drug": drug, "route": route, "amount": amount, **more}
    return {"horizon": "10 h", "arm": [{"name": "a", "dose": [entry]}, {"name": "b"}]}


def test_all_quantities_are_those_of_the_drugs_that_are_given():
    names = configured(parse_scenario(scenario("active_placebo", "iv"))).quantities
    assert {n for n in names if whole_system().quantities[n].drug} == {"plasma.midazolam", "effect_site.midazolam"}
    assert "madrs" in names
    assert set(configured(load_scenario("landmark")).quantities) < set(names)


@pytest.mark.parametrize("drug", DRUGS)
def test_a_route_without_evidence_is_refused_and_the_others_are_named(drug):
    known = find_drug(drug).routes
    assert known
    with pytest.raises(InputError) as caught:
        parse_scenario(scenario(drug, "intranasal"))
    assert "no evidence" in str(caught.value)
    assert all(r in str(caught.value) for r in known)
    assert "\n" not in str(caught.value)
    for route in known:
        assert parse_scenario(scenario(drug, route)).arms[0].doses[0].route == route


@pytest.mark.parametrize("drug", DRUGS)
def test_another_drug_says_what_it_does_in_the_model(drug):
    note = drugs()[drug].note
    if drug in ("memantine", "lanicemine", "phencyclidine"):
        assert "acts on the NMDA receptor pools" in note
    elif drug == "naltrexone":
        assert "blocks mu-opioid receptors" in note
    elif drug == "rapamycin":
        assert "blocks mTOR in the brain" in note
    elif drug == "remifentanil":
        assert "mu-opioid tone of the circuit is not in the model" in note
    elif drug in ("midazolam", "propofol", "thiopental"):
        assert "GABA-A potentiation" in note
    else:
        assert "effects on circuits and mood are not in the model" in note


# Numbers


def test_every_variant_of_a_number_is_used_by_an_instance():
    """A misspelt drug in the table would otherwise be read as a variant and never be used."""
    used = {p for s in species() for names in whole_system(s).parameters.values() for p in names} | scheme_parameters()
    trial = tomllib.loads(files("ketasim.parameters").joinpath("data", "trial.toml").read_text("utf-8"))
    assert {p.name for p in TABLE if p.drawn_as != p.base and p.base not in trial} <= used


def test_every_variant_of_a_number_of_trials_is_a_word_of_their_files():
    """A misspelt setting or diagnosis in the table would never be used."""
    from ketasim.trial.settings import settings

    known = {word for words in settings()["words"].values() for word in words}
    trial = tomllib.loads(files("ketasim.parameters").joinpath("data", "trial.toml").read_text("utf-8"))
    others = {"all", "title", "unit", "scale", "minimal", "partial", "large", "inpatient", "psychotic"}
    people = {
        "patient",
        "volunteer",
        "first_episode",
        "drug",
        "control",
        "met",
        "severity_age",
        "age_failed",
        "severity_failed",
    }
    assert {v for group in trial.values() for v in group} <= known | others | people


@pytest.mark.parametrize(
    "p", [p for p in TABLE if p.base.startswith("M_") and p.place.startswith("C")], ids=lambda p: p.name
)
def test_a_molar_mass_is_that_of_its_formula(p):
    """Standard atomic weights (IUPAC 2021, abridged)."""
    weights = {"C": 12.011, "H": 1.008, "N": 14.007, "O": 15.999, "Cl": 35.45, "F": 18.998, "S": 32.06}
    parts = re.findall(r"(Cl|[CHNOFS])(\d*)", p.place)
    assert p.value == pytest.approx(sum(weights[e] * int(n or 1) for e, n in parts), abs=0.011)


def test_the_system_file_names_a_drug_for_every_quantity_of_the_layer():
    table = tomllib.loads(files("ketasim.system").joinpath("data", "other_drugs.toml").read_text("utf-8"))
    for name, entry in table["quantity"].items():
        assert entry["layer"] == "other_drugs", name
        assert find_drug(entry["drug"]).name == entry["drug"]
