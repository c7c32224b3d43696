"""Issue 6: the replication of all studies is one page that shows its misses first and says what it is worth."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ketasim.errors import InputError, RunError
from ketasim.report.trials import replication_notice, replication_rows, write_replication
from ketasim.report.trials.forest import forests
from ketasim.report.trials.given import replicated
from ketasim.report.trials.worst import worst_figure
from ketasim.report.trials.write import replication_figures

KINDS = [
    ("change", "point", 2.0, -14.0),
    ("response", "fraction", 0.1, 0.5),
    ("smd", "", 0.3, -0.7),
    ("odds_ratio", "ratio", 0.9, 3.0),
]
ROLES = ["calibrate", "calibrate", "validate", "replicate"]
SETTINGS = ["saline_crossover", "active_control", "open_label", "industry_multicentre"]


def made(studies=60, each=6):
    """About as many studies and endpoints as the package has: points, shares, standardised differences and ratios in all roles."""
    rng, found = np.random.default_rng(6), []
    for s in range(studies):
        endpoints = [_endpoint(rng, s, k) for k in range(each - s % 2)]
        found.append(
            {
                "study": f"author{s:02d}trial", "title": f"Ketamine <against> saline & more, {s}", "role": ROLES[s % 4], "n": 18 + s,
                "design": "parallel", "setting": SETTINGS[s % 3], "calibration": "mood: uncalibrated", "note": "As published.",
                "endpoints": endpoints, "left": [{"row": f"clinical-9{s:03d}", "why": "no fatigue here"}] if s % 5 == 0 else [],
            }
        )  # fmt: skip
    return found


def _endpoint(rng, s, k):
    measure, unit, sd, typical = KINDS[(s + k) % 4]
    predicted = typical + sd * rng.standard_normal()
    observed = predicted + 1.7 * sd * rng.standard_normal()
    low, high = predicted - 1.64 * sd, predicted + 1.64 * sd
    name = f"MADRS {measure}, ketamine 0.5 mg/kg, day {k + 1}"
    return {
        "name": name, "arm": "ketamine", "versus": "saline" if measure == "smd" else "", "measure": measure, "scale": "madrs",
        "time_h": 24.0 * (k + 1), "unit": unit, "observed": observed, "observed_low": observed - sd if k % 2 else None,
        "observed_high": observed + sd if k % 2 else None, "predicted": predicted, "predicted_p05": low, "predicted_p95": high,
        "predicted_sd": sd, "inside": bool(low <= observed <= high), "role": ROLES[s % 4], "read": (s + k) % 9 > 0,
        "row": f"clinical-{s:02d}{k:02d}", "note": "",
    }  # fmt: skip


@pytest.fixture(scope="module")
def results():
    found = made()
    found[17]["endpoints"][2] |= {"observed": 40.0, "inside": False, "read": True, "name": "the worst miss of all"}
    return found


@pytest.fixture(scope="module")
def written(results, tmp_path_factory):
    return write_replication(results, str(tmp_path_factory.mktemp("replication")), command="ketasim study --all")


@pytest.fixture(scope="module")
def page(written):
    with open(written["report"], encoding="utf-8") as file:
        return file.read()


@pytest.fixture(scope="module")
def drawn(results):
    return replication_figures(replicated(results))


@pytest.fixture(scope="module")
def plots(drawn):
    return [d for d in drawn if d.name.startswith("forest")]


class _Balance(HTMLParser):
    """Counts open tags; void ones close themselves."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_page_is_one_balanced_file_that_loads_nothing(page):
    """Issue 6: the page opens without a network; ids are unique, links lead somewhere, text from outside is escaped."""
    parser = _Balance()
    parser.feed(page)
    assert (parser.open, parser.wrong) == ([], [])
    assert not re.search(r'(src|xlink:href|href)="(?!#|https://doi\.org/)', page)
    assert "<script" not in page
    assert "url(http" not in page
    assert "Ketamine &lt;against&gt; saline &amp; more" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_uncalibrated_model_is_said_loudly_and_only_then(results, drawn, page):
    """Issue 6: uncalibrated numbers are a yardstick, not a result: above everything, in every figure and in the terminal."""
    assert page.index("the yardstick, not a result") < page.index("In one paragraph")
    assert all("uncalibrated: not a result" in d.svg for d in drawn)
    assert replication_notice(results).startswith("Uncalibrated")
    fitted = [r | {"calibration": "fitted"} for r in results[:2]]
    assert replication_notice(fitted) == ""
    assert "uncalibrated" not in worst_figure(replicated(fitted)).svg


def test_fitted_model_has_no_warning(results, tmp_path):
    """Issue 6: once fitted the warning goes, or nobody will believe it."""
    paths = write_replication([results[0] | {"calibration": "fitted"}], tmp_path, command="ketasim study --all")
    with open(paths["report"], encoding="utf-8") as file:
        assert "yardstick" not in file.read()


def test_worst_miss_stands_first_everywhere(results, drawn, plots, page):
    """Issue 6: the worst misses come first: in the table, the figure, its study in the forest plot, and the terminal."""
    table = page[page.index("<h3>Worst misses first") :]
    assert table.index("the worst miss of all") < table.index("MADRS")
    assert drawn[0].name == "worst"
    assert "author17trial: the worst miss of all" in drawn[0].svg
    own = next(d for d in plots if "the worst miss of all" in d.svg)
    heads = re.findall(r"(author\d\dtrial)  ·", own.svg)
    assert heads[0] == "author17trial"
    assert replication_rows(results)[0]["worst misses"] == "author17trial"


def test_every_endpoint_is_in_page_table_and_figures(results, written, plots, page):
    """Issue 6: nothing vanishes: every endpoint in endpoints.csv and the page, every study in its forest plots, every row left out."""
    endpoints = [(r["study"], e["name"]) for r in results for e in r["endpoints"]]
    with open(written["table"], encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["study"], r["name"]) for r in rows] == endpoints
    assert all(row["why"] in page and row["row"] in page for r in results for row in r["left"])
    svg = "".join(d.svg for d in plots)
    for r in results:
        assert f"{r['study']}  ·" in svg
    assert svg.count("MADRS ") == len(endpoints) - 1


def test_long_forest_is_divided_and_each_part_stays_readable(plots):
    """Issue 6: 330 endpoints on one sheet cannot be read; a figure has at most 58 lines, and parts say which they are."""
    titles = [d.title for d in plots]
    assert len(titles) == len(set(titles))
    assert len({d.name for d in plots}) == len(plots)
    for d in plots:
        lines = d.svg.count("MADRS ") + len(re.findall(r"author\d\dtrial  ·", d.svg))
        assert lines <= 58, d.title
    assert any("part 2 of" in t for t in titles)
    assert [t.split(" ")[0] for t in titles] == sorted(
        (t.split(" ")[0] for t in titles), key=["Validate", "Replicate", "Calibrate"].index
    )


def test_recalled_figures_are_hollow_and_ratios_logarithmic(plots):
    """Issue 6: a recalled figure is drawn open; a ratio of 2 lies as far from 1 as one half."""
    one = made(1, 1)
    one[0]["endpoints"][0] |= {"read": False, "inside": True}
    svg = forests(replicated(one))[0].svg
    filled = forests(replicated([one[0] | {"endpoints": [one[0]["endpoints"][0] | {"read": True}]}]))[0].svg
    assert svg.count("fill: #ffffff") > filled.count("fill: #ffffff")
    assert any("ratio (logarithmic" in d.svg for d in plots)


def test_figures_are_written_as_files(written):
    """Issue 6: a PNG for each figure beside the page."""
    pictures = [p for p in written.values() if p.endswith(".png")]
    assert {"worst", "calibration", "errors"} <= set(written)
    assert len(pictures) == len(written) - 2
    for path in pictures:
        with open(path, "rb") as file:
            assert file.read(4) == b"\x89PNG"


def test_same_results_give_the_same_page(results, tmp_path):
    """Issue 6: law 4, the answer does not depend on when it was asked."""
    pages = [write_replication(results[:3], tmp_path / k, command="ketasim study --all")["report"] for k in "ab"]
    assert Path(pages[0]).read_bytes() == Path(pages[1]).read_bytes()


def test_terminal_rows_have_equal_columns_of_text(results):
    """Issue 6: rows for `print_rows`: worst misses, and coverage by role with all roles last."""
    for part in ("worst", "coverage"):
        rows = replication_rows(results, part)
        assert len({tuple(r) for r in rows}) == 1
        assert all(isinstance(v, str) for r in rows for v in r.values())
    assert [r["role"] for r in replication_rows(results, "coverage")] == [
        "validate",
        "replicate",
        "calibrate",
        "all roles",
    ]
    with pytest.raises(InputError, match="unknown part"):
        replication_rows(results, "best")


def test_study_without_anything_to_count_is_still_reported(tmp_path):
    """Issue 6: a study whose figures are all recalled or unpublished gives a page that says so, without empty figures."""
    bare = made(1, 2)
    for e in bare[0]["endpoints"]:
        e |= {"observed": None, "observed_low": None, "observed_high": None, "inside": None}
    paths = write_replication(bare, tmp_path, command="ketasim study --all")
    assert {"worst", "calibration", "errors"}.isdisjoint(paths)
    with open(paths["report"], encoding="utf-8") as file:
        assert "Nothing could be compared" in file.read()
    assert replication_rows(bare) == []


def test_old_endpoints_without_new_fields_are_read():
    """Issue 6: `study --all` also holds time courses of concentrations (kamp2020bja), whose endpoints lack measure, scale and SD."""
    old = {
        "name": "ketamine", "arm": "racemate", "time_h": 1.0, "unit": "nmol/mL", "observed": 1.0, "observed_low": 0.9,
        "observed_high": 1.1, "predicted": 1.2, "predicted_p05": 0.8, "predicted_p95": 1.6, "inside": True, "role": "replicate",
    }  # fmt: skip
    drawn = forests(
        replicated([{"study": "kamp2020bja", "title": "", "role": "replicate", "endpoints": [old], "note": ""}])
    )
    assert [d.name for d in drawn] == ["forest_replicate_nmol_mL"]
    assert "nmol/mL" in drawn[0].svg


def test_folder_that_refuses_is_named(results, tmp_path):
    """Issue 6: a file in the place of the folder ends in one line, not in a traceback."""
    (tmp_path / "taken").write_text("x")
    with pytest.raises(RunError, match="taken"):
        write_replication(results[:1], tmp_path / "taken", command="")
