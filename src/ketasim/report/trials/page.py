"""The page of a replication: one paragraph, one page, everything."""

from __future__ import annotations

from collections.abc import Sequence

import ketasim.report.html as html
from ketasim.report.qualification.plot import Drawn
from ketasim.report.safety import blocked_html, blocked_text
from ketasim.report.sources import source_list
from ketasim.report.trials.compared import Replicated
from ketasim.report.trials.coverage import by_role, by_setting, levels, roles, shares_inside
from ketasim.report.trials.frame import figure_html, frame, loud, made_by
from ketasim.report.trials.safety import study_safety
from ketasim.report.trials.settings import is_uncalibrated, part
from ketasim.report.trials.tables import (
    calibration_table,
    coverage_table,
    endpoint_table,
    left_table,
    study_table,
    worst_table,
)
from ketasim.report.trials.words import paragraph

FIRST = ("worst", "calibration")  # the figures of the middle depth

_HOW = """<p>Each study was simulated many times with its own design, size, doses and rating scales. A prediction is the mean over
these virtual trials with the interval that holds 90 % of them; a published figure lies inside or outside it. The standardised
error is published minus predicted, in SD of the prediction. <i>validate</i> and <i>replicate</i>: no fit may use the study, so these
lines are the ones to trust; <i>calibrate</i>: a fit may. Recalled figures, which nobody has read in their source, are shown hollow
and never counted. Figures of one study hang together; binomial intervals take them as independent and are too narrow.</p>"""


def replication_page(
    studies: Sequence[Replicated], figures: Sequence[Drawn], files: Sequence[str], command: str
) -> str:
    """Return the page as HTML; the same results give the same text."""
    every = [c for s in studies for c in s.endpoints]
    shown = {d.name: figure_html(d) for d in figures}
    first = [shown[n] for n in FIRST if n in shown]
    safety = [study_safety(s) for s in studies if s.safety]
    loose = any(is_uncalibrated(s.calibration) for s in studies)
    few = len(studies) <= part("safety")["page"]
    one_page = [
        *(safety if few else []),
        "<h3>Worst misses first</h3>",
        worst_table(studies),
        *first[:1],
        "<h3>How many published figures lie inside</h3>",
        _HOW,
        coverage_table("Inside the 90 % interval, by role of the figures", by_role(every)),
        *first[1:],
    ]
    everything = [
        coverage_table("By setting of the studies", by_setting(every), "Setting"),
        _calibration(studies),
        "<h3>Every figure, drawn</h3>",
        *(text for n, text in shown.items() if n not in FIRST),
        *([] if few else [html.details(f"Safety of each arm ({len(studies)} studies)", "\n".join(safety))]),
        "<h3>All studies</h3>",
        study_table(studies),
        "<h3>What is left out, and why</h3>",
        left_table(studies),
        "<h3>Every figure, in numbers</h3>",
        html.details(f"Every figure ({len(every)})", endpoint_table(studies)),
    ]
    states = sorted({s.calibration for s in studies if s.calibration})
    pairs = (("studies", str(len(studies))), ("calibration", "; ".join(states) or "not given"))
    sources = source_list([s.study for s in studies])
    return frame(
        "virtual trials held against published ones",
        f"Replication of {len(studies)} published {'studies' if len(studies) > 1 else 'study'}",
        notice=(loud() if loose else "") + "".join(blocked_html(s.safety) for s in studies if s.safety),
        listener=" ".join([*(w for s in studies if s.safety for w in blocked_text(s.safety)), paragraph(studies)]),
        one_page="\n".join(one_page),
        everything="\n".join(everything),
        sources=f'<section id="sources" aria-label="Sources">\n<h3>Sources</h3>\n{sources}\n</section>',
        reproduce=made_by(pairs, files, command),
    )


def _calibration(studies: Sequence[Replicated]) -> str:
    some = [c for s in studies for c in s.endpoints if c.counted]
    if not some:
        return ""
    rows = []
    for role in roles(some):
        own = [c for c in some if c.role == role]
        rows.append((role, len(own), [float(v) for v in shares_inside(own)]))
    return calibration_table([float(v) for v in levels()], rows)
