"""Maps as data: what is written is read, and a bad file is one line with file and key."""

from __future__ import annotations

import numpy as np
import pytest
from tests.maps.test_maps_fit import AXES, fitted

from ketasim.errors import InputError
from ketasim.maps import NetworkMap, evaluate, map_names, map_text, read_map, shipped_map
from ketasim.maps.evaluate import change
from ketasim.maps.gains import gain_name, gain_se, gains_text
from ketasim.parameters import read_table


@pytest.fixture
def network():
    found = fitted(3)
    return NetworkMap(
        "net", 'a "title"', AXES, found.outputs, {"a": 0.3}, {"date": "2000-01-01", "packages": {"numpy": "2"}}
    )


def test_a_map_file_says_what_was_fitted(network, tmp_path):
    path = tmp_path / "net.toml"
    path.write_text(map_text(network))
    found = read_map(path)
    assert map_text(found) == path.read_text()
    assert (found.title, found.reference, found.made["packages"]) == (network.title, {"a": 0.3}, {"numpy": "2"})
    rng = np.random.default_rng(1)
    condition = {a.name: a.low + rng.random(20) * (a.high - a.low) for a in AXES}
    for mine, other in zip(evaluate(found, "o", condition), evaluate(network, "o", condition), strict=True):
        assert np.allclose(mine, other, rtol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('link = "log"', 'link = "lug"', ("link", "lug", "log")),
        ("[axis.a]", "[axes.a]", ("axis",)),
        ("low = 0.0", "low = 2.0", ("axis.a", "rest lies outside")),
        ('  "a",', '  "d",', ("terms", "'d'")),
        ("coefficients = [", "coefficients = [ 1.0,", ("differ in length",)),
        ("noise_sd = ", "noisy_sd = ", ("output.o.noise_sd", "missing")),
        ("noise_sd = ", "noise_sd = nan #", ("output.o.noise_sd", "not a number")),
        ("a = 0.3", "z = 0.3", ("reference.z", "unknown axis")),
        ('title = "o"', "title = ", ("not valid TOML",)),
    ],
)
def test_a_bad_map_file_is_one_line(network, tmp_path, old, new, words):
    text = map_text(network)
    assert old in text
    path = tmp_path / "net.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_map(path)
    line = str(caught.value)
    assert "\n" not in line
    for word in ("net.toml", *words):
        assert word in line, line


def test_unknown_maps_outputs_and_axes_are_named(network):
    with pytest.raises(InputError, match="no map of this network"):
        shipped_map("nowhere")
    with pytest.raises(InputError, match="no such output"):
        evaluate(network, "q", {})
    with pytest.raises(InputError, match="unknown axis"):
        evaluate(network, "o", {"q": 1})


def test_a_gain_carries_the_relative_error_of_the_effect(network, tmp_path):
    se, effect, error = gain_se(network, "o")
    value, its_error = change(network, "o", {"a": 0.3})
    assert (effect, error) == (float(value), float(its_error))
    assert se == pytest.approx(error / abs(effect))
    path = tmp_path / "maps.toml"
    path.write_text(gains_text({"net": network}))
    (p,) = read_table(path)
    assert (p.name, p.value, p.status) == (gain_name("net", "o"), 1.0, "derived")
    assert p.prior() == ("lognormal", 0.0, pytest.approx(se, rel=0.01))


def test_an_effect_not_told_from_none_has_the_largest_gain_error(network):
    at_rest = NetworkMap("net", "", AXES, network.outputs, {})
    assert gain_se(at_rest, "o")[0] == 1.0


@pytest.mark.parametrize("name", map_names())
def test_shipped_maps_are_read(name):
    assert shipped_map(name).name == name
