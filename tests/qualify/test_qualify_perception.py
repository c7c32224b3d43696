"""Dissociation: two rivals on one evidence; what moves each and what must not (mechanism.md section 4)."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.evidence import observation
from ketasim.parameters import builtin_table
from ketasim.qualify.perception.arms import at, design, figure, simulated
from ketasim.qualify.perception.fit import Fit, targets
from ketasim.qualify.perception.table import LEVEL, RIVALS, compared, markdown
from ketasim.scenario import parse_scenario
from ketasim.scenario.run import run

KETAMINE = {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}
SHOWN = (
    *RIVALS,
    "cadss.amnesia",
    "cadss.depersonalisation",
    "cadss.derealisation",
    "liking",
    "analgesia",
    "gaba",
    "sbp",
)
SEDATIVES = {"midazolam": "3 mg", "propofol": "40 mg", "thiopental": "100 mg"}


@pytest.fixture(scope="module")
def arms():
    listed = [{"name": "ketamine", "dose": [KETAMINE]}]
    for drug, amount in SEDATIVES.items():
        dose = {"drug": drug, "route": "iv", "amount": amount, "start": "30 min"}
        listed += [{"name": drug, "dose": [KETAMINE, dose]}, {"name": f"{drug} alone", "dose": [dose]}]
    listed += [{"name": "arketamine", "dose": [{**KETAMINE, "drug": "arketamine"}]}]
    for name, value in {"benzodiazepine": 0.3, "release_block": 0.5, "opioid_block": 0.95}.items():
        listed += [{"name": name, "dose": [KETAMINE], "parameters": {name: value}}]
    listed += [{"name": f"circuit {w}", "dose": [KETAMINE], "hypotheses": {"dissociation_circuit": w}} for w in (0, 1)]
    return run(
        parse_scenario(
            {
                "title": "perception",
                "horizon": "6 h",
                "arm": listed,
                "population": {"size": 3, "seed": 1},
                "output": {"quantities": list(SHOWN), "times": ["0 h", "20 min", "40 min", "60 min", "6 h"]},
            }
        )
    )


def peak(result, arm, quantity):
    return result.values[quantity][result.arms.index(arm)].max(axis=1)


def test_both_rivals_are_always_computed_and_weighed(arms):
    a, b, both = (arms.values[q][0] for q in RIVALS)
    assert np.allclose(both, (a + b) / 2, rtol=1e-9)
    for w, rival in ((0, RIVALS[0]), (1, RIVALS[1])):
        at_w = arms.arms.index(f"circuit {w}")
        assert np.allclose(arms.values["cadss"][at_w], arms.values[rival][at_w], rtol=1e-12)


def test_subscales_add_up(arms):
    parts = sum(arms.values[f"cadss.{part}"] for part in ("amnesia", "depersonalisation", "derealisation"))
    assert np.allclose(parts, arms.values["cadss"], rtol=1e-12)


@pytest.mark.parametrize("drug", SEDATIVES)
def test_a_dose_of_a_sedative_lowers_the_circuits_dissociation_alone(arms, drug):
    """Mechanism.md section 4: dissociation passes through GABA-sensitive disinhibition, analgesia does not."""
    k, with_it, alone = (arms.arms.index(n) for n in ("ketamine", drug, f"{drug} alone"))
    assert (arms.values["gaba"][with_it, :, 2] > 0.05).all()
    assert (arms.values["gaba"][k] == 0).all()
    assert (arms.values["cadss_circuit"][with_it, :, 2] < arms.values["cadss_circuit"][k, :, 2]).all()
    for untouched in ("cadss_effect_site", "analgesia", "liking", "sbp"):
        assert np.allclose(arms.values[untouched][with_it], arms.values[untouched][k], rtol=1e-6, atol=1e-9)
    assert np.abs(arms.values["cadss"][alone]).max() < 1e-9


def test_the_switch_stands_for_a_dose_that_is_not_there(arms):
    assert np.allclose(arms.values["gaba"][arms.arms.index("benzodiazepine")], 0.3)
    assert (peak(arms, "benzodiazepine", "cadss_circuit") < peak(arms, "ketamine", "cadss_circuit")).all()


def test_r_ketamine_contributes_nothing_at_the_effect_site(arms):
    """olofsen2022connect, mechanism-0074; the circuit rival gives it something, which the table says."""
    for q in ("cadss_effect_site", "liking", "analgesia"):
        assert (peak(arms, "arketamine", q) == 0).all()
    assert (peak(arms, "arketamine", "cadss_circuit") > 0).all()


def test_less_glutamate_release_lowers_dissociation_through_the_circuit_alone(arms):
    """anand2000 (mechanism-0466): lamotrigine."""
    assert (peak(arms, "release_block", "cadss_circuit") < peak(arms, "ketamine", "cadss_circuit")).all()
    assert np.allclose(peak(arms, "release_block", RIVALS[0]), peak(arms, "ketamine", RIVALS[0]), rtol=1e-6)


def test_an_opioid_antagonist_leaves_dissociation_and_lowers_liking_and_analgesia(arms):
    """williams2018naltrexone (mechanism-0135); hnkpain2022 (mechanism-0090): partial."""
    for q in RIVALS:
        assert np.allclose(peak(arms, "opioid_block", q), peak(arms, "ketamine", q), rtol=1e-6)
    for q in ("liking", "analgesia"):
        ratio = peak(arms, "opioid_block", q) / peak(arms, "ketamine", q)
        assert ((ratio > 0.2) & (ratio < 0.9)).all()


def test_perception_is_over_when_the_drug_is(arms):
    for q in (*RIVALS, "liking"):
        assert (arms.values[q][0][:, 0] < 1e-9).all()  # a ratio of two equal maps is 1 to rounding
        assert (arms.values[q][0][:, -1] < 0.1 * peak(arms, "ketamine", q)).all()


def test_only_calibrate_rows_that_were_read_are_fitted():
    fitted = [observation(e["row"]) for e in design()["compare"] if e.get("fit")]
    assert len(targets()) == len(fitted)
    assert {(o.role, o.verified, o.use) for o in fitted} == {("calibrate", "read", True)}


@pytest.mark.slow
def test_the_shipped_sizes_are_what_the_fit_gives():
    """A change of kinetics or circuit moves them: run `python -m ketasim.qualify.perception.fit` and write them anew."""
    sizes, errors, misfit = Fit().solve()
    table = builtin_table()
    for name, value in sizes.items():
        p = table.resolve(name.removesuffix("_sd"))
        shipped = p.value if name in table else p.spread.sd
        assert abs(np.log(shipped / value)) < 0.25 * errors[name], (name, value, shipped)
    assert misfit < 2 * 2 * len(targets())


@pytest.mark.slow
def test_the_table_of_the_rivals_on_the_evidence():
    """What was fitted lies within two standard errors for both, but for one known misfit; patients score far below the healthy."""
    lines = compared()
    assert len(lines) == len(design()["compare"])
    mean = {line.words: line.predicted for line in lines}
    slow = "healthy: mean, 60 min"
    for goal, line in zip(targets(), lines, strict=False):
        for rival, value in enumerate(line.predicted[:2]):
            miss = np.log(value / goal.observed) if goal.of == "sd" else value - goal.observed
            if (
                rival == 1 and line.words == slow
            ):  # known misfit, told in docs/dissociation.md: the circuit recovers too slowly
                assert 2 * goal.error < miss < 3 * goal.error, line
            else:
                assert abs(miss) < 2 * goal.error, line
    assert mean["patients: mean, 40 min"][2] < 0.5 * mean["healthy: mean, 10 min"][2]
    assert markdown(lines).count("\n") == len(lines) + 1


def test_scores_of_patients_have_a_floor_and_a_long_tail():
    """vanschalkwyk2018cadss: SD above the mean, which no normal spread about it could give."""
    r = simulated(["patients"], ("cadss", LEVEL))
    scores = at(r, "patients", "cadss", "40 min")
    assert scores.min() >= 0
    assert scores.std() > scores.mean()
    assert np.median(scores) < scores.mean()
    assert figure(r, {"of": "mean", "arm": "patients", "at": "40 min"}, "cadss") == pytest.approx(scores.mean())
