"""The [population] table of a scenario: kinds, covariates, effects, a file of people; wrong ones are refused in one line."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from ketasim.cli.main import main
from ketasim.errors import InputError
from ketasim.parameters import ParameterTable, Spread, Status, builtin_table
from ketasim.population import individuals, populations
from ketasim.scenario import load_scenario, parse_scenario
from ketasim.scenario.events import forcing_of, schedule_of
from ketasim.scenario.run import configured, prepare, run

DOSE = {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}
PEOPLE = "id,weight,age,sex\nanna,60,70,female\nbert,90,30,male\ncarl,75,50,male\n"


def scenario(dose=DOSE, **population):
    return {"title": "t", "horizon": "6 h", "arm": [{"name": "a", "dose": [dose]}], "population": population}


def text_of(**population):
    """Return a scenario as TOML; values are strings or flat tables."""
    lines = [f"{k} = {json.dumps(v)}" for k, v in population.items()]
    dose = "\n".join(f"{k} = {json.dumps(v)}" for k, v in DOSE.items())
    head = 'title = "t"\nhorizon = "6 h"\n[output]\nquantities = ["plasma.ketamine"]\ntimes = ["40 min", "6 h"]\n'
    return head + f'[[arm]]\nname = "a"\n[[arm.dose]]\n{dose}\n[population]\n' + "\n".join(lines) + "\n"


BAD = [
    ({"kind": "depresion"}, "population.kind.*'depression' \\(nearest\\)"),
    ({"kind": 3}, "population.kind"),
    ({"covariates": 3}, "population.covariates: not a table"),
    ({"covariates": {"wieght": 80}}, "'weight' \\(nearest\\)"),
    ({"covariates": {"weight": "82 mg/h"}}, "population.covariates.weight.*a number in kg"),
    ({"covariates": {"weight": 5}}, "20 to 300 kg"),
    ({"covariates": {"weight": True}}, "population.covariates.weight"),
    ({"covariates": {"weight": {"mean": 80}}}, "population.covariates.weight.sd: is missing"),
    ({"covariates": {"weight": {"mean": 80, "sd": 0}}}, "not a spread"),
    ({"covariates": {"weight": {"mean": 80, "sd": 9, "low": 90, "high": 85}}}, "low below high"),
    ({"covariates": {"weight": {"mean": 80, "sd": 9, "low": 85}}}, "weight.mean: out of bounds"),
    ({"covariates": {"weight": {"median": 80, "sd": 9}}}, "weight.sd: unknown key"),
    ({"covariates": {"weight": {"mean": 80, "sd": 9, "unit": "mg/h"}}}, "weight"),
    ({"covariates": {"height": {"male": {"value": 180}}}}, "height.female: is missing"),
    ({"covariates": {"sex": "femal"}}, "'female' \\(nearest\\)"),
    ({"covariates": {"sex": {"female": 1.2}}}, "do not add up to 1"),
    ({"covariates": {"sex": {"female": 0.2, "male": 0.2}}}, "do not add up to 1"),
    ({"covariates": {"sex": {"female": -0.2}}}, "do not add up to 1"),
    ({"covariates": {"race": {"asain": 0.2}}}, "'asian' \\(nearest\\)"),
    ({"covariates": {"sex": {"allele": 0.2}}}, "for a genotype"),
    ({"covariates": {"age": {"mean": 40, "sd": 9, "status": "guess"}}}, "age.status"),
    ({"covariates": {"age": {"mean": 40, "sd": 9, "status": "assumed"}}}, "reason and a range"),
    ({"effects": {"agee": False}}, "'age' \\(nearest\\)"),
    ({"effects": {"age": "no"}}, "population.effects.age: not true or false"),
    ({"effects": {"renal": True}}, "population.effects.renal: this effect is not quantified"),
    ({"effects": ["age"]}, "population.effects: not a table"),
    ({"file": 3}, "population.file: not a path"),
    ({"file": "nobody.csv"}, "nobody.csv: cannot be read"),
]


@pytest.mark.parametrize(("population", "said"), BAD)
def test_a_wrong_population_is_refused_with_its_key(population, said):
    with pytest.raises(InputError, match=said) as caught:
        parse_scenario(scenario(**population), file="mine.toml")
    assert "\n" not in str(caught.value)


BAD_FILES = [
    ("weight\n", "holds no people"),
    ("wieght\n80\n", "'weight' \\(nearest\\)"),
    ("weight,weight\n80,80\n", "stands twice"),
    ("id,weight\na,80\na,81\n", "people.csv:3: id: this person stands in line 2 too"),
    ("weight,sex\n80\n", "people.csv:2: a row of another length"),
    ("weight\n8\n", "people.csv:2: weight: out of bounds"),
    ("weight\nheavy\n", "people.csv:2: weight: not a number"),
    ("weight\nnan\n", "people.csv:2: weight"),
    ("weight,sex\n80,\n", "people.csv:2: sex: is missing"),
    ("sex\nfemme\n", "people.csv:2: sex: not a category"),
    ('weight\n"80\n', "not comma-separated text"),
]


@pytest.mark.parametrize(("text", "said"), BAD_FILES)
def test_a_wrong_file_of_people_is_refused_with_its_line(tmp_path, text, said):
    (tmp_path / "people.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        parse_scenario(scenario(file="people.csv"), file=str(tmp_path / "mine.toml"))


def test_the_command_line_says_it_in_one_line_and_ends_with_2(tmp_path, capfd):
    path = tmp_path / "mine.toml"
    path.write_text(text_of(kind="teenagers"), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["run", str(path), "--out", str(tmp_path / "out")])
    assert ended.value.code == 2
    said = capfd.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "population.kind" in said


def test_a_scenario_that_says_nothing_has_the_default_people():
    assert parse_scenario(scenario()).people == populations()["adults"]


def test_a_population_can_be_sent_to_a_worker():
    """Parts of a large run are solved in other processes."""
    s = parse_scenario(scenario(kind="elderly", effects={"sex": True}))
    again = pickle.loads(pickle.dumps(s))
    assert again.people == s.people


def test_switches_reach_the_people():
    s = parse_scenario(scenario(effects={"age": False, "cyp2b6": True}))
    assert "age" not in s.people.effects
    assert "cyp2b6" in s.people.effects


@pytest.fixture
def of_file(tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text_of(file="people.csv"), encoding="utf-8")
    return path


def test_people_of_a_file_are_those_of_its_rows(of_file):
    s = load_scenario(str(of_file))
    assert s.size == 3
    drawn = individuals(builtin_table(), 1, 1, 3, population=s.people)
    assert drawn.covariates["weight"].tolist() == [60, 90, 75]
    assert drawn.covariates["sex"].tolist() == ["female", "male", "male"]
    assert np.array_equal(
        individuals(builtin_table(), 1, 3, 1, population=s.people).values["CL.s"], drawn.values["CL.s"][2:]
    )
    still = individuals(builtin_table(), 1, 1, 3, spread=False, population=s.people)
    assert still.covariates["age"].tolist() == [70, 30, 50]


def test_more_people_than_the_file_holds_are_refused(of_file):
    with pytest.raises(InputError, match="more people than the file holds"):
        prepare(configured(str(of_file), size=4))


def test_a_run_of_a_file_can_be_run_again_until_the_people_change(of_file, tmp_path):
    """DESIGN section 5: run.json holds all; a file of people is held by its place and hash."""
    result = run(str(of_file))
    record = tmp_path / "run.json"
    record.write_text(json.dumps(result.provenance), encoding="utf-8")
    again = run(str(record))
    assert np.array_equal(again.values["plasma.ketamine"], result.values["plasma.ketamine"])
    (tmp_path / "people.csv").write_text(PEOPLE.replace("60", "61"), encoding="utf-8")
    with pytest.raises(InputError, match="the people have changed since this run"):
        load_scenario(str(record))


def test_chunks_do_not_change_a_population(tmp_path):
    """DESIGN law 4, for people whose covariates are drawn jointly."""
    data = scenario(kind="depression", size=9, effects={"cyp2b6": True, "sex": True})
    data["output"] = {"quantities": ["plasma.ketamine"], "times": ["40 min", "6 h"]}
    whole, parts = (run(parse_scenario(data), chunk=c) for c in (None, 4))
    assert np.array_equal(whole.values["plasma.ketamine"], parts.values["plasma.ketamine"])


def nasal(iov, *, spread=True):
    """Return people, schedule and amounts of esketamine 28 mg twice a week, with spread of F_nose between occasions."""
    from dataclasses import replace

    table = builtin_table()
    if iov:
        table = ParameterTable(
            {
                p.name: replace(p, occasion_spread=Spread(iov, Status.assumed)) if p.base == "F_nose" else p
                for p in table
            }
        )
    dose = {"drug": "esketamine", "route": "intranasal", "amount": "28 mg", "every": "84 h", "count": 3}
    s = parse_scenario({**scenario(dose), "horizon": "14 d"})
    schedule = schedule_of(s.arms[0], s.horizon_h, table)
    people = individuals(table, 1, 1, 40, spread=spread)
    return people, schedule, forcing_of(schedule, ("s.R_nose", "s.R_swallowed", "s.R_lost"), people, table), table


def given(schedule, forcing):
    """Return the umol through the nose, and those that are not, at each occasion, (occasion, person)."""
    starts = [k for k, s in enumerate(schedule.segments) if any(c == "s.R_nose" for c, _, _ in s.impulses)]
    nose = np.array([forcing.bolus[k][0] for k in starts])
    length = {k: s.length_h for k, s in enumerate(schedule.segments)}
    ends = [*starts[1:], len(schedule.segments)]
    swallowed = np.array(
        [sum(forcing.rate[k][1] * length[k] for k in range(a, b)) for a, b in zip(starts, ends, strict=True)]
    )
    lost = np.array([forcing.bolus[k][2] for k in starts])
    return nose, swallowed + lost


def test_each_dose_has_its_own_share_and_nothing_is_lost():
    """Spread between occasions: what is not absorbed in the nose is swallowed or lost, dose by dose."""
    people, schedule, forcing, table = nasal(0.5)
    nose, swallowed = given(schedule, forcing)
    assert nose.shape == (3, 40)
    assert np.allclose(nose + swallowed, (nose + swallowed)[0, 0], rtol=1e-9)
    total = (nose + swallowed)[0]
    p = table.resolve("F_nose", "s")
    for k in range(3):
        assert np.allclose(nose[k] / total, people.at_occasion(p, k + 1), rtol=1e-9)
    assert not np.any(nose[0] == nose[1])


def test_without_spread_between_occasions_a_dose_is_given_as_before():
    _, schedule, forcing, _ = nasal(None)
    nose, _ = given(schedule, forcing)
    assert np.array_equal(nose[0], nose[1])
    assert not any("occasion" in n for n in schedule.scales)
    _, schedule, forcing, _ = nasal(0.5, spread=False)
    nose, _ = given(schedule, forcing)
    assert np.array_equal(nose[0], nose[2])
