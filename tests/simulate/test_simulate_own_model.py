"""`ketasim simulate` (issue 3, item 1; DESIGN section 4): a user's own model, parameters, dosing and population."""

from __future__ import annotations

import json

import numpy as np
import pytest
from simulate_models import ONE_COMPARTMENT

from ketasim.errors import InputError
from ketasim.simulate import simulate

PARAMETERS = 'CL = "5 L/h"\nV = 50\n'
HOURS = [0.5, 1.0, 2.0, 24.0]


@pytest.fixture
def files(tmp_path):
    """Write model, parameters and dosing; a call with names and texts replaces or adds some and returns the paths."""

    def write(**texts: str) -> dict[str, object]:
        content = {
            "model.toml": ONE_COMPARTMENT,
            "parameters.toml": PARAMETERS,
            "dosing.csv": "TIME,AMT,CMT\n0,100,R\n",
        }
        content |= {name.replace("__", "."): text for name, text in texts.items()}
        for name, text in content.items():
            (tmp_path / name).write_text(text)
        return {name: tmp_path / name for name in content}

    return write


def run(paths, dosing="dosing.csv", population=None, **options):
    who = None if population is None else paths[population]
    options = {"times_h": HOURS} | options
    return simulate(paths["model.toml"], paths["parameters.toml"], paths[dosing], who, **options)


def bolus(hours, amount=100.0, cl=5.0, v=50.0):
    return amount / v * np.exp(-cl / v * np.asarray(hours))


def test_a_bolus_is_the_textbook_curve(files):
    assert np.allclose(run(files()).values["C"][0], bolus(HOURS), rtol=1e-12)


def test_a_column_of_the_population_overrides_a_parameter(files):
    paths = files(population__csv="ID,CL,SEX\na,5,1\nb,10,0\n")
    result = run(paths, population="population.csv")
    assert result.ids == ("a", "b")
    assert result.ignored == ("SEX",)
    assert np.allclose(result.values["C"][1], bolus(HOURS, cl=10.0), rtol=1e-12)


def test_a_regimen_and_an_event_table_agree(files):
    paths = files(
        regimen__toml='[[dose]]\ninput = "R"\namount = "100 mg"\nduration = "30 min"\nevery = "6 h"\ncount = 3\n',
        dosing__csv="TIME,EVID,AMT,RATE,II,ADDL,CMT\n0,1,100,200,6,2,1\n",
    )
    one, other = run(paths, "regimen.toml"), run(paths, "dosing.csv")
    assert np.array_equal(one.values["C"], other.values["C"])


def test_steady_state_is_the_geometric_series(files):
    """SS = 1 every 6 h: the trough before the next dose is the closed form of NONMEM's steady state."""
    result = run(files(dosing__csv="TIME,AMT,II,SS,CMT\n0,100,6,1,R\n"), times_h=[1.0, 5.0])
    expected = bolus([1.0, 5.0]) / (1 - np.exp(-5.0 / 50.0 * 6.0))
    assert np.allclose(result.values["C"][0], expected, rtol=1e-9)


def test_bioavailability_and_lag_come_from_the_tables(files):
    """A column for one of them is in the unit of the parameter table, here minutes."""
    paths = files(
        parameters__toml=PARAMETERS + 'F_R = 0.5\nlag_R = "30 min"\n', population__csv="ID,lag_R\n1,30\n2,90\n"
    )
    result = run(paths, population="population.csv")
    assert np.allclose(result.values["C"][0, 1:], bolus([0.5, 1.5, 23.5], amount=50.0), rtol=1e-12)
    assert np.allclose(result.values["C"][1], [0, 0, *bolus([0.5, 22.5], amount=50.0)], rtol=1e-12, atol=0)


def test_observations_of_the_table_are_the_default_times(files):
    paths = files(dosing__csv="TIME,EVID,AMT,CMT\n0,1,100,R\n1,0,0,R\n3,0,0,R\n")
    assert list(run(paths, times_h=None).times_h) == [1.0, 3.0]


def test_subjects_of_the_table_get_their_own_doses(files):
    paths = files(dosing__csv="ID,TIME,AMT,CMT\na,0,100,R\nb,0,200,R\n", population__csv="ID,CL\nb,5\na,5\n")
    result = run(paths, population="population.csv")
    assert np.allclose(result.values["C"][0], 2 * result.values["C"][1], rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("model__toml", ONE_COMPARTMENT.replace("CL*A/V", "CL*A"), "the terms of a sum differ in unit"),
        ("model__toml", ONE_COMPARTMENT.replace('"mg', '"point'), "this input cannot receive a dose"),
        ("parameters__toml", 'CL = "5 L"\nV = 50\n', "unit slip"),
        ("parameters__toml", 'CL = "5 L/h"\n', "unknown parameter"),
        ("dosing__csv", "TIME,AMT,CMT\n0,-1,R\n", "dosing.csv:2"),
        ("dosing__csv", "TIME,AMT,CMT\n0,1,Q\n", "expected"),
        ("population__csv", "ID,CL\na,nan\n", "population.csv:2: CL"),
        ("population__csv", "ID,CL\na,1\na,2\n", "stands already on line 2"),
        ("population__csv", "ID,CX\na,1\n", "no column names a parameter"),
        ("population__csv", "ID,CL\na\n", "a row of another length"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(files, name, text, told):
    paths = files(**{"population__csv": "ID,CL\na,5\n"} | {name: text})
    with pytest.raises(InputError) as caught:
        run(paths, population="population.csv")
    assert told in str(caught.value)
    assert name.replace("__", ".") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("times", [[], [-1.0], [float("nan")]])
def test_times_that_are_none_are_refused(files, times):
    with pytest.raises(InputError, match="time"):
        run(files(), times_h=times)


def test_the_command_writes_its_files(files, tmp_path, monkeypatch, capsys):
    from ketasim.cli.main import main

    paths = files(population__csv="ID,CL\na,5\nb,10\n")
    monkeypatch.setattr("sys.argv", ["ketasim", "simulate"])
    options = {
        "model": "model.toml",
        "parameters": "parameters.toml",
        "dosing": "dosing.csv",
        "population": "population.csv",
    }
    argv = ["simulate", *(part for key, name in options.items() for part in (f"--{key}", str(paths[name])))]
    with pytest.raises(SystemExit) as status:
        main([*argv, "--times", "1 h,2 h", "--out", str(tmp_path / "out"), "--individuals", "--json"])
    assert status.value.code == 0
    rows = json.loads(capsys.readouterr().out)["summary"]
    assert [r["time_h"] for r in rows] == [1.0, 2.0]
    assert rows[0]["mean"] == pytest.approx((bolus([1.0])[0] + bolus([1.0], cl=10.0)[0]) / 2)
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert written == {"summary.json", "timecourse.parquet", "individuals.parquet", "run.json"}
