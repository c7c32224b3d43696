"""Data files of networks: what is read, and that each mistake is one line; calls and hashes."""

from __future__ import annotations

import sys

import pytest
from tests.networks.own_network import WC, copied

from ketasim.errors import InputError, RunError
from ketasim.networks import names, network_hash, read_network, simulate, spec
from ketasim.networks.call import module
from ketasim.networks.spec import NetworkSpec, parse_condition


def test_a_data_file_is_read():
    found = spec(str(WC))
    assert (found.name, found.shipped) == ("wilsoncowan", False)
    assert found.rest == {"block": 0.0, "drive": 0.2}
    assert found.numeric("step", "s") == pytest.approx(1e-3)
    assert found.sweep.corners == ({"block": 1.0}, {"block": 0.3})
    assert found.values["tau"] == 10
    assert found.outputs["high"].floor == 0.002
    assert found.size["excitatory"] == 400


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[axis.block]", "[axes.block]", ("axes", "unknown key", "axis")),
        ("rest = 0.2", "rest = 2", ("axis.drive.rest", "rest lies outside")),
        ("high = 1.0", "high = 0.0", ("axis.block", "without extent")),
        ('link = "log"', 'link = "ln"', ("output.rate_e.link", "ln")),
        ('unit = "Hz"', 'unit = "Hertzes"', ("output.rate_e.unit", "unknown unit")),
        ("floor = 0.002", "floor = 0.5", ("output.high.floor",)),
        ("[output.rate_i]", "[output.block]", ("output.block", "an axis and an output")),
        ("[output.rate_i]", "[output.seed]", ("seed", "not a name")),
        ("step = { value = 1,", "step = { value = 0,", ("numerics.step.value", "above 0")),
        ('unit = "ms" }\n[size]', 'unit = "mV" }\n[size]', ("numerics.step", "convert")),
        ("excitatory = 400", "excitatory = 0.5", ("size.excitatory", "whole number")),
        ("points = 60", "point = 60", ("sweep.point", "points")),
        ("repeats = 2", "repeats = 0", ("sweep.repeats",)),
        ("reference = { block = 0.3 }", "reference = { block = 3 }", ("sweep.reference.block", "0 to 1")),
        ("corner = [{ block = 1 }", "corner = [{ bloc = 1 }", ("sweep.corner", "unknown axis", "block")),
        ('reason = "a test", range = [40, 60]', "range = [40, 60]", ("parameter.rate_max", "needs a reason")),
        ("range = [40, 60]", "range = [1, 2]", ("parameter.rate_max", "outside its own range")),
        ("source = []", "source = 3", ("source",)),
        ("[numerics]", "[numerics", ("not valid TOML",)),
    ],
)
def test_a_bad_data_file_is_one_line(tmp_path, old, new, words):
    path = copied(tmp_path, (old, new))
    with pytest.raises(InputError) as caught:
        read_network(path)
    line = str(caught.value)
    assert "\n" not in line
    for word in ("wilsoncowan.toml", *words):
        assert word in line, line


def test_a_parameter_below_zero_is_on_a_linear_scale(tmp_path):
    found = read_network(copied(tmp_path, ("value = 1.5", "value = -1.5"), ("range = [1, 2]", "range = [-2, -1]")))
    assert {p.name: p.scale for p in found.parameters}["threshold"] == "linear"
    assert {p.name: p.scale for p in found.parameters}["tau"] == "log"


def test_a_run_follows_from_condition_and_seed():
    first = simulate(WC, {"block": 0.3}, 4, duration=0.5)
    assert first == simulate(WC, {"block": 0.3, "drive": 0.2}, 4, duration=0.5)
    assert first != simulate(WC, {"block": 0.3}, 5, duration=0.5)
    assert list(first) == list(spec(WC).outputs)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: simulate(WC, {"blok": 0.3}, 1), ("unknown axis", "block")),
        (lambda: simulate(WC, {"block": 1.1}, 1), ("beyond the axis", "0 to 1")),
        (lambda: simulate(WC, {"block": float("nan")}, 1), ("not a number",)),
        (lambda: simulate(WC, {}, -1), ("not a seed",)),
        (lambda: simulate(WC, {}, 1, parameters={"tua": 3}), ("unknown parameter", "tau")),
        (lambda: simulate(WC, {}, 1, steps=3), ("unknown option",)),
        (lambda: spec("nowhere"), ("unknown network",)),
        (lambda: parse_condition(spec(WC), ["block:0.2"]), ("not a condition",)),
        (lambda: parse_condition(spec(WC), ["block=0,2"]), ("not a condition",)),
    ],
)
def test_a_bad_call_is_one_line(call, words):
    with pytest.raises(InputError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def test_code_that_returns_other_outputs_is_refused(tmp_path):
    path = copied(tmp_path)
    path.with_suffix(".py").write_text("def simulate(condition, seed):\n    return {'rate_e': 1.0}\n")
    with pytest.raises(RunError, match="rate_i"):
        simulate(path, {}, 1)
    path.with_suffix(".py").unlink()
    with pytest.raises(InputError, match="no code"):
        simulate(path, {}, 1)


def test_without_brian2_the_remedy_is_told(monkeypatch):
    """A network whose package is missing says what to install."""
    monkeypatch.setitem(sys.modules, "ketasim.networks.absent", None)

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "ketasim.networks.absent":
                raise ModuleNotFoundError("No module named 'brian2'", name="brian2")

    monkeypatch.delitem(sys.modules, "ketasim.networks.absent")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    found = read_network(WC, shipped=True)
    absent = NetworkSpec(**{**{f: getattr(found, f) for f in found.__dataclass_fields__}, "name": "absent"})
    with pytest.raises(RunError, match=r"brian2 is not installed: pip install 'ketasim\[network\]'"):
        module(absent)


def test_the_hash_sees_numbers_and_code_but_no_words(tmp_path):
    before = network_hash(WC)
    assert network_hash(copied(tmp_path, ("A noisy", "Another noisy"), ("points = 60", "points = 70"))) == before
    assert network_hash(copied(tmp_path, ("value = 0.08", "value = 0.081"))) != before
    path = copied(tmp_path)
    code = path.with_suffix(".py")
    text = code.read_text()
    code.write_text(
        text.replace('"""Return rates', '"""Return the rates').replace("    rng =", "    # a comment\n    rng =")
    )
    assert network_hash(path) == before
    code.write_text(text.replace("rates.std", "rates.var").replace("[:, 0].std", "[:, 0].var"))
    assert network_hash(path) != before


@pytest.mark.parametrize("name", names())
def test_shipped_data_files_are_read_and_their_sources_stand_in_the_register(name):
    from ketasim.evidence import study

    found = spec(name)
    for source in (*found.sources, *(p.source for p in found.parameters if p.source)):
        assert study(source).citation
