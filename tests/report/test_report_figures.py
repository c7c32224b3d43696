"""DESIGN section 9: one colour for a quantity, drug solid, control dashed, observed points, no peak lost."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_runs import build, listed

from ketasim.report import colour_of, time_axis
from ketasim.report.colours import contrast, shade
from ketasim.report.figures import Observed, arm_style, layer_figure
from ketasim.report.scale import limits, ticks
from ketasim.report.thin import thinned
from ketasim.report.view import layers
from ketasim.report.words import number, say_time

QUANTITIES = listed("whole") | listed("rodent")


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantity_has_a_colour_that_stands_out(name: str) -> None:
    """WCAG 2.2, 1.4.11: 3 to 1 against white; none falls back on the colour of unknown quantities."""
    assert contrast(colour_of(name), "#ffffff") >= 3
    assert colour_of(name) != colour_of("a.quantity.nobody.knows") or name.startswith("eeg.")


def test_quantities_of_one_figure_differ(landmark: object) -> None:
    """Within a figure no two substances or cells share a colour; the two opioid receptors are one group."""
    for layer in layers(landmark):  # type: ignore[arg-type]
        groups = {colour_of(q) for q in layer.draw}
        opioids = sum(q in layer.draw for q in ("occupancy.mor", "occupancy.kor"))
        assert len(groups) == len(layer.draw) - max(opioids - 1, 0), layer.name


def test_contrast_of_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert shade("#0072B2", 0) == "#0072b2"
    assert shade("#0072B2", -1) == "#000000"


def test_control_is_dashed_and_drug_is_solid() -> None:
    assert arm_style("#0072B2", 0, control=False).dash == ()
    assert arm_style("#0072B2", 0, control=True).dash != ()
    both = _figure(("ketamine", "saline"), (False, True))
    assert 'stroke-dasharray="5.6 2.8"' in both
    assert 'stroke-dasharray="5.6 2.8"' not in _figure(("ketamine", "more"), (False, False))


def _figure(arms: tuple[str, ...], controls: tuple[bool, ...], observed: list[Observed] | None = None) -> str:
    r = build(arms=arms, controls=controls, names=["plasma.ketamine"], size=20)
    (layer,) = layers(r)
    return layer_figure(r, layer, time_axis(0.0, 336.0, [0.0]), observed or [], "alt & words")


def test_figure_names_quantity_unit_and_panels() -> None:
    """Every axis has name and unit."""
    svg = _figure(("ketamine", "saline"), (False, True))
    for word in ("Ketamine in venous plasma", "ng/mL", "minutes", "hours", "days", "dose", "ketamine", "saline"):
        assert f">{word}</text>" in svg
    assert 'aria-label="alt &amp; words"' in svg


def test_many_drug_arms_carry_marks() -> None:
    """Seven routes stay apart by more than a shade."""
    few, many = (_figure(tuple("abcdefg")[:n], (False,) * n) for n in (2, 7))
    assert many.count("<use") > few.count("<use") + 7 * 5


def test_observed_points_have_spread_and_n() -> None:
    point = Observed("plasma.ketamine", 2 / 3, 185.0, 150.0, 220.0, 12, False)
    with_point = _figure(("ketamine", "saline"), (False, True), [point])
    assert ">n = 12</text>" in with_point
    assert ">published figure</text>" in with_point
    assert ">published figure</text>" not in _figure(("ketamine", "saline"), (False, True))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=3000), st.integers(1, 3))
def test_thinning_keeps_ends_and_extremes(values: list[float], curves: int) -> None:
    """A thinned line reaches as far up and down, and from end to end, as the line itself."""
    y = [np.roll(np.array(values), k) for k in range(curves)]
    keep = thinned(y)
    assert (keep[0], keep[-1]) == (0, len(values) - 1)
    assert np.all(np.diff(keep) > 0)
    assert len(keep) <= 240
    for curve in y:
        assert (curve[keep].min(), curve[keep].max()) == (curve.min(), curve.max())


def test_the_line_drawn_is_the_median_of_the_result() -> None:
    """Read back from the paper: the points of the drug arm's line are the medians, on the scale that the ticks say."""
    r = build(arms=("ketamine",), controls=(False,), names=["plasma.ketamine"], size=20, horizon_h=2.0)
    (layer,) = layers(r)
    svg = layer_figure(r, layer, time_axis(0.0, 2.0, [0.0]), [], "")
    marks = re.findall(r'd="M[\d.]+ ([\d.]+)L[^>]*>\n<text [^>]*text-anchor="end">([\d.]+)<', svg)
    (y0, v0), (y1, v1) = ((float(y), float(v)) for y, v in (marks[0], marks[-1]))
    (drawn,) = re.findall(r'd="M([^"]*)" fill="none" stroke="#[0-9a-f]{6}" stroke-width="1.4"/>', svg)[1:]
    points = np.array([[float(c) for c in p.split()] for p in drawn.split("L")])
    median = r.statistics["plasma.ketamine"]["median"][0]
    shown = v0 + (points[:, 1] - y0) / (y1 - y0) * (v1 - v0)
    hours = (points[:, 0] - points[0, 0]) / (points[-1, 0] - points[0, 0]) * 2.0
    assert len(points) > 40
    assert np.allclose(shown, np.interp(hours, r.times_h, median), atol=0.004 * median.max())


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_round_and_say_where_they_stand(low: float, span: float) -> None:
    """Two to six ticks inside the range, evenly spaced; each label, times its power of ten, is its value."""
    low, high = limits(low, low + span)
    found, power = ticks(low, high)
    assert 2 <= len(found) <= 6
    gaps = np.diff([v for v, _ in found])
    assert np.allclose(gaps, gaps[0], rtol=1e-6)
    size = max(abs(low), abs(high))
    for value, label in found:
        assert low - 1e-9 * size <= value <= high + 1e-9 * size
        factor = f"e{plain(power.removeprefix(chr(215)).strip().removeprefix('10'))}" if power else ""
        assert float(plain(label) + factor) == pytest.approx(value, abs=2e-6 * size)
        assert len(label) <= 10


@pytest.mark.parametrize(
    ("low", "high", "labels", "power"),
    [
        (0.0, 230.0, ["0", "100", "200"], ""),
        (0.0, 0.79, ["0.0", "0.2", "0.4", "0.6"], ""),
        (-3.0, 3.2, ["\N{MINUS SIGN}2", "0", "2"], ""),
        (0.0, 3e-7, ["0", "1", "2", "3"], "\N{MULTIPLICATION SIGN} 10⁻⁷"),
    ],
)
def test_ticks_of_some_ranges(low: float, high: float, labels: list[str], power: str) -> None:
    found, by = ticks(low, high)
    assert ([label for _, label in found], by) == (labels, power)


def plain(text: str) -> str:
    """Return a printed number as Python reads it."""
    return text.replace("\N{MINUS SIGN}", "-").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))


def test_names_in_a_figure_are_escaped() -> None:
    svg = _figure(('<b>"k"&$x$', "saline"), (False, True))
    assert "&lt;b&gt;" in svg
    assert "<b>" not in svg


@given(st.floats(1e-5, 1e9), st.booleans())
def test_numbers_keep_three_digits(x: float, negative: bool) -> None:
    """A number as printed is within half a unit of its third digit."""
    text = number(-x if negative else x)
    plain = text.replace(",", "").replace("\N{MINUS SIGN}", "-").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    plain = re.sub(" \N{MULTIPLICATION SIGN} 10(.*)", r"e\1", plain)
    assert float(plain) == pytest.approx(-x if negative else x, rel=0.0051)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (185.4, "185"),
        (-9.22, "\N{MINUS SIGN}9.22"),
        (12345.6, "12,300"),
        (1e-9, "about 0"),
        (float("nan"), "not defined"),
    ],
)
def test_numbers_in_words(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("hours", "text"),
    [(2 / 3, "40 min"), (1 / 360, "10 s"), (3.85, "3.9 h"), (48, "2 days"), (1848, "11 weeks"), (0, "0 min")],
)
def test_times_in_words(hours: float, text: str) -> None:
    assert say_time(hours) == text
