"""Scenario files are read strictly (issue 2: "Bad input", each with file, key, value and what was expected)."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.errors import InputError
from ketasim.scenario import bundled, load_scenario, parse_scenario
from ketasim.scenario.load import default_times


def scenario(**edits):
    data = {
        "title": "t",
        "horizon": "2 d",
        "arm": [
            {"name": "a", "dose": [{"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}]}
        ],
    }
    return {**data, **edits}


def with_dose(**edits):
    dose = {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min", **edits}
    return scenario(arm=[{"name": "a", "dose": [{k: v for k, v in dose.items() if v is not None}]}])


BAD = [
    (scenario(horizon=None), "horizon"),
    (scenario(horizon="0 h"), "horizon"),
    (scenario(horizon="-1 d"), "horizon"),
    (scenario(horizon="21 year"), "horizon"),
    (scenario(horizon="5 mg"), "horizon"),
    (scenario(horizon=5), "horizon"),
    (scenario(horizon="nan h"), "horizon"),
    (scenario(horizn="2 d"), "'horizon' (nearest)"),
    (scenario(arm=[]), "arm"),
    (scenario(arm={}), "arm"),
    (scenario(arm=[3]), "arm[1]"),
    (scenario(arm=[{"name": "a"}, {"name": "a"}]), "two arms"),
    (scenario(arm=[{"nam": "a"}]), "'name' (nearest)"),
    (scenario(arm=[{"name": ""}]), "arm[1].name"),
    (scenario(arm=[{"name": "x" * 400}]), "arm[1].name"),
    (scenario(title=3), "title"),
    (scenario(population={"size": 0}), "population.size"),
    (scenario(population={"size": -1}), "population.size"),
    (scenario(population={"size": 1.5}), "population.size"),
    (scenario(population={"size": True}), "population.size"),
    (scenario(population={"size": "10"}), "population.size"),
    (scenario(population={"size": 10**12}), "population.size"),
    (scenario(population={"seed": -1}), "population.seed"),
    (scenario(population={"seed": 2**63}), "population.seed"),
    (scenario(population={"seed": 1.0}), "population.seed"),
    (scenario(population={"spread": 1}), "population.spread"),
    (scenario(population={"sizes": 1}), "'size' (nearest)"),
    (scenario(population=[1]), "population"),
    (scenario(output={"times": []}), "output.times"),
    (scenario(output={"times": ["3 d"]}), "output.times"),
    (scenario(output={"times": ["-1 h"]}), "output.times"),
    (scenario(output={"times": ["nan h"]}), "output.times"),
    (scenario(output={"times": [1]}), "output.times"),
    (scenario(output={"times": "1 h"}), "output.times"),
    (scenario(output={"times": ["1 h"] * 20001}), "output.times"),
    (scenario(output={"quantities": "madrs"}), "output.quantities"),
    (scenario(output={"quantities": [1]}), "output.quantities"),
    (scenario(output={"quantity": []}), "'quantities' (nearest)"),
    (scenario(parameters=[1]), "parameters"),
    (with_dose(amount="-0.5 mg/kg"), "amount"),
    (with_dose(amount="0.5"), "amount"),
    (with_dose(amount=0.5), "amount"),
    (with_dose(amount="nan mg"), "amount"),
    (with_dose(amount="1e400 mg"), "amount"),
    (with_dose(amount="5 L"), "amount"),
    (with_dose(amount=None), "amount"),
    (with_dose(drug="ketamin"), "'ketamine' (nearest)"),
    (with_dose(drug="fluoxetine"), "cannot be simulated"),
    (with_dose(drug=None), "drug"),
    (with_dose(route="ivv"), "'iv' (nearest)"),
    (with_dose(route=None), "route"),
    (with_dose(duration="40"), "duration"),
    (with_dose(duration="0 min"), "duration"),
    (with_dose(duration="-4 min"), "duration"),
    (with_dose(duration="40 mg"), "duration"),
    (with_dose(start="-1 h"), "start"),
    (with_dose(start="2 d"), "start"),
    (with_dose(start="inf h"), "start"),
    (with_dose(duration=None, start="2 h", end="1 h"), "end"),
    (with_dose(duration=None, start="2 h", end="2 h"), "end"),
    (with_dose(end="1 h"), "both"),
    (with_dose(count=3), "`count` needs `every`"),
    (with_dose(every="84 h"), "`every` needs `count`"),
    (with_dose(count=0, every="1 h"), "count"),
    (with_dose(count=2.5, every="1 h"), "count"),
    (with_dose(count=10**7, every="1 h"), "count"),
    (with_dose(every="0 h", count=2), "every"),
    (with_dose(amunt="1 mg"), "'amount' (nearest)"),
    (with_dose(devices=0), "devices"),
]


@pytest.mark.parametrize(("data", "word"), BAD, ids=lambda v: str(v)[-44:])
def test_a_bad_scenario_is_refused_in_one_line_with_its_place(data, word):
    with pytest.raises(InputError) as caught:
        parse_scenario(data, file="mine.toml")
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("mine.toml")
    assert word in text, text


@pytest.mark.parametrize("name", list(bundled()))
def test_every_bundled_scenario_is_read(name):
    s = load_scenario(name)
    assert s.arms
    assert s.title == bundled()[name]


def test_an_unknown_scenario_names_the_nearest():
    with pytest.raises(InputError, match=r"'landmark' \(nearest\)"):
        load_scenario("landmrk")


def test_an_end_is_a_duration():
    s = parse_scenario(with_dose(duration=None, start="1 h", end="100 min"))
    assert s.arms[0].doses[0].duration_h == pytest.approx(2 / 3)


def test_placebo_needs_no_route_and_no_amount():
    s = parse_scenario(scenario(arm=[{"name": "p", "dose": [{"drug": "placebo"}]}]))
    assert s.arms[0].control


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 10**6), st.floats(allow_nan=True), st.text(max_size=12)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
KEYS = ["title", "horizon", "arm", "population", "output", "parameters", "note"]


@settings(max_examples=150)
@given(st.sampled_from(KEYS), JSON)
def test_any_value_in_any_place_is_read_or_refused(key, value):
    try:
        parse_scenario(scenario(**{key: value}), file="mine.toml")
    except InputError as error:
        assert str(error).startswith("mine.toml")


DOSE_KEYS = ["drug", "route", "amount", "duration", "start", "end", "every", "count", "devices"]


@settings(max_examples=150)
@given(st.sampled_from(DOSE_KEYS), JSON)
def test_any_value_in_any_place_of_a_dose_is_read_or_refused(key, value):
    try:
        parse_scenario(with_dose(**{key: value}), file="mine.toml")
    except InputError as error:
        assert str(error).startswith("mine.toml")


@settings(max_examples=60)
@given(st.floats(0.5, 2000), st.lists(st.floats(0, 1999), max_size=6))
def test_default_times_are_sorted_distinct_and_inside(horizon, doses):
    times = default_times(horizon, [d for d in doses if d < horizon])
    assert times[0] == 0.0
    assert math.isclose(times[-1], horizon, abs_tol=1e-6)
    assert all(b > a for a, b in itertools.pairwise(times))
