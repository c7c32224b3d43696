"""Non-compartmental figures in every report, summary.json and terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from report_runs import build
from rich.console import Console

from ketasim import nca
from ketasim.report import kinetics, kinetics_table, write_report
from ketasim.report.files import summary_document, to_json
from ketasim.report.kinetics import Kinetic
from ketasim.scenario.load import parse_scenario
from ketasim.scenario.run import run
from ketasim.system.result import Result

NAMES = ["plasma.ketamine", "plasma.norketamine", "plasma.s_ketamine", "brain.ketamine", "madrs"]


@pytest.fixture(scope="module")
def single() -> Result:
    return build(names=NAMES, size=30)


def by_figure(result: Result, quantity: str = "plasma.ketamine") -> dict[str, Kinetic]:
    return {k.figure: k for k in kinetics(result) if k.quantity == quantity}


def shown(table: object) -> str:
    console = Console(width=200)
    with console.capture() as taken:
        console.print(table)
    return " ".join(taken.get().split())


def thinned(result: Result, times: list[float]) -> Result:
    """Return the same run as sampled at a few times (h)."""
    k = np.searchsorted(result.times_h, times)
    return replace(result, times_h=result.times_h[k], values={n: v[:, :, k] for n, v in result.values.items()})


def test_figures_are_those_of_each_person(single: Result) -> None:
    """The table's median is the median over people of the figure that `ketasim.nca` gives each of them."""
    found = by_figure(single)
    conc = single.values["plasma.ketamine"][0]
    people = nca.summary(single.times_h, nca.measurable(conc, 1e-4 * conc.max(axis=1)))
    for figure in ("cmax", "tmax", "auc_last", "auc_inf", "half_life"):
        own = getattr(people, figure)
        assert found[figure].median == pytest.approx(np.median(own), rel=1e-12), figure
        assert found[figure].p95 == pytest.approx(np.percentile(own, 95), rel=1e-12), figure
    # The curve falls as exp(-t / 2 h) once it has risen: its half-life is known.
    assert found["half_life"].median == pytest.approx(2 * np.log(2), rel=0.01)


def test_only_plasma_and_only_arms_with_a_dose(single: Result) -> None:
    """Scores and controls have no kinetics; nothing but them, no rows."""
    assert {(k.arm, k.quantity) for k in kinetics(single)} == {("ketamine", n) for n in NAMES[:3]}
    assert kinetics(build(names=["madrs"], size=5)) == []
    assert kinetics_table(single, []) is None


def test_summary_keeps_its_shape(single: Result) -> None:
    """Contract: `kinetics` stands beside `summary`, whose rows are as before; no NaN reaches the file."""
    document = json.loads(to_json(summary_document(single, {})))
    assert {"title", "size", "seed", "summary", "files"} <= set(document)
    assert {"arm", "quantity", "unit", "time_h", "mean", "sd", "p05", "median", "p95"} <= set(document["summary"][0])
    row = document["kinetics"][0]
    assert {"arm", "quantity", "figure", "unit", "median", "p05", "p95"} <= set(row)
    assert (row["figure"], row["unit"], row["people"], row["held"]) == ("cmax", "ng/mL", 30, 30)
    lost = json.loads(to_json(summary_document(thinned(single, [0.0, 1.0]), {})))["kinetics"]
    assert [r["median"] for r in lost if r["figure"] == "half_life"] == [None] * 3


def test_sparse_sampling_is_marked(single: Result) -> None:
    """Cmax from visits is not Cmax: the figure carries a mark, and report and terminal say so."""
    few = thinned(single, [0.0, 2 / 3, 48.0, 240.0])
    found = by_figure(few)
    assert found["cmax"].marks == ("sparse",) and by_figure(single)["cmax"].marks == ()
    assert found["half_life"].marks == ("none",)
    assert "sampled too sparsely for a peak" in shown(kinetics_table(few, kinetics(few)))
    assert "sampled too sparsely" not in shown(kinetics_table(single, kinetics(single)))
    before = by_figure(thinned(single, [0.0]))
    assert np.isnan(before["cmax"].median) and before["cmax"].people == 0


def test_far_extrapolation_is_marked(single: Result) -> None:
    """More than 20 % of AUCinf beyond the last sample is marked (EMA)."""
    early = thinned(single, list(single.times_h[single.times_h <= 2.0]))
    assert "extrapolated" in by_figure(early)["auc_inf"].marks
    assert "extrapolated" not in by_figure(single)["auc_inf"].marks


def test_repeated_doses() -> None:
    """After repeated doses: the first interval's peak and area, and how much more there is in the last one."""
    doses = tuple(4.0 * k for k in range(6))
    found = by_figure(build(names=NAMES, size=10, doses_h=doses, horizon_h=48.0))
    assert "auc_inf" not in found and found["tmax"].median < 4.0
    rise = 1 / (
        1 / 0.3 + 1 / 2
    )  # the curve is exp(-t / 2) - exp(-t / rise): by superposition the last interval holds 24 h of it
    first, last = (2 * (1 - np.exp(-t / 2)) - rise * (1 - np.exp(-t / rise)) for t in (4, 24))
    told = last / first
    assert found["accumulation_auc"].median == pytest.approx(told, rel=0.01)
    assert 1 < found["accumulation_cmax"].median < told
    one = by_figure(build(names=NAMES, size=10, horizon_h=48.0))
    assert found["cmax"].median == pytest.approx(one["cmax"].median, rel=1e-9)
    assert found["auc_tau"].median < one["auc_inf"].median


class _Text(HTMLParser):
    """The words of the section "kinetics"."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words = ""
        self.feed(page[page.index('<section id="kinetics"') :].partition("</section>")[0])

    def handle_data(self, data: str) -> None:
        self.words += f" {data.strip()}"


def test_report_has_the_table(single: Result, tmp_path) -> None:
    """The page shows the figures, says of how many people they are, and what a mark means."""
    text = _Text(write_report(single, tmp_path / "a.html").read_text("utf-8")).words
    assert "AUC0-t (h·ng/mL)" in text and "30 people in each arm" in text
    assert "The other plasma quantities (1)" in text
    part = replace(single, total=5000, whole=single.statistics)
    assert "the first 30 of 5,000 people" in _Text(write_report(part, tmp_path / "b.html").read_text("utf-8")).words
    few = thinned(single, [0.0, 2 / 3, 48.0, 240.0])
    words = _Text(write_report(few, tmp_path / "c.html").read_text("utf-8")).words
    assert "sampled too sparsely for a peak" in words and "not defined" in words
    assert 'id="kinetics"' not in write_report(build(names=["madrs"], size=5), tmp_path / "d.html").read_text("utf-8")


def test_windows_begin_with_the_drug_s_own_dose() -> None:
    """Alcohol an hour before, midazolam an hour after one dose of ketamine: ketamine has one dose, its peak counts from there."""
    ketamine = {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min", "start": "1 h"}
    others = [
        {"drug": "ethanol", "route": "oral", "amount": "40 g"},
        {"drug": "midazolam", "route": "iv", "amount": "2 mg", "start": "2 h"},
    ]
    data = {
        "title": "t", "horizon": "6 h", "population": {"size": 2},
        "arm": [{"name": "alone", "dose": [ketamine]}, {"name": "mixed", "dose": [*others, ketamine]}],
        "output": {"times": [f"{t / 6:.6f} h" for t in range(37)], "quantities": ["plasma.ketamine", "plasma.ethanol"]},
    }  # fmt: skip
    rows = {(k.arm, k.quantity, k.figure): k.median for k in kinetics(run(parse_scenario(data)))}
    assert rows["mixed", "plasma.ketamine", "cmax"] == pytest.approx(rows["alone", "plasma.ketamine", "cmax"], rel=0.05)
    assert rows["mixed", "plasma.ketamine", "tmax"] == pytest.approx(2 / 3, abs=0.01)
    assert ("mixed", "plasma.ketamine", "accumulation_auc") not in rows
    assert ("alone", "plasma.ethanol", "cmax") not in rows
