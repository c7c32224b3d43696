"""The table writer of the peer benchmark (issue 3): medians, ratios within a round, rows that failed or missed the bar."""

from __future__ import annotations

import csv
import io

import pytest

from benchmarks.ketpd.table import CSV_COLUMNS, best_peer, csv_text, gradient_text, headline, markdown, summary


def row(tool, dense, visits, **more):
    made = {
        "tool": tool, "label": tool.title(), "version": f"{tool} 1", "tight": True, "errors": {
            "dense": {"C": 1e-6, "M": 2e-7}, "visits": {"C": 3e-6, "M": 1e-7}},
        "rates": {"dense": dense, "visits": visits}, "peak_mib": 100.4, "start_cpu_s": 1.26, "start_wall_s": 2.0,
    }  # fmt: skip
    return made | more


def rows():
    """Three rounds; ketasim is timed twice a round, the machine is half as fast in the last."""
    return [
        row(
            "ketasim",
            [[900.0, 1100.0], [1000.0, 1000.0], [500.0, 500.0]],
            [[4000.0] * 2] * 3,
            again_cpu_s=0.5,
            again_wall_s=0.6,
        ),
        row("quick", [[100.0], [100.0], [50.0]], [[200.0]] * 3),
        row("slow", [[10.0], [20.0], [5.0]], [[300.0], [100.0], [100.0]]),
        row("loose", [], [], tight=False, errors={"dense": {"C": 1e-3, "M": 0.0}, "visits": {"C": 0.0, "M": 0.0}}),
        {
            "tool": "absent",
            "label": "Absent",
            "tight": False,
            "failed": "No module | here",
            "rates": {"dense": [], "visits": []},
        },
    ]


def test_median_spread_worst_error_and_ratio_of_the_same_round():
    ours, quick, slow, loose, absent = summary(rows())
    assert (ours["dense_per_cpu_s"], ours["dense_low"], ours["dense_high"]) == (950.0, 500.0, 1100.0)
    assert ours["dense_to_best_peer"] == pytest.approx(10.0)  # every round gives 10, whatever the machine did
    assert (quick["dense_to_best_peer"], slow["dense_to_best_peer"]) == (1.0, pytest.approx(0.1))
    assert slow["visits_to_best_peer"] == pytest.approx(0.5)
    assert (ours["error_C"], ours["error_M"]) == (3e-6, 2e-7)
    assert loose["dense_per_cpu_s"] == "" == absent["visits_to_best_peer"]


def test_the_best_peer_is_tight_and_not_ours():
    assert best_peer(rows(), "dense")["tool"] == "quick"
    assert best_peer([r | {"tight": False} for r in rows()], "dense") is None


def test_markdown_has_one_line_a_tool_and_says_what_failed():
    lines = markdown(rows()).splitlines()
    assert len(lines) == 2 + 5
    assert len({line.count("|") for line in lines}) == 1
    assert "950 (500 to 1,100)" in lines[2]
    assert "; again 0.5 (0.6)" in lines[2]
    assert "**no**" in lines[5]
    assert "failed: No module / here" in lines[6]


def test_csv_reads_back():
    found = list(csv.DictReader(io.StringIO(csv_text(summary(rows()), CSV_COLUMNS))))
    assert [r["tool"] for r in found] == ["ketasim", "quick", "slow", "loose", "absent"]
    assert float(found[0]["visits_per_cpu_s"]) == 4000.0


def test_headline_names_the_best_peer_or_says_that_there_is_none():
    assert "10 times the best peer (Quick) dense and 20 times the best peer (Quick) visits" in headline(rows())
    assert headline([rows()[0]]).startswith("No ratio")


def test_the_gradient_is_told_in_units_of_a_run():
    parts = [
        {"parameters": 18, "run_s": 1.0, "gradient_s": s, "difference": d} for s, d in ((3, 1e-9), (5, 2e-9), (4, 0.0))
    ]
    text = gradient_text([rows()[0] | {"gradient": parts}])
    assert "18 parameters" in text
    assert "**4** times" in text
    assert "(3 to 5 over the rounds)" in text
    assert "2.0e-09" in text
    assert gradient_text([rows()[0] | {"gradient_failed": "broke"}]) == "Not measured: broke."
