"""Issue 2, item 8: one self-contained file with figures, readings, tables, calibration and the way to reproduce it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from report_runs import SOURCES, build

from ketasim.errors import InputError
from ketasim.report import summary_table, write_report
from ketasim.report.view import layers, turn
from ketasim.system.result import Result


class Page(HTMLParser):
    """Every tag with its attributes, and the open tags around each."""

    void = frozenset({"meta", "br", "link", "img", "path", "use", "polyline", "rect"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}, tuple(self.open)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}, tuple(self.open)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self.void:
            return
        assert self.open, tag
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str]]:
        return [a for t, a, _ in self.tags if t == tag]


@pytest.fixture(scope="module")
def page(landmark_html: str) -> Page:
    parsed = Page(landmark_html)
    parsed.close()
    assert parsed.open == []
    return parsed


def test_same_result_same_bytes(landmark: Result, landmark_html: str, tmp_path: Path) -> None:
    """DESIGN section 5: running it again gives the same bytes."""
    again = write_report(landmark, tmp_path / "deep" / "other.html", sources=SOURCES)
    assert again.read_text(encoding="utf-8") == landmark_html
    assert [p.name for p in again.parent.iterdir()] == ["other.html"]


def test_nothing_is_loaded(page: Page, landmark_html: str) -> None:
    """Opens without a network: no script, no link, no import; only DOI links in the text lead outside."""
    assert not {"script", "link", "iframe", "object", "img", "base", "video"} & {t for t, _, _ in page.tags}
    for tag, attrs, _ in page.tags:
        for key in ("src", "srcset", "href", "xlink:href", "data", "action", "poster"):
            target = attrs.get(key, "#")
            assert target.startswith("#") or (tag == "a" and target.startswith("https://doi.org/10.")), (tag, target)
    assert all(u.startswith(("#", '"#')) for u in re.findall(r"url\(([^)]*)\)", landmark_html))
    assert "@import" not in landmark_html


def test_references_inside_the_page_resolve(page: Page, landmark_html: str) -> None:
    """Every link and every reused mark of a figure has its target, and no id stands twice."""
    ids = [a["id"] for _, a, _ in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = [a[k][1:] for _, a, _ in page.tags for k in ("href", "xlink:href") if a.get(k, "").startswith("#")]
    wanted += re.findall(r"url\(#([^)]*)\)", landmark_html)
    assert set(wanted) <= set(ids)


def test_every_figure_is_described(page: Page, landmark: Result) -> None:
    """Every figure has words for those who do not see it, one sentence beneath, sources and calibration state."""
    figures = [f for f in page.named("figure") if f.get("class") == "curves"]
    assert len(figures) == len(layers(landmark)) == 6
    captions = [parents for t, _, parents in page.tags if t == "figcaption"]
    assert len(captions) == 7
    assert all(parents[-1] == "figure" for parents in captions)
    pictures = [a for a in page.named("svg") if a.get("role") == "img"]
    assert len(pictures) == 6
    assert all(len(a["aria-label"]) > 60 for a in pictures)
    assert all(a.get("aria-hidden") == "true" for a in page.named("svg") if "role" not in a)


def test_every_caption_tells_sources_and_calibration(landmark_html: str) -> None:
    captions = re.findall(r"<figcaption><p class=\"reading\">(.*?)</p>\n<p>(.*?)</p></figcaption>", landmark_html)
    assert len(captions) == 6
    for reading, state in captions:
        assert reading.count(". ") == 0
        assert reading.endswith(".")
        assert state.startswith("Calibration:")
        assert "Sources:" in state


def test_tables_hold_the_numbers_of_the_result(landmark: Result, landmark_html: str) -> None:
    """The table beside a figure holds the medians, times and percentiles of the Result, to the last bit."""
    for layer in layers(landmark):
        part = landmark_html.split(f'id="layer-{layer.name}"')[1].split("<details>")[0]
        shown = [float(v) for v in re.findall(r'<data value="([^"]*)"', part)]
        wanted: list[float] = []
        for quantity in layer.draw:
            for arm in range(2):
                t = turn(landmark, quantity, arm)
                wanted += [t.start, t.end] if t.still else [t.start, t.value, t.low, t.high, t.time_h, t.end]
        assert shown == wanted


def test_turn_is_read_off_the_statistics(landmark: Result) -> None:
    """The furthest point is the largest distance of the median from its value before the dose."""
    for name, stats in landmark.statistics.items():
        t = turn(landmark, name, 0)
        k = int(np.flatnonzero(landmark.times_h == t.time_h)[0])
        median = stats["median"][0]
        assert t.value == median[k]
        assert (t.low, t.high) == (stats["p05"][0, k], stats["p95"][0, k])
        assert abs(median[k] - median[0]) == np.abs(median - median[0]).max()


def test_equal_peaks_are_told_at_the_first() -> None:
    """A course: the peak after each dose is the same to rounding; the reader is told the first."""
    r = build(horizon_h=500.0, doses_h=(0.0, 84.0, 168.0), names=["plasma.ketamine"])
    assert turn(r, "plasma.ketamine", 0).time_h < 2


def test_uncalibrated_is_marked_everywhere(landmark_html: str) -> None:
    """A figure graded a guess is shown as a guess: in the axes of every row, in the caption, in every table."""
    parts = re.split(r'<section id="layer-', landmark_html)[1:]
    for part in parts:
        name, drawing = part.split('"')[0], part.split("<svg")[1].split("</svg>")[0]
        table = part.split("<tbody>")[1].split("</tbody>")[0]
        groups = table.count("<th")
        assert groups > 0
        wanted = 0 if name == "exposure" else groups
        assert len(re.findall(r">uncalibrated</text>", drawing)) == wanted, name
        assert table.count('class="badge"') == wanted, name
        assert ("Calibration: uncalibrated" in part) == (name != "exposure")


def test_fitted_is_explained(landmark_html: str) -> None:
    assert "fitted, that is estimated jointly from published studies" in landmark_html


def test_no_advice_is_said_once(landmark_html: str) -> None:
    """Every report says once that it is for research and teaching and gives no dosing advice to a person."""
    assert landmark_html.count("no dosing advice") == 1


def test_three_depths_and_headings(page: Page, landmark_html: str) -> None:
    headings = [t for t, _, _ in page.tags if re.fullmatch("h[1-6]", t)]
    assert headings[:4] == ["h1", "h2", "h2", "h3"]
    assert headings.count("h1") == 1
    for name in ("In one paragraph", "On one page", "Everything", "Sources", "How to reproduce"):
        assert re.search(f"<h[23]>{name}</h[23]>", landmark_html)
    assert all(a.get("scope") for a in page.named("th"))
    assert page.named("html")[0]["lang"].startswith("en")


def test_outside_text_is_escaped(tmp_path: Path) -> None:
    """Titles and names of arms come from the user."""
    r = build(title="<script>alert(1)</script>", arms=('<b>"k"&$x$', "saline"), names=["plasma.ketamine", "madrs"])
    text = write_report(r, tmp_path / "r.html", files=["<i>.json"], sources=["<unknown>"]).read_text(encoding="utf-8")
    parsed = Page(text)
    assert "&lt;script&gt;" in text
    assert not parsed.named("script")
    assert not [1 for t, _, parents in parsed.tags if t == "b" and "caption" in parents]
    assert "<b>&quot;k" not in text
    assert "&lt;i&gt;.json" in text
    assert "&lt;unknown&gt;" in text


def test_provenance_is_printed(landmark: Result, tmp_path: Path) -> None:
    """How to reproduce: version, seed, size, command, scenario text and hashes."""
    told = dict(landmark.provenance) | {"command": "ketasim run landmark --size 60", "nested": {"a": {"b": [1, 2]}}}
    path = write_report(replace(landmark, provenance=told), tmp_path / "r.html", files=["summary.json", "r.html"])
    part = path.read_text(encoding="utf-8").split('id="reproduce"')[1]
    for word in ("ketasim run landmark --size 60", "0.1.0", "ab12", "nested.a.b", "[[arm]]", "summary.json"):
        assert word in part
    assert "<li><code>r.html" not in part


def test_small_runs_open_too(tmp_path: Path) -> None:
    """One subject, one arm, one quantity of a user's own layer, no dose, no provenance."""
    r = build(arms=("only",), controls=(True,), size=1, names=["madrs"])
    own = {"madrs": replace(r.quantities["madrs"], layer="mine", title="a title")}
    r = replace(r, controls=(), provenance={}, doses={}, dose_times_h={}, quantities=own)
    text = write_report(r, tmp_path / "r.html").read_text(encoding="utf-8")
    assert 'id="layer-mine"' in text
    assert "not part of this run" in text
    Page(text).close()


def test_summary_table_in_a_terminal(landmark: Result) -> None:
    """Quantities are rows, arm and time columns; the nearest time is shown; what is not fitted says so."""
    from rich.console import Console

    from ketasim.report.words import number

    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(summary_table(landmark, ["40 min", 24.0], ["plasma.ketamine", "madrs"]))
    text = console.export_text()
    k = int(np.argmin(np.abs(landmark.times_h - 2 / 3)))
    median = landmark.statistics["plasma.ketamine"]["median"][0, k]
    row = next(line for line in text.splitlines() if "plasma.ketamine" in line)
    assert f" {median:.0f} " in row
    low, high = (landmark.statistics["plasma.ketamine"][s][0, k] for s in ("p05", "p95"))
    assert f"({number(float(low))} to {number(float(high))})" in text
    assert "madrs (uncalibrated)" in text
    assert "plasma.ketamine (uncalibrated)" not in text
    assert len(summary_table(landmark, ["40 min", 24.0], ["madrs"]).columns) == 2 + 4


@pytest.mark.parametrize(("times", "names", "told"), [(["40 min"], ["madr"], "madrs"), (["90 d"], ["madrs"], "336")])
def test_summary_table_refuses(landmark: Result, times: list[str], names: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        summary_table(landmark, times, names)
