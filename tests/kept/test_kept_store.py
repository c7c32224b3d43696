"""Issue 3, item 4: what is built from files alone is kept between processes, exactly, and never believed blindly."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp

from ketasim.engine.structure import analyse, prune
from ketasim.errors import InputError
from ketasim.kept import fingerprint, kept, store
from ketasim.kept.codec import CannotKeepError, from_document, to_document
from ketasim.model import parse_expression, symbol
from ketasim.parameters import Status, builtin_table
from ketasim.parameters.table import _shipped
from ketasim.system.bind import _bind_whole, whole_system
from ketasim.units import coherent_factor, convert
from ketasim.units.convert import _asked_of_pint, _common


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return the folder of kept files, empty and for this test alone."""
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kept"


def counted(value):
    """Return a builder of `value` and the list of its calls."""
    calls = []

    def build():
        calls.append(1)
        return value

    return build, calls


def through_json(value):
    return from_document(json.loads(json.dumps(to_document(value))))


def test_the_shipped_system_comes_back_as_it_was_built():
    built = _bind_whole()
    assert through_json(built) == built
    assert whole_system() == built
    assert tuple(builtin_table()) == _shipped()


def test_an_analysed_structure_comes_back_with_every_argument_in_its_place():
    """The order of terms decides the last bit of a sum, so equality of trees is not enough."""
    flat = whole_system().flat
    structure = analyse(prune(flat, ("plasma.ketamine", "madrs", "cadss"), ("s.R_iv", "r.R_iv")))
    again = through_json(structure)
    assert again == structure
    for tree, other in zip(structure.flat.rates, again.flat.rates, strict=True):
        walked = zip(sp.preorder_traversal(tree), sp.preorder_traversal(other), strict=True)
        assert all(a == b and a.args == b.args for a, b in walked)


@pytest.mark.parametrize(
    "text", ["a/3 + exp(1) - 2.5*b", "max(a, b, 0)**0.5", "tanh(-a) + abs(b)", "-(a + b)", "0.1*a"]
)
def test_trees_come_back(text):
    tree = parse_expression(text, {n: symbol(n) for n in "ab"})
    assert through_json({"x": tree})["x"] == tree


@pytest.mark.parametrize(
    "value", [(1, 2.5, None, True, "text"), {("a", 1): [Status.assumed]}, 1e-323, float("inf"), {}]
)
def test_plain_values_come_back_with_their_types(value):
    again = through_json(value)
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize(
    "value", [{1, 2}, object(), sp.Symbol("x"), sp.sin(symbol("x")), b"bytes", int, sys, np.float64(1.0)]
)
def test_what_would_not_come_back_is_not_kept(value, place):
    with pytest.raises(CannotKeepError):
        to_document(value)
    build, calls = counted(value)
    assert kept("odd", "key", build) is value
    assert kept("odd", "key", build) is value
    assert len(calls) == 2
    assert not place.exists()


def test_a_value_is_built_once_and_again_for_another_key(place):
    build, calls = counted((1, 2))
    assert [kept("pair", key, build) for key in ("a", "a", "b", "a")] == [(1, 2)] * 4
    assert len(calls) == 2
    assert len(list(place.iterdir())) == 2


def signed(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: b"",
        lambda raw: raw[:-1],
        lambda raw: raw.replace(b"17", b"18"),
        lambda raw: b"\xff\xfe" + raw,
        lambda raw: raw.partition(b"\n")[2],
        lambda raw: signed(b"[]"),
        lambda raw: signed(b'{"value": ["record", "os:system", "true"], "trees": []}'),
        lambda raw: signed(b'{"value": ["record", "ketasim.files:read_text", "x"], "trees": []}'),
        lambda raw: signed(b'{"value": ["record", "ketasim.nowhere:Thing"], "trees": []}'),
        lambda raw: signed(b'{"value": ["record", "ketasim.parameters.parameter:Spread", 1], "trees": []}'),
        lambda raw: signed(b'{"value": ["tree", 5], "trees": [["symbol", "x"]]}'),
        lambda raw: signed(b'{"value": ["tree", 0], "trees": [["lambdify", 0]]}'),
        lambda raw: signed(b'{"value": ["enum", "ketasim.parameters.parameter:Status", "no"], "trees": []}'),
        lambda raw: signed(b"[" * 100_000),
    ],
)
def test_a_file_that_is_not_what_was_kept_is_built_anew(place, spoil):
    build, calls = counted((17, 17.5))
    kept("pair", "key", build)
    (path,) = place.iterdir()
    good = path.read_bytes()
    path.write_bytes(spoil(good))
    assert kept("pair", "key", build) == (17, 17.5)
    assert len(calls) == 2
    assert path.read_bytes() == good


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("here")
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path / "file"))
    build, calls = counted(3)
    assert [kept("n", "k", build), kept("n", "k", build)] == [3, 3]
    assert len(calls) == 2


def test_an_error_of_the_builder_is_told_and_nothing_kept(place):
    def build():
        raise InputError("wrong", key="x")

    with pytest.raises(InputError, match="wrong"):
        kept("n", "k", build)
    assert not place.exists()


def test_old_files_make_room(place):
    for k in range(store.settings()["most"] + 5):
        kept("n", str(k), lambda: 1)
    assert len(list(place.iterdir())) == store.settings()["most"]


def test_the_fingerprint_follows_code_and_data(tmp_path, monkeypatch):
    """A changed byte of a model file or of the code that reads it is another key; compiled files are not looked at."""
    for room in ("kept", "system/data", "system/__pycache__"):
        (tmp_path / room).mkdir(parents=True)
    monkeypatch.setattr(store, "files", lambda _: tmp_path)
    seen = []
    for name, text in [("system/a.py", "1"), ("system/data/b.toml", "1"), ("system/a.py", "2"), ("kept/c.py", "1")]:
        (tmp_path / name).write_text(text)
        seen.append(fingerprint.__wrapped__("system"))
    assert len(set(seen)) == 4
    (tmp_path / "system/__pycache__/a.py").write_text("x")
    (tmp_path / "engine.py").write_text("x")
    assert fingerprint.__wrapped__("system") == seen[-1]


def test_kept_units_are_those_of_pint():
    fresh = _asked_of_pint()
    assert _common() == fresh
    assert all(coherent_factor(u) == f for u, f in fresh.coherent.items())
    assert convert(3.0, "min", "h") == 3.0 * fresh.factors["min", "h"] == pytest.approx(0.05, rel=1e-15)


WARM = """
import sys
from ketasim.scenario.run import _placed, arm_table, configured, program_for
import ketasim.engine.structure
def never(*_): raise AssertionError("analysed again")
import ketasim.scenario.run as run
if len(sys.argv) > 1:
    run.analyse = run.prune = never
s = configured("landmark", size=1)
schedules = [_placed(s, arm, arm_table(s, arm)) for arm in s.arms]
inputs = tuple(sorted({c for schedule in schedules for c in schedule.compartments}))
print(len(program_for(inputs, s.quantities).structure.flat.states))
print(*(m for m in ("pint", "pydantic", "scipy", "matplotlib", "pandas", "xarray") if m in sys.modules))
"""


def test_a_second_process_analyses_nothing_and_loads_no_units(place):
    def process(*args):
        done = subprocess.run([sys.executable, "-c", WARM, *args], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    cold, warm = process(), process("warm")
    assert int(cold[0]) > 0
    assert "pint" in cold[1]
    assert warm == [cold[0], ""]  # as many states as were analysed
    assert {p.name.partition("-")[0] for p in place.iterdir()} == {"parameters", "structure", "system", "units"}
