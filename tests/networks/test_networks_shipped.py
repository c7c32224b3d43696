"""DESIGN law 9: what ships as a network's maps is what its sweep says, and the sweep is the network's as it is now."""

from __future__ import annotations

from importlib.resources import files

import pytest

from ketasim.maps import map_names, map_text, shipped_map
from ketasim.maps.gains import gain_name, gains_text
from ketasim.networks import names, network_hash, spec
from ketasim.networks.check import check
from ketasim.networks.mapping import fit_maps
from ketasim.networks.table import shipped_sweep
from ketasim.parameters import builtin_table

NAMES = names()


def sweep_of(name):
    table = shipped_sweep(name)
    if table is None:
        pytest.skip(f"the network {name} ships no sweep yet: ketasim circuit sweep {name}")
    return table


@pytest.mark.parametrize("name", NAMES)
def test_maps_are_those_of_the_sweep_and_the_sweep_that_of_the_network(name):
    table = sweep_of(name)
    assert table.about["hash"] == network_hash(name), f"the network changed since: ketasim circuit sweep {name}"
    maps = shipped_map(name)
    assert maps.made["sweep_sha256"] == table.sha256, f"another sweep: ketasim circuit maps {name}"
    text = files("ketasim.maps").joinpath("data", f"{name}.toml").read_text("utf-8")
    again = fit_maps(spec(name), table, made_on=maps.made["date"])
    for m in again.outputs.values():
        assert m.terms == maps.output(m.name).terms
        assert m.coefficients == pytest.approx(maps.output(m.name).coefficients, rel=1e-6)
    assert map_text(maps) == text


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_map_and_network_are_held_together(name):
    """Two runs of the sweep come back the same, two fresh conditions lie within the map's error."""
    table = sweep_of(name)
    found = check(spec(name), table, shipped_map(name), points=2, seed=1)
    assert found.passed, (found.again, [c for c in found.fresh if not c.inside])


def test_every_map_belongs_to_a_network():
    assert set(map_names()) <= set(NAMES)


def test_every_map_has_its_gain():
    """Regenerate with `ketasim circuit maps NAME`."""
    maps = {n: shipped_map(n) for n in map_names()}
    text = files("ketasim.parameters").joinpath("data", "maps.toml").read_text("utf-8")
    assert text == gains_text(maps)
    assert all(gain_name(n, o) in builtin_table() for n, found in maps.items() for o in found.outputs)
