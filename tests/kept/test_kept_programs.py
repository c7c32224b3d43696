"""Issue 3, item 4: compiled programs are kept between processes, and one that cannot be believed is compiled anew."""

from __future__ import annotations

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ketasim.kept.programs import KeptProgram


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return the folder of kept programs, empty and for this test alone."""
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path))
    jax.config.update("jax_enable_x64", True)
    return tmp_path / "programs"


def traced(function=lambda a, b: (jnp.exp(a) * b, {"sum": a.sum()}), key="key"):
    """Return a kept program and the list of times it was traced."""
    times = []

    def counted(*args):
        times.append(1)
        return function(*args)

    return KeptProgram(jax.jit(counted), key), times


A, B = np.linspace(0.1, 2, 7), np.float64(3.5)


def test_a_program_is_traced_once_for_all_processes(place):
    """A new `KeptProgram` stands for a new process: it holds nothing in memory."""
    first, times = traced()
    plain = jax.jit(lambda a, b: (jnp.exp(a) * b, {"sum": a.sum()}))(A, B)
    assert len(list(place.glob("*"))) == 0
    for _ in range(3):
        got = first(A, B)
    second, again = traced()
    for value in (got, second(A, B), second(2 * A, 2 * B)):
        assert jax.tree.structure(value) == jax.tree.structure(plain)
    assert np.array_equal(second(A, B)[0], plain[0])
    assert np.array_equal(second(2 * A, B)[0], np.asarray(first(2 * A, B)[0]))
    assert (len(times), len(again)) == (1, 0)


def test_other_shapes_types_and_keys_are_other_programs(place):
    program, times = traced()
    program(A, B)
    program(A[:3], B)
    program(A.astype(np.float32), np.float32(B))
    other, others = traced(key="another")
    other(A, B)
    assert (len(times), len(others), len(list(place.iterdir()))) == (3, 1, 4)


@pytest.mark.parametrize(
    "spoil", [lambda b: b"", lambda b: b[:-9], lambda b: b.replace(b"\x00", b"\x01", 1), lambda b: b"x\n" + b]
)
def test_a_spoilt_file_is_compiled_anew(place, spoil):
    program, _ = traced()
    want = program(A, B)
    (path,) = place.iterdir()
    path.write_bytes(spoil(path.read_bytes()))
    again, times = traced()
    assert np.array_equal(again(A, B)[0], want[0])
    assert len(times) == 1
    warm, none = traced()
    warm(A, B)
    assert none == []


def test_a_gradient_goes_through(place):
    program, _ = traced(lambda a, b: jnp.sum(a**2) * b)
    program(A, B)
    assert np.allclose(jax.grad(lambda a: program(a, B))(A), 2 * A * B)


def test_a_folder_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("here")
    monkeypatch.setenv("KETASIM_CACHE", str(tmp_path / "file"))
    program, _ = traced()
    assert program(A, B)[0].shape == (7,)


WARM = """
import jax
from ketasim.engine.compiled import Program
from ketasim.engine.settings import settings
from ketasim.engine.solve import Forcing, solve
from ketasim.engine.structure import analyse
from ketasim.model import flatten_one, load_model
import numpy as np, sys
text = dict(states={"A": "mg"}, inputs={"R": "mg/h"}, params={"k": "1/h"}, rate={"A": "R - k*A"})
spec = load_model(text | {"output": {"A": {"is": "A", "unit": "mg"}}}, name="one")
program = Program(analyse(flatten_one(spec)), settings(), ("A",))
if len(sys.argv) > 1:
    jax.jit = None
    jax.stages.Lowered.compile = None
one = np.ones((1, 1, 1))
forcing = Forcing(np.zeros(1), np.ones(1), np.zeros(1, bool), np.zeros(1, np.int64), one, 0 * one)
print(solve(program, np.full((1, 1), 0.7), forcing, [0.3, 1.0]).outputs.tobytes().hex())
"""


def test_a_second_process_compiles_nothing_and_computes_the_same(place):
    def process(*args):
        done = subprocess.run([sys.executable, "-c", WARM, *args], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert process() == process("warm")
