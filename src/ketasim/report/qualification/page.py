"""The page of a qualification: one paragraph, one page, everything; one file, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import Template

import ketasim.report.html as html
from ketasim.qualify.compare import Qualification, Summary, summarise
from ketasim.report.package import data_text
from ketasim.report.qualification.groups import (
    ALL,
    AWAKE,
    ROLES,
    Row,
    breakdowns,
    failures,
    headline,
    is_time,
    left_out,
    of_role,
    said,
    settings,
)
from ketasim.report.qualification.plot import Drawn
from ketasim.report.qualification.tables import (
    comparison_table,
    error_table,
    failure_table,
    figure_words,
    left_out_table,
)
from ketasim.report.sources import source_list
from ketasim.report.words import listed, number

_FIRST = ("observed_predicted", "forest_validate")


def qualification_page(q: Qualification, figures: Sequence[Drawn], files: Sequence[str], command: str) -> str:
    """Return the page as HTML; the same qualification gives the same text."""
    rows = headline(q.name, q.comparisons)
    parts = breakdowns(q.design, q.comparisons)
    shown = {d.name: _figure(d) for d in figures}
    words = {"role": "By role of the studies", "route": "By route", "drug": "By drug", "people": "By people"}
    return Template(data_text("qualification.html")).substitute(
        title=escape(f"Qualification: {q.name.replace('_', ' ')}"),
        style=data_text("style.css"),
        listener=escape(paragraph(q, rows)),
        awake=error_table("Awake adults", [r for r in rows if r.by.endswith(AWAKE)]),
        everybody=error_table("All people, children and patients under anaesthesia included", _ending(rows, ALL)),
        limits=escape(_limit_words()),
        first="\n".join(shown[n] for n in _FIRST if n in shown) or "<p>No exposure is compared.</p>",
        breakdowns="\n".join(error_table(words[k], part) for k, part in parts.items()),
        figures="\n".join(text for n, text in shown.items() if n not in _FIRST) or "<p>None.</p>",
        failures=failure_table(q),
        left_out=left_out_table(q),
        every=html.details(f"Every comparison ({len(q.comparisons)})", comparison_table(q)),
        sources=source_list(_papers(q)),
        reproduce=_reproduce(q, files, command),
    )


def _papers(q: Qualification) -> list[str]:
    """Return every study that the page names, once, in the order of the design."""
    left = (study for _, study, _ in left_out(q.design, q.comparisons) if study)
    return list(dict.fromkeys([*(a.study for a in q.design.arms.values()), *left]))


def _ending(rows: Sequence[Row], words: str) -> list[Row]:
    return [r for r in rows if r.by.endswith(words)]


def paragraph(q: Qualification, rows: Sequence[Row]) -> str:
    """Return the qualification in one paragraph for a reader without training."""
    exposures = [c for c in q.comparisons if not is_time(c)]
    all_, held = (summarise(of_role(exposures, r)) for r in (ROLES[0], ROLES[2]))
    if all_ is None:
        return "Nothing could be compared: no figure of these arms may be counted."
    text = (
        f"{all_.figures} published exposures (concentrations, peaks, areas, clearances, absorbed shares) from {all_.arms} arms of "
        f"{all_.studies} {'papers' if all_.studies > 1 else 'paper'} were predicted. A typical prediction is off by a factor of "
        f"{number(all_.gmfe)}{_interval(all_)}, and {all_.covered:.0%} of the reports lie inside the interval predicted to "
        "hold 90 % of them (each arm counted once)."
    )
    if held is not None:
        text += (
            f" In the papers that no fit may use ({held.studies}) the factor is {number(held.gmfe)}{_interval(held)}, "
            f"with {held.covered:.0%} inside."
        )
    worst = failures(exposures)[: settings("page")["worst"]]
    if worst:
        text += f" Furthest off: {listed([f'{c.arm} ({figure_words(c)})' for c in worst])}."
    return text + _limits_kept([r for r in rows if r.by.endswith(AWAKE) and r.limit is not None])


def _interval(s: Summary) -> str:
    return f" (90 % interval {number(s.low)} to {number(s.high)})" if s.studies > 1 else ""


def _limits_kept(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    judged = [r for r in rows if r.met is not None]
    met, none = sum(bool(r.met) for r in judged), len(rows) - len(judged)
    text = f" Limits set for awake adults: {met} met, {len(judged) - met} not met"
    return text + (f", {none} not judged for want of any study." if none else ".")


def _limit_words() -> str:
    words = {"all": "all studies", "validate": "held-out studies alone"}
    said_ = [
        f"{words[k]}: {listed([f'{said(a)} {v:g}' for a, v in settings('limit')[k].items()])}"
        for k in ("all", "validate")
    ]
    c = settings("coverage")
    return f"Limits of the fold error, {'; '.join(said_)}. Coverage: {c['least']:.0%} to {c['most']:.0%}."


def _figure(d: Drawn) -> str:
    return (
        f'<figure class="curves" id="figure-{d.name}"><h4>{escape(d.title)}</h4><div class="scroll" tabindex="0">\n{d.svg}</div>\n'
        f'<figcaption><p class="reading">{escape(d.reading)}</p><p>{escape(d.note)}</p></figcaption></figure>'
    )


def _reproduce(q: Qualification, files: Sequence[str], command: str) -> str:
    from ketasim import __version__

    pairs = (("ketasim", __version__), ("design", q.name), ("parameter draws", str(q.count)), ("seed", str(q.seed)))
    body = html.table(
        "What made this report", ("Name", "Value"), [(escape(k), f"<code>{escape(v)}</code>") for k, v in pairs]
    )
    names = "".join(f"<li><code>{escape(f)}</code></li>" for f in files)
    return (
        f"<p>The same command gives the same numbers:</p>\n<pre>{escape(command)}</pre>\n{body}\n"
        f"<p>Written beside this report:</p>\n<ul>{names}</ul>"
    )
