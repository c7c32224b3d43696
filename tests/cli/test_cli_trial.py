"""Issue 6: `ketasim study` and `ketasim trial` from the command line: their contract, and what they refuse."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli_calls import assert_refused, call

from ketasim.trial.pool import Pool

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "src" / "ketasim" / "examples" / "trial" / "two_arms.toml"
EFFECT = 0.3

MINE = """
title = "Two arms"
design = "parallel"
setting = "saline_parallel"
[population]
diagnosis = "trd"
baseline = { mean = 32, sd = 5 }
[[arm]]
name = "drug"
n = 40
dose = [{ drug = "ketamine", route = "iv", amount = "0.5 mg/kg", duration = "40 min", start = "0 h" }]
[[arm]]
name = "saline"
n = 40
control = true
dose = []
[[endpoint]]
name = "MADRS difference, day 7"
measure = "difference"
arm = "drug"
versus = "saline"
at = "7 d"
observed = { value = -6, low = -10, high = -2, unit = "point" }
[[endpoint]]
name = "response, drug, 24 h"
measure = "response"
arm = "drug"
at = "24 h"
"""
FIELDS = {
    "name", "arm", "time_h", "unit", "observed", "observed_low", "observed_high", "predicted", "predicted_p05", "predicted_p95",
    "inside", "role",
}  # fmt: skip


@pytest.fixture
def by_hand(monkeypatch):
    """Put a known effect of each arm with doses into the pool, so that no engine runs; count how often one is asked for."""
    asked = []

    def make(design, times_h, **_):
        asked.append(design)
        times = np.array(times_h)
        body = (len(design.arms),) if design.crossover else ()
        given = {d.name for d in design.scenario.arms if d.doses}
        left = {
            a.name: np.where((times > 0) & any(a.name == n.split(" > ")[0] for n in given), 1 - EFFECT, 1.0)
            * np.ones((*body, 1, 2, len(times)))
            for a in design.arms
        }
        peak = {n: np.zeros(v.shape[:-1]) for n, v in left.items()}
        return Pool(times, left, {n: 0 * v for n, v in left.items()}, peak, [{}])

    monkeypatch.setattr("ketasim.trial.virtual.make_pool", make)
    return asked


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE, "utf-8")
    return path


# --- ketasim study


def test_a_study_file_has_the_shape_of_the_contract(capfd, mine, by_hand):
    """Contract: `ketasim study FILE --json` prints {study, role, endpoints: [...]} and nothing else, twice the same."""
    result = call(capfd, "study", str(mine), "--json")
    assert result.status == 0, result.err
    found = json.loads(result.out)
    assert {"study", "role", "endpoints"} <= set(found)
    assert (found["study"], found["role"], found["n"]) == ("mine", "own", 80)
    assert all(set(e) >= FIELDS for e in found["endpoints"])
    first, second = found["endpoints"]
    assert (first["name"], first["arm"], first["time_h"], first["unit"]) == (
        "MADRS difference, day 7",
        "drug",
        168,
        "point",
    )
    assert (first["observed"], first["observed_low"], first["observed_high"]) == (-6, -10, -2)
    assert first["predicted_p05"] < first["predicted"] < first["predicted_p95"] < 0
    assert first["inside"] is (first["predicted_p05"] <= -6 <= first["predicted_p95"])
    assert (second["unit"], second["observed"], second["inside"]) == ("fraction", None, None)
    assert call(capfd, "study", str(mine), "--json").out == result.out


def test_a_study_is_printed_with_what_counts_and_what_does_not(capfd, by_hand):
    """Law: recalled figures are shown as such and not counted; an uncalibrated layer says so."""
    result = call(capfd, "study", "daly2018dose")
    assert result.status == 0, result.err
    recalled = json.loads(call(capfd, "study", "daly2018dose", "--json").out)["endpoints"]
    read = [e for e in recalled if e["read"] and e["inside"] is not None]
    assert 0 < len(read) < len(recalled)
    inside = sum(e["inside"] for e in read)
    assert f"{inside} of {len(read)} published figures that were read lie inside" in result.out
    assert " recalled" in result.out
    assert "uncalibrated" in result.out


def test_all_studies_come_as_a_list(capfd, tmp_path, by_hand, monkeypatch):
    """Contract: `--all --json` prints a list of them and writes nothing; without --json the report is in out/studies."""
    names = ("berman2000ketamine", "bloch2012ocd")
    monkeypatch.setattr("ketasim.studies.bundled_studies", lambda: names)
    monkeypatch.chdir(tmp_path)
    result = call(capfd, "study", "--all", "--workers", "1", "--json")
    assert result.status == 0, result.err
    assert [s["study"] for s in json.loads(result.out)] == list(names)
    assert list(tmp_path.iterdir()) == []
    shown = call(capfd, "study", "--all", "--workers", "1")
    assert shown.status == 0, shown.err
    assert "2 trials, 4 endpoints" in shown.out
    assert (tmp_path / "out" / "studies" / "replication.html").read_text("utf-8").count("berman2000ketamine") > 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), ("which study?",)),
        (("berman2000ketamine", "--all"), ("which study?",)),
        (("berman2001",), ("no such study", "'berman2001'")),
        (("abdallah2022ptsd",), ("no endpoint that can be simulated", "no means were readable")),
        (("no/such/file.toml",), ("file.toml",)),
        (("berman2000ketamine", "--workers", "0"), ("workers", "'0'")),
        (("berman2000ketamine", "--workers", "many"), ("workers", "'many'")),
    ],
)
def test_a_wrong_call_of_study_is_refused(capfd, tmp_path, monkeypatch, argv, words):
    """Contract: one line, exit status 2, nothing left behind."""
    monkeypatch.chdir(tmp_path)
    assert_refused(call(capfd, "study", *argv), tmp_path, *words)


WRONG = {
    "no TOML": (lambda t: t + "\n[[", ("mine.toml",)),
    "unknown measure": (
        lambda t: t.replace('"response"', '"respons"'),
        ("endpoint[2].measure", "'response' (nearest)"),
    ),
    "arm without dose": (lambda t: t.replace("dose = []", ""), ("arm[2].dose", "an arm without dose")),
    "observed without unit": (lambda t: t.replace(', unit = "point"', ""), ("endpoint[1].observed.unit",)),
    "unknown scale": (lambda t: t.replace('at = "24 h"', 'at = "24 h"\nscale = "hamd"'), ("'hamd'",)),
    "visit after the horizon": (lambda t: 'horizon = "2 d"\n' + t, ("after the horizon", "168 h")),
    "unknown drug": (lambda t: t.replace('"ketamine"', '"ketamin"'), ("arm[1].dose[1].drug", "'ketamine' (nearest)")),
    "empty": (lambda t: "", ("the file is empty",)),
    "no title": (lambda t: t.replace("title =", "note ="), ("title", "is missing")),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("command", ["study", "trial"])
def test_a_wrong_file_is_refused_and_leaves_nothing(capfd, tmp_path, monkeypatch, what, command):
    """Issue 6: file, key and what was expected in one line, exit status 2, before anything is simulated or written."""
    change, words = WRONG[what]
    path = tmp_path / "mine.toml"
    path.write_text(change(MINE), "utf-8")
    monkeypatch.chdir(tmp_path)
    assert_refused(call(capfd, command, str(path), "--out", str(tmp_path / "out")), tmp_path, "mine.toml", *words)


# --- ketasim trial


def test_a_trial_has_the_shape_that_is_documented(capfd, mine, by_hand):
    """docs/trials.md: figures of virtual trials, power with its interval, courses; --json prints it alone."""
    ask = ("trial", str(mine), "--replicates", "100", "--seed", "2", "--draws", "1", "--power", "0.8", "--json")
    result = call(capfd, *ask)
    assert result.status == 0, result.err
    found = json.loads(result.out)
    assert (found["study"], found["n"], found["replicates"], found["seed"]) == ("mine", 80, 100, 2)
    difference, response = found["endpoints"]
    assert difference["p05"] < difference["median"] < difference["p95"]
    assert difference["p_low"] <= difference["p_below"] <= difference["p_high"]
    assert difference["alpha"] == 0.05
    assert response["p_below"] is None
    assert [s["endpoint"] for s in found["sample_size"]] == ["MADRS difference, day 7"]
    assert found["sample_size"][0]["n_per_arm"] > 8
    assert {c["arm"] for c in found["courses"]} == {"drug", "saline"}
    assert "files" not in found
    assert list(mine.parent.iterdir()) == [mine]
    assert call(capfd, *ask).out == result.out


def test_a_trial_leaves_page_table_and_figures(capfd, mine, by_hand):
    """Contract: report, table and figures in the folder; the page says how it was made."""
    folder = mine.parent / "out"
    result = call(capfd, "trial", str(mine), "--replicates", "60", "--draws", "1", "--out", str(folder))
    assert result.status == 0, result.err
    assert "60 virtual trials of 80 people" in result.out
    assert "uncalibrated" in result.out
    page = (folder / "report.html").read_text("utf-8")
    assert "MADRS difference, day 7" in page
    assert "--replicates 60" in page
    with (folder / "trial.csv").open(encoding="utf-8") as lines:
        assert {r["name"] for r in csv.DictReader(lines)} >= {"MADRS difference, day 7", "response, drug, 24 h"}
    assert (folder / "courses.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_names_the_whole_command(capfd, mine, by_hand):
    """A report says how to get it again: every option that changes its numbers."""
    options = ("--replicates", "60", "--draws", "1", "--seed", "5", "--alpha", "0.01", "--null", "saline")
    folder = mine.parent / "out"
    result = call(capfd, "trial", str(mine), *options, "--out", str(folder))
    assert result.status == 0, result.err
    page = (folder / "report.html").read_text("utf-8")
    for k in range(0, len(options), 2):
        assert " ".join(options[k : k + 2]) in page, options[k]


def test_a_stopped_trial_goes_on_from_its_folder(capfd, mine, by_hand):
    """Issue 6: parts in the folder are taken; more replicates begin with them, and the numbers are those of one run."""
    folder = mine.parent / "out"
    ask = ("trial", str(mine), "--draws", "1", "--json")
    call(capfd, *ask, "--replicates", "40", "--out", str(folder))
    part = folder / "parts" / "part-00000.json"
    first = part.read_bytes()
    longer = json.loads(call(capfd, *ask, "--replicates", "100", "--out", str(folder)).out)
    assert part.read_bytes() == first
    alone = json.loads(call(capfd, *ask, "--replicates", "100").out)
    assert longer["endpoints"] == alone["endpoints"]
    other = call(capfd, *ask, "--replicates", "100", "--seed", "9", "--out", str(folder))
    assert other.status == 2
    assert "this folder holds another run" in other.err
    assert other.err.count("\n") == 1
    assert part.read_bytes() == first


def test_a_null_shows_no_effect(capfd, mine, by_hand):
    """Issue 6: every arm treated as one of them; the difference that is left is chance, and the output says so."""
    ask = ("trial", str(mine), "--replicates", "400", "--draws", "1", "--json")
    real = json.loads(call(capfd, *ask).out)["endpoints"][0]
    null = json.loads(call(capfd, *ask, "--null", "saline").out)
    assert real["p_below"] > 0.5
    assert null["endpoints"][0]["p_low"] <= 0.05 <= null["endpoints"][0]["p_high"]
    assert abs(null["endpoints"][0]["mean"]) < 0.3
    assert "treated as saline" in null["note"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--replicates", "1"), ("replicates", "'1'")),
        (("--replicates", "many"), ("replicates", "a whole number")),
        (("--draws", "0"), ("draws", "'0'")),
        (("--seed", "x"), ("seed", "'x'")),
        (("--alpha", "5"), ("alpha", "a number between 0 and 1")),
        (("--power", "80"), ("power", "'80'")),
        (("--power", "nan"), ("power", "'nan'")),
        (("--null", "salin"), ("null", "'salin'", "saline")),
    ],
)
def test_wrong_options_of_trial_are_refused(capfd, mine, monkeypatch, options, words):
    """Contract: one line, exit status 2, nothing written."""
    monkeypatch.chdir(mine.parent)
    assert_refused(call(capfd, "trial", str(mine), *options), mine.parent, *words)


def test_the_shipped_example_is_right(by_hand):
    """docs/trials.md shows this file: 60 people, four weeks, ketamine twice weekly against midazolam."""
    from ketasim.studies import people_of
    from ketasim.trial.load import load_design

    design = load_design(EXAMPLE)
    assert people_of(design) == 60
    assert max(e.at_h for e in design.endpoints) == 28 * 24
    assert design.arm("midazolam").sedated
    doses = {a.name: a.doses[0] for a in design.scenario.arms}
    assert {n: (d.every_h, d.count) for n, d in doses.items()} == {"ketamine": (84, 8), "midazolam": (84, 8)}


@pytest.mark.parametrize("page", ["trials.md", "studies.md"])
def test_files_in_the_documentation_are_right(page):
    """Every whole design that the pages show can be read; the shipped example is shown as it is."""
    import tomllib

    from ketasim.trial.load import parse_design

    text = (ROOT / "docs" / page).read_text("utf-8")
    blocks = [b.split("```")[0] for b in text.split("```toml\n")[1:]]
    whole = [b for b in blocks if "[population]" in b and "[[arm]]" in b]
    assert whole
    for block in whole:
        assert parse_design(tomllib.loads(block), file=page).endpoints
    if page == "trials.md":
        assert EXAMPLE.read_text("utf-8") in text


@pytest.mark.slow
def test_the_shipped_example_runs(capfd, tmp_path):
    """Issue 6: from doses through the engine to power, as the documentation shows it."""
    ask = ("trial", str(EXAMPLE), "--replicates", "40", "--draws", "1", "--json")
    result = call(capfd, *ask, "--out", str(tmp_path))
    assert result.status == 0, result.err
    found = json.loads(result.out)
    assert found["n"] == 60
    assert all(np.isfinite([e["p05"], e["median"], e["p95"]]).all() for e in found["endpoints"])
    end = {c["arm"]: c["median"][-1] for c in found["courses"]}
    assert end["ketamine"] < end["midazolam"]
    assert (tmp_path / "report.html").exists()
