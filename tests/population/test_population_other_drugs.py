"""Numbers of other drugs beside ketamine's: what weight, covariates, co-medication and random numbers do to each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ketasim.parameters import Parameter, ParameterTable, Spread, Status, builtin_table
from ketasim.population import effects, individuals, population_of, standard_normal
from ketasim.population.effects import FLOW
from ketasim.system.interactions import with_comedication

WHO = population_of({"covariates": {"weight": "90 kg", "sex": "female", "age": 80}, "effects": {"sex": True}}, Path())
LIGHT = population_of({"covariates": {"weight": "90 kg"}, "effects": {"weight": False}}, Path())


def number(name, value, scale="log", scaling="", **more):
    return Parameter(name, name, "", value, Status.fixed_in_source, scale=scale, scaling=scaling, **more)


def beside(*others):
    """Return the shipped table with numbers of another drug under ketamine's own base names."""
    return ParameterTable({p.name: p for p in (*builtin_table(), *others)})


OTHERS = (
    number("CL.propofol", 2.0, spread=Spread(0.3, Status.assumed)),
    number("F_nose.propofol", 0.5, scale="logit"),
    number("CLint_factor.propofol", 3.0),
    number("F_nose.midazolam", 0.99, scale="logit"),
)


def test_effects_that_name_a_parameter_of_ketamine_leave_another_drug_alone():
    """perezruixo2021, sigtermans2009: their factors are of ketamine; 1.2 on 0.99 would refuse the share."""
    who = population_of(
        {"covariates": {"sex": "female", "race": "japanese", "age": 80}, "effects": {"sex": True}}, Path()
    )
    people = individuals(beside(*OTHERS), 1, 1, 3, spread=False, population=who).values
    plain = individuals(beside(*OTHERS), 1, 1, 3, spread=False).values
    for p in OTHERS:
        assert np.all(people[p.name] == p.value)
    for name in ("CL.s", "CL.r", "F_nose.s", "F_nose.r", "CLint_factor"):
        assert np.all(people[name] != plain[name])


def test_no_effect_names_a_number_of_another_drug():
    """DESIGN section 5: a covariate's target by name is ketamine's; classes hit what scales so, of whatever drug."""
    others = [p for p in builtin_table() if p.drawn_as != p.base]
    named = [t for e in effects().values() for t in e.terms if t.target not in ("clearances", "volumes", FLOW)]
    assert len(others) > 50
    assert named
    assert not [(t.target, p.name) for t in named for p in others if t.hits(p)]


@pytest.mark.parametrize(
    ("name", "power"), [("CL_drug.propofol", 0.75), ("V2_drug.propofol", 1), ("CL_drug.midazolam", 0)]
)
def test_weight_acts_on_another_drug_as_its_source_says(name, power):
    """eleveld2018ppf, brill2014mdz: clearance by weight to 0.75, volume in proportion, or not at all; with the effect off, none."""
    table = builtin_table()
    people = individuals(table, 1, 1, 2, spread=False, population=WHO).values
    typical = individuals(table, 1, 1, 2, spread=False).values
    ratio = 90 / table.resolve("weight_reference").value
    assert np.allclose(people[name] / typical[name], ratio**power, rtol=1e-12)
    assert np.array_equal(individuals(table, 1, 1, 2, spread=False, population=LIGHT).values[name], typical[name])


def test_what_is_printed_per_kg_goes_with_weight_even_where_the_effect_of_weight_is_off():
    """stanski1990thio prints every number per kg: thiopental's follow weight whatever effects hold."""
    table = builtin_table()
    typical = individuals(table, 1, 1, 2, spread=False).values
    ratio = 90 / table.resolve("weight_reference").value
    for who in (WHO, LIGHT):
        people = individuals(table, 1, 1, 2, spread=False, population=who).values
        for name in ("CL_drug.thiopental", "V1_drug.thiopental", "Q2_drug.thiopental"):
            assert np.allclose(people[name] / typical[name], ratio, rtol=1e-12)


def test_another_drug_under_a_shared_name_has_a_random_number_of_its_own():
    """Law 4: enantiomers, in each species, share the number of the base name; another drug's is keyed by its whole name."""
    values = individuals(beside(*OTHERS), 7, 1, 50).values
    assert np.allclose(values["CL.propofol"], 2 * np.exp(0.3 * standard_normal(7, "CL.propofol", 1, 50)), rtol=1e-13)
    assert {p.drawn_as for p in builtin_table() if p.base in ("CL", "CLH_animal")} == {"CL", "CLH_animal"}


def test_comedication_leaves_another_drug_of_the_same_base_name_alone():
    """pk-0253, pk-0240: ticlopidine's multipliers are of ketamine's intrinsic clearance."""
    table = with_comedication(beside(*OTHERS), ["ticlopidine"])
    assert table.resolve("CLint_factor", "propofol").value == 3
    assert table.resolve("CLint_factor").value == table.resolve("CLint_factor_ticlopidine").value
