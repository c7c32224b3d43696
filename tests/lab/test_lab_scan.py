"""Choosing one free number by the signs of calibrate rows (lab/scan.py)."""

from __future__ import annotations

import pytest

from ketasim.errors import InputError
from ketasim.lab.scan import main, scan
from ketasim.lab.tables import load_table

ROWS = """
title = "T"
[row.mechanism-0171]
figure.escape = { bench = "parameter", name = "relief_scale" }
rule = "escape < 0.05"
judge = "flag"
[row.mechanism-0172]
figure.escape = { bench = "parameter", name = "relief_scale" }
rule = "escape > 0.03"
judge = "flag"
[row.mechanism-0173]
figure.escape = { bench = "parameter", name = "relief_scale" }
rule = "escape < 0"
judge = "flag"
"""  # found: yes, no; the third is held out and must not count


def test_the_signs_of_calibrate_rows_are_counted_over_values():
    table = load_table(ROWS, name="t", file="t.toml")
    assert list(scan(table, "relief_scale", [0.02, 0.04, 0.06])) == [(0.02, 2, 2), (0.04, 1, 2), (0.06, 0, 2)]


def test_an_unknown_parameter_or_table_is_refused_in_one_line(capsys):
    with pytest.raises(InputError, match="unknown parameter"):
        next(scan(load_table(ROWS, name="t", file="t.toml"), "relief_scales", [1.0]))
    assert main(["plasticityy", "tau_bdnf", "1"]) == 2
    assert main(["plasticity", "tau_bdnf", "one"]) == 2
    assert all(line for line in capsys.readouterr().err.splitlines())
