"""`ketasim list`, `show`, `equations`, `claims`, `study`, and how fast help is at hand (DESIGN section 5)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from cli_calls import call

KINDS = [
    "drugs",
    "comedication",
    "covariates",
    "populations",
    "routes",
    "quantities",
    "scenarios",
    "studies",
    "claims",
    "parameters",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_prints_rows_and_json(kind, capfd):
    plain, as_json = call(capfd, "list", kind), call(capfd, "list", kind, "--json")
    assert plain.status == as_json.status == 0
    rows = json.loads(as_json.out)
    assert rows
    key = "id" if kind == "claims" else "name"
    for row in rows[:5]:
        assert row[key].split()[0][:12] in plain.out


@pytest.mark.parametrize(
    "name", ["CL", "clearance", "CL.s", "plasma.ketamine", "ketamine", "landmark", "kamp2020bja", "C001", "V_koff"]
)
def test_show_prints_one_thing_with_its_sources(name, capfd):
    result = call(capfd, "show", name)
    assert result.status == 0
    assert result.out.strip()
    assert json.loads(call(capfd, "show", name, "--json").out)


def test_show_of_a_parameter_tells_value_unit_source_and_doi(capfd):
    text = call(capfd, "show", "CL").out
    for word in ("1.48", "L/min", "fitted_here", "simons2022", "doi:10.", "joint fit", "0.17"):
        assert word in text, word


def test_show_takes_a_doi(capfd):
    doi = json.loads(call(capfd, "show", "kamp2020bja", "--json").out)["doi"]
    assert "kamp2020bja" in call(capfd, "show", doi).out


@pytest.mark.parametrize("layer", ["exposure", "receptors", "circuit", "plasticity", "mood", "safety"])
def test_every_layer_prints_its_equations(layer, capfd):
    result = call(capfd, "equations", layer)
    assert result.status == 0
    assert result.out.count(r"\begin{align*}") == result.out.count(r"\end{align*}") >= 1
    assert r"\frac{d\," in result.out


def test_the_ledger_of_claims_is_whole(capfd):
    rows = json.loads(call(capfd, "claims", "--json").out)
    assert len(rows) == 140
    assert {"id", "topic", "claim", "state", "model_verdict", "probability", "literature_verdict"} <= set(rows[0])
    one = json.loads(call(capfd, "claims", rows[0]["id"], "--json").out)
    assert rows[0]["claim"] in json.dumps(one, ensure_ascii=False)


def test_a_claim_is_told_in_full(capfd):
    """DESIGN section 5: a claim's verdicts, rule, figures with their interval and evidence, as text and as JSON."""
    told = json.loads(call(capfd, "claims", "c023", "--json").out)[0]
    assert {"rule", "figures", "evidence", "draws", "model", "literature"} <= set(told)
    assert {"name", "unit", "median", "low", "high", "missing"} == set(told["figures"][0])
    assert 0 <= told["probability"] <= 1
    text = call(capfd, "claims", "C023").out
    for word in ("accumulation", "clinical-0033", "singh2016frequency", told["rule"]):
        assert word in text


def test_a_study_prints_json_of_the_agreed_shape(capfd):
    result = call(capfd, "study", "kamp2020bja", "--json")
    assert result.status == 0
    document = json.loads(result.out)
    assert {"study", "role", "endpoints"} <= set(document)
    assert len(document["summary"]) == 10
    assert document["endpoints"][0]["unit"] == "nmol/mL"


def test_a_study_prints_each_curve_with_pass_or_fail(capfd):
    result = call(capfd, "study", "kamp2020bja")
    assert result.status == 0
    assert "kamp2020bja (calibrate)" in result.out
    assert result.out.count("pass") + result.out.count("fails") >= 10


def test_version_and_help(capfd):
    import ketasim

    assert call(capfd, "--version").out.strip() == f"ketasim {ketasim.__version__}"
    shown = call(capfd, "--help")
    assert shown.status == 0
    for command in ("run", "list", "show", "study", "claims", "equations"):
        assert command in shown.out
    assert "no dosing advice" in " ".join(shown.out.split())


HEAVY = ("jax", "sympy", "pandas", "matplotlib", "pint", "scipy", "xarray", "duckdb", "pydantic", "numpy")


def loaded_after(code):
    script = f"import sys\n{code}\nprint(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.split()


def test_help_and_import_load_nothing_heavy():
    help_ = "from ketasim.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    assert loaded_after(help_) == (0, [])
    assert loaded_after("import ketasim") == (0, [])


def test_the_public_names_come_on_demand():
    code = "import ketasim as ks; assert ks.InputError.exit_status == 2 and callable(ks.run) and ks.load_scenario"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    import ketasim

    with pytest.raises(AttributeError):
        _ = ketasim.nothing


def test_a_closed_pipe_is_no_traceback():
    done = subprocess.run(
        f"{sys.executable} -c 'from ketasim.cli.main import main; main([\"list\", \"parameters\"])' | head -n 1",
        shell=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
