"""Risk: the panel of safety beside the benefit in every report, and a rule of a label in place of a benefit."""

from __future__ import annotations

import csv
import json
import re

import duckdb
import numpy as np
import pytest
from risk_outputs import digits, guessed_cells, guessed_numbers, printed, told_digits

import ketasim.trial.virtual as virtual
from ketasim.cli.printing import print_safety
from ketasim.errors import InputError
from ketasim.report.files import summary_document, write_files
from ketasim.report.safety import panel_html, panel_rows
from ketasim.report.trials import write_replication
from ketasim.report.write import write_report
from ketasim.risk.panel import arm_lines, band, is_benefit, quantities, run_panel
from ketasim.risk.rules import rule_data, scenario_hits
from ketasim.scenario import load_scenario, parse_scenario
from ketasim.scenario.run import run
from ketasim.studies import load_study
from ketasim.studies.trials import replicate_trial
from ketasim.system.bind import whole_system
from ketasim.system.grade import GUESS
from ketasim.trial.load import parse_design
from ketasim.trial.pool import Pool, make_pool
from ketasim.trial.safety import own_doses, rules, trial_panel
from ketasim.trial.user import Wanted, courses, safety_of, simulate_trial, sized, summary

READINGS = ["dissociation", "pressure", "unresponsive", "sedation"]
INFUSION = {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}
ALCOHOL = {"drug": "ethanol", "route": "oral", "amount": "40 g"}
FORBIDDEN = {
    "title": "forbidden", "horizon": "2 d",
    "arm": [{"name": "ketamine", "dose": [INFUSION]}, {"name": "saline", "dose": []}],
    "population": {"size": 7, "seed": 1, "conditions": ["hypertension_hazard"]},
    "output": {"quantities": ["plasma.ketamine", "madrs", "analgesia", "cadss", "rise.sbp"]},
}  # fmt: skip
RULE = next(r for r in rule_data()["rule"] if r["id"] == "ketamine-pressure")
LABEL = rule_data()["label"]["ketalar_us"]


def design(conditions=(), drug=INFUSION, **people):
    return parse_design(
        {
            "title": "own", "design": "parallel", "setting": "saline_parallel",
            "population": {"diagnosis": "trd", "baseline": {"mean": 32, "sd": 5}, "conditions": list(conditions), **people},
            "arm": [
                {"name": "drug", "n": 20, "dose": [drug] if isinstance(drug, dict) else drug},
                {"name": "control", "n": 20, "control": True, "dose": []},
            ],
            "endpoint": [{"name": "difference", "measure": "difference", "arm": "drug", "versus": "control", "at": "24 h",
                          "observed": {"value": -6, "low": -10, "high": -2, "unit": "point"}}],
        },
        file="own.toml",
    )  # fmt: skip


@pytest.fixture
def by_hand(monkeypatch):
    """A pool in which the drug takes a third of severity away, everybody peaks at 12 points, 20 mmHg, a share of 0.123."""

    def make(d, times_h, **_):
        times = np.array(times_h)
        left = {
            a.name: np.where((times > 0) & (not a.control), 2 / 3, 1.0) * np.ones((1, 4, len(times))) for a in d.arms
        }
        peak = {n: np.full((1, 4), 12.0) for n in left}
        values = dict(zip(quantities(), (12.0, 20.0, 0.123, 0.456), strict=True))
        worst = {n: {q: np.full((1, 4), v) for q, v in values.items()} for n in left}
        return Pool(times, left, {n: 0 * v for n, v in left.items()}, peak, [{}], worst)

    monkeypatch.setattr(virtual, "make_pool", make)


# --- a run


def test_the_landmark_report_has_the_panel_in_page_json_and_terminal(landmark, tmp_path, capsys):
    found = summary_document(landmark, {})["safety"]
    drug = [x for x in found["readings"] if x["arm"] == "ketamine"]
    assert [x["reading"] for x in drug] == READINGS
    peaks = landmark.values["rise.sbp"][0].max(axis=1)
    pressure = drug[1]
    assert pressure["mean"] == pytest.approx(peaks.mean())
    assert [pressure["p05"], pressure["p95"]] == pytest.approx(list(np.percentile(peaks, (5, 95))))
    assert all(x["grade"] == "grade B" for x in drug)
    assert drug[0]["band"] == band(drug[0]["mean"])["words"]
    assert all(x["mean"] is None and x["note"] for x in found["readings"] if x["arm"] == "saline")
    assert not found["blocked"]
    page = write_report(landmark, tmp_path / "report.html").read_text("utf-8")
    assert page.count("Safety beside the benefit") == 1
    assert (
        page.index("The way from dose to mood")
        < page.index("Safety of each arm")
        < page.index("Beside published figures")
    )
    assert f'<data value="{pressure["mean"]!r}">' in page
    assert "driving or machinery" in page  # a rule that monitors
    print_safety(found)
    shown = capsys.readouterr().out
    assert "systolic rise" in shown
    assert "grade B" in shown


def test_bands_of_the_score_and_the_guess_among_their_borders():
    assert [band(x)["words"] for x in (0, 3.9, 4, 39, 41)] == ["hardly any"] * 2 + ["dissociation"] * 2 + ["k-hole"]
    line = arm_lines("a", ["ketamine"], {"cadss": np.full(4, 45.0)})[0]
    assert GUESS in line.band_grade
    assert GUESS in panel_html({"readings": [line.__dict__], "rules": [], "blocked": {}, "about": ""})


@pytest.mark.parametrize(
    ("drugs", "peaks", "words"),
    [
        ((), {}, "nothing active is given"),
        (("memantine",), {"cadss": np.ones(3)}, "no data: not computed for memantine"),
        (("ketamine",), {}, "not among the quantities"),
        (("ketamine",), {"cadss": np.full(3, 40.0), "p_unresponsive": np.full(3, 0.9)}, "no longer respond"),
    ],
)
def test_where_nothing_can_be_read_words_stand_in_place_of_a_number(drugs, peaks, words):
    line = arm_lines("a", drugs, peaks)[0]
    assert (line.mean, line.p05, line.p95) == (None, None, None)
    assert words in line.note
    document = {"readings": [line.__dict__], "rules": [], "blocked": {}, "about": ""}
    assert words in panel_html(document)
    assert not re.search(r"<data", panel_html(document))
    assert words in panel_rows(document)[0]["dissociation (CADSS)"]


def test_a_drug_whose_part_is_not_in_the_model_is_named():
    line = arm_lines("a", ["ketamine", "ethanol"], {"rise.sbp": np.full(3, 12.345)})[1]
    assert line.mean == pytest.approx(12.345)
    assert "ethanol" in line.note


def test_animals_have_no_panel_of_people():
    found = run_panel(run("mouse", size=2, quantities=["plasma.ketamine"]), load_scenario("mouse"))
    assert (found.lines, dict(found.hits)) == ((), {})


# --- a rule in place of a benefit


@pytest.fixture(scope="module")
def forbidden():
    return run(parse_scenario(FORBIDDEN))


def test_a_contraindication_stands_in_place_of_every_benefit_of_a_run(forbidden, tmp_path, capsys):
    files = write_files(forbidden, tmp_path, individuals=True)
    page = (tmp_path / "report.html").read_text("utf-8")
    document = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    for text in (page, document["safety"]["blocked"]["ketamine"]):
        for words in (RULE["text"], LABEL["title"], LABEL["date"]):
            assert words in text
    assert 'id="layer-mood"' not in page
    assert "no benefit shown: a rule forbids it" in page
    assert not re.search(r"MADRS[^<]{0,40}(rises|falls|stays)", page)
    held = {r["quantity"] for r in document["summary"]}
    for kind in ("timecourse", "individuals"):
        held |= {r[0] for r in duckdb.sql(f"SELECT DISTINCT quantity FROM read_parquet('{files[kind]}')").fetchall()}
    assert held == {"plasma.ketamine", "cadss", "rise.sbp"}
    print_safety(document["safety"])
    assert RULE["text"] in capsys.readouterr().out


def test_what_counts_as_benefit():
    known = whole_system().quantities
    told = {n for n, q in known.items() if is_benefit(q)}
    assert {"madrs", "severity", "hdrs17", "qids_sr16", "analgesia"} <= told
    assert not told & {"cadss", "rise.sbp", "spines", "plasma.ketamine", "liking"}


def test_the_command_does_not_even_compute_a_forbidden_benefit(tmp_path):
    path = tmp_path / "forbidden.toml"
    path.write_text(
        'title = "x"\nhorizon = "2 h"\n[[arm]]\nname = "a"\n[[arm.dose]]\ndrug = "ketamine"\nroute = "iv"\namount = "20 mg"\n'
        'duration = "40 min"\n[population]\nsize = 3\ncomedication = ["theophylline"]\n[output]\nquantities = ["madrs"]\n'
    )
    document = json.loads(printed("run", str(path), "--out", str(tmp_path / "out"), "--json"))
    assert {r["quantity"] for r in document["summary"]} == set(quantities())
    assert "theophylline" in document["safety"]["blocked"]["a"]


def test_a_condition_that_no_rule_knows_is_refused():
    with pytest.raises(InputError, match="unknown condition"):
        design(["bad_luck"])
    with pytest.raises(InputError, match="unknown condition"):
        scenario_hits(parse_scenario(FORBIDDEN | {"population": {"conditions": ["bad_luck"]}}))


def test_people_of_a_design_meet_the_rules():
    found = rules(design(drug={**INFUSION, "drug": "esketamine"}, age={"mean": 15, "sd": 1}, psychotic=0.1))
    assert {"spravato-age", "spravato-psychosis", "psychosis"} <= {h.rule for h in found["drug"]}
    assert found["control"] == ()


def test_in_a_crossover_the_drug_of_the_other_period_is_no_comedication():
    d = load_study("dwyer2021adolescents")
    assert d.crossover
    for arm in d.arms:
        assert len({x.drug for x in own_doses(d, arm.name).doses}) == 1


# --- trials


def test_a_study_and_its_report_have_the_panel(by_hand, tmp_path):
    result = replicate_trial(design(), replicates=40)
    drug = [x for x in result["safety"]["readings"] if x["arm"] == "drug"]
    assert [x["reading"] for x in drug] == READINGS
    assert [x["mean"] for x in drug] == pytest.approx([12.0, 20.0, 0.123, 0.456])
    files = write_replication([result], tmp_path, command="x")
    with open(files["safety"], encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [r["reading"] for r in rows] == READINGS * 2
    assert rows[0]["study"] == "own"
    with open(files["report"], encoding="utf-8") as file:
        assert "Safety beside the benefit" in file.read()


def test_a_forbidden_study_has_the_rule_and_no_prediction(by_hand, tmp_path):
    result = replicate_trial(design(["hypertension_hazard"]), replicates=40)
    (e,) = result["endpoints"]
    assert (e["observed"], e["predicted"], e["predicted_p05"], e["inside"]) == (-6, None, None, None)
    assert RULE["text"] in e["blocked"]
    with open(write_replication([result], tmp_path, command="x")["report"], encoding="utf-8") as file:
        page = file.read()
    assert RULE["text"] in page
    assert LABEL["date"] in page


@pytest.mark.parametrize("conditions", [(), ("hypertension_hazard",)])
def test_a_trial_of_ones_own_has_panel_or_rule(by_hand, tmp_path, conditions):
    from ketasim.cli.trial import document
    from ketasim.report.trials import write_trial

    d, wanted = design(conditions), Wanted(40, 1, 1, 0.05, 0.8)
    found = simulate_trial(d, wanted, tmp_path)
    safety = safety_of(d, wanted, tmp_path)
    result = document(d, wanted, summary(found, wanted), sized(d, wanted), courses(found), safety, None)
    with open(write_trial(result, tmp_path, command="x")["report"], encoding="utf-8") as file:
        page = file.read()
    assert "Safety of each arm" in page
    (e,) = result["endpoints"]
    if conditions:
        assert (e["mean"], e["p_below"], result["courses"], result["sample_size"]) == (None, None, [], [])
        assert RULE["text"] in page
        assert "Power" not in page
    else:
        assert e["mean"] < 0
        assert "blocked" not in e
        assert result["courses"]


def test_the_panel_of_a_trial_is_kept_with_its_parts(by_hand, tmp_path, monkeypatch):
    d, wanted = design(), Wanted(40, 1, 1, 0.05)
    simulate_trial(d, wanted, tmp_path)
    first = safety_of(d, wanted, tmp_path)
    monkeypatch.setattr(virtual, "make_pool", None)  # whoever asks for a pool again fails
    simulate_trial(d, wanted, tmp_path)
    assert safety_of(d, wanted, tmp_path) == first


@pytest.mark.slow
def test_the_panel_of_a_real_pool_is_that_of_its_people():
    """From the same people as the trial: the largest value in the first two hours, and the mood is that without the panel."""
    d = design(drug=[INFUSION, ALCOHOL])
    pool = make_pool(d, (0.0, 24.0), count=1, people=6, seed=1)
    assert set(pool.worst["drug"]) == set(quantities())
    assert pool.worst["drug"]["cadss"].shape == pool.peak["drug"].shape == (1, 6)
    assert (pool.worst["drug"]["cadss"] >= pool.peak["drug"]).all()
    found = trial_panel(d, pool).document()
    guesses = [x for x in found["readings"] if x["arm"] == "drug" and GUESS in x["grade"]]
    assert {x["reading"] for x in guesses} == {"unresponsive", "sedation"}
    assert all(digits(v) <= 1 for _, v in guessed_numbers(found))
    cells = list(guessed_cells(panel_html(found)))
    assert len(cells) == len(guesses)
    for words, numbers in cells:
        assert all(digits(v) <= 1 for v in numbers)
        assert max(told_digits(words)) <= 1
