"""The model files that ship: a mutated unit never loads, numbers live in tables (DESIGN laws 1 and 2)."""

from __future__ import annotations

import ast
import copy
import tomllib
from importlib.resources import files

import pytest

from ketasim.errors import InputError
from ketasim.model import equation_sheet, load_model
from ketasim.model.latex import latex_name
from ketasim.parameters import builtin_table

ROOT = files("ketasim.layers")
FILES = sorted(
    (f"{folder.name}/{f.name.removesuffix('.toml')}", f.read_text("utf-8"))
    for folder in ROOT.iterdir()
    if folder.is_dir()
    for f in folder.iterdir()
    if f.name.endswith(".toml")
)
NAMES = [name for name, _ in FILES]
DATA = {name: tomllib.loads(text) for name, text in FILES}
OTHER_UNITS = ("kg", "K")


def load(name, data=None, unit_of=None):
    return load_model(data or DATA[name], name=name, file=name, unit_of=unit_of or builtin_table().unit)


def test_every_layer_has_a_model_file():
    assert {n.partition("/")[0] for n in NAMES} == {
        "exposure",
        "other_drugs",
        "receptors",
        "circuit",
        "plasticity",
        "mood",
        "safety",
    }


MUTATIONS = [
    (name, kind, key)
    for name in NAMES
    for kind in ("states", "inputs", "output")
    for key, entry in DATA[name].get(kind, {}).items()
    if not (kind == "output" and entry["is"] == "0")  # nothing is nothing in every unit
]


@pytest.mark.parametrize(("name", "kind", "key"), MUTATIONS, ids="-".join)
def test_a_unit_of_another_kind_is_caught_on_load(name, kind, key):
    for unit in OTHER_UNITS:
        data = copy.deepcopy(DATA[name])
        if kind == "output":
            data[kind][key]["unit"] = unit
        else:
            data[kind][key] = unit
        with pytest.raises(InputError) as caught:
            load(name, data)
        assert name in str(caught.value)
        assert "equation" in str(caught.value)


PARAMS = [(name, p) for name in NAMES for p in DATA[name]["params"]]


@pytest.mark.parametrize(("name", "param"), PARAMS, ids="-".join)
def test_a_parameter_of_another_kind_is_caught_on_load(name, param):
    table = builtin_table()
    with pytest.raises(InputError, match=name):
        load(name, unit_of=lambda n: "kg*K" if n == param else table.unit(n))


@pytest.mark.parametrize("name", NAMES)
def test_the_equation_sheet_holds_every_rate(name):
    spec = load(name)
    sheet = equation_sheet(spec)
    for state in spec.states:
        assert rf"\frac{{d\,{latex_name(state)}}}{{dt}} &=" in sheet
    assert sheet.count("&=") == len(spec.defines) + len(spec.states) + len(spec.outputs)


@pytest.mark.parametrize("name", NAMES)
def test_the_equations_hold_no_numbers_but_0_1_2(name):
    data = DATA[name]
    texts = {f"{t}.{k}": v for t in ("define", "rate", "initial") for k, v in data.get(t, {}).items()}
    texts |= {f"output.{k}": v["is"] for k, v in data["output"].items()}
    for key, text in texts.items():
        numbers = [n.value for n in ast.walk(ast.parse(text, mode="eval")) if isinstance(n, ast.Constant)]
        assert set(numbers) <= {0, 1, 2}, key


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_state_and_definition_is_used(name):
    """A name that no equation reads is a slip of the pen."""
    spec = load(name)
    trees = [*spec.rates.values(), *spec.defines.values(), *(o.expr for o in spec.outputs.values())]
    used = {s.name for tree in trees for s in tree.free_symbols}
    assert {*spec.params, *spec.inputs, *spec.states, *spec.defines} - used - set(spec.states) == set()


@pytest.mark.parametrize("name", NAMES)
def test_sources_stand_in_the_register_and_the_calibration_is_told(name):
    from ketasim.evidence import study

    data = DATA[name]
    assert data["calibration"] in ("fitted", "partly fitted", "from the literature", "simulated", "uncalibrated")
    assert data["source"] or name.startswith("other_drugs/")  # there each drug's numbers name their own
    for source in data["source"]:
        assert study(source).citation
