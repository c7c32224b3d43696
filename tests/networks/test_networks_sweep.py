"""Sweeps: the design covers the axes, a killed sweep goes on to the same bytes, maps and network are held together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.networks.own_network import WC, copied

from ketasim.errors import InputError
from ketasim.maps import evaluate, map_text
from ketasim.networks import read_network, spec
from ketasim.networks.check import check, numerics
from ketasim.networks.design import runs
from ketasim.networks.mapping import fit_maps
from ketasim.networks.sweep import sweep
from ketasim.networks.table import read_sweep

SHORT = ("duration = { value = 2,", "duration = { value = 0.05,")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The small network swept as its file says, in this process."""
    return sweep(WC, tmp_path_factory.mktemp("sweep")).table


def test_the_points_fill_both_boxes():
    """An eighth of each axis holds about an eighth of the points of its box (every second point of one Sobol sequence does not)."""
    network = spec(WC)
    points = [r for r in runs(network, 128, 1) if r.kind == "point"]
    for axis in network.axes.values():
        z = np.array([(r.condition[axis.name] - axis.rest) / axis.reach for r in points])
        low, high = (axis.low - axis.rest) / axis.reach, (axis.high - axis.rest) / axis.reach
        for part, width in ((z[::2], 1.0), (z[1::2], network.sweep.near_width)):
            counts = np.histogram(part, bins=8, range=(low * width, high * width))[0]
            assert counts.sum() == 64
            assert counts.min() >= 4
            assert counts.max() <= 12


def test_a_longer_design_begins_with_the_shorter_one():
    network = spec(WC)
    short, long = runs(network, 10, 3), runs(network, 37, 3)
    assert long[: len(short)] == short
    assert len({r.seed for r in long}) == len(long)
    assert [r.condition for r in runs(network, 10, 4) if r.kind == "point"] != [
        r.condition for r in short if r.kind == "point"
    ]


def test_an_interrupted_sweep_goes_on_to_the_same_bytes(tmp_path):
    path = copied(tmp_path, SHORT)
    whole = sweep(path, tmp_path / "whole", points=20).table.read_bytes()
    done = []

    def interrupt(finished, total):
        done.append(finished)
        if len(done) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(path, tmp_path / "parts", points=20, told=interrupt)
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "parts" / "runs").iterdir()}
    assert len(stamps) == 6
    swept = sweep(path, tmp_path / "parts", points=20, workers=2)
    assert swept.table.read_bytes() == whole
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps  # nothing was computed twice


def test_a_killed_sweep_goes_on_to_the_same_bytes(tmp_path):
    """kill -9 of the command and with it of its workers; what is left is whole runs alone."""
    path = copied(tmp_path, SHORT, slow=0.05)
    whole = sweep(path, tmp_path / "whole", points=16).table.read_bytes()
    program = "import sys\nfrom ketasim.cli.main import main\nif __name__ == '__main__': main(sys.argv[1:])\n"
    (tmp_path / "program.py").write_text(program)
    argv = ["circuit", "sweep", str(path), "--points", "16", "--workers", "2", "--out", str(tmp_path / "parts")]
    process = subprocess.Popen([sys.executable, str(tmp_path / "program.py"), *argv], env=os.environ)
    kept = tmp_path / "parts" / "runs"
    end = time.monotonic() + 60
    while time.monotonic() < end and (not kept.is_dir() or len(list(kept.glob("*.json"))) < 3):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 3 <= len(list(kept.glob("*.json"))) < 28
    assert not (tmp_path / "parts" / "sweep.parquet").exists()
    assert sweep(path, tmp_path / "parts", points=16).table.read_bytes() == whole


def test_a_sweep_that_may_not_go_on_says_how_far_it_came_and_is_extended(tmp_path):
    path = copied(tmp_path, SHORT)
    assert sweep(path, tmp_path / "s", points=4, until_s=0.0).table is None
    first = sweep(path, tmp_path / "s", points=4)
    assert first.finished == first.total == 8 + 4 + 4
    longer = sweep(path, tmp_path / "s", points=9)
    assert longer.total == 21
    assert longer.table.read_bytes() == sweep(path, tmp_path / "t", points=9).table.read_bytes()


def test_a_folder_of_another_sweep_is_refused(tmp_path):
    path = copied(tmp_path, SHORT)
    sweep(path, tmp_path / "s", points=1)
    with pytest.raises(InputError, match="other seed"):
        sweep(path, tmp_path / "s", points=1, seed=2)
    other = copied(tmp_path, SHORT, ("value = 0.08", "value = 0.09"))
    with pytest.raises(InputError, match="other hash"):
        sweep(other, tmp_path / "s", points=1)
    with pytest.raises(InputError, match="workers"):
        sweep(other, tmp_path / "u", points=1, workers=0)


def test_map_and_network_agree_and_runs_come_back(swept):
    network, table = spec(WC), read_sweep(swept)
    maps = fit_maps(network, table, made_on="2000-01-01")
    assert map_text(maps) == map_text(fit_maps(network, table, made_on="2000-01-01"))
    found = check(network, table, maps, points=4, seed=1)
    assert found.passed, [c for c in found.fresh if not c.inside]
    assert len(found.again) == 4
    assert len(found.fresh) == 16
    rate, _ = evaluate(maps, "rate_i", {"block": 1.0})
    assert (
        float(rate) < maps.output("rate_i").rest / 2
    )  # a plain consequence: inhibitory cells lose all their excitation


def test_a_wrong_map_a_changed_network_and_changed_runs_fail_the_check(swept, tmp_path):
    network, table = spec(WC), read_sweep(swept)
    maps = fit_maps(network, table)
    outputs = dict(maps.outputs)
    m = outputs["rate_i"]
    kept = {f: getattr(m, f) for f in m.__dataclass_fields__}
    outputs["rate_i"] = type(m)(**{**kept, "coefficients": tuple(3 * c for c in m.coefficients)})
    wrong = type(maps)(maps.name, maps.title, maps.axes, outputs, maps.reference, maps.made)
    assert not check(network, table, wrong, points=4, seed=1).passed
    other = read_network(copied(tmp_path, ("value = 0.08", "value = 0.06")))
    found = check(other, table, maps, points=3, seed=1)
    assert found.stale
    assert not any(found.again.values())
    assert not found.passed


def test_numerics_tell_a_network_whose_step_matters_from_one_where_it_does_not(tmp_path):
    longer = ("duration = { value = 2,", "duration = { value = 4,")
    path = copied(tmp_path, longer)
    rows = numerics(read_network(path), None, repeats=6, seed=1)
    assert len(rows) == 4 * 3 * 2
    assert all(r.inside for r in rows if r.variant == "step halved"), rows
    code = path.with_suffix(".py")
    text = code.read_text()
    code.write_text(
        text.replace("np.sqrt((1 - keep**2) / scale)", "2 * h")
    )  # no process in time: its size hangs on the step
    assert code.read_text() != text
    rows = numerics(read_network(path), None, repeats=6, seed=1)
    assert not all(r.inside for r in rows if r.variant == "step halved"), rows


def test_a_file_that_is_no_sweep_is_refused(tmp_path):
    (tmp_path / "no.parquet").write_text("no")
    with pytest.raises(InputError, match="not a sweep"):
        read_sweep(tmp_path / "no.parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_sweep(tmp_path / "none.parquet")
