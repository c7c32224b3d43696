"""Lesions and weighted hypotheses as data (DESIGN law 8: rival explanations stay rivals)."""

from __future__ import annotations

import pytest

from ketasim.errors import InputError
from ketasim.evidence import study
from ketasim.parameters import builtin_table
from ketasim.system.switches import hypotheses, lesions, switched, usable_way

TABLE = builtin_table()


@pytest.mark.parametrize("name", lesions())
def test_a_lesion_sets_parameters_that_exist_or_says_what_it_needs(name):
    one = lesions()[name]
    if usable_way(one, TABLE) is None:
        assert one.needs
        with pytest.raises(InputError, match="cannot do this yet"):
            switched(TABLE, [name], {})
        return
    values = switched(TABLE, [name], {})
    assert values
    assert {n: TABLE.with_values(values).resolve(n).value for n in values} == values


@pytest.mark.parametrize("name", hypotheses())
def test_a_hypothesis_at_its_default_leaves_every_number_as_it_is(name):
    one = hypotheses()[name]
    for parameter, value in switched(TABLE, [], {name: one.default}).items():
        assert value == TABLE.resolve(parameter).value
    for paper in (*one.supports, *one.opposes):
        assert study(paper).citation


def test_a_weight_multiplies_what_the_hypothesis_sets():
    assert switched(TABLE, [], {"trapping": 0.5}) == {"trap_memory.habenula": 0.49}


@pytest.mark.parametrize(
    ("without", "weights", "words"),
    [
        (["more"], {}, ("unknown lesion", "'mor' (nearest)")),
        ([], {"opoid": 1}, ("unknown hypothesis", "'opioid' (nearest)")),
        ([], {"opioid": 2}, ("not a weight", "from 0 to 1")),
        ([], {"opioid": True}, ("not a weight",)),
    ],
)
def test_what_cannot_be_is_refused(without, weights, words):
    with pytest.raises(InputError) as caught:
        switched(TABLE, without, weights)
    for word in words:
        assert word in str(caught.value)


def test_a_parameter_that_the_scenario_sets_itself_cannot_be_lesioned_too():
    with pytest.raises(InputError, match="opioid_block is set twice"):
        switched(TABLE, ["mor"], {}, ["opioid_block"])


def test_two_lesions_that_agree_go_together():
    assert switched(TABLE, ["tonic_nmda", "tonic_site"], {}) == switched(TABLE, ["tonic_nmda"], {})
