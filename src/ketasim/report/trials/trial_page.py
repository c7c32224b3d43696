"""The page of a designed trial: one paragraph, one page, everything."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import ketasim.report.html as html
from ketasim.report.qualification.plot import Drawn
from ketasim.report.safety import blocked_html, blocked_text
from ketasim.report.trials.designed import Course, Designed, Spread
from ketasim.report.trials.frame import figure_html, frame, loud, made_by
from ketasim.report.trials.safety import safety_html
from ketasim.report.trials.settings import scale_words
from ketasim.report.trials.terminal import power_words, size_words
from ketasim.report.trials.words import figure_words
from ketasim.report.words import number, say_time

_HOW = """<p>Each virtual trial draws people and the model's uncertain numbers anew, gives the doses, rates scores at the visits and
does the analysis. Power is the share of virtual trials whose p lies below alpha. It can only be as good as the model is.</p>"""


def trial_page(trial: Designed, figures: Sequence[Drawn], files: Sequence[str], command: str) -> str:
    """Return the page as HTML; the same result gives the same text."""
    forbidden = blocked_text(trial.safety) if trial.safety.get("blocked") else []
    shown = {d.name: figure_html(d) for d in figures}
    pairs = (("study", trial.study), ("people", trial.n), ("virtual trials", f"{trial.replicates:,}"), ("seed", trial.seed),
             ("calibration", trial.calibration or "not given"))  # fmt: skip
    one_page = (
        [safety_html(trial.safety)]
        if forbidden
        else [
            _HOW,
            shown.get("courses", "<p>No courses were asked for.</p>"),
            _power_table(trial),
            shown.get("power", "<p>No endpoint compares two arms: nothing is tested.</p>"),
            _size_table(trial),
            safety_html(trial.safety),
        ]
    )
    note = f"<p>{escape(' '.join(trial.note.split()))}</p>" if trial.note else ""
    everything = [
        note,
        "<h3>Endpoints over virtual trials</h3>",
        shown.get("endpoints", ""),
        _spread_table(trial),
        html.details("Scores at each visit", _course_table(trial.courses)) if trial.courses else "",
    ]
    return frame(
        "a designed trial, run with virtual people",
        trial.title,
        notice=(loud("_trial") if trial.loose else "") + (blocked_html(trial.safety) if forbidden else ""),
        listener=" ".join(forbidden) or listener(trial),
        one_page="\n".join(one_page),
        everything="\n".join(everything),
        sources="",
        reproduce=made_by(pairs, files, command),
    )


def listener(trial: Designed) -> str:
    """Return the trial in one paragraph for a reader without training."""
    people = f" of {trial.n} people" if trial.n.isdigit() else f" ({trial.n})" if trial.n else ""
    text = f"A trial{people} was run {trial.replicates:,} times with virtual people."
    tested = [e for e in trial.endpoints if e.p_below is not None]
    if not tested:
        return f"{text} It compares no arms, so there is nothing to show or miss."
    lead = tested[0]
    middle, low, high = (figure_words(v, lead.measure, lead.unit) for v in (lead.median, lead.p05, lead.p95))
    limit = f"p below {lead.alpha:g}" if lead.alpha is not None else "p below alpha"
    return (
        f"{text} The middle trial finds {middle} for {lead.name}; 90 % of trials lie between {low} and {high}. "
        f"{power_words(lead.p_below, None, None)} of all trials reach {limit}: "
        "so often would such a trial show a difference if the model were right."
    )


def _power_table(trial: Designed) -> str:
    rows = [
        [
            escape(e.name),
            *_cells(e),
            power_words(e.p_below, e.p_low, e.p_high),
            "" if e.alpha is None else number(e.alpha),
        ]
        for e in trial.endpoints
        if e.p_below is not None
    ]
    if not rows:
        return ""
    head = ("Endpoint", "Median trial", "90 % of trials", "Trials with p below alpha (95 % interval)", "Alpha")
    return html.table("Power", head, rows, kind="numbers")


def _cells(e: Spread) -> list[str]:
    low, high = (figure_words(v, e.measure, e.unit) for v in (e.p05, e.p95))
    middle = figure_words(e.median, e.measure, e.unit, with_unit=True)
    return [middle if e.median is None else f'<data value="{e.median!r}">{middle}</data>', f"{low} to {high}"]


def _spread_table(trial: Designed) -> str:
    rows = [
        [
            escape(e.name),
            escape(f"{e.arm} against {e.versus}" if e.versus else e.arm),
            *_cells(e),
            *(figure_words(v, e.measure, e.unit) for v in (e.mean, e.sd)),
        ]
        for e in trial.endpoints
    ]
    head = ("Endpoint", "Arm", "Median trial", "90 % of trials", "Mean", "SD")
    return html.table("Every endpoint over virtual trials", head, rows, kind="numbers")


def _size_table(trial: Designed) -> str:
    if not trial.sizes:
        return ""
    rows = [(escape(name), f"{power:.0%}".replace("%", " %"), size_words(n)) for name, power, n in trial.sizes]
    return html.table("People in each arm that would give a power", ("Endpoint", "Power", "People in each arm"), rows)


def _course_table(courses: Sequence[Course]) -> str:
    rows = [
        [
            escape(f"{scale_words(c.scale)}, {c.arm}"),
            f'<data value="{float(t)!r}">{say_time(float(t))}</data>',
            *(html.value(float(v)) for v in (m, low, high)),
        ]
        for c in courses
        for t, m, low, high in zip(c.time_h, c.median, c.p05, c.p95, strict=True)
    ]
    head = ("Scale and arm", "After the first dose", "Median trial", "5 % of trials below", "5 % above")
    return html.table("Mean score of an arm at each visit", head, rows, kind="numbers")
