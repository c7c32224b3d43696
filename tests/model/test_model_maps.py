"""`[map]` lines: the expression is the map, to rounding; units, limits and mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from tests.maps.test_maps_fit import AXES, fitted

from ketasim.engine.structure import analyse
from ketasim.errors import InputError
from ketasim.kept.codec import from_document, to_document
from ketasim.maps import Axis, NetworkMap, map_text, read_map
from ketasim.maps.evaluate import relative
from ketasim.model import equation_sheet, evaluate, flatten_one, read_model, symbol

MODEL = """
title = "maps"
params = { gain_o = "", other = "", tau = "h" }
[inputs]
R = "umol/h"
[states]
A = "umol"
x = ""
y = ""
[define]
u = "0.5 + 0.1*other"
twice = "2*p + s"
[map]
p = { network = "log.toml", output = "o", at = { a = "x", c = "u" }, gain = "gain_o" }
q = { network = "linear.toml", output = "o", at = { a = "x", c = "y + u" }, gain = "gain_o" }
s = { network = "logit.toml", output = "o", at = { a = "x", c = "u" } }
[rate]
A = "R - A/tau"
x = "(p - x)/tau"
y = "(twice - y)/tau"
[output]
ratio = { is = "p", unit = "" }
change = { is = "q", unit = "Hz" }
share = { is = "s", unit = "" }
total = { is = "twice", unit = "" }
"""
RESTS = {"log": 5.0, "linear": 5.0, "logit": 0.3}


@pytest.fixture
def place(tmp_path):
    """A folder with a map for each link; the linear one in Hz."""
    for link, rest in RESTS.items():
        outputs = fitted(6, link, rest).outputs
        m = outputs["o"]
        unit = "Hz" if link == "linear" else ""
        outputs = {"o": type(m)(**{**{f: getattr(m, f) for f in m.__dataclass_fields__}, "unit": unit})}
        (tmp_path / f"{link}.toml").write_text(map_text(NetworkMap(link, link, AXES, outputs)))
    return tmp_path


def model(place, text=MODEL):
    (place / "model.toml").write_text(text)
    return read_model(place / "model.toml")


def test_the_expression_is_the_map_to_rounding(place):
    flat = flatten_one(model(place))
    rng = np.random.default_rng(2)
    values = {n: rng.uniform(-1, 3, 200) for n in ("x", "y", "other")} | {"gain_o": rng.uniform(0.5, 1.5, 200)}
    names = ("ratio", "change", "share", "total")
    ratio, moved, share, total = evaluate(
        [flat.outputs[n].expr for n in names], {symbol(n): v for n, v in values.items()}, np
    )
    u = 0.5 + 0.1 * values["other"]
    expected = {}
    for link, c, gain in (
        ("log", u, values["gain_o"]),
        ("linear", values["y"] + u, values["gain_o"]),
        ("logit", u, 1.0),
    ):
        expected[link] = relative(read_map(place / f"{link}.toml"), "o", {"a": values["x"], "c": c}, gain=gain)
    assert np.allclose(ratio, expected["log"], rtol=1e-12, atol=0)
    assert np.allclose(
        moved / 3600, expected["linear"], rtol=1e-12, atol=1e-14
    )  # per hour, the coherent unit, is 1/3600 Hz
    assert np.allclose(share, expected["logit"], rtol=1e-12, atol=0)
    assert np.allclose(total, 2 * expected["log"] + expected["logit"], rtol=1e-12)
    assert (values["x"] > 1).any()
    assert (values["x"] < 0).any()  # the ends of the axis were met


def test_a_map_at_rest_is_exactly_neutral(place):
    text = MODEL.replace("0.5 + 0.1*other", "4 + 0*other")
    flat = flatten_one(model(place, text))
    values = {symbol("x"): 0.0, symbol("y"): 0.0, symbol("gain_o"): 1.3, symbol("other"): 1.0}
    ratio, moved, share = evaluate([flat.outputs[n].expr for n in ("ratio", "change", "share")], values, np)
    assert (float(ratio), float(moved)) == (1.0, 0.0)
    assert float(share) == pytest.approx(read_map(place / "logit.toml").output("o").rest, rel=1e-14)


def test_structure_codec_and_equations_go_on_working(place):
    spec = model(place)
    structure = analyse(flatten_one(spec))
    assert [structure.flat.states[i] for i in structure.linear] == ["A"]
    assert {structure.flat.states[i] for i in structure.rest} == {"x", "y"}
    again = from_document(to_document(spec))
    assert (again.defines, again.maps) == (spec.defines, spec.maps)
    sheet = equation_sheet(spec)
    assert r"z_{\mathrm{a}}" in sheet
    assert sheet.count(r"\max") <= 3  # each scaled argument stands once, not in every term
    assert {n: (u.network, u.output, u.gain) for n, u in spec.maps.items()}["p"] == ("log.toml", "o", "gain_o")


def test_equal_arguments_share_a_definition_and_others_do_not(place):
    names = [n for n in model(place).defines if n.startswith("z_")]
    assert names.count("z_a") == 1
    assert [n for n in names if n.startswith("z_c")] == ["z_c", "z_c_2"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('network = "log.toml"', 'network = "lag"', ("map.p", "no map of this network")),
        ('network = "log.toml"', 'network = "lag.toml"', ("lag.toml", "cannot be read")),
        ('output = "o"', 'output = "oo"', ("map.p", "no such output")),
        ('a = "x"', 'd = "x"', ("map.p.at.d", "unknown axis")),
        ('a = "x"', 'a = "xx"', ("map.p.at.a", "unknown name")),
        ('a = "x"', 'a = "A"', ("map.p.at.a", "unit slip")),
        ('a = "x"', 'a = "p"', ("circle",)),
        ('gain = "gain_o"', 'gain = "gain_p"', ("map.p.gain", "no parameter")),
        ('gain = "gain_o"', 'gain = "tau"', ("map.p.gain", "unit")),
        ('gain = "gain_o"', 'gian = "gain_o"', ("map.p", "not a map")),
        ("p = { network", "u = { network", ("'u' stands in",)),
        ('is = "q", unit = "Hz"', 'is = "q", unit = ""', ("output.change", "unit slip")),
        ("[map]", "[maps]", ("maps", "unknown key")),
    ],
)
def test_a_bad_map_line_is_one_line(place, old, new, words):
    with pytest.raises(InputError) as caught:
        model(place, MODEL.replace(old, new, 1))
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line, line


def test_an_axis_with_a_unit_takes_an_argument_in_any_unit_of_its_kind(place):
    axes = (Axis("a", "a", "umol/L", 0.0, 2.0, 0.0), *AXES[1:])
    found = read_map(place / "log.toml")
    (place / "log.toml").write_text(map_text(NetworkMap("log", "", axes, found.outputs)))
    text = MODEL.replace('a = "x", c = "u" }, gain', 'a = "A/other", c = "u" }, gain').replace(
        'other = ""', 'other = "mL"'
    )
    text = text.replace("0.5 + 0.1*other", "0.5")
    flat = flatten_one(model(place, text))
    # 1.5 umol in 1 L; both are coherent units.
    got = evaluate([flat.outputs["ratio"].expr], {symbol("A"): 1.5, symbol("other"): 1.0, symbol("gain_o"): 1.0}, np)[0]
    assert float(got) == pytest.approx(
        float(relative(read_map(place / "log.toml"), "o", {"a": 1.5, "c": 0.5})), rel=1e-12
    )
