"""Covariates that change within a subject (issue 3, item 1): the rules, the cut in time, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from simulate_models import ONE_COMPARTMENT

from ketasim.dosing import Break, Record, build, expand
from ketasim.errors import InputError
from ketasim.simulate import simulate
from ketasim.simulate.covariates import course_of
from ketasim.simulate.pieces import owners, pieces_of

CURVED = """
title = "saturable, with an effect that starts at its baseline"
states = { A = "mg", E = "point" }
inputs = { R = "mg/h" }
params = { VM = "mg/h", KM = "mg/L", V = "L", E0 = "point", k = "1/h", WT = "kg", W0 = "kg" }
[rate]
A = "R - VM*WT/W0*(A/V)/(KM + A/V)"
E = "k*(E0*(1 + A/V/KM) - E)"
[initial]
E = "E0*WT/W0"
[output]
C = { is = "A/V", unit = "mg/L" }
E = { is = "E", unit = "point" }
"""


@pytest.fixture
def files(tmp_path):
    """Write model and parameters; a call with a dosing table (and others) returns a function that simulates them."""

    def write(dosing, population=None, model=ONE_COMPARTMENT, parameters='CL = "5 L/h"\nV = 50\n'):
        for name, text in (("m.toml", model), ("p.toml", parameters), ("d.csv", dosing), ("s.csv", population)):
            if text is not None:
                (tmp_path / name).write_text(text)

        def run(rule=None, times=None):
            who = None if population is None else tmp_path / "s.csv"
            return simulate(
                tmp_path / "m.toml", tmp_path / "p.toml", tmp_path / "d.csv", who, times_h=times, covariates=rule
            )

        return run

    return write


def decays(rates, hours):
    """Return what a bolus of 1 has become at the end of stretches (rate 1/h, length h)."""
    return np.exp(-np.dot(rates, hours))


def test_locf_holds_a_value_from_its_record_on(files):
    """V changes too: an output at the time of a record has the record's own value, and the amount is continuous."""
    run = files("TIME,AMT,CL,V\n0,100,5,50\n4,.,10,40\n8,.,.,.\n")
    found = run("locf", [2, 4, 6, 12]).values["C"][0]
    there = [decays([0.1], [2]), decays([0.1], [4]), decays([0.1, 0.25], [4, 2]), decays([0.1, 0.25], [4, 8])]
    assert np.allclose(found, 100 * np.array(there) / [50, 40, 40, 40], rtol=1e-11)


def test_nocb_holds_a_value_up_to_its_record(files):
    """As NONMEM does: the record at 4 h rules from 0 to 4 h, the last one goes on."""
    run = files("TIME,AMT,CL,V\n0,100,5,50\n4,.,10,40\n8,.,20,40\n")
    found = run("nocb", [0, 2, 4, 6, 12]).values["C"][0]
    there = [1, decays([0.25], [2]), decays([0.25], [4]), decays([0.25, 0.5], [4, 2]), decays([0.25, 0.5], [4, 8])]
    assert np.allclose(found[1:], 100 * np.array(there[1:]) / 40, rtol=1e-11)
    assert found[0] == 0  # an output sees the state before a dose of its time


def test_an_infusion_goes_on_across_a_change(files):
    run = files("TIME,AMT,RATE,CL\n0,60,10,5\n3,.,.,20\n")
    found = run("locf", [3, 5, 6, 8]).values["C"][0] * 50

    def later(a, k, h):
        return a * np.exp(-k * h) + 10 / k * (1 - np.exp(-k * h))

    three = later(0, 0.1, 3)
    assert np.allclose(found[:3], [three, later(three, 0.4, 2), later(three, 0.4, 3)], rtol=1e-11)
    assert found[3] == pytest.approx(later(three, 0.4, 3) * np.exp(-0.4 * 2), rel=1e-11)


def test_a_dose_at_the_time_of_a_change_comes_after_the_output_there(files):
    run = files("TIME,AMT,CL\n0,100,5\n4,100,10\n")
    found = run("locf", [4, 6]).values["C"][0] * 50
    four = 100 * decays([0.1], [4])
    assert np.allclose(found, [four, (four + 100) * decays([0.2], [2])], rtol=1e-11)


def test_a_reset_returns_to_the_model_s_own_start_with_the_covariates_of_the_time(files):
    """E starts at E0*WT/70; after the reset at 4 h it starts there again, with the weight of that time."""
    parameters = (
        'VM = "10 mg/h"\nKM = "2 mg/L"\nV = "50 L"\nE0 = "8 point"\nk = "0.3 1/h"\nWT = "70 kg"\nW0 = "70 kg"\n'
    )
    run = files("TIME,EVID,AMT,WT\n0,1,100,70\n2,2,.,35\n4,3,.,105\n", model=CURVED, parameters=parameters)
    result = run("locf", [0, 3.999999, 4, 4.000001, 9])
    assert result.values["E"][0, 0] == pytest.approx(8)
    before, at, after = result.values["E"][0, 1:4]
    assert at == pytest.approx(before, rel=1e-5)
    assert after == pytest.approx(12, rel=1e-5)
    assert result.values["E"][0, 4] == pytest.approx(8 + 4 * np.exp(-0.3 * 5), rel=1e-6)
    assert result.values["C"][0, 3] == 0


def step(times, values, rule, t):
    """Return the covariate at time t by the rule as it is defined, without cutting anything."""
    times = np.asarray(times)
    if rule == "locf":
        return values[max(np.flatnonzero(times <= t), default=0)]
    return values[min(np.flatnonzero(times >= t), default=len(times) - 1)]


@pytest.mark.parametrize("rule", ["locf", "nocb"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_table_agrees_with_an_independent_solver(files, rule, seed):
    """A saturable model, doses and infusions and covariates at random times, against SciPy with a step function of time."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.choice(np.arange(0, 24, 0.5), 7, replace=False))
    weight, scale = rng.uniform(40, 110, 7).round(1), rng.uniform(5, 20, 7).round(2)
    amount, rate = rng.uniform(20, 200, 7).round(1), np.where(rng.random(7) < 0.5, 0, rng.uniform(10, 80, 7)).round(1)
    rows = [f"{t},{a},{r},{w},{v}" for t, a, r, w, v in zip(times, amount, rate, weight, scale, strict=True)]
    parameters = (
        'VM = "10 mg/h"\nKM = "2 mg/L"\nV = "50 L"\nE0 = "8 point"\nk = "0.3 1/h"\nWT = "70 kg"\nW0 = "70 kg"\n'
    )
    run = files("TIME,AMT,RATE,WT,VM\n" + "\n".join(rows) + "\n", model=CURVED, parameters=parameters)
    looks = np.array([0.25, 1.25, 3.75, 7.25, 12.25, 20.75, 30.25])
    found = run(rule, looks)

    def slope(middle, y):
        wt, vm = step(times, weight, rule, middle), step(times, scale, rule, middle)
        flow = sum(r for s, a, r in zip(times, amount, rate, strict=True) if r and s <= middle < s + a / r)
        c = y[0] / 50
        return [flow - vm * wt / 70 * c / (2 + c), 0.3 * (8 * (1 + c / 2) - y[1])]

    ends = [s + a / r for s, a, r in zip(times, amount, rate, strict=True) if r]
    cuts = sorted({0.0, *times, *ends, *looks})
    y, at = np.array([0.0, 8 * step(times, weight, rule, 0.0) / 70]), {}
    for a, b in zip(cuts, [*cuts[1:], None], strict=True):
        at[a] = y.copy()
        y[0] += sum(m for s, m, r in zip(times, amount, rate, strict=True) if s == a and not r)
        if b is not None:
            middle = (a + b) / 2  # all is constant between two cuts
            y = solve_ivp(lambda _, y, t=middle: slope(t, y), (a, b), y, rtol=1e-11, atol=1e-12, method="LSODA").y[
                :, -1
            ]
    assert np.allclose(found.values["C"][0], [at[t][0] / 50 for t in looks], rtol=2e-6, atol=1e-9)
    assert np.allclose(found.values["E"][0], [at[t][1] for t in looks], rtol=2e-6)


def test_a_value_that_is_repeated_changes_nothing(files):
    same = files("TIME,AMT,CL\n0,100,7\n3,50,7\n9,0,7\n")(None, [1, 4, 20])
    plain = files("TIME,AMT\n0,100\n3,50\n9,0\n", parameters='CL = "7 L/h"\nV = 50\n')(None, [1, 4, 20])
    assert np.array_equal(same.values["C"], plain.values["C"])


def test_each_subject_of_the_table_has_its_own_course(files):
    """Without a population file the subjects are those of the table; who does not change is solved whole."""
    table = "ID,TIME,AMT,CL,DV\na,0,100,5,1\na,4,.,10,2\nb,0,100,5,1\nb,6,.,20,2\nc,0,100,8,.\n"
    result = files(table)("locf", [8])
    assert result.ids == ("a", "b", "c")
    assert result.ignored_events == ("DV",)
    expected = [decays([0.1, 0.2], [4, 4]), decays([0.1, 0.4], [6, 2]), decays([0.16], [8])]
    assert np.allclose(result.values["C"][:, 0], 2 * np.array(expected), rtol=1e-11)


def test_a_table_for_everyone_meets_the_population_s_own_columns(files):
    result = files("TIME,AMT,CL\n0,100,5\n4,.,10\n", "ID,V\na,50\nb,25\n")("locf", [6])
    assert np.allclose(
        result.values["C"][:, 0] * [50, 25], [100 * decays([0.1, 0.2], [4, 2]), 100 * decays([0.2, 0.4], [4, 2])]
    )


def test_a_steady_state_beside_somebody_whose_covariate_changes(files):
    """Subject b, slow (half-life 69 h), keeps her own clearance, and it decides how long her steady state is approached."""
    table = "ID,TIME,AMT,II,SS,CL\na,0,100,0,0,5\na,4,.,0,0,10\nb,0,100,6,1,0.5\n"
    found = files(table)("locf", [1.0, 5.0])
    steady = 2 * np.exp(-0.01 * np.array([1.0, 5.0])) / (1 - np.exp(-0.01 * 6))
    assert np.allclose(found.values["C"][1], steady, rtol=1e-9)


def records(*times):
    return [Record(time=t, evid=0, id="a", line=k + 2) for k, t in enumerate(times)]


@pytest.mark.parametrize(
    ("rule", "times", "texts", "starts", "values"),
    [
        ("locf", (0, 2, 5), "5 . 7", (0, 2, 5), (5, 5, 7)),
        ("nocb", (0, 2, 5), "5 . 7", (0, 0, 2), (5, 7, 7)),
        ("nocb", (0, 2, 5), ". . 7", (0, 0, 2), (7, 7, 7)),
        ("locf", (1, 4), "5 6", (0, 4), (5, 6)),
        ("nocb", (1, 4), "5 6", (0, 1), (5, 6)),
        ("locf", (0, 0, 3, 3), "1 2 3 4", (0, 3), (2, 4)),
        ("nocb", (0, 0, 3, 3), "1 2 3 4", (0, 0), (1, 3)),
        (None, (0, 2, 5), ". 5 .", (0, 2, 5), (5, 5, 5)),
    ],
)
def test_rules_by_hand(rule, times, texts, starts, values):
    course = course_of(records(*times), {"CL": texts.split()}, rule)
    assert (course.starts_h, course.values["CL"]) == (starts, values)


@pytest.mark.parametrize(
    ("rule", "texts", "line", "told"),
    [
        (
            None,
            "5 5 6",
            4,
            "changes within subject 'a' (was 5), and no rule says when, got 6.0; expected --covariates locf",
        ),
        ("locf", ". 5 6", 2, "the first value of subject 'a' is missing"),
        ("nocb", "5 6 .", 4, "the last value of subject 'a' is missing"),
        ("locf", ". . .", 2, "subject 'a' has no value"),
        ("locf", "5 x 6", 3, "no finite number here, got 'x'"),
        ("locf", "5 nan 6", 3, "no finite number here, got 'nan'"),
    ],
)
def test_refused_by_hand(rule, texts, line, told):
    with pytest.raises(InputError) as caught:
        course_of(records(0, 1, 2), {"CL": texts.split()}, rule)
    assert str(caught.value).startswith(f"line {line}: CL: ")
    assert told in str(caught.value)


def test_pieces_by_hand():
    """A dose at 1 h, an infusion from 2 to 6 h, changes at 0, 4 and 9 h, a reset at 5 h."""
    given = [
        Record(time=1, evid=1, amt=10, cmt="R"),
        Record(time=2, evid=1, amt=8, rate=2, cmt="R"),
        Record(time=5, evid=3),
        Record(time=7, evid=1, amt=1, cmt="R"),
    ]
    course = course_of(records(0, 4, 9), {"CL": ["1", "2", "3"]}, "locf")
    breaks = [Break(t, (0, 0, 0)) for t in course.starts_h]
    pieces = pieces_of(build([*expand(given, compartments=["R"]), *breaks], 12.0), course)
    assert [(p.start_h, p.length_h, p.values["CL"], p.fresh) for p in pieces] == [
        (0, 4, 1, True), (4, 1, 2, False), (5, 4, 2, True), (9, 3, 3, False),
    ]  # fmt: skip
    second = pieces[1].segments[0]
    assert (second.start_h, second.rates, second.impulses) == (0, (("R", 2.0, ()),), ())
    assert [s.start_h for s in pieces[2].segments] == [0, 2]
    # Outputs: a change is the later piece's, a reset the earlier one's.
    assert owners(pieces, np.array([0, 3, 4, 4.5, 5, 5.1, 9, 12.0])).tolist() == [0, 0, 1, 1, 1, 2, 3, 3]


@pytest.mark.parametrize(
    ("dosing", "population", "rule", "told"),
    [
        ("TIME,AMT,CL\n0,100,5\n4,.,10\n", None, None, "d.csv:3: CL: changes within subject '1'"),
        ("TIME,AMT,CL\n0,100,5\n4,.,-10\n", None, "locf", "d.csv:3: CL: out of bounds for subject '1', got -10.0"),
        ("TIME,AMT,CL\n0,100,5\n4,.,1e999\n", None, "locf", "d.csv:3: CL: subject '1' has no finite number"),
        (
            "ID,TIME,AMT,CL\na,0,1,5\nb,0,1,.\nb,1,.,5\nb,2,.,6\n",
            None,
            "locf",
            "d.csv:3: CL: the first value of subject 'b'",
        ),
        ("TIME,AMT,CL\n0,100,5\n4,.,10\n", None, "middle", "covariates: unknown rule"),
        (
            "TIME,AMT,II,SS,CL\n0,100,6,1,5\n4,.,.,.,10\n",
            None,
            "locf",
            "d.csv:2: SS: a steady state of subject '1', whose CL",
        ),
        ("TIME,AMT,CL\n0,100,5\n", "ID,CL\n1,5\n", None, "s.csv:1: CL: stands in the event table too"),
        ("TIME,AMT,F_R\n0,100,1\n4,.,0.5\n", None, "locf", "d.csv:1: F_R: changes, and it shapes the times of doses"),
        ("TIME,AMT,CL,CL\n0,100,5,5\n", None, None, "d.csv:1: CL: the column occurs twice"),
        ("TIME,AMT\n0,100\n", "ID,CL\na,5\nb,-1\n", None, "s.csv:3: CL: out of bounds for subject 'b', got -1.0"),
        ("TIME,AMT\n0,100\n", "ID,CL\na,5\nb,\n", None, "s.csv:3: CL: subject 'b' has no value"),
        ("TIME,AMT\n0,100\n", "ID,CL\na,5\n\nb,five\n", None, "s.csv:4: CL: subject 'b' has no finite number"),
        ("TIME,AMT\n0,100\n", "ID,CL\na,5\n,5\n", None, "s.csv:3: ID: is missing"),
        ("TIME,AMT\n0,100\n", 'ID,CL\na,"5\n', None, "s.csv:2: not comma-separated text"),
        ("TIME,AMT\n0,100\n", "ID,CL\n", None, "s.csv: no subjects"),
        ("TIME,AMT\n0,100\n", "", None, "s.csv: the file is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(files, dosing, population, rule, told):
    run = files(dosing, population, parameters='CL = "5 L/h"\nV = 50\nF_R = 1\n')
    with pytest.raises(InputError) as caught:
        run(rule, [1.0])
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_says_what_it_did_not_use_and_refuses_in_one_line(files, tmp_path, monkeypatch, capsys):
    from ketasim.cli.main import main

    files("TIME,AMT,CL,DV\n0,100,5,.\n4,.,10,3\n")
    monkeypatch.setattr("sys.argv", ["ketasim", "simulate"])
    argv = ["simulate", "--model", "m.toml", "--parameters", "p.toml", "--dosing", "d.csv", "--times", "6 h", "--json"]
    monkeypatch.chdir(tmp_path)

    def status(*more):
        with pytest.raises(SystemExit) as ended:
            main([*argv, *more])
        return ended.value.code, capsys.readouterr().err.strip()

    code, told = status()
    assert code == 2
    assert told.startswith("ketasim: d.csv:3: CL: changes within subject '1'")
    assert "\n" not in told
    assert not (tmp_path / "out").exists()
    assert status("--covariates", "LOCF") == (
        0,
        "ketasim: the column 'DV' of d.csv names no parameter and was not used",
    )
    import json

    assert json.loads((tmp_path / "out/simulate/run.json").read_text())["settings"] == {"covariates": "LOCF"}
