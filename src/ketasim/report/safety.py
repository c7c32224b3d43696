"""The panel of safety as a page, a terminal and a CSV file show it, from the document that the JSON outputs hold (`risk.panel`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

import ketasim.report.html as html
from ketasim.report.given import scenario_of
from ketasim.report.words import number, unit_words
from ketasim.risk.panel import Panel, is_benefit, panel_data, run_panel
from ketasim.risk.rules import KINDS
from ketasim.system.grade import GUESS
from ketasim.system.result import Result

Document = Mapping[str, Any]
_LEAST = 1e-3  # a smaller chance is told as below it


def panel_of(result: Result) -> Panel | None:
    """Return the panel of a run from the scenario that it carries; None where it carries none (a model of a user's own)."""
    scenario = scenario_of(result)
    return None if scenario is None else run_panel(result, scenario)


def permitted(result: Result) -> Result:
    """Return the result as it may be reported: without quantities of benefit where a rule of a label forbids an arm."""
    panel = panel_of(result)
    if panel is None or not panel.blocked:
        return result
    kept = [n for n in result.values if not is_benefit(result.quantities[n])]
    whole = None if result.whole is None else {n: result.whole[n] for n in kept}
    return replace(result, values={n: result.values[n] for n in kept}, whole=whole)


def percent(share: float, *, guess: bool = False) -> str:
    """Return a chance in per cent with two digits, or one ("about") for a guess."""
    if share == 0:  # a share of simulated people: nobody among them
        return "0 %"
    if share < _LEAST:
        return f"below {number(_LEAST * 100, 1)} %"
    return f"about {number(share * 100, 1)} %" if guess else f"{number(share * 100, 2)} %"


def is_guess(line: Document) -> bool:
    """Return whether a reading rests on a guess."""
    return GUESS in str(line["grade"])


def figures(line: Document) -> str:
    """Return a reading's numbers in words, "10 mmHg (0 to 32)", with its grade; what is not computed says why instead."""
    if line["mean"] is None:
        return str(line["note"])
    guess = is_guess(line)
    mean, low, high = (line[k] for k in ("mean", "p05", "p95"))
    if line["unit"]:
        few = 1 if guess else 2
        told = f"{number(mean, few)} {unit_words(line['unit'])} ({number(low, few)} to {number(high, few)})"
    else:
        ends = " to ".join(percent(v, guess=guess).removeprefix("about ") for v in (low, high))
        told = f"{percent(mean, guess=guess)} ({ends})"
    return told


def _grades(line: Document) -> str:
    """Return the grade of a reading, and that of the border of its band where this is a guess and the reading is none."""
    grade, border = str(line["grade"]), str(line["band_grade"])
    return f"{grade}; {line['band']}: {border}" if GUESS in border and not is_guess(line) else grade


def words(line: Document) -> str:
    """Return a reading in one text: numbers, band, grade, what is missing."""
    if line["mean"] is None:
        return figures(line)
    head = figures(line) + (f", {line['band']}" if line["band"] else "")
    return "; ".join(filter(None, (head, _grades(line), line["note"])))


def spoken(document: Document, arm: str) -> str:
    """Return pressure and loss of response of an arm as sentences for a listener; a run's paragraph tells dissociation itself."""
    titles = {r["name"]: r["title"] for r in panel_data()["reading"]}
    lines = [x for x in document["readings"] if x["arm"] == arm and x["mean"] is not None]
    told = [x for x in lines if x["reading"] in ("pressure", "unresponsive")]
    return " ".join(f"{titles[x['reading']]}: {words(x).replace('(', '(90 % of people: ', 1)}." for x in told)


def panel_rows(document: Document) -> list[dict[str, str]]:
    """Return the rows of a terminal: one an arm, one column a reading."""
    rows: dict[str, dict[str, str]] = {}
    for line in document["readings"]:
        rows.setdefault(line["arm"], {"safety of": line["arm"]})[_short(line["reading"])] = words(line)
    return list(rows.values())


def _short(reading: str) -> str:
    return next(str(r["short"]) for r in panel_data()["reading"] if r["name"] == reading)


def rule_rows(document: Document) -> list[tuple[str, str]]:
    """Return the rules that hit, each once with the arms that it hits and why: (kind, sentence), those that forbid first."""
    hit: dict[str, list[Mapping[str, Any]]] = {}
    for r in document["rules"]:
        hit.setdefault(r["rule"], []).append(r)
    told = [(same[0]["kind"], _sentence(same)) for same in hit.values()]
    return sorted(told, key=lambda row: KINDS.index(row[0]))


def _sentence(same: Sequence[Mapping[str, Any]]) -> str:
    """Return a rule in words from its hits in several arms; arms that it hits for the same reason stand together."""
    arms: dict[str, list[str]] = {}
    for r in same:
        arms.setdefault(r["because"], []).append(r["arm"])
    why = "; ".join(f"{', '.join(names)}: {because}" for because, names in arms.items())
    return f"{same[0]['text']} [{why}; {same[0]['label']}, {same[0]['date']}]"


def panel_text(document: Document) -> list[str]:
    """Return the lines below the table of a terminal: what the numbers are of, and the rules."""
    rules = [f"{kind.replace('_', ' ')}: {sentence}" for kind, sentence in rule_rows(document)]
    return [*filter(None, [document["about"]]), *rules]


def blocked_text(document: Document) -> list[str]:
    """Return the sentences in place of a benefit, each once."""
    return list(dict.fromkeys(document["blocked"].values()))


def blocked_html(document: Document | None) -> str:
    """Return the box that stands in place of a benefit, "" where no rule forbids anything."""
    told = blocked_text(document) if document else []
    return "".join(f'<div class="blocked" role="note"><p>{escape(t)}</p></div>' for t in told)


def panel_html(document: Document) -> str:
    """Return the panel: what stands in place of a benefit, a table with a row for each arm, the rules that hit."""
    heads = ["Arm", *(escape(r["title"]) for r in panel_data()["reading"])]
    rows: dict[str, list[str]] = {}
    for line in document["readings"]:
        rows.setdefault(line["arm"], [escape(line["arm"])]).append(_cell(line))
    table = html.table("Safety of each arm", heads, rows.values(), kind="safety") if rows else ""
    about = f'<p class="note">{escape(document["about"])}. {_ABOUT_GRADES}</p>' if document["about"] else ""
    rules = "".join(
        f"<li><b>{escape(kind.replace('_', ' '))}</b>: {escape(sentence)}</li>"
        for kind, sentence in rule_rows(document)
    )
    listed = f"<p>Rules of labels that hold whatever is computed:</p>\n<ul>{rules}</ul>" if rules else ""
    return f'<div class="panel">{blocked_html(document)}{table}\n{about}\n{listed}</div>'


_ABOUT_GRADES = (
    "Grade A: published and read; B: calibrated here to published figures; "
    f"C: a guess, {escape(GUESS)}, told with one digit."
)


def _cell(line: Document) -> str:
    if line["mean"] is None:
        return f'<span class="none">{escape(line["note"])}</span>'
    guess = is_guess(line)
    told = f'<data value="{line["mean"]!r}">{escape(figures(line))}</data>'
    lower = [line["band"], "" if guess else str(line["grade"]), line["note"]]
    marks = html.badge(str(line["grade"])) if guess else ""
    if GUESS in str(line["band_grade"]) and not guess:
        marks += html.badge(f"{line['band']}: {line['band_grade']}")
    said = escape("; ".join(filter(None, lower)))
    return f'{told}<span class="note">{said}</span>{marks}'


def safety_fields(document: Document, **about: str) -> list[dict[str, Any]]:
    """Return the readings as plain fields for a CSV file, led by those of `about`."""
    return [{**about, **line} for line in document["readings"]]
