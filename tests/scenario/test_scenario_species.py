"""Species in a scenario: what is asked of a mouse that only people have, and of people that only animals are given, is refused."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.parameters import builtin_table
from ketasim.scenario import load_scenario, parse_scenario
from ketasim.scenario.run import configured, prepare, run
from ketasim.system.bind import whole_system
from ketasim.system.species import species, species_table


def scenario(kind, drug, route, quantities=("plasma.ketamine",), **more):
    data = {
        "horizon": "4 h",
        "arm": [{"name": "a", "dose": [{"drug": drug, "route": route, "amount": "10 mg/kg", **more}]}],
        "output": {"quantities": list(quantities)},
    }
    return parse_scenario(data | ({} if kind is None else {"species": kind}), file="mine.toml")


REFUSED = [
    ("mouse", "ketamine", "intranasal", ("route", "intranasal", "mouse", "ip")),
    ("rat", "esketamine", "oral", ("route", "oral", "rat", "iv, im, sc, ip")),
    ("rat", "r_hnk", "rectal", ("route", "rectal", "oral")),
    ("human", "ketamine", "ip", ("route", "ip", "human", "sublingual")),
    (None, "r_hnk", "ip", ("drug", "r_hnk", "human", "mouse")),
    (None, "s_hnk", "rectal", ("drug", "s_hnk", "human", "mouse")),
]


@pytest.mark.parametrize(("kind", "drug", "route", "words"), REFUSED)
def test_a_dose_without_a_way_in_is_refused_in_one_line(kind, drug, route, words):
    """A dose that no input of the species takes must not be dropped in silence, nor enter as another drug."""
    with pytest.raises(InputError) as caught:
        prepare(configured(scenario(kind, drug, route)))
    text = str(caught.value)
    assert text.startswith("mine.toml: ")
    assert "\n" not in text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("name", ["madrs", "plasma.dhnk", "arterial.ketamine", "cadss"])
def test_a_quantity_of_people_is_refused_for_a_mouse(name):
    with pytest.raises(InputError, match="unknown quantity in a mouse") as caught:
        configured(scenario("mouse", "ketamine", "ip", (name,)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["dog", "", 3, None, ["mouse"]])
def test_an_unknown_species_is_refused_with_those_known(kind):
    with pytest.raises(InputError, match="species"):
        parse_scenario({"horizon": "4 h", "arm": [{"name": "a"}], "species": kind}, file="mine.toml")


def test_people_are_the_default_and_their_table_is_untouched():
    """Human runs must not change: the same system object, the same parameters."""
    assert load_scenario("landmark").species == "human"
    assert whole_system() is whole_system("human")
    assert species_table(builtin_table(), "human") is builtin_table()


@pytest.mark.parametrize("kind", ["mouse", "rat"])
def test_names_of_quantities_are_those_of_people_where_both_have_them(kind):
    """One name, one unit, one meaning (DESIGN section 5), so that a later layer can bind to either."""
    human, animal = whole_system().quantities, whole_system(kind).quantities
    for name in ("plasma.ketamine", "plasma.norketamine", "plasma.hnk", "plasma.r_hnk", "brain.ketamine"):
        assert animal[name].unit == human[name].unit
    for name, q in animal.items():
        assert q.layer in ("circuit", "receptors") or "uncalibrated" in q.calibration, name


def test_a_mouse_weighs_what_the_table_says_and_may_be_given_a_weight():
    table = species_table(builtin_table(), "mouse")
    assert table.resolve("weight").value == builtin_table().resolve("weight_animal", "mouse").value
    assert table.find("WT")[0].name == "weight"
    assert species_table(builtin_table(), "rat").resolve("weight_reference").spread is None
    assert set(species()) == {"human", "mouse", "rat"}


def test_the_bundled_mouse_runs_and_its_people_differ():
    """Scenario `mouse`: ketamine makes (2R,6R)-HNK, HNK given as a drug makes no ketamine, saline makes nothing."""
    result = run("mouse", size=8, times=["10 min", "1 h"], quantities=["plasma.ketamine", "brain.r_hnk"])
    assert result.species == "mouse"
    ketamine, hnk = result.values["plasma.ketamine"], result.values["brain.r_hnk"]
    assert ketamine[0].min() > 0 == ketamine[1].max() == ketamine[2].max()
    assert hnk[1, :, 0].min() > hnk[0, :, 0].max() > 0
    assert np.ptp(ketamine[0, :, 0]) > 0
