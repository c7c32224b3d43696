"""Forest plots: every endpoint of replicated studies, predicted interval and published figure on one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ketasim.report.qualification.plot import Drawn, finish, look
from ketasim.report.trials.compared import Compared, Replicated
from ketasim.report.trials.coverage import roles
from ketasim.report.trials.draw import draw_published, label_of, prepare, span
from ketasim.report.trials.lines import draw_predicted, error_at_right, label_line, sheet
from ketasim.report.trials.settings import house, is_uncalibrated, panel, panel_order, part, scale_colour

Group = tuple[str, list[Compared]]


def forests(studies: Sequence[Replicated]) -> list[Drawn]:
    """Return the forest plots: by role, then by panel; long ones in parts. Studies with the worst miss come first."""
    every = [c for s in studies for c in s.endpoints]
    heads = {s.study: _head(s) for s in studies}
    loose = any(is_uncalibrated(s.calibration) for s in studies)
    drawn = []
    for role in roles(every):
        own = [c for c in every if c.role == role]
        for name in panel_order({c.panel for c in own}):
            some = [c for c in own if c.panel == name]
            parts = _parts(_grouped(some))
            for k, groups in enumerate(parts):
                drawn.append(_forest(groups, heads, panel(name), (role, k + 1, len(parts)), loose))
    return drawn


def _head(s: Replicated) -> str:
    n = f"n {s.n}" if s.n else ""
    return "  \N{MIDDLE DOT}  ".join(w for w in (s.study, n, s.setting.replace("_", " ")) if w)


def _grouped(some: Sequence[Compared]) -> list[Group]:
    """Return endpoints by study, the study with the worst counted miss first; within a study in the order given."""
    by_study: dict[str, list[Compared]] = {}
    for c in some:
        by_study.setdefault(c.study, []).append(c)
    return sorted(by_study.items(), key=lambda g: -max(c.size if c.counted else -1.0 for c in g[1]))


def _parts(groups: list[Group]) -> list[list[Group]]:
    """Return groups in parts of about equal length with at most `lines` lines (longer studies are carried on)."""
    most = part("forest")["lines"]
    pieces = [(study, rows[k : k + most - 1]) for study, rows in groups for k in range(0, len(rows), most - 1)]
    total = sum(len(rows) + 1 for _, rows in pieces)
    aim = total / -(-total // most)
    parts: list[list[Group]] = [[]]
    length = 0
    for piece in pieces:
        extra = len(piece[1]) + 1
        if parts[-1] and (length + extra > most or length >= aim):
            parts.append([])
            length = 0
        parts[-1].append(piece)
        length += extra
    return parts


def _forest(
    groups: list[Group], heads: dict[str, str], entry: dict[str, Any], which: tuple[str, int, int], loose: bool
) -> Drawn:
    s = part("forest")
    role, at_part, of = which
    some = [c for _, rows in groups for c in rows]
    lines = sum(len(rows) + 1 + s["gap"] for _, rows in groups)
    with look() as plt:
        mark = f", part {at_part} of {of}" if of > 1 else ""
        title = f"{role[:1].upper()}{role[1:]} ({part('roles').get(role, 'own role')}): {entry['title']}{mark}"
        figure, ax = sheet(plt, lines, title, scale_colour(some[0].scale), loose)
        values = [v for c in some for v in (c.p05, c.p95, c.predicted, c.observed, c.low, c.high)]
        prepare(ax, entry, span(values, entry))
        at = 0.0
        for k, (study, rows) in enumerate(groups):
            if k % 2 == 0:
                ax.axhspan(
                    at - 1 / 2 - s["gap"] / 2, at + len(rows) + 1 / 2, color=house()["soft"], alpha=s["stripe"], lw=0
                )
            label_line(ax, at, heads[study], bold=True)
            for j, c in enumerate(rows, start=1):
                _line(ax, c, at + j)
            at += len(rows) + 1 + s["gap"]
        name = re.sub(r"\W+", "_", f"forest_{role}_{entry['name']}") + (f"_{at_part}" if of > 1 else "")
        return finish(plt, figure, name, title, counted_words(some), _NOTE)


_NOTE = (
    "Each line: mean and 90 % interval of what trials of the published size would report, and the published figure with its own "
    "interval where it has one. Right: published minus predicted, in predictive SD. The study with the worst miss comes first. "
    "A cross at an edge lies beyond it."
)


def counted_words(some: Sequence[Compared]) -> str:
    """Return how many of the counted figures lie inside, in one sentence."""
    counted = [c for c in some if c.counted]
    if not counted:
        return "No figure here counts."
    return f"{sum(bool(c.inside) for c in counted)} of {len(counted)} counted figures lie inside their 90 % predictive interval."


def _line(ax: Any, c: Compared, y: float) -> None:
    """Draw one endpoint in its own unit."""
    low, high = ax.get_xlim()
    draw_predicted(ax, y, scale_colour(c.scale), [min(max(v, low), high) for v in (c.p05, c.predicted, c.p95)])
    draw_published(ax, c, y)
    label_line(ax, y, label_of(c))
    error_at_right(ax, c, y)
