"""The prefrontal microcircuit against the signs of the evidence rows named in each test."""

from __future__ import annotations

import math
from functools import cache

import pytest

from ketasim.errors import InputError

pytest.importorskip("brian2")
from ketasim.networks import prefrontal, spec

SEEDS = (1, 2, 3)


def block(pv: float, sst: float, pyramidal: float, tonic: float) -> dict[str, float]:
    return {"block_pv": pv, "block_sst": sst, "block_pyramidal": pyramidal, "block_tonic": tonic}


# Blocks that the receptor layer gives for the doses and concentrations named.
CONDITIONS = {
    "rest": {},
    "person": block(0.1, 0.095, 0.05, 0.1),
    "rat10": block(0.22, 0.21, 0.12, 0.15),
    "rat30": block(0.48, 0.47, 0.29, 0.3),
    "slice10": block(0.65, 0.64, 0.46, 0.5),
    "rat200": block(0.87, 0.86, 0.75, 0.75),
    "interneurons": block(1, 1, 0.7, 0.7),
    "pv": {"block_pv": 0.2},
    "sst": {"block_sst": 0.2},
    "pyramidal": {"block_pyramidal": 0.2},
    "no_pv_nmda": {"block_pv": 1.0},
    "no_pv_nmda_rat10": {**block(0.22, 0.21, 0.12, 0.15), "block_pv": 1.0},
    "stress": {"stress": 1.0},
    "somewhat_excitable": {"excitability": 0.4},
    "excitable": {"excitability": 1.0},
    "benzodiazepine": {"gaba": 1.0},
}


@cache
def run(name: str, seed: int, duration: float) -> dict[str, float]:
    return prefrontal.simulate(CONDITIONS[name], seed, duration=duration)


def mean(name: str, output: str, seeds: tuple[int, ...] = SEEDS, duration: float = 2.5) -> float:
    return sum(run(name, seed, duration)[output] for seed in seeds) / len(seeds)


def change(name: str, output: str, **more: object) -> float:
    """The difference for a linear output, else the log of the ratio."""
    after, before = mean(name, output, **more), mean("rest", output, **more)  # type: ignore[arg-type]
    return after - before if spec("prefrontal").outputs[output].link == "linear" else math.log(after / before)


def test_resting_rates_are_those_of_awake_cortex() -> None:
    assert 1 < mean("rest", "rate_pyramidal", (1,)) < 5
    assert 8 < mean("rest", "rate_pv", (1,)) < 20
    assert 3 < mean("rest", "rate_sst", (1,)) < 10
    assert mean("rest", "seizure", (1,)) == 0


def test_block_of_a_clinical_dose_disinhibits() -> None:
    """homayoun2007ofc 0060-0061, gerhard2020gaba 0138-0139, moghaddam1997glu 0054-0056, abdallah2018mrs 0149."""
    seeds = (1, 2)
    for output in ("rate_pv", "rate_sst", "sipsc"):
        assert change("person", output, seeds=seeds) < -0.02, output
    for output in ("rate_pyramidal", "sepsc", "glutamate", "ei"):
        assert change("person", output, seeds=seeds) > 0.03, output


def test_high_block_lowers_excitation() -> None:
    """The other limb of the inverted U: moghaddam1997glu 0058."""
    for output in ("rate_pyramidal", "sepsc", "glutamate", "sipsc"):
        assert change("rat200", output, seeds=(1,)) < -0.15, output


def test_same_seed_same_figures_bit_for_bit() -> None:
    one, two, other = (prefrontal.simulate({"block_pv": 0.2}, seed, duration=0.2) for seed in (4, 4, 5))
    assert one == two
    assert one != other


@pytest.mark.parametrize(
    ("condition", "more"),
    [
        ({"block_pvv": 0.1}, {}),
        ({"block_pv": 1.5}, {}),
        ({}, {"parameters": {"no_such": 1.0}}),
        ({}, {"duration": -1.0}),
        ({}, {"step": 0.0}),
        ({}, {"scale": 0.5}),
    ],
)
def test_wrong_input_is_refused(condition: dict[str, float], more: dict[str, object]) -> None:
    with pytest.raises(InputError):
        prefrontal.simulate(condition, 1, **more)  # type: ignore[arg-type]


def test_every_assumed_number_has_a_reason_and_holds_its_range() -> None:
    for p in spec("prefrontal").parameters:
        if p.status == "assumed":
            assert p.reason, p.name
            assert p.low <= p.value <= p.high, p.name


@pytest.mark.slow
def test_glutamate_rises_and_falls_with_dose() -> None:
    """moghaddam1997glu 0054-0058; gerhard2020gaba 0140-0141 (both kinds of event below rest at 10 umol/L)."""
    assert change("rat10", "glutamate") > 0.05
    assert change("rat30", "glutamate") > 0.05
    assert abs(change("slice10", "glutamate")) < 0.15
    assert change("slice10", "sipsc") < -0.3
    assert change("slice10", "glutamate") > change("rat200", "glutamate") + 0.1


@pytest.mark.slow
def test_interneurons_without_nmda_fire_on() -> None:
    for output in ("rate_pv", "rate_sst"):
        assert math.log(0.1) < change("interneurons", output) < math.log(0.5), output


@pytest.mark.slow
def test_interneuron_block_is_needed() -> None:
    """Block of the pyramidal pool alone lowers excitation (gerhard2020gaba, glun2dko2022 0197)."""
    assert change("pyramidal", "rate_pyramidal") < -0.1
    assert change("pyramidal", "glutamate") < -0.1


@pytest.mark.slow
def test_gamma_rises_and_needs_nmda_on_pv_cells() -> None:
    """delasalle2016eeg 0384, picard2019glun2a 0142."""
    assert change("rat10", "gamma") > 0.3
    assert mean("no_pv_nmda_rat10", "gamma") - mean("no_pv_nmda", "gamma") < 0.3


@pytest.mark.slow
def test_pv_pool_carries_gamma_and_sst_pool_bursts() -> None:
    assert change("pv", "gamma") > change("sst", "gamma") + 1
    assert mean("sst", "burst_pyramidal") > mean("pv", "burst_pyramidal") + 0.05


@pytest.mark.slow
def test_seizure_like_bursts_come_with_excitability_and_end() -> None:
    """Below a threshold none; above it events that end by themselves, with a raised E/I ratio."""
    assert mean("rest", "seizure") == 0
    assert mean("somewhat_excitable", "seizure") == 0
    at_least_two = 2 * 60 / 2.5
    assert mean("excitable", "seizure") >= at_least_two
    assert change("excitable", "ei") > change("somewhat_excitable", "ei") > 0


@pytest.mark.slow
def test_stress_lowers_excitation_modestly() -> None:
    assert math.log(0.7) < change("stress", "glutamate") < -0.05


@pytest.mark.slow
def test_gaba_potentiation_lowers_release() -> None:
    assert change("benzodiazepine", "glutamate") < -0.1
    assert change("benzodiazepine", "ei") < -0.1


@pytest.mark.slow
def test_every_class_changes_after_a_ramp_of_block() -> None:
    """The order (homayoun2007ofc: interneurons first) is not asserted: single runs are too noisy to show it reliably."""
    first = prefrontal.onset(1, CONDITIONS["rat10"], baseline=3, after=3)
    assert all(math.isfinite(time) and time > 0 for time in first.values())
    with pytest.raises(InputError):
        prefrontal.onset(1, CONDITIONS["rat10"], baseline=0.01, after=3)
