"""A guess (grade C) never has more than one digit, or stands without its label, in any output that holds one."""

from __future__ import annotations

import json
import re

import pytest
from risk_outputs import digits, guessed_cells, guessed_numbers, printed, told_digits

from ketasim.evidence import observation
from ketasim.qualify.risk.table import Line
from ketasim.report.risk_table import cells, document, fields, markdown
from ketasim.risk.panel import panel_data
from ketasim.risk.readings import given
from ketasim.scenario import load_scenario
from ketasim.system.bind import whole_system
from ketasim.system.grade import GUESS


@pytest.fixture(scope="module", params=["mixtures", "ladder"])
def ran(request, tmp_path_factory):
    """Run a scenario by the command line; return its name, folder and standard output (a table)."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, printed("run", request.param, "--size", "6", "--out", str(folder))


def grades(name):
    """Return the grade of every quantity of the panel in every arm of a scenario, by its drugs."""
    known = whole_system().quantities
    return {
        (arm.name, q): known[q].given(given(arm)).grade
        for arm in load_scenario(name).arms
        for r in panel_data()["reading"]
        for q in r["quantities"]
    }


def test_json_of_a_run_and_its_view(ran):
    name, folder, _ = ran
    for file in ("summary.json", f"{name}.json"):
        found = json.loads((folder / file).read_text("utf-8"))
        numbers = list(guessed_numbers(found))
        assert numbers or (file, name) == ("summary.json", "ladder"), file
        assert [n for n in numbers if digits(n[1]) > 1] == []
    wanted = grades(name)
    for line in json.loads((folder / "summary.json").read_text("utf-8"))["safety"]["readings"]:
        if line["mean"] is not None:
            assert (GUESS in line["grade"]) == (wanted[line["arm"], line["quantity"]] == "C")


def test_pages_of_a_run_and_its_view(ran):
    name, folder, _ = ran
    for file in ("report.html", f"{name}.html"):
        found = [(w, n) for w, n in guessed_cells((folder / file).read_text("utf-8")) if n]
        assert found or (file == "report.html" and name == "ladder"), file
        for words, numbers in found:
            assert all(digits(v) <= 1 for v in numbers), words
            assert max(told_digits(words), default=0) <= 1, words


def test_terminal_of_a_run(ran):
    """Wherever the panel of the terminal says that a chance is a guess it has one digit."""
    name, _, said = ran
    panel = said[said.index("safety of") : said.index("Each person's worst moment")]
    assert ("illustrative" in panel) == any(g == "C" for g in grades(name).values())
    for told in re.findall(r"about ([\d.]+) %", panel):
        assert told_digits(told)[0] <= 1


def test_the_table_of_evidence():
    """`ketasim qualify safety`: a row that rests on a guess, in JSON, CSV fields, terminal cells and Markdown."""
    row = observation("safety-0023")
    line = Line(row, "ed50", "C", False, "1.61", 2.0, 1.0, 3.0, True)
    told = fields(line)
    assert GUESS in told["grade"]
    assert GUESS in cells(line)["grade"]
    assert GUESS in markdown([line])
    assert all(digits(v) <= 1 for _, v in guessed_numbers(document([line], [])))
    assert told_digits(cells(line)["computed (90 %)"]) == [1, 1, 1]
