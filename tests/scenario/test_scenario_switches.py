"""Lesions and hypotheses in a scenario: each changes what it should and nothing upstream; run.json repeats them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.report.given import as_published, said_doses
from ketasim.scenario import load_scenario, parse_scenario
from ketasim.scenario.run import configured, run

DOSE = {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}
SHOWN = (
    "plasma.ketamine", "brain.hnk", "occupancy.nmda_pv", "occupancy.nmda_pyramidal", "occupancy.nmda_extrasynaptic",
    "occupancy.nmda_habenula", "occupancy.mor", "occupancy.kor", "rate.pv", "rate.pyramidal", "burst.habenula",
    "glutamate", "rate.dopamine", "bdnf", "ampar", "spines", "madrs",
)  # fmt: skip
# Lesion -> what it changes first; all that stands before it in the causal order must be equal to the bit.
FIRST = {
    "pv_nmda": "occupancy.nmda_pv",
    "pyramidal_nmda": "occupancy.nmda_pyramidal",
    "tonic_nmda": "occupancy.nmda_extrasynaptic",
    "habenula_nmda": "occupancy.nmda_habenula",
    "trapping": "occupancy.nmda_pv",
    "kor": "occupancy.kor",
    "disinhibition": "rate.pv",
    "mor": "glutamate",
    "ampa": "bdnf",
    "bdnf": "bdnf",
    "mtor": "spines",
    "habenula": "rate.dopamine",
    "dopamine": "madrs",
    "spines": "madrs",
}


def scenario(arms, **more):
    return parse_scenario(
        {
            "title": "switches",
            "horizon": "2 d",
            "arm": arms,
            "population": {"size": 2, "seed": 1},
            "output": {"quantities": list(SHOWN), "times": ["40 min", "2 h", "24 h"]},
            **more,
        }
    )


@pytest.fixture(scope="module")
def lesioned():
    arms = [{"name": "whole", "dose": [DOSE]}]
    arms += [{"name": name, "dose": [DOSE], "without": [name]} for name in FIRST]
    zero = ("disinhibition", "resting_block", "habenula", "opioid")
    arms += [{"name": f"no {n}", "dose": [DOSE], "hypotheses": {n: 0}} for n in zero]
    arms += [{"name": "memory", "dose": [DOSE], "hypotheses": {"trapping": 1}}]
    return run(scenario(arms))


def changed(result, arm):
    at = result.arms.index(arm)
    return [q for q in SHOWN if not np.allclose(result.values[q][at], result.values[q][0], rtol=1e-6, atol=1e-9)]


@pytest.mark.parametrize("name", FIRST)
def test_a_lesion_changes_what_it_should_and_nothing_upstream(lesioned, name):
    found = changed(lesioned, name)
    first = SHOWN.index(FIRST[name])
    assert FIRST[name] in found
    assert [q for q in found if SHOWN.index(q) < first] == []
    assert (found == ["occupancy.kor"]) if name == "kor" else ("madrs" in found)


def test_a_protected_pool_holds_no_drug_and_the_others_hold_theirs(lesioned):
    for name in ("pv_nmda", "pyramidal_nmda", "habenula_nmda"):
        at, pool = lesioned.arms.index(name), FIRST[name]
        assert lesioned.values[pool][at].max() < 1e-9
        for other in ("occupancy.nmda_pv", "occupancy.nmda_pyramidal", "occupancy.nmda_habenula"):
            if other != pool:
                assert np.allclose(lesioned.values[other][at], lesioned.values[other][0], rtol=1e-5)


def test_without_release_or_receptors_nothing_grows(lesioned):
    for name in ("ampa", "bdnf"):
        at = lesioned.arms.index(name)
        assert np.allclose(lesioned.values["bdnf"][at], 1, atol=1e-9)
        assert np.allclose(lesioned.values["spines"][at], 1, atol=1e-9)


@pytest.mark.parametrize("name", ["disinhibition", "resting_block"])
def test_a_drive_without_weight_releases_no_bdnf_of_its_own(lesioned, name):
    at = lesioned.arms.index(f"no {name}")
    bdnf = lesioned.values["bdnf"]
    assert (bdnf[at] < bdnf[0]).all()
    assert (bdnf[at] > 1).all()


def test_weights_change_no_receptor_but_that_of_trapping_the_habenulas(lesioned):
    for name in ("disinhibition", "resting_block", "habenula", "opioid"):
        assert [q for q in changed(lesioned, f"no {name}") if q.startswith(("occupancy", "plasma", "rate.p"))] == []
    receptors = [q for q in changed(lesioned, "memory") if q.startswith(("occupancy", "plasma"))]
    assert receptors == ["occupancy.nmda_habenula"]


def test_a_scenarios_lesion_holds_in_every_arm_and_an_arms_weight_goes_before(lesioned):
    s = scenario(
        [{"name": "a", "dose": [DOSE]}, {"name": "b", "dose": [DOSE], "hypotheses": {"opioid": 1}}],
        without=["mtor"],
        hypotheses={"opioid": 0},
    )
    assert [s.lesions(a) for a in s.arms] == [("mtor",), ("mtor",)]
    assert [s.weights(a) for a in s.arms] == [{"opioid": 0}, {"opioid": 1}]
    r = run(s)
    at = lesioned.arms.index
    assert np.allclose(r.values["madrs"][1], lesioned.values["madrs"][at("mtor")], rtol=1e-6)
    assert np.allclose(r.values["spines"], 1, atol=1e-9)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"without": ["more"]}, ("without", "unknown lesion", "'mor' (nearest)")),
        ({"without": "mor"}, ("without", "not a list")),
        ({"hypotheses": {"opoid": 1}}, ("hypotheses", "unknown hypothesis")),
        ({"hypotheses": {"opioid": "1"}}, ("not a weight",)),
        ({"without": ["mor"], "parameters": {"opioid_block": 0.5}}, ("opioid_block is set twice",)),
    ],
)
def test_wrong_switches_are_refused_in_one_line(more, words):
    with pytest.raises(InputError) as caught:
        scenario([{"name": "a", "dose": [DOSE]}], **more)
    for word in words:
        assert word in str(caught.value)


def test_a_run_record_repeats_the_lesions_of_the_command_line(tmp_path):
    s = configured(
        "landmark", size=2, quantities=["madrs"], times=["24 h"], without=["mor"], hypotheses={"habenula": 0}
    )
    first = run(s)
    record = tmp_path / "run.json"
    record.write_text(json.dumps(first.provenance))
    again = run(load_scenario(str(record)))
    assert again.values["madrs"].tobytes() == first.values["madrs"].tobytes()
    assert again.provenance == first.provenance | {"scenario_file": str(record)}
    whole = run(configured("landmark", size=2, quantities=["madrs"], times=["24 h"]))
    assert not np.array_equal(whole.values["madrs"], first.values["madrs"])
    assert as_published(whole, 0)
    assert not as_published(first, 0)
    assert "mu-opioid receptors blocked" in said_doses(first, 0)
    assert "H3, lateral habenula: fewer bursts relieve".partition(":")[0] in said_doses(first, 0)
    assert "changed model" not in said_doses(whole, 0)
