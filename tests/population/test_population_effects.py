"""Effects of covariates: each changes exactly its targets by the stated factor, and by default none rests on a held-out study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.evidence import observation, study
from ketasim.parameters import ParameterTable, Status, builtin_table
from ketasim.population import covariates, effects, individuals, population_of
from ketasim.population.effects import FLOW, make_term

TABLE = builtin_table()
HERE = Path()


def drawn(switches=None, table=TABLE, **given):
    """Return 30 people of the default kind with these covariates and switches."""
    return individuals(
        table, 5, 1, 30, population=population_of({"covariates": given, "effects": switches or {}}, HERE)
    ).values


def changed(one, other):
    return {n.partition(".")[0] for n in one if not np.array_equal(one[n], other[n])}


def ratio(one, other, name):
    return one[name] / other[name]


def odds(values):
    return values / (1 - values)


CASES = [
    ("sex", "female", {"CL": 1.2, "CLN": 1.2}),
    ("race", "asian", {"CLint_factor": 0.817, "CLN": 0.81, "fm": None}),
    ("race", "japanese", {"CLint_factor": 0.817, "CLN": 0.81, "fm": None, "F_nose": None}),
    ("race", "other", {}),
    ("liver", "child_pugh_b", {"CLint_factor": 0.26}),
    ("liver", "child_pugh_a", {}),
    ("cyp2b6", "*1/*6", {"CLint_factor": 0.376}),
    ("cyp2b6", "*6/*6", {"CLint_factor": 0.159}),
    ("rhinitis", "yes", {"F_nose": None, "ka_nose": 1.45}),
]


@pytest.mark.parametrize(("name", "category", "factors"), CASES)
def test_a_category_changes_its_targets_alone_by_its_factor(name, category, factors):
    """perezruixo2021, sigtermans2009, li2015, rhinitis2023: the factors stand in parameters/data/covariates.toml."""
    reference = covariates()[name].categories[0]
    before, after = (drawn({name: True}, **{name: c}) for c in (reference, category))
    assert changed(before, after) == set(factors)
    for target, factor in factors.items():
        for p in TABLE.find(target) if factor is not None else ():
            assert np.allclose(ratio(after, before, p.name), factor, rtol=1e-12)


@pytest.mark.parametrize(("name", "category", "_"), CASES)
def test_an_effect_that_is_off_changes_nothing(name, category, _):
    off = {name: False}
    assert not changed(drawn(off, **{name: covariates()[name].categories[0]}), drawn(off, **{name: category}))


def test_a_factor_of_a_share_acts_before_the_random_effect():
    """perezruixo2021, table 3: FRn of a Japanese person = expit(logit(1.34 x FRn) + eta)."""
    before, after = drawn(race="white"), drawn(race="japanese")
    typical = TABLE.resolve("F_nose", "s").value
    moved = np.log(odds(after["F_nose.s"])) - np.log(odds(before["F_nose.s"]))
    assert np.allclose(moved, np.log(odds(1.34 * typical) / odds(typical)), rtol=1e-10)


def test_odds_are_multiplied_where_the_term_says_so():
    """1/0.36 on the odds of norketamine: only the other path of elimination is slower (pk-0021)."""
    assert np.allclose(odds(drawn(race="asian")["fm"]) / odds(drawn()["fm"]), 2.78, rtol=1e-12)


@pytest.mark.parametrize(("age", "flow"), [(30, 1.0), (60, 1.0), (61, 1 - 0.0145), (80, 1 - 20 * 0.0145)])
def test_age_lowers_hepatic_flow_at_an_unchanged_intrinsic_clearance(age, flow):
    """perezruixo2021, table 3 (pk-0018): Qh falls by 2.19 of 151 L/h for each year above 60."""
    before, after = drawn(age=45), drawn(age=age)
    for isomer in ("s", "r"):
        cl, share = (before[f"{n}.{isomer}"] for n in ("CL", "F_hepatic"))
        cl_now, share_now = (after[f"{n}.{isomer}"] for n in ("CL", "F_hepatic"))
        assert np.allclose(cl_now / (1 - share_now), flow * cl / (1 - share), rtol=1e-12)
        assert np.allclose(cl_now / share_now, cl / share, rtol=1e-12)
    older = {"Emax_sbp"} if age > 45 else set()  # pressure rises more with age (safety-0087)
    assert changed(before, after) == older | (set() if flow == 1 else {"CL", "F_hepatic"})


def test_a_table_that_holds_the_flow_has_it_multiplied():
    """The exposure model may hold Q_hepatic itself: then CL is left alone."""
    from dataclasses import replace

    flow = replace(TABLE.resolve("M_ketamine"), name="Q_hepatic", value=100.0, unit="L/h", aliases=())
    table = ParameterTable({**{p.name: p for p in TABLE}, "Q_hepatic": flow})
    before, after = drawn(table=table, age=45), drawn(table=table, age=70)
    assert changed(before, after) == {"Q_hepatic", "Emax_sbp"}
    assert np.allclose(ratio(after, before, "Q_hepatic"), 1 - 10 * 0.0145, rtol=1e-12)


def test_weight_can_be_taken_out_of_the_kinetics():
    """perezruixo2021 found no effect between 39 and 170 kg; a dose per kg still follows the weight."""
    light, heavy = (drawn({"weight": False}, weight=w) for w in ("50 kg", "100 kg"))
    assert changed(light, heavy) == {"weight", *(p.base for p in TABLE if p.scaling == "per_kg")}
    light, heavy = (drawn(weight=w) for w in (50, 100))
    assert changed(light, heavy) == {"weight", *(p.base for p in TABLE if p.scaling)}
    assert np.allclose(ratio(heavy, light, "CL.s"), 2**0.75, rtol=1e-12)
    assert np.allclose(ratio(heavy, light, "V3.r"), 2.0, rtol=1e-12)


def test_effects_multiply_where_they_meet():
    both = drawn({"cyp2b6": True}, cyp2b6="*1/*6", liver="child_pugh_b")
    assert np.allclose(both["CLint_factor"], 0.376 * 0.26, rtol=1e-12)


def test_a_share_driven_out_of_its_bounds_is_refused():
    """Exit status 2 and one line, never a share above 1."""
    table = TABLE.with_values({"F_nose": 0.9})
    with pytest.raises(InputError, match=r"F_nose\.s: a covariate takes this share out of its bounds"):
        drawn(table=table, race="japanese")


def test_an_exponential_slope_acts_above_its_threshold():
    """The form exp(slope (x - threshold)) of the whitelist, by hand."""
    term = make_term(
        {"target": "CL", "form": "exponential_above", "threshold": "age_flow_threshold", "slope": "age_flow_slope"}, "t"
    )
    factor = term.factor(np.array([20.0, 60.0, 70.0]), TABLE)
    assert np.allclose(factor, [1, 1, np.exp(-0.145)], rtol=1e-12)


@pytest.mark.parametrize(
    "entry",
    [
        {"target": "CL", "form": "sine", "factors": {}},
        {"target": "CL", "form": "power", "reference": "weight_reference"},
        {"target": "CL", "form": "power", "reference": "a", "exponent": "b", "factors": {}},
        {"target": "CL", "form": "category"},
        {"target": "CL", "form": "category", "factors": {}, "of": "log"},
    ],
)
def test_a_form_that_is_not_on_the_whitelist_is_refused(entry):
    with pytest.raises(InputError):
        make_term(entry, "effect.mine")


def test_every_target_and_number_is_known():
    for effect in effects().values():
        assert effect.covariate in covariates()
        assert effect.grade in ("supported", "contested", "none")
        for name in effect.used():
            assert TABLE.resolve(name).name == name
        for term in effect.terms:
            assert term.target == FLOW or term.applies(TABLE), term


@pytest.mark.parametrize("effect", effects().values(), ids=lambda e: e.name)
def test_an_effect_takes_no_number_from_a_held_out_study(effect):
    """DESIGN section 6: a figure of role validate or replicate sets no number of an effect that is on, and none that is estimated."""
    for name in effect.used():
        p = TABLE.resolve(name)
        if effect.on or p.status is not Status.assumed:
            assert study(p.source).role == "calibrate", (effect.name, name)
        if p.row:
            assert observation(p.row).role == "calibrate"
    for source in effect.sources:
        assert study(source).study_id == source
    for row in effect.rows:
        assert observation(row).row_id == row


def test_an_effect_without_evidence_has_no_number_and_is_off():
    """Renal impairment: jnjrenal is held out, so it is listed and not quantified."""
    for effect in effects().values():
        if effect.grade == "none":
            assert not effect.on
            assert not effect.terms
    assert study("jnjrenal").role == "validate"
    assert effects()["renal"].grade == "none"
