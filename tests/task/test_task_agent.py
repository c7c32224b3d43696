"""From circuit to agent: the rest state, the signs of the evidence rows, what is refused, where numbers come from."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.evidence import observation, study
from ketasim.parameters import Status, draws
from ketasim.task import TASKS, agent, condition, run
from ketasim.task.settings import CIRCUIT, table

DEPRESSED, HEALTHY, ACUTE, DAY1 = (condition(name) for name in ("depressed", "healthy", "acute", "day1"))
NUMBERS = [p for name in ("agent", "tasks", "conditions") for p in table(name)]


def test_the_undrugged_depressed_circuit_is_the_table():
    p = agent({})
    for name, value in vars(p).items():
        assert value == (1 if name in CIRCUIT else table("agent").resolve(name).value)


def test_a_circuit_moves_the_agent_on_its_own_scale():
    p = agent({"dopamine": 1.5, "link": 2})
    effect = table("agent").resolve("effect_transfer_rate", "link").value
    assert p.transfer_rate == pytest.approx(agent({}).transfer_rate * 2.718281828459045**effect)
    assert p.rate_loss == agent({}).rate_loss
    assert 0 < agent({"glutamate": 9}).rate_gain < agent({"glutamate": 1.2}).rate_gain < p.rate_gain < 1
    assert agent({"glutamate": 0.8}) == agent({"glutamate": 1.2})  # a disturbance in either direction


@pytest.mark.parametrize("task", TASKS)
def test_a_silent_habenula_or_no_dopamine_is_a_valid_circuit(task):
    found = run(task, {"habenula": 0, "dopamine": 0}, 1, trials=60, agents=20)
    assert all(np.isfinite(value) or name.endswith("_ratio") for name, value in found.items())


# Rows with role calibrate, read: the signs to which the effects were set.
def test_row_0375_and_0376_bias_up_at_24_h_discriminability_not():
    before, after, well = (run("reward", c, 1) for c in (DEPRESSED, DAY1, HEALTHY))
    rise = after["response_bias"] - before["response_bias"]
    assert rise > 0
    assert after["response_bias"] > (before["response_bias"] + well["response_bias"]) / 2  # towards control level
    assert abs(after["discriminability"] - before["discriminability"]) < rise / 4


@pytest.mark.parametrize("before", [DEPRESSED, HEALTHY])
def test_rows_0378_to_0381_acute_impairment(before):
    disturbed = before | {name: ACUTE[name] for name in ("dopamine", "pyramidal", "glutamate")}
    was, now = run("reversal", before, 1), run("reversal", disturbed, 1)
    assert now["win_stay"] < was["win_stay"]  # 0378
    assert now["rule_changes"] < was["rule_changes"]  # 0379
    assert agent(disturbed).rate_gain < agent(before).rate_gain  # 0380
    assert agent(disturbed).rate_loss < agent(before).rate_loss
    assert run("effort", disturbed, 1)["p_hard"] < run("effort", before, 1)["p_hard"]  # 0381


@pytest.mark.slow
def test_most_draws_of_the_assumed_ranges_keep_the_signs():
    sets = draws(table("agent"), 1, 40)

    def share(task, figure, new, old):
        pairs = [[run(task, c, 1, agents=200, values=v)[figure] for c in (new, old)] for v in sets]
        return sum(a > b for a, b in pairs) / len(pairs)

    assert share("reward", "response_bias", DAY1, DEPRESSED) > 0.9
    assert share("effort", "p_hard", DAY1, DEPRESSED) > 0.9
    assert share("reversal", "trials_to_criterion", DEPRESSED, DAY1) > 0.9
    assert share("reversal", "win_stay", DEPRESSED, ACUTE) > 0.8
    assert share("context", "distance", DEPRESSED, DAY1) > 0.9


@pytest.mark.parametrize(
    ("circuit", "told"),
    [
        ({"habenulla": 1}, "habenula"),
        ({"dopamine": -1}, "at least 0"),
        ({"link": float("nan")}, "finite"),
        ({"link": "1"}, "number"),
    ],
)
def test_a_bad_circuit_is_refused(circuit, told):
    with pytest.raises(InputError, match=told):
        agent(circuit)


@pytest.mark.parametrize(
    "given", [("rewrd", {}, 1), ("reward", {}, -1), ("reward", {}, 1.5), ("reward", {}, 1, 1), ("reward", {}, 1, 5, 0)]
)
def test_a_bad_run_is_refused(given):
    with pytest.raises(InputError):
        run(*given)


def test_an_unknown_number_or_condition_is_refused():
    with pytest.raises(InputError, match="beta"):
        agent({}, {"betta": 2})
    with pytest.raises(InputError, match="out of bounds"):
        agent({}, {"rate_gain": 1.5})
    with pytest.raises(InputError, match="unknown parameter of the agent"):
        agent({}).having({"betta": 2})
    with pytest.raises(InputError, match="day1"):
        condition("day2")


@pytest.mark.parametrize("p", [p for p in NUMBERS if p.row or p.source], ids=lambda p: p.name)
def test_no_number_leans_on_a_held_out_or_recalled_figure(p):
    assert study(p.source).role == "calibrate"
    assert observation(p.row).role == "calibrate"
    assert observation(p.row).verified == "read"


def test_nothing_claims_to_be_fitted_or_estimated():
    assert {p.status for p in NUMBERS} <= {Status.assumed, Status.switch}
