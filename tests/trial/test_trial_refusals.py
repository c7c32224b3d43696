"""Issue 6, contract: a trial's file that is wrong is refused in one line with file, key, value and what was expected."""

from __future__ import annotations

import copy

import pytest
from trial_pools import DESIGNS, data, made

from ketasim.errors import InputError
from ketasim.trial.load import load_design, parse_design


def with_endpoint(**changes):
    """Return the parallel design's first endpoint alone, changed; None leaves a key out."""
    e = data()["endpoint"][0] | changes
    return {"endpoint": [{k: v for k, v in e.items() if v is not None}]}


def with_arm(k=0, **changes):
    arms = data()["arm"]
    arms[k] = {n: v for n, v in (arms[k] | changes).items() if v is not None}
    return {"arm": arms}


def with_people(**changes):
    return {"population": data()["population"] | changes}


def rescue(**changes):
    rule = {"at": ["7 d"], "at_least": 30, "handling": "missing"} | changes
    return {"rescue": {k: v for k, v in rule.items() if v is not None}}


SPRAY = {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min", "start": "0 h"}
BERMAN = {"study": "berman2000ketamine"}
HAZARD = {"measure": "hazard_ratio", "from": "24 h", "response": 0.3}

# what is changed in designs/parallel.toml, the key that the message names, words that it must hold
REFUSED = {
    "unknown key": ({"arms": []}, "arms", "unknown key", "'arm' (nearest)"),
    "no design": ({"design": None}, "design", "single_arm"),
    "unknown design": ({"design": "paralel"}, "design", "'paralel'", "'parallel' (nearest)"),
    "unknown setting": ({"setting": "saline"}, "setting", "'saline'", "'saline_parallel' (nearest)"),
    "unknown blinding": ({"blinding": "triple"}, "blinding", "'triple'"),
    "neither study nor title": ({"title": None}, "title", "is missing", "register of papers"),
    "unknown study": ({"study": "berman2001ketamine"}, "study", "'berman2001ketamine'", "berman2000ketamine"),
    # people
    "no people": ({"population": None}, "population", "is missing"),
    "people that are no table": ({"population": 3}, "population", "not a table"),
    "unknown diagnosis": (with_people(diagnosis="depression"), "population.diagnosis", "'depression'"),
    "unknown scale of people": (with_people(scale="madras"), "madras", "'madrs' (nearest)"),
    "baseline without mean": (with_people(baseline={"sd": 5}), "population.baseline.mean", "not a number"),
    "negative spread": (with_people(baseline={"mean": 30, "sd": -1}), "population.baseline.sd", "-1"),
    "baseline row that does not exist": (with_people(baseline={"mean": 30, "row": "clinical-9999"}), "clinical-9999"),
    "baseline beyond the scale": (with_people(baseline={"mean": 80, "sd": 5}), "population.baseline", "80"),
    "inclusion above the mean": (with_people(include={"at_least": 40}), "population.include", "40"),
    "share of carriers": (with_people(genotype={"met": 1.5}), "population.genotype.met", "from 0 to 1"),
    "first episode of what resists": (
        with_people(diagnosis="trd", first_episode=0.5), "population.first_episode", "'trd'", "mdd",
    ),
    "failed treatments told twice": (
        with_people(resistance={"failed_mean": 2, "shares": [1, 0, 0, 0, 0]}), "population.resistance", "told twice",
    ),
    "less than one failed treatment": (
        with_people(resistance={"failed_mean": 0.5}), "population.resistance.failed_mean", "0.5", "1 to 5",
    ),
    "failed treatments of a few": (
        with_people(resistance={"shares": [0.5, 0.2]}), "population.resistance.shares", "that add up to 1",
    ),
    "failed treatments of too many": (
        with_people(resistance={"shares": [0.5, 0.5, 0.5, 0, 0]}), "population.resistance.shares", "that add up to 1",
    ),
    "unknown key of resistance": (with_people(resistance={"mean": 2}), "population.resistance.mean", "failed_mean"),
    "failed treatments of the well": (
        with_people(diagnosis="healthy", resistance={"failed_mean": 2}), "population.resistance", "'healthy'",
    ),
    "age without spread": (with_people(age={"mean": 40}), "population.age.sd"),
    # arms
    "no arm": ({"arm": []}, "arm", "number of arms"),
    "arm without dose": (with_arm(dose=None), "arm[1].dose", "an arm without dose", "or [] for none"),
    "two arms of one name": (with_arm(1, name="drug"), "arm[2].name", "two arms have this name", "'drug'"),
    "arm without name": (with_arm(name=None), "arm[1].name"),
    "arm of nobody": (with_arm(n=0), "arm[1].n", "a whole number of at least 1"),
    "half a person": (with_arm(n=2.5), "arm[1].n", "2.5"),
    "control that is no truth value": (with_arm(1, control="no"), "arm[2].control", "'no'"),
    "unknown drug": (with_arm(dose=[SPRAY | {"drug": "ketamin"}]), "arm[1].dose[1].drug", "'ketamine' (nearest)"),
    "unknown route": (with_arm(dose=[SPRAY | {"route": "nose"}]), "arm[1].dose[1].route", "'nose'"),
    "dose without unit": (with_arm(dose=[SPRAY | {"amount": "84"}]), "arm[1].dose[1].amount", "'84'"),
    "unknown added treatment": (with_arm(add=[{"kind": "snri"}]), "arm[1].add[1].kind", "'snri'", "'ssri' (nearest)"),
    "ECT without sessions": (
        with_arm(add=[{"kind": "ect", "placement": "bilateral", "per_week": 3}]), "arm[1].add[1].sessions",
    ),
    "two arms in a single-arm trial": ({"design": "single_arm"}, "arm", "one [[arm]] table"),
    # endpoints
    "no endpoint": ({"endpoint": []}, "endpoint", "a trial without endpoints"),
    "unknown measure": (with_endpoint(measure="diference"), "endpoint[1].measure", "'difference' (nearest)"),
    "unknown scale": (with_endpoint(scale="hamd17"), "hamd17", "hdrs17"),
    "a scale the model has no quantity for": (with_endpoint(scale="vas_high"), "vas_high"),
    "unknown arm": (with_endpoint(arm="drg"), "endpoint[1].arm", "'drug' (nearest)"),
    "versus missing": (with_endpoint(versus=None), "endpoint[1].versus", "is missing", "the arm it is compared with"),
    "versus of one arm": (with_endpoint(measure="change"), "endpoint[1].versus", "does not compare arms"),
    "versus itself": (with_endpoint(versus="drug"), "endpoint[1].versus", "'drug'"),
    "remission without limit": (with_endpoint(measure="remission", versus=None), "endpoint[1].at_most", "is missing"),
    "remission compared without limit": (
        with_endpoint(measure="risk_difference", of="remission"), "endpoint[1].at_most",
    ),
    "relapse without start": (with_endpoint(measure="relapse", versus=None), "endpoint[1].from", "is missing"),
    "follow-up that ends before it starts": (with_endpoint(**HAZARD | {"from": "21 d"}), "endpoint[1].from"),
    "criterion that is no table": (with_endpoint(**HAZARD, criterion=22), "endpoint[1].criterion", "22"),
    "unknown criterion": (with_endpoint(**HAZARD, criterion={"at_lest": 22}), "endpoint[1].criterion", "at_lest"),
    "response in percent": (with_endpoint(measure="risk_difference", response=50), "endpoint[1].response", "50"),
    "option of another measure": (with_endpoint(measure="smd", adjusted=True), "endpoint[1].adjusted"),
    "days without unit": (with_endpoint(measure="risk_difference", days=[1, 2]), "mine.toml", "days"),
    "time without unit": (with_endpoint(at="24"), "endpoint[1].at", "'24'"),
    "no time": (with_endpoint(at=None), "endpoint[1].at"),
    "negative time": (with_endpoint(at="-1 d"), "endpoint[1].at"),
    "visit after the horizon": ({"horizon": "7 d"}, "at", "the visit is after the horizon", "336 h", "168 h"),
    "further visit after the horizon": ({"horizon": "14 d", "visits": ["30 d"]}, "visits", "horizon"),
    "two endpoints of one name": ({"endpoint": data()["endpoint"][:1] * 2}, "endpoint[2].name", "two endpoints"),
    # observed figures
    "observed without unit": (with_endpoint(observed={"value": -3}), "endpoint[1].observed.unit", "without unit"),
    "observed in another unit": (with_endpoint(observed={"value": -3, "unit": "fraction"}), "observed.unit", '"point"'),
    "observed without figure": (with_endpoint(observed={"unit": "point", "low": 1}), "observed", "low and high"),
    "observed upside down": (with_endpoint(observed={"unit": "point", "low": 3, "high": 1}), "endpoint[1].observed"),
    "row that does not exist": (with_endpoint(row="clinical-9999"), "endpoint[1].row", "no such evidence row"),
    "row of another paper": (BERMAN | with_endpoint(row="clinical-0108"), "endpoint[1].row", "a row of another paper"),
    "row of another kind": (
        BERMAN | with_endpoint(measure="response", versus=None, row="clinical-0001"), "endpoint[1].row",
    ),
    "unknown role": (with_endpoint(role="test"), "endpoint[1].role", "'test'"),
    "row left out that does not exist": ({"left": [{"row": "clinical-9999", "why": "no"}]}, "left[1].row"),
    "row left out without reason": (BERMAN | {"left": [{"row": "clinical-0001"}]}, "left[1].why"),
    # rules
    "drop-out above all": ({"dropout": {"share": 1.2}}, "dropout.share", "from 0 to 1"),
    "unknown handling": ({"dropout": {"share": 0.1, "handling": "itt"}}, "dropout.handling", "'itt'"),
    "whom withdrawal keeps": ({"enrich": {"at": "7 d"}}, "enrich", "whom does it keep?"),
    "titration of nobody": ({"titrate": {"arm": "drag", "to": "placebo", "at": "7 d"}}, "titrate.arm", "'drug' (nearest)"),
    "titration to another number of people": (
        {"titrate": {"arm": "drug", "to": "placebo", "at": "7 d"}} | with_arm(n=30), "titrate",
    ),
    "interim without share": ({"interim": {"p": 0.01}}, "interim.share"),
    "interim of no endpoint": ({"interim": {"share": 0.5, "p": 0.01, "endpoint": "nope"}}, "interim", "nope"),
    "interim of one arm": (
        {"interim": {"share": 0.5, "p": 0.01}} | with_endpoint(measure="change", versus=None), "interim",
    ),
    "rescue of nobody": (rescue(at_least=None), "rescue", "whom does it rescue?", "at_least, rise, response"),
    "rescue by two limits": (rescue(rise=4), "rescue", "whom does it rescue?", "'at_least', 'rise'"),
    "rescue without visit": (rescue(at=None), "rescue.at"),
    "rescue at no visit": (rescue(at=[]), "rescue.at", "at no visit"),
    "rescue before the first dose": (rescue(at="0 h"), "rescue.at", "not after the first dose"),
    "rescue of an unknown arm": (rescue(arms=["placibo"]), "rescue.arms", "'placebo' (nearest)"),
    "rescue on an unknown scale": (rescue(scale="madras"), "madras", "'madrs' (nearest)"),
    "rescue that is not told apart": (rescue(handling="itt"), "rescue.handling", "'itt'"),
    "rescue with nothing": (rescue(handling="treated"), "rescue.add", "treated with what?"),
    "treatment that does not count": (rescue(add={"kind": "ssri"}), "rescue.add", 'or handling = "treated"'),
    "unknown rescue treatment": (
        rescue(handling="treated", add={"kind": "snri"}), "rescue.add.kind", "'ssri' (nearest)",
    ),
    "rescue that starts by itself": (
        rescue(handling="treated", add={"kind": "ssri", "start": "7 d"}), "rescue.add.start", "starts at the rescue",
    ),
    "rescue share in percent": (rescue(at_least=None, response=25), "rescue.response", "25"),
    "unknown key of rescue": (rescue(visits=["7 d"]), "rescue.visits", "unknown key"),
    "crossover table in a parallel trial": ({"crossover": {"washout": "7 d"}}, "crossover", "without a crossover"),
}  # fmt: skip
CROSSOVER = {
    "one arm": ({"arm": data("crossover")["arm"][:1]}, "arm", "two [[arm]] tables"),
    "no washout": ({"crossover": {"baseline": "period"}}, "crossover.washout"),
    "unknown baseline": ({"crossover": {"washout": "7 d", "baseline": "first"}}, "crossover.baseline", "'first'"),
    "switches that cannot change": (
        {"arm": [data("crossover")["arm"][0] | {"without": ["mor"]}, data("crossover")["arm"][1]]},
        "arm[1].without", "between periods",
    ),
    "arms of different people": (
        {"arm": [data("crossover")["arm"][0] | {"n": 30}, data("crossover")["arm"][1]]}, "arm[2].n",
    ),
    "rescue in a crossover": (rescue(), "rescue", "cannot be asked of a crossover"),
    "visit in the next period": (
        {"endpoint": [{"name": "x", "measure": "change", "arm": "saline", "at": "10 d"}]}, "endpoint", "washout",
    ),
}  # fmt: skip


def assert_one_line(error, key, *words):
    text = str(error)
    assert "\n" not in text
    assert text.startswith("mine.toml"), text
    for word in (key, *words):
        assert word in text, (word, text)


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_design_is_refused_in_one_line(what):
    """Issue 6: file, key, value and what was expected, before anything is simulated."""
    changes, key, *words = REFUSED[what]
    with pytest.raises(InputError) as error:
        made(**copy.deepcopy(changes))
    assert_one_line(error.value, key, *words)


@pytest.mark.parametrize("what", CROSSOVER)
def test_a_wrong_crossover_is_refused_in_one_line(what):
    changes, key, *words = CROSSOVER[what]
    with pytest.raises(InputError) as error:
        made("crossover", **copy.deepcopy(changes))
    assert_one_line(error.value, key, *words)


def test_two_endpoints_cannot_share_a_row():
    """Issue 6: a published figure is counted once."""
    arms = data()["arm"]
    arms[1] |= {"name": "saline"}
    ends = [
        {"name": x, "measure": "change", "scale": "hdrs25", "arm": "drug", "at": "72 h", "row": "clinical-0001"}
        for x in "ab"
    ]
    with pytest.raises(InputError) as error:
        made(endpoints=ends, arm=arms, study="berman2000ketamine")
    assert_one_line(error.value, "endpoint[2].row", "two endpoints use this row")


def test_a_role_is_never_looser_than_the_rows():
    """Issue 6: a file may be stricter than the register, never looser."""
    ends = [{"name": "x", "measure": "change", "scale": "hdrs25", "arm": "drug", "at": "72 h", "row": "clinical-0001"}]
    strict = {}
    for role in ("calibrate", "replicate", "validate"):
        ends[0]["role"] = role
        strict[role] = made(endpoints=ends, study="berman2000ketamine").endpoints[0].role
    assert strict == {"calibrate": "replicate", "replicate": "replicate", "validate": "validate"}


@pytest.mark.parametrize("name", ["parallel", "crossover", "withdrawal"])
def test_the_designs_of_these_tests_are_right(name):
    """What is refused above is refused for what was changed, not for the design it was changed in."""
    design = load_design(DESIGNS / f"{name}.toml")
    assert design.study == name
    assert design.endpoints
    assert design.text.startswith("#")


def test_a_file_that_is_no_toml_is_refused_with_its_line(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "x"\n[[arm]\n', "utf-8")
    with pytest.raises(InputError, match=r"mine\.toml") as error:
        load_design(path)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"other\.toml"):
        load_design(tmp_path / "other.toml")


def test_an_observed_range_and_its_flip():
    """`flip` turns a printed improvement into a change, and the ends of its range with it; `complement` takes the rest."""
    tables = data()
    end = tables["endpoint"][0]
    tables["endpoint"] = [end | {"flip": True, "observed": {"value": 4, "low": 1, "high": 7, "unit": "point"}}]
    seen = parse_design(tables).endpoints[0].observed
    assert (seen.value, seen.low, seen.high) == (-4, -7, -1)
