"""Risk issue, 4 and 5: rules of labels as data, a hit blocks the benefit claim; seizures and levels in words only."""

from __future__ import annotations

import re

import pytest

from ketasim.errors import InputError
from ketasim.evidence import observation, study
from ketasim.risk import (
    benefit_blocked,
    concentration_words,
    conditions,
    depressant_words,
    hits,
    scenario_hits,
    seizure_words,
    use_words,
)
from ketasim.risk.rules import KINDS, rule_data
from ketasim.risk.words import word_data
from ketasim.scenario import load_scenario, parse_scenario

BLOCKED = [
    ("esketamine", "aneurysmal_vascular_disease"), ("esketamine", "arteriovenous_malformation"),
    ("esketamine", "intracerebral_haemorrhage"), ("esketamine", "hypersensitivity"), ("ketamine", "hypersensitivity"),
    ("ketamine", "hypertension_hazard"), ("ketamine", "eclampsia"), ("ketamine", "severe_coronary_disease"),
    ("ketamine", "stroke"), ("ketamine", "cerebral_trauma"),
]  # fmt: skip


@pytest.mark.parametrize(("drug", "condition"), BLOCKED)
def test_a_contraindication_blocks_the_benefit_and_shows_its_rule(drug, condition):
    """safety.md section 12."""
    found = hits([drug], [condition])
    assert found[0].blocks
    said = benefit_blocked(found)
    assert found[0].text in said
    assert found[0].label in said
    assert found[0].date in said


def test_theophylline_is_not_given_with_ketamine():
    found = hits(["ketamine"], comedication=["theophylline"])
    assert found[0].kind == "do_not_combine"
    assert benefit_blocked(found)


@pytest.mark.parametrize("condition", ["raised_pressure", "pregnancy", "psychosis", "child_pugh_c", "not_fasted"])
def test_a_warning_is_shown_and_does_not_block(condition):
    found = hits(["esketamine"], [condition])
    assert any(h.kind == "warning" and conditions()[condition] in h.because for h in found)
    assert benefit_blocked(found) == ""


def test_every_dose_is_watched():
    assert {h.rule for h in hits(["esketamine"])} == {"spravato-observe"}
    assert {h.rule for h in hits(["ketamine"])} == {"ketamine-escort"}


def test_a_child_and_a_fast_push_are_caught():
    assert "spravato-age" in {h.rule for h in hits(["esketamine"], age=17)}
    assert "spravato-age" not in {h.rule for h in hits(["esketamine"], age=18)}
    assert "ketamine-rate" in {h.rule for h in hits(["ketamine"], iv_duration_h=10 / 3600)}
    assert "ketamine-rate" not in {h.rule for h in hits(["ketamine"], iv_duration_h=60 / 3600)}


@pytest.mark.parametrize(("has", "beside"), [(["measles"], []), ([], ["unobtainium"])])
def test_what_no_rule_knows_is_refused_since_silence_would_look_like_safety(has, beside):
    with pytest.raises(InputError, match="unknown"):
        hits(["ketamine"], has, beside)


def test_the_drugs_of_an_arm_are_each_others_comedication():
    dose = {"drug": "ketamine", "route": "iv", "amount": "1 mg/kg", "duration": "10 s"}
    wine = {"drug": "ethanol", "route": "oral", "amount": "40 g"}
    s = parse_scenario({"title": "t", "horizon": "4 h", "arm": [{"name": "a", "dose": [dose, wine]}, {"name": "b"}]})
    found = scenario_hits(s, has=["stroke"])
    assert {h.rule for h in found["a"]} >= {"ketamine-depressants", "ketamine-rate", "ketamine-uk"}
    assert found["b"] == ()
    assert benefit_blocked(scenario_hits(load_scenario("landmark"))["ketamine"]) == ""


def test_every_rule_has_source_date_kind_and_known_words():
    data = rule_data()
    assert len({r["id"] for r in data["rule"]}) == len(data["rule"])
    for rule in data["rule"]:
        label = data["label"][rule["label"]]
        assert study(label["source"])
        assert label["date"]
        assert rule["kind"] in KINDS
        assert set(rule.get("conditions", ())) <= set(conditions())
        assert set(rule.get("classes", ())) <= set(data["class"])
    assert set(conditions()) - {c for r in data["rule"] for c in r.get("conditions", ())} <= {
        "epilepsy", "withdrawal", "unattended",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("has", "beside", "word"),
    [
        ([], [], "none"),
        (["epilepsy"], [], "caution"),
        ([], ["theophylline"], "avoid"),
        (["epilepsy", "withdrawal"], [], "avoid"),
        (["epilepsy"], ["midazolam"], "caution"),
        ([], ["bupropion"], "caution"),
    ],
)
def test_seizures_are_told_in_words_never_as_a_share(has, beside, word):
    """safety.md section 6: words, never a probability or a threshold in %."""
    found = seizure_words(has, beside)
    assert found.word == word
    assert not re.search(r"\d\s*%|mg|ng/mL", found.text)
    assert all(observation(r) for r in found.rows)


def test_no_lethal_threshold_is_ever_shown():
    """safety.md sections 1 (5) and 9: bands of text; the traceless lethal dose of web pages never appears."""
    assert concentration_words(0.6).word == "loss of consciousness possible"
    assert "anaesthetic care" in concentration_words(3).word
    assert "0.2 mg/L" in concentration_words(0.1, ["ethanol"]).text
    whole = str(word_data()) + str(rule_data())
    assert "4.2" not in whole
    assert "lethal dose" not in whole
    with pytest.raises(InputError, match="not a level"):
        concentration_words(-1)


def test_words_say_what_is_known_of_a_mixture():
    assert "add up" in depressant_words(["ketamine", "propofol"])
    assert "no study" in depressant_words(["ketamine", "ethanol"])
    assert "outside any data" in depressant_words(["ketamine", "ethanol", "midazolam"])
    assert depressant_words(["ketamine"]) == ""


def test_long_use_is_told_with_its_population():
    for name, word in use_words().items():
        assert all(observation(r) for r in word.rows), name
    assert "self-selected" in use_words()["urinary"].text


def test_use_is_counted_in_days_and_told_of_users_alone():
    """pal2013 (safety-0184): 24 % without use, 32 % at 26 days, 85 % at 180; supervised arms are told none of it."""
    from ketasim.risk.longuse import days_of_use, urinary_prevalence

    assert urinary_prevalence(0) == pytest.approx(0.24, abs=0.002)
    assert urinary_prevalence(26) == pytest.approx(0.32, abs=0.01)
    assert urinary_prevalence(180) == pytest.approx(0.85, abs=0.01)
    arms = {a.name: a for a in load_scenario("longuse").arms}
    assert days_of_use(arms["daily"], 200 * 24.0) == 180
    assert days_of_use(arms["supervised"], 28 * 24.0) <= 10
    assert days_of_use(arms["daily, stopped after half a year"], 360 * 24.0) == 0
