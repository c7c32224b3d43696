"""Model files (issue 2: "a unit slip, an unknown name, a missing rate, a cycle: one message with file, key, equation, both units")."""

from __future__ import annotations

import copy
import tomllib

import pytest

from ketasim.errors import InputError
from ketasim.model import equation_sheet, flatten_one, load_model, read_model

GOOD = """
title = "One compartment with an effect"
source = ["nobody2000"]
[states]
A = "umol"
E = ""
[inputs]
R = "umol/h"
[params]
CL = "L/h"
V = "L"
k = "1/h"
C50 = "umol/L"
h = ""
[define]
C = "A/V"
pull = "drive*k"
drive = "(C/C50)**h"
[initial]
E = "1"
[rate]
A = "R - CL*C"
E = "pull - k*E"
[output]
conc = { is = "C", unit = "umol/L", port = true }
effect = { is = "min(E, 1)" }
"""


def changed(**edits):
    """Return GOOD with entries replaced ("rate.A" -> value) or, with None, taken out."""
    data = copy.deepcopy(tomllib.loads(GOOD))
    for key, value in edits.items():
        *path, last = key.split("__")
        table = data
        for part in path:
            table = table.setdefault(part, {})
        if value is None:
            del table[last]
        else:
            table[last] = value
    return data


def refusal(**edits):
    with pytest.raises(InputError) as caught:
        load_model(changed(**edits), name="mine", file="mine.toml")
    text = str(caught.value)
    assert "\n" not in text
    assert "mine.toml" in text
    return text


def test_a_good_file_is_read_whole():
    spec = load_model(tomllib.loads(GOOD), name="mine")
    assert dict(spec.states) == {"A": "umol", "E": ""}
    assert spec.order.index("drive") < spec.order.index("pull")  # a definition may stand after its use
    assert str(spec.expand(spec.rates["E"])) in ("-E*k + k*(A/(C50*V))**h", "k*(A/(C50*V))**h - E*k")
    flat = flatten_one(spec)
    assert [str(i) for i in flat.initial] == ["0", "1"]
    assert flat.outputs["conc"].port
    assert flat.outputs["effect"].unit == ""


def plain(text):
    """Drop what differs between spellings of a unit: case, spaces, the micro sign."""
    return text.lower().replace(" ", "").replace("\u00b5", "u")


UNIT_SLIPS = [
    ({"rate__A": "R - CL*A"}, ("rate.A", "R - CL*A", "umol/h", "L")),
    ({"rate__A": "R - C"}, ("rate.A", "R - C", "umol/h", "umol/l")),
    ({"rate__E": "-E"}, ("rate.E", "'-E'", "dimensionless", "/h")),
    ({"rate__A": "2"}, ("rate.A", "'2'", "dimensionless", "umol")),
    ({"define__drive": "(C/V)**h"}, ("define.drive", "(C/V)**h", "power h", "umol/l**2")),
    ({"define__drive": "(C/C50)**k"}, ("define.drive", "(C/C50)**k", "exponent", "1/h")),
    ({"define__drive": "exp(C)"}, ("define.drive", "exp(C)", "exp", "umol/l")),
    ({"define__drive": "log(V)"}, ("define.drive", "log(V)", "log", "[l]")),
    ({"define__drive": "1 + C"}, ("define.drive", "1 + C", "umol/l")),
    ({"define__drive": "min(C, V)/C50"}, ("define.drive", "min(C, V)/C50", "umol/l", "[l]")),
    ({"initial__A": "CL"}, ("initial.A", "'CL'", "l/h", "umol")),
    ({"output__conc": {"is": "C", "unit": "ng/mL"}}, ("output.conc", "'C'", "umol/l", "ng/mL")),
    ({"output__effect": {"is": "C"}}, ("output.effect", "'C'", "umol/l", "dimensionless")),
    ({"states__A": "mg"}, ("define.drive", "(C/C50)**h", "mg/umol")),
    ({"params__CL": "L"}, ("rate.A", "R - CL*C")),
    ({"inputs__R": "mg/h"}, ("rate.A", "R - CL*C")),
]


@pytest.mark.parametrize(("edit", "wanted"), UNIT_SLIPS, ids=lambda v: str(v)[:32])
def test_a_unit_slip_names_file_key_equation_and_both_units(edit, wanted):
    text = plain(refusal(**edit))
    for part in wanted:
        assert plain(part) in text, (part, text)


OTHERS = [
    ({"rate__A": "R - CL*Cx"}, ("rate.A", "'Cx'", "nearest")),
    ({"rate__A": "R - CLL*C"}, ("rate.A", "'CLL'", "'CL' (nearest)")),
    ({"rate__A": None}, ("rate.A", "no rate", "umol/h")),
    ({"rate__B": "R"}, ("rate.B", "not a state", "one of A, E")),
    ({"rate__A": 1}, ("rate.A", "not an equation")),
    ({"rate__A": "R -"}, ("rate.A", "does not parse")),
    ({"rate__A": "R.real"}, ("rate.A", "R.real")),
    ({"define__drive": "pull/k"}, ("define", "circle", "drive", "pull")),
    ({"define__C": "C"}, ("define", "circle", "C")),
    ({"define__A": "1"}, ("'A'", "states", "define")),
    ({"params__A": "L"}, ("'A'", "states", "params")),
    ({"states__A": "zorkmid"}, ("states.A", "zorkmid")),
    ({"states__A": 3}, ("states.A", "not a unit")),
    ({"states__a-b": ""}, ("states.a-b", "not a name")),
    ({"initial__Q": "1"}, ("initial.Q", "not a state")),
    ({"initial__E": "A/V"}, ("initial.E", "unknown name 'A'")),
    ({"initial__E": "R"}, ("initial.E", "unknown name 'R'")),
    ({"output__bad": "C"}, ("output.bad", "not an output")),
    ({"output__bad": {"unit": "h"}}, ("output.bad", "not an output")),
    ({"output__bad": {"is": "C", "units": "h"}}, ("output.bad", "not an output")),
    ({"output__bad": {"is": "C", "unit": "furlong/"}}, ("output.bad", "furlong/")),
    ({"rates": {}}, ("rates", "unknown key", "'rate' (nearest)")),
    ({"states": []}, ("states", "not a table")),
    ({"rate": None}, ("rate", "missing")),
]


@pytest.mark.parametrize(("edit", "wanted"), OTHERS, ids=lambda v: str(v)[:32])
def test_every_other_fault_names_its_place(edit, wanted):
    text = refusal(**edit)
    for part in wanted:
        assert part in text, (part, text)


def test_parameters_listed_without_units_need_a_table_that_has_them():
    data = changed(params=["CL", "V", "k", "C50", "h"])
    with pytest.raises(InputError, match="parameters without units"):
        load_model(data, name="mine")
    units = {"CL": "L/h", "V": "L", "k": "1/h", "C50": "umol/L", "h": ""}
    assert dict(load_model(data, name="mine", unit_of=units.__getitem__).params) == units


def test_a_file_is_named_with_the_line_that_is_not_toml(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text('title = "x"\n[rate\nA = 1\n')
    with pytest.raises(InputError, match=r"m\.toml:2") as caught:
        read_model(path)
    assert "\n" not in str(caught.value)


def test_the_equation_sheet_shows_every_rate_start_and_unit():
    spec = load_model(tomllib.loads(GOOD), name="mine")
    sheet = equation_sheet(spec)
    for name in spec.states:
        assert rf"\frac{{d\,{name}}}{{dt}}" in sheet
    for name, unit in {**spec.states, **spec.inputs, **spec.params}.items():
        assert f"% {name}: {unit or '-'}" in sheet
    assert r"E(0) = 1" in sheet
    assert sheet.count("{") == sheet.count("}")


def test_dosing_stays_out_of_the_equations():
    """DESIGN law 3: an input has no equation of its own."""
    assert "rate.R" in refusal(rate__R="1")
