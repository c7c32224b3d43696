"""Issue 5: "a table of every calibrate and validate row on receptors and circuits: observed, computed, sign or size right or
wrong; nothing dropped because it fails"."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

import ketasim.evidence as ev
from ketasim.errors import InputError
from ketasim.lab import table, table_names
from ketasim.lab.bench import measurement
from ketasim.lab.judge import judge, reported, sign_of
from ketasim.lab.score import scores
from ketasim.lab.tables import load_table

ROW = """
title = "T"
[row.mechanism-0239]
figure.ic50 = { bench = "ic50", drug = "ketamine", subunit = "GluN2A", mg = "1 mmol/L", voltage = "-66 mV" }
judge = "size"
"""


def elsewhere() -> dict[str, list[str]]:
    return tomllib.loads(files("ketasim.lab").joinpath("data", "elsewhere.toml").read_text("utf-8"))


def test_every_row_on_mechanism_stands_in_one_table_or_belongs_to_another_layer() -> None:
    """Nothing is dropped: each row of the mechanism file is computed, left with a reason, or listed under its layer."""
    tabled = [r.observed.row_id for name in table_names() for r in table(name).rows]
    listed = [row for ids in elsewhere().values() for row in ids]
    assert len(set(tabled)) == len(tabled)
    assert not set(tabled) & set(listed)
    rows = {o.row_id for o in ev.evidence().observations if o.row_id.startswith("mechanism-")}
    assert rows <= set(tabled) | set(listed)
    assert all(r.experiment is not None or len(r.left) > 10 for name in table_names() for r in table(name).rows)


def test_recalled_figures_are_shown_and_not_counted() -> None:
    """House rule: a recalled figure is never a test."""
    found = list(table("receptors").lines(count=2, only="mechanism-0018"))
    assert [line.counted for line in found] == [False]
    assert scores(found) == []


def test_a_row_from_text_to_verdict() -> None:
    """kotermanski2009mg, 5.35 umol/L in 1 mM Mg: computed from the scheme and judged within a factor of two."""
    (line,) = load_table(ROW, name="t", file="t.toml").lines(count=5)
    assert line.observed == (5.35, 5.35)
    assert line.low < line.computed < line.high
    assert line.size == (0.5 < line.computed / 5.35 < 2)
    assert line.sign is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mechanism-0239", "mechanism-9999", "mechanism-9999"),
        ('judge = "size"', 'judge = "sise"', "unknown judge"),
        ('judge = "size"', 'judge = "difference"', "within"),
        ('drug = "ketamine"', 'drugg = "ketamine"', "drugg"),
        ('bench = "ic50"', 'bench = "ic5"', "unknown protocol"),
        ('"1 mmol/L"', '"1 mg"', "mg"),
        ('"-66 mV"', "-66", "quantity"),
        ("figure.ic50 =", "figur.ic50 =", "figur"),
    ],
)
def test_a_bad_row_is_refused_with_file_and_key(old: str, new: str, words: str) -> None:
    """One line with file, row and what was expected."""
    with pytest.raises(InputError, match=r"t\.toml") as caught:
        load_table(ROW.replace(old, new), name="t", file="t.toml")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "middle", "low", "high", "entry", "sign", "size"),
    [
        ("sign", 0.2, 1, 1, {}, True, None),
        ("sign", -0.2, 1, 1, {}, False, None),
        ("sign", 0.01, 0, 0, {}, True, None),
        ("sign", 0.01, 0, 0, {"nothing": 0.001}, False, None),
        ("flag", 1.0, 1, 1, {}, True, None),
        ("flag", 1.0, 0, 0, {}, False, None),
        ("size", 1.9, 1, 1, {}, None, True),
        ("size", 2.1, 1, 1, {}, None, False),
        ("size", 2.1, 1, 3, {"signed": True}, True, True),
        ("size", -1.0, -3, -2, {"signed": True}, True, True),
        ("size", 1.0, -3, -2, {"signed": True}, False, False),
        ("difference", 0.7, 0.86, 0.86, {"within": 0.1}, None, False),
        ("difference", 0.8, 0.86, 0.86, {"within": 0.1}, None, True),
    ],
)
def test_judging(
    kind: str, middle: float, low: float, high: float, entry: dict[str, object], sign: object, size: object
) -> None:
    """Each judge on figures whose verdict is plain."""
    got = judge(kind, middle, [middle], low, high, entry)
    assert (got["sign"], got["size"]) == (sign, size)


def test_what_was_reported_is_read_as_the_entry_says() -> None:
    """A pKi of 4.38 is 41.7 umol/L (hirota1999opioid); an expected yes stands for a report of a threshold."""
    row = ev.observation("mechanism-0043")
    low, high = reported(row, {"from_log10": True, "scale": 1e6})
    assert low == high == pytest.approx(41.7, rel=0.01)
    assert reported(row, {"expect": True}) == (1.0, 1.0)
    assert sign_of(float("nan"), 0.0) == 0


def test_a_measurement_takes_parameter_values() -> None:
    """A draw of the parameters reaches the bench: twice the unbinding raises the IC50 by nearly as much."""
    at = measurement({"bench": "ic50", "drug": "s_ketamine", "mg": "0 mmol/L"}, "x")
    from ketasim.parameters import builtin_table

    koff = builtin_table().find("koff.s_ketamine")[0].value
    assert 1.5 < at.value({"koff.s_ketamine": 2 * koff}) / at.value({}) < 2.01
