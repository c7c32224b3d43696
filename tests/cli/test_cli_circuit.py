"""`ketasim circuit`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.cli_calls import assert_refused, call

from ketasim.maps import read_map

WC = str(Path(__file__).parents[1] / "networks" / "own" / "wilsoncowan.toml")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    from ketasim.networks.sweep import sweep

    return str(sweep(Path(WC), tmp_path_factory.mktemp("sweep"), points=40).table)


def test_list_names_the_shipped_networks(capfd):
    from ketasim.networks import names

    result = call(capfd, "circuit", "list", "--json")
    assert (result.status, [n["network"] for n in json.loads(result.out)]) == (0, names())
    assert call(capfd, "circuit", "list").status == 0


def test_run_prints_outputs(capfd):
    result = call(
        capfd, "circuit", "run", WC, "--at", "block=0.3,drive=0", "--seed", "3", "--duration", "0.5", "--json"
    )
    found = json.loads(result.out)
    assert result.status == 0
    assert found["condition"] == {"block": 0.3, "drive": 0.0}
    assert [o["output"] for o in found["outputs"]] == ["rate_e", "rate_i", "swing", "high"]
    again = call(capfd, "circuit", "run", WC, "--at", "block=0.3,drive=0", "--seed", "3", "--duration", "0.5", "--json")
    assert again.out == result.out


def test_sweep_stops_and_goes_on(capfd, tmp_path):
    argv = ["circuit", "sweep", WC, "--points", "2", "--out", str(tmp_path / "s")]
    result = call(capfd, *argv, "--until", "0.0001")
    assert result.status == 0
    assert "goes on" in result.out
    assert result.err == ""  # no bar where standard error is no terminal
    assert "written" in call(capfd, *argv).out


def test_maps_check_and_figures(capfd, swept, tmp_path):
    out = tmp_path / "wc.toml"
    result = call(capfd, "circuit", "maps", WC, "--sweep", swept, "--out", str(out), "--json")
    assert result.status == 0
    assert {m["output"] for m in json.loads(result.out)["maps"]} == set(read_map(out).outputs)
    result = call(capfd, "circuit", "check", WC, "--sweep", swept, "--points", "2", "--json")
    assert (result.status, json.loads(result.out)["passed"]) == (0, True)
    for argv in (["--out", "wc.png"], ["--maps", "--sweep", swept, "--outputs", "rate_e", "--out", "maps.svg"]):
        argv[-1] = str(tmp_path / argv[-1])
        assert call(capfd, "circuit", "figure", WC, *argv).status == 0
        assert Path(argv[-1]).stat().st_size > 0


def test_a_check_that_fails_ends_with_1(capfd, swept, tmp_path):
    from tests.networks.own_network import copied

    other = copied(tmp_path, ("value = 0.08", "value = 0.06"))
    result = call(capfd, "circuit", "check", str(other), "--sweep", swept, "--points", "1")
    assert result.status == 1
    assert "changed since its sweep" in result.err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["run", "nowhere"], ("unknown network", "nowhere")),
        (["run", WC, "--at", "blok=0.3"], ("blok", "block")),
        (["run", WC, "--at", "block=3"], ("beyond the axis",)),
        (["run", WC, "--seed", "x"], ("seed",)),
        (["run", WC, "--duration", "-1"], ("duration",)),
        (["sweep", WC, "--points", "0"], ("points",)),
        (["sweep", WC, "--until", "soon"], ("until",)),
        (["sweep", WC, "--workers", "1000", "--out", "unmade"], ("workers",)),
        (["maps", WC], ("out",)),
        (["maps", WC, "--out", "x.toml"], ("no sweep",)),
        (["check", WC], ("no sweep",)),
        (["numerics", WC, "--repeats", "1"], ("repeats",)),
        (["figure", WC, "--out", "x.bmp"], ("kind of figure",)),
        (["run", "mine.toml"], ("mine.toml", "cannot be read")),
    ],
)
def test_bad_input_is_one_line(capfd, tmp_path, monkeypatch, argv, words):
    monkeypatch.chdir(tmp_path)
    assert_refused(call(capfd, "circuit", *argv), tmp_path, *words)
