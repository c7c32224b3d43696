"""The pages: what the ladder, the mixtures and long use show, as figures, tables, words and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import ketasim.report.html as html
from ketasim.report.files import to_json, write_text
from ketasim.report.package import data_table, data_text
from ketasim.report.risk.dots import Dot, Panel, dot_figure, look
from ketasim.report.safety import percent
from ketasim.report.words import number
from ketasim.risk import depressant_words, scenario_hits, use_words
from ketasim.risk.longuse import days_of_use, urinary_prevalence
from ketasim.risk.panel import panel_data
from ketasim.risk.readings import given, reading, share_above
from ketasim.scenario.spec import Scenario
from ketasim.system.grade import GUESS, one_digit, said
from ketasim.system.result import Result

Row = dict[str, Any]
_SHARES = [(0.0, "0 %"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (1.0, "100 %")]


def _percent(value: float, grade: str = "") -> str:
    """Return a share in per cent; a guess with one digit and a mark."""
    told = percent(value, guess=grade == "C")
    return f"{told} \N{DAGGER}" if grade == "C" else told


def _rounded(value: float) -> float:
    """Return a guess with one significant digit."""
    return float(one_digit(np.asarray(value)))


def _borders() -> tuple[float, float]:
    """Return the CADSS points at which the bands of dissociation and of the k-hole begin."""
    _, felt, hole = (float(b["from"]) for b in panel_data()["band"])
    return felt, hole


def ladder_rows(result: Result, s: Scenario) -> list[Row]:
    """Return for each arm its peak dissociation (CADSS, points) and the share of people without response, with grades."""
    felt, hole = _borders()
    rows = []
    for a, arm in enumerate(result.arms):
        cadss = reading(result, s, a, "cadss_effect_site")
        asleep, numb = (reading(result, s, a, q) for q in ("p_unresponsive", "p_unresponsive.noxious"))
        deep = _rounded(share_above(result, a, "cadss_effect_site", hole))
        rows.append(
            {
                "arm": arm, "cadss_median": cadss.median, "cadss_p05": cadss.low, "cadss_p95": cadss.high,
                "cadss_grade": said(cadss.grade), "dissociated": share_above(result, a, "cadss_effect_site", felt),
                "k_hole": deep, "k_hole_grade": said("C"),
                "no_response": asleep.mean, "no_response_p05": asleep.low, "no_response_p95": asleep.high,
                "no_response_grade": said(asleep.grade), "no_response_to_pain": numb.mean,
            }
        )  # fmt: skip
    return rows


def _points(value: float) -> str:
    return number(value, 2) if value >= 1 else "below 1"


def ladder_figure(rows: Sequence[Row]) -> str:
    """Return the ladder as an SVG element."""
    s, w = look(), data_table("risk")["ladder"]
    c = s["colours"]
    dissociated, hole = _borders()
    bands = [(dissociated, hole, c["felt"], "dissociation"), (hole, w["most"], c["hole"], "k-hole \N{DAGGER}")]
    felt = [Dot(r["cadss_median"], r["cadss_p05"], r["cadss_p95"], _points(r["cadss_median"])) for r in rows]
    asleep = [
        Dot(r["no_response"], r["no_response_p05"], r["no_response_p95"], _percent(r["no_response"])) for r in rows
    ]
    panels = [
        Panel("Unreal feelings (CADSS, 0 to 76)", 0, w["most"], [(v, str(v)) for v in w["ticks"]], s["dissociation"], felt, bands),
        Panel("People who no longer answer", 0, 1, _SHARES, s["asleep"], asleep, [(0.5, 1, c["asleep"], "anaesthesia")]),
    ]  # fmt: skip
    foot = f"\N{DAGGER} border of the band: {GUESS}. Other numbers grade B: calibrated to published figures."
    return dot_figure("ladder", w["title"], [r["arm"] for r in rows], panels, w["reading"], foot=foot)


def mixture_rows(result: Result, s: Scenario) -> list[Row]:
    """Return for each arm the share of people without response, the end of the band where nothing is known, and the words."""
    rows = []
    for a, arm in enumerate(s.arms):
        drugs = given(arm)
        asleep, high, drowsy = (reading(result, s, a, q) for q in ("p_unresponsive", "p_unresponsive.high", "sedation"))
        words = depressant_words(drugs)
        known = not words or words.startswith("measured")
        row: Row = {
            "arm": arm.name, "drugs": list(drugs), "no_response": asleep.mean, "no_response_p05": asleep.low,
            "no_response_p95": asleep.high, "grade": said(asleep.grade), "could_be": None if known else high.mean,
            "could_be_grade": "" if known else said("C"), "sedated": drowsy.mean, "sedated_grade": said(drowsy.grade),
            "words": words,
        }  # fmt: skip
        if "remifentanil" in drugs:
            breath = reading(result, s, a, "ventilation", lowest=True)
            row |= {"ventilation_lowest": breath.mean, "ventilation_lowest_grade": said(breath.grade)}
        rows.append(row)
    return rows


def mixture_figure(rows: Sequence[Row]) -> str:
    """Return the mixtures as an SVG element."""
    s, w = look(), data_table("risk")["mixtures"]
    dots = [
        Dot(r["no_response"], r["no_response_p05"], r["no_response_p95"], _band_words(r), r["could_be"]) for r in rows
    ]
    panels = [Panel("People who no longer answer", 0, 1, _SHARES, s["asleep"], dots)]
    starts = [
        k
        for k, r in enumerate(rows)
        if k and (r["arm"].endswith("alone") or (len(r["drugs"]) > 2 and len(rows[k - 1]["drugs"]) < 3))
    ]
    notes = [r["words"].partition(":")[0] if "outside" in r["words"] else _short(r["words"]) for r in rows]
    foot = f"\N{DAGGER} {GUESS}, one digit. Orange: as high as it could be where nobody measured the drugs together."
    names = [r["arm"] for r in rows]
    return dot_figure("mixtures", w["title"], names, panels, w["reading"], groups=starts, notes=notes, foot=foot)


def _short(words: str) -> str:
    return "measured: they add up" if words.startswith("measured") else "never measured in people" if words else ""


def _band_words(r: Row) -> str:
    grade = "C" if GUESS in r["grade"] else ""
    text = _percent(r["no_response"], grade)
    return text if r["could_be"] is None else f"{text}, could be {number(r['could_be'] * 100, 1)} %"


def longuse_rows(result: Result, s: Scenario) -> list[Row]:
    """Return for each arm and month: days of use in half a year, what users with as many report, computed tolerance."""
    w = data_table("risk")["longuse"]
    rows = []
    for a, arm in enumerate(s.arms):
        for month in w["months"]:
            at = min(month * w["month_h"], float(result.times_h[-1]))
            k = int(abs(result.times_h - at).argmin())
            tolerance, sessions, share = (
                _rounded(result.values[q][a, :, k].mean()) for q in ("tolerance", "use.sessions", "p_urinary")
            )
            days = days_of_use(arm, at)
            medical = given(arm) == ("esketamine",)
            rows.append(
                {
                    "arm": arm.name, "month": month, "days_of_use": days, "tolerance": tolerance,
                    "tolerance_grade": said("C"), "sessions": sessions, "sessions_grade": said("C"),
                    "urinary_by_amount": None if medical else share,
                    "urinary_by_amount_grade": "" if medical else said("C"),
                    "urinary_among_users": None if medical else urinary_prevalence(days),
                    "urinary_among_users_grade": "" if medical else said("A"),
                }
            )  # fmt: skip
    return rows


def _table(rows: Sequence[Row], caption: str) -> str:
    shown = [
        k for k in dict.fromkeys(k for r in rows for k in r) if not k.endswith("_grade")
    ]  # a cell carries its own mark
    head = [escape(data_table("risk")["columns"][k]["title"]) for k in shown]
    return html.table(caption, head, [[_cell(r, k) for k in shown] for r in rows], kind="numbers risk")


def _cell(row: Row, key: str) -> str:
    value = row.get(key)
    guess = GUESS in str(row.get(f"{key}_grade") or row.get("grade", ""))
    if isinstance(value, float):
        share = "percent" in data_table("risk")["columns"][key]
        told = f'<data value="{value!r}">{percent(value, guess=guess)}</data>' if share else ""
        return (told or html.value(value, "", 1 if guess else None)) + (f" {html.badge(GUESS)}" if guess else "")
    return escape(", ".join(value) if isinstance(value, list) else "" if value is None else str(value))


def view_page(result: Result, s: Scenario) -> tuple[str, list[Row]]:
    """Return the page of a scenario's view as HTML, and its rows."""
    w = data_table("risk")[s.view]
    rows = {"ladder": ladder_rows, "mixtures": mixture_rows, "longuse": longuse_rows}[s.view](result, s)
    figure = {"ladder": ladder_figure, "mixtures": mixture_figure}.get(s.view)
    drawn = f"<figure>{figure(rows)}<figcaption>{escape(w['reading'])}</figcaption></figure>" if figure else ""
    words = "".join(f"<h3>{escape(n)}</h3><p>{escape(x.text)}</p>" for n, x in use_words().items())
    told = words if s.view == "longuse" else ""
    rules = "".join(
        f"<li>{escape(t)}</li>"
        for t in dict.fromkeys(f"{h.text} ({h.label}, {h.date})" for found in scenario_hits(s).values() for h in found)
    )
    body = f"<h1>{escape(s.title)}</h1><p>For research and teaching; no dosing advice. {escape(s.note)}</p>{drawn}"
    body += f"{_table(rows, w['title'])}{told}<h2>Rules that hold whatever is computed</h2><ul>{rules}</ul>"
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(s.title)}</title>'
    return f"{page}<style>{data_text('style.css')}</style><body><main>{body}</main></body></html>\n", rows


def write_view(result: Result, s: Scenario, folder: Path) -> dict[str, str]:
    """Write VIEW.html, VIEW.json and, where there is a figure, VIEW.svg; return their paths by kind. Raises `RunError`."""
    page, rows = view_page(result, s)
    paths = {"view": folder / f"{s.view}.html", "view_rows": folder / f"{s.view}.json"}
    write_text(paths["view"], page)
    write_text(paths["view_rows"], to_json({"title": s.title, "guess": GUESS, "rows": rows}) + "\n")
    figure = {"ladder": ladder_figure, "mixtures": mixture_figure}.get(s.view)
    if figure is not None:
        paths["view_figure"] = folder / f"{s.view}.svg"
        write_text(paths["view_figure"], figure(rows) + "\n")
    return {kind: str(path) for kind, path in paths.items()}
