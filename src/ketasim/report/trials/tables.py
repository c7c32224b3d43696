"""The tables of a replication, in HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import ketasim.report.html as html
from ketasim.report.trials.compared import Compared, Replicated, worst
from ketasim.report.trials.coverage import Coverage, coverage
from ketasim.report.trials.settings import part
from ketasim.report.trials.words import error_words, observed_words, predicted_words, share_words, verdict_of
from ketasim.report.words import number, say_time

_COUNTS = (
    "Role",
    "Studies",
    "Counted",
    "Inside",
    "Share inside (95 % interval)",
    "90 % is",
    "Mean error, SD",
    "Recalled",
)


def link(study: str) -> str:
    """Return a link to the study's entry in the list of sources."""
    return f'<a href="#source-{escape(study, quote=True)}">{escape(study)}</a>'


def coverage_table(caption: str, rows: Sequence[Coverage], first: str = "") -> str:
    """Return counts with binomial intervals; `first` heads a column of groups, "" for none."""
    head = (first, *_COUNTS) if first else _COUNTS
    return html.table(caption, head, [_counts(c, group=bool(first)) for c in rows], kind="numbers")


def _counts(c: Coverage, *, group: bool) -> list[str]:
    lead = [escape(c.group.replace("_", " ") or "none given")] if group else []
    mean = html.value(c.bias) if math.isfinite(c.bias) else ""
    role = escape(c.role) + (
        f'<span class="note">{escape(part("roles")[c.role])}</span>' if c.role in part("roles")["order"] else ""
    )
    kept = "inside" if c.verdict.startswith("as") else "outside" if c.counted else "open"
    share = f'<data value="{c.share!r}">{share_words(c)}</data>' if c.counted else ""
    verdict = f'<span class="{kept}">{escape(c.verdict)}</span>'
    return [*lead, role, f"{c.studies}", f"{c.counted}", f"{c.inside}", share, verdict, mean, f"{c.recalled}"]


def worst_table(studies: Sequence[Replicated]) -> str:
    """Return the counted figures furthest off, the furthest first."""
    every = [c for s in studies for c in s.endpoints]
    some = worst(every, part("worst")["page"])
    if not some:
        return "<p>Nothing is counted.</p>"
    head = ("Figure", "Study", "Role", "Published", "Predicted (90 % interval)", "Error, SD", "90 % interval", "Note")
    rows = [
        [escape(c.name), link(c.study), escape(c.role), *_beside(c), _verdict(c), escape(c.note)] for c in some
    ]  # fmt: skip
    return html.table(f"The {len(some)} worst misses, by standardised error", head, rows, kind="numbers")


def _beside(c: Compared) -> list[str]:
    seen = observed_words(c)
    if c.observed is not None:
        seen = f'<data value="{c.observed!r}">{seen}</data>'
        if c.low is not None and c.high is not None:
            seen += f'<span class="note">{observed_words(_ranged(c))}</span>'
    error = "" if c.error is None else error_words(c)
    if c.error is not None and math.isfinite(c.error):
        error = f'<data value="{c.error!r}">{error}</data>'
    return [seen, f'<data value="{c.predicted!r}">{predicted_words(c)}</data>', error]


def _ranged(c: Compared) -> Compared:
    from dataclasses import replace

    return replace(c, observed=None)


def _verdict(c: Compared) -> str:
    words = verdict_of(c)
    return f'<span class="{words if words in ("inside", "outside") else "open"}">{escape(words)}</span>'


def study_table(studies: Sequence[Replicated]) -> str:
    """Return every study with its size, role, figures and how many lie inside."""
    rows = []
    for s in studies:
        c = coverage(s.endpoints, s.study, s.role)
        far = worst(list(s.endpoints), 1)
        design = ", ".join(w.replace("_", " ") for w in (s.design, s.setting) if w)
        rows.append(
            [
                f"{link(s.study)}<span class='note'>{escape(s.title)}</span>",
                escape(s.role),
                escape(s.n),
                escape(design),
                f"{len(s.endpoints)}",
                f"{c.counted}",
                f"{c.inside}",
                escape(f"{error_words(far[0])} ({far[0].name})" if far else ""),
                escape(" ".join(s.note.split())),
            ]
        )
    head = ("Study", "Role", "n", "Design", "Figures", "Counted", "Inside", "Worst error, SD", "Note")
    return html.table(f"All studies ({len(studies)})", head, rows, kind="numbers")


def left_table(studies: Sequence[Replicated]) -> str:
    """Return the rows of evidence that are not compared, and why."""
    rows = [(link(s.study), escape(row), escape(why)) for s in studies for row, why in s.left]
    if not rows:
        return "<p>Nothing.</p>"
    return html.table(f"Left out ({len(rows)})", ("Study", "Evidence row", "Why"), rows)


def endpoint_table(studies: Sequence[Replicated]) -> str:
    """Return every endpoint of every study."""
    rows = [
        [
            link(s.study),
            escape(c.name),
            escape(f"{c.arm} against {c.versus}" if c.versus else c.arm),
            "" if c.time_h is None else f'<data value="{c.time_h!r}">{say_time(c.time_h)}</data>',
            *_beside(c),
            _verdict(c),
            escape(c.role),
            f"{escape(c.row)}<span class='note'>{escape(c.note)}</span>",
        ]
        for s in studies
        for c in s.endpoints
    ]
    head = ("Study", "Figure", "Arm", "At", "Published", "Predicted (90 % interval)", "Error, SD", "90 % interval", "Role",
            "Evidence row")  # fmt: skip
    return html.table("Every figure", head, rows, kind="numbers")


def calibration_table(levels: Sequence[float], rows: Sequence[tuple[str, int, Sequence[float]]]) -> str:
    """Return the numbers of the calibration plot: (role, n, share inside at each level) in rows."""
    head = ("Role", "n", *(f"{number(level)}" for level in levels))
    body = [
        [escape(r), f"{n}", *(f'<data value="{float(v)!r}">{v:.2f}</data>' for v in shares)] for r, n, shares in rows
    ]
    return html.table("Share of counted figures inside intervals of each nominal coverage", head, body, kind="numbers")
