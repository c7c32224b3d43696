"""Designs of other drugs and of animals: their language, closed forms through the predictor, and fold errors against papers."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.evidence import observation
from ketasim.parameters import builtin_table
from ketasim.qualify.evaluate import evaluate
from ketasim.qualify.figure import parse_figure
from ketasim.qualify.observed import observed, unit_of
from ketasim.qualify.predict import Predictor
from ketasim.qualify.spec import StudyArm, Target, design, parse_design
from ketasim.system.bind import whole_system

TABLE = builtin_table()
TYPICAL = {"weight": np.array([70.0])}
OTHERS = {q.drug for q in whole_system().quantities.values() if q.drug}


def number(base, variant):
    return TABLE.resolve(base, variant).value


def predicted(arm, words, *others):
    """Return figures of an arm of a design written here, for the typical person or animal."""
    made = parse_design({"arm": [arm, *others]}).arms
    first = next(iter(made.values()))
    figures = [parse_figure(w) for w in words]
    arms = [StudyArm(**{**vars(a), "targets": tuple(Target(f) for f in figures)}) for a in made.values()]
    model = Predictor(arms, TABLE)
    courses = model.courses(TYPICAL)
    reference = next((a for a in arms if a.id == first.reference), None)
    return [float(evaluate(f, arms[0], reference, courses, model)[0]) for f in figures]


def arm(drug, route, amount, horizon, **more):
    dose = {"drug": drug, "route": route, "amount": amount} | more.pop("dose", {})
    return {"id": f"{drug} {route}", "study": "simons2022", "dose": [dose], "horizon": horizon, **more}


# The language


@pytest.mark.parametrize("name", ["exposure", "other_drugs", "animals"])
def test_a_shipped_design_loads_and_points_at_rows_that_may_be_used(name):
    """DESIGN section 6: a figure marked not for use is compared with nothing."""
    arms = design(name).arms.values()
    rows = [t.row for a in arms for t in a.targets if t.row]
    assert rows
    assert all(observation(row).use for row in rows if name != "exposure")
    assert len(design(name).arms) == len(arms)


def test_the_designs_cover_every_other_drug_and_both_animals():
    # Remifentanil and rapamycin have no read concentration in the register; tables of safety and plasticity hold their effects.
    assert {a.drug for a in design("other_drugs").arms.values()} == OTHERS - {"remifentanil", "rapamycin"}
    assert {a.species for a in design("animals").arms.values()} == {"mouse", "rat"}


def test_two_quantities_name_a_pure_ratio():
    """can2016, cohen1973: brain over plasma, of peaks or at a time."""
    figure = parse_figure("conc tissue.ketamine/plasma.ketamine 10 min")
    assert figure.quantities == ("tissue.ketamine", "plasma.ketamine")
    assert (figure.kind, unit_of(figure)) == ("conc ratio", "")
    assert parse_figure("auc_ratio plasma.a/plasma.b").kind == "auc_ratio"


@pytest.mark.parametrize("text", ["thalf plasma.ketamine/plasma.hnk", "auc_ratio plasma.ketamine", "tmax a/b"])
def test_a_figure_of_the_wrong_number_of_quantities_is_refused(text):
    with pytest.raises(InputError):
        parse_figure(text)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"species": "dog"}, "species"), ({"horizon": "soon"}, "horizon"), ({"hrizon": "4 h"}, "hrizon")],
)
def test_a_bad_key_of_an_arm_is_refused_with_its_name(change, word):
    with pytest.raises(InputError, match=word):
        parse_design({"arm": [arm("ketamine", "ip", "10 mg/kg", "4 h") | change]})


def test_a_dose_that_a_species_has_no_way_in_for_is_refused():
    with pytest.raises(InputError, match="no kinetics in a mouse"):
        Predictor(
            list(parse_design({"arm": [arm("midazolam", "iv", "1 mg", "4 h", species="mouse")]}).arms.values()), TABLE
        )


def test_a_printed_lower_bound_is_a_range_without_end():
    """pk-0820 (akhtar2008bup): "more than 10"; pk-0361 (f344im2019): above 100 ng/mL."""
    made = design("other_drugs").arms["bupropion_twice_daily"]
    target = next(t for t in made.targets if t.row == "pk-0820")
    seen = observed(made, target, TABLE)
    assert (math.exp(seen.low), seen.high, math.exp(seen.value)) == (pytest.approx(10), math.inf, pytest.approx(10))
    assert seen.ranged


def test_reported_units_per_kg_in_grams_of_brain_and_molar_become_the_figures_own():
    """pk-0743 mL/min/kg of 70 kg; pk-0283 30 ug/mL per g of brain; pk-0320 7.57 umol/L of hydroxynorketamine (239.70 g/mol)."""
    cases = [
        ("other_drugs", "midazolam_sc_study_iv", "pk-0743", 18.48),
        ("animals", "moaddel2015rat_iv", "pk-0283", 30000),
    ]
    cases += [
        ("animals", "lumsden2019hnk_ip", "pk-0320", 7.57 * 239.70),
        ("other_drugs", "ethanol_men", "pk-0925", 841e3),
    ]
    for name, arm_id, row, value in cases:
        made = design(name).arms[arm_id]
        target = next(t for t in made.targets if t.row == row)
        assert math.exp(observed(made, target, TABLE).value) == pytest.approx(value, rel=1e-9)


# Closed forms


def test_a_bolus_has_the_figures_of_its_closed_form():
    """One compartment: C0 = dose/V, CL = dose/AUC, Vss = V, half-life ln 2 V/CL; the level before the bolus is not its area."""
    words = [
        "cmax plasma.phencyclidine",
        "cl plasma.phencyclidine",
        "vss plasma.phencyclidine",
        "thalf plasma.phencyclidine 100-240 h",
    ]
    cmax, cl, vss, half = predicted(arm("phencyclidine", "iv", "1 mg", "240 h"), words)
    v, k = number("V1_drug", "phencyclidine"), number("CL_drug", "phencyclidine") / number("V1_drug", "phencyclidine")
    assert cmax == pytest.approx(1e3 / v, rel=1e-4)
    assert cl == pytest.approx(k * v, rel=2e-3)
    assert vss == pytest.approx(v, rel=2e-2)  # the moment is by mid-points: high by 1.3 % on this grid
    assert half == pytest.approx(math.log(2) / k, rel=1e-3)


@pytest.mark.parametrize(("drug", "horizon"), [("propofol", "480 h"), ("thiopental", "120 h"), ("lanicemine", "240 h")])
def test_the_area_after_a_bolus_gives_the_clearance_however_fast_it_distributes(drug, horizon):
    (cl,) = predicted(arm(drug, "iv", "100 mg", horizon), [f"cl plasma.{drug}"])
    assert cl == pytest.approx(number("CL_drug", drug), rel=1e-2)


def test_each_of_several_doses_has_its_own_grid():
    """At steady state the area of one interval is dose over clearance (apparent): the grid begins anew at every dose."""
    given = arm("bupropion", "oral_pr", "300 mg", "336 h", dose={"every": "24 h", "count": 14})
    area, ratio = predicted(
        given, ["auc plasma.bupropion 312-336 h", "auc_ratio plasma.hydroxybupropion/plasma.bupropion 312-336 h"]
    )
    assert area == pytest.approx(300e3 / number("CL_drug", "bupropion"), rel=1e-2)
    masses = number("M_metabolite", "bupropion") / number("M_drug", "bupropion")
    assert ratio == pytest.approx(
        masses * number("CL_drug", "bupropion") / number("CL_metabolite", "bupropion"), rel=2e-2
    )


def test_a_share_absorbed_is_against_the_reference_arm_by_dose():
    """cook1982pcp: 0.72 by mouth; the reference has another dose, in another unit."""
    iv = arm("phencyclidine", "iv", "0.001 g", "240 h")
    oral = arm("phencyclidine", "oral", "3 mg", "240 h", reference="phencyclidine iv")
    (share,) = predicted(oral, ["f plasma.phencyclidine"], iv)
    assert share == pytest.approx(number("F_drug", "phencyclidine"), rel=2e-3)


def test_figures_of_levels_in_other_units_agree_with_each_other():
    """Brain levels are molar, ethanol is in mg/L: an area over another, or over a reference arm, is in the same unit as both."""
    words = ["auc_ratio brain.r_ketamine/plasma.r_ketamine", "auc_inf brain.r_ketamine", "auc_inf plasma.r_ketamine"]
    ratio, brain, plasma = predicted(arm("arketamine", "ip", "10 mg/kg", "4 h", species="mouse"), words)
    assert ratio == pytest.approx(brain / plasma, rel=1e-12)
    low = arm("ethanol", "iv", "1 g", "48 h", dose={"duration": "1 h"})
    (share,) = predicted(arm("ethanol", "oral", "1 g", "48 h", reference="ethanol iv"), ["f plasma.ethanol"], low)
    assert 0.9 < share < 1.1


def test_weight_of_an_arm_reaches_what_is_printed_per_kg():
    """stanski1990thio: clearance per kg; at 90 kg it is 90/70ths, the half-life as it was."""
    words = ["cl plasma.thiopental", "thalf plasma.thiopental 108-120 h"]
    reference = TABLE.resolve("weight_reference").value
    heavy, plain = (predicted(arm("thiopental", "iv", "250 mg", "120 h", weight=w), words) for w in (90, reference))
    assert heavy[0] / plain[0] == pytest.approx(90 / reference, rel=1e-4)
    assert heavy[1] == pytest.approx(plain[1], rel=1e-6)


def test_an_arm_may_hold_parameters_of_its_own_and_a_species():
    """yamaguchi2018: a tenth of the intrinsic clearance; brain levels of mice are read in ng/mL."""
    words = ["auc_inf plasma.r_ketamine", "cmax brain.r_ketamine"]
    given = arm("arketamine", "ip", "10 mg/kg", "4 h", species="mouse")
    plain = predicted(given, words)
    inhibited = predicted(given | {"parameters": {"CLint_factor_animal": 0.1}}, words)
    assert inhibited[0] / plain[0] == pytest.approx(10, rel=0.01)
    levels = predicted(given, ["cmax brain.r_ketamine/plasma.r_ketamine"])[0]
    assert levels == pytest.approx(TABLE.resolve("fu_animal", "mouse").value, rel=1e-2)


# Against the papers

# Rows that the model misses by more than a factor of two, each with the reason that is known.
MISSED = {
    "pk-0704": "naltrexone: a later half-life of 8.9 h after oral doses; the label and meyer1984ntx print 4 h",
    "pk-0768": "escitalopram: CL/F 19 L/h, two thirds with liver impairment; the intravenous 31 L/h over F is 39",
    "pk-0775": "escitalopram: CL/F 16 L/h in Chinese inpatients",
    "pk-0817": "hydroxybupropion peaks at 6 h: first-pass formation is not in the model",
    "pk-0879": "propofol: the auditory index peaks earlier than the arterial effect site of eleveld2018ppf",
    "pk-0893": "thiopental: 5.1 h; the slow phase of stanski1990thio lasts 13 h",
    "pk-0896": "thiopental: as pk-0893",
    "pk-0925": "ethanol in men: drunk at once and wholly absorbed here",
    "pk-0359": "norketamine of rats after a bolus, a quarter of that after slow input: no linear model gives it",
}


@cache
def folds(name):
    """Return the fold error of every row of a design, 1 inside a printed range."""
    made = design(name).arms
    figures = Predictor(list(made.values()), TABLE).figures(TYPICAL)
    found = {}
    for a in made.values():
        for target, value in zip(a.targets, figures[a.id], strict=True):
            seen, log = observed(a, target, TABLE), math.log(float(value[0]))
            found[target.row] = math.exp(abs(log - min(max(log, seen.low), seen.high)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "worst"), [("other_drugs", 4.0), ("animals", 4.1)])
def test_the_model_stays_within_twofold_of_the_papers_but_for_named_rows(name, worst):
    """docs/other_drugs.md, docs/animals.md: every usable figure; a row that is newly missed, or met, changes the list."""
    found = folds(name)
    assert {row for row, fold in found.items() if fold > 2} == {row for row in MISSED if row in found}
    assert max(found.values()) < worst


@pytest.mark.slow
def test_the_held_out_figures_of_other_drugs_have_the_documented_error():
    """docs/other_drugs.md: 36 held-out rows, geometric mean fold error 1.50, 28 within twofold."""
    held = [fold for row, fold in folds("other_drugs").items() if observation(row).role == "validate"]
    assert (len(held), sum(fold <= 2 for fold in held)) == (36, 28)
    assert math.exp(np.mean(np.log(held))) == pytest.approx(1.50, abs=0.02)
