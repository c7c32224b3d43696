"""`ketasim list lesions|hypotheses`, `ketasim show`, and the options of `ketasim run` that change the model."""

from __future__ import annotations

import json

import pytest
from cli_calls import assert_refused, call


@pytest.mark.parametrize(("kind", "name"), [("lesions", "mor"), ("hypotheses", "trapping")])
def test_lesions_and_hypotheses_are_listed_and_shown(capfd, kind, name):
    listed = call(capfd, "list", kind, "--json")
    assert listed.status == 0
    assert name in [row["name"] for row in json.loads(listed.out)]
    assert name in call(capfd, "list", kind).out
    shown = call(capfd, "show", name, "--json")
    assert shown.status == 0
    assert name in shown.out


def test_options_reach_the_record_and_running_it_again_gives_the_same_bytes(capfd, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    options = ["--size", "2", "--until", "1d", "--times", "40 min,1 d", "--quantities", "madrs,cadss"]
    switches = ["--without", "mor,tonic_site", "--hypothesis", "trapping=0.5"]
    assert call(capfd, "run", "landmark", *options, *switches, "--out", str(first)).status == 0
    settings = json.loads((first / "run.json").read_text())["settings"]
    assert settings["without"] == ["mor", "tonic_site"]
    assert settings["hypotheses"] == {"trapping": 0.5}
    assert "mu-opioid receptors blocked" in (first / "report.html").read_text()
    assert call(capfd, "run", str(first / "run.json"), "--out", str(second)).status == 0
    assert (first / "timecourse.parquet").read_bytes() == (second / "timecourse.parquet").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--without", "more"), ("unknown lesion", "'mor'")),
        (("--hypothesis", "opioid"), ("--hypothesis", "NAME=WEIGHT")),
        (("--hypothesis", "opioid=x"), ("not a finite number",)),
        (("--hypothesis", "opioid=3"), ("not a weight", "from 0 to 1")),
    ],
)
def test_wrong_options_are_refused_in_one_line(capfd, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    assert_refused(call(capfd, "run", "landmark", *options), tmp_path, *words)
