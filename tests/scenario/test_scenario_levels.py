"""What is done or met for a while: levels held by events (exercise, sleep, company, training, a stressor)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.parameters import builtin_table
from ketasim.scenario.load import parse_scenario
from ketasim.scenario.run import run
from ketasim.system.behaviours import behaviours
from ketasim.system.bind import whole_system

DOSE = {"drug": "ketamine", "route": "ip", "amount": "10 mg/kg"}
TAU_H = builtin_table().resolve("tau_behaviour").value * 24


def scenario(*behaviour, species="rat", **more):
    arms = [{"name": "plain", "dose": [DOSE]}, {"name": "also", "dose": [DOSE], "behaviour": list(behaviour)}]
    data = {
        "title": "t", "species": species, "horizon": "10 d", "arm": arms, "population": {"size": 1, "spread": False},
        "output": {"times": ["0 h", "1 d", "2 d", "3 d", "10 d"], "quantities": ["behaviour.load", "behaviour.support", "despair"]},
    }  # fmt: skip
    return parse_scenario(data | more)


def test_a_level_is_held_while_it_lasts_and_fades_with_its_time_constant():
    """Closed form: x' = (u - x)/tau with u = 0.5 from 1 to 2 d gives 0.5 (1 - exp(-1 d/tau)), then falls by exp(-1 d/tau)."""
    found = run(scenario({"name": "stressor", "level": 0.5, "start": "1 d", "duration": "1 d"}))
    load, a_day = found.values["behaviour.load"][1, 0], math.exp(-24 / TAU_H)
    expected = [0, 0, 0.5 * (1 - a_day), 0.5 * (1 - a_day) * a_day, 0.5 * (1 - a_day) * a_day**8]
    assert load == pytest.approx(expected, abs=1e-6)
    assert found.values["behaviour.load"][0, 0] == pytest.approx(0)
    despair = found.values["despair"][:, 0]
    assert despair[1, 2] > despair[0, 2]  # a stressor makes it worse while it acts
    assert np.allclose(despair[1, :2], despair[0, :2], rtol=1e-4)


def test_a_level_that_is_repeated_and_those_together_add_up_as_their_shares_say():
    """Exercise, sleep and company together are full support by their shares; long held, the state is the level."""
    shares = sum(builtin_table().resolve(f"share_{n}").value for n in ("exercise", "sleep", "social"))
    every = [{"name": n, "duration": "1 d", "every": "1 d", "count": 10} for n in ("exercise", "sleep", "social")]
    found = run(scenario(*every))
    support = found.values["behaviour.support"][1, 0]
    assert support[-1] == pytest.approx(shares * (1 - math.exp(-240 / TAU_H)), rel=1e-4)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"name": "exercize", "duration": "1 d"}, "'exercise' (nearest)"),
        ({"name": "sleep"}, "duration"),
        ({"name": "sleep", "duration": "0 h"}, "not a length of time"),
        ({"name": "sleep", "duration": "1 d", "level": 2}, "up to 1"),
        ({"name": "sleep", "duration": "1 d", "level": True}, "up to 1"),
        ({"name": "sleep", "duration": "1 d", "start": "11 d"}, "starts outside"),
        ({"name": "sleep", "duration": "1 d", "every": "1 d"}, "go together"),
        ({"name": "sleep", "duration": "2 d", "every": "1 d", "count": 2}, "before it ends"),
        ({"name": "sleep", "duration": "1 d", "every": "1 d", "count": 0}, "at least 1"),
        ({"name": "sleep", "duration": "1 d", "amount": "1 mg"}, "amount"),
        ("sleep", "a table with"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(entry, words):
    with pytest.raises(InputError) as caught:
        scenario(entry)
    assert words in str(caught.value)
    assert "behaviour[1]" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("species", ["human", "mouse", "rat"])
def test_every_behaviour_has_its_input_in_every_species(species):
    assert {b.input for b in behaviours().values()} <= set(whole_system(species).flat.inputs)
