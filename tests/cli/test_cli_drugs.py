"""`ketasim list drugs`, `ketasim show DRUG`, and what a run says of drugs whose effects are not modelled (DESIGN section 5)."""

from __future__ import annotations

import json

import pytest

from ketasim.cli.listing import print_list
from ketasim.cli.show import print_one
from ketasim.report.files import layer_sources, summary_document
from ketasim.report.reading import listener_paragraph
from ketasim.scenario.load import parse_scenario
from ketasim.scenario.run import run


def test_a_drug_is_shown_with_its_model_numbers_sources_and_state(capsys):
    print_one("active_placebo", as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown["drug"] == "midazolam"
    assert shown["routes"] == ["iv", "oral"]
    assert shown["models"] == ["other_drugs/three_compartment_transit", "other_drugs/effect_site"]
    assert shown["calibration"] == "from the literature"
    assert "GABA-A" in shown["note"] and "sedation" in shown["note"]  # its effects are in the model
    assert "not in the model yet" not in shown["note"]
    clearance = next(p for p in shown["parameters"] if p["name"] == "CL_drug.midazolam")
    assert (clearance["value"], clearance["unit"], clearance["evidence_row"]) == (21.54, "L/h", "pk-0719")
    assert any(s["source"].startswith("brill2014mdz") for s in shown["sources"])


def test_ketamine_is_shown_with_the_numbers_of_both_enantiomers(capsys):
    print_one("ketamine", as_json=True)
    names = {p["name"] for p in json.loads(capsys.readouterr().out)["parameters"]}
    assert {"CL.s", "CL.r", "M_ketamine"} <= names


def test_a_drug_that_only_animals_are_given_is_shown_with_an_animals_numbers(capsys):
    """moaddel2015rat, lumsden2019hnk: hydroxynorketamine as a drug has kinetics in mice and rats alone."""
    print_one("r_hnk", as_json=True)
    shown = json.loads(capsys.readouterr().out)
    values = {p["name"]: p["value"] for p in shown["parameters"]}
    assert (shown["species"], values["weight"]) == ("mouse", 0.025)
    assert "CLH_animal.mouse" in values
    assert "CL.r" not in values


def test_the_list_says_which_routes_have_evidence(capsys):
    print_list("drugs", as_json=True)
    rows = {r["name"]: r for r in json.loads(capsys.readouterr().out)}
    assert rows["ethanol"]["routes"] == ["iv", "oral"]
    assert rows["ethanol"]["available"]
    assert not rows["fluoxetine"]["available"]
    assert "not physiologic" in rows["fluoxetine"]["note"]


@pytest.fixture(scope="module")
def result():
    dose = {"drug": "midazolam", "route": "iv", "amount": "0.045 mg/kg", "duration": "40 min"}
    text = 'horizon = "4 h"\n[[arm]]\nname = "active placebo"\n[[arm.dose]]\n'
    text += "\n".join(f'{k} = "{v}"' for k, v in dose.items())
    arm = {"name": "active placebo", "dose": [dose]}
    return run(
        parse_scenario({"horizon": "4 h", "arm": [arm]}, text=text), size=2, quantities=["plasma.midazolam", "madrs"]
    )


def test_a_run_says_that_the_effects_of_another_drug_are_not_in_the_model(result):
    said = summary_document(result, {})["not_modelled"]
    assert len(said) == 1
    assert said[0].startswith(
        "Of midazolam this run has kinetics and GABA-A potentiation, which raises inhibition in the circuit;"
    )
    assert said[0].split(";")[0] in listener_paragraph(result)


def test_a_run_cites_the_papers_of_the_drugs_that_it_shows_alone(result):
    assert layer_sources(result)["other_drugs"] == ["brill2014mdz", "greenblatt1989mdz"]
