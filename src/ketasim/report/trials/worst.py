"""The worst misses of all studies on one axis."""

from __future__ import annotations

from collections.abc import Sequence

from ketasim.report.qualification.plot import Drawn, finish, look
from ketasim.report.trials.compared import Replicated, worst
from ketasim.report.trials.draw import draw_published, label_of, prepare
from ketasim.report.trials.lines import draw_predicted, error_at_right, label_line, sheet
from ketasim.report.trials.settings import house, is_uncalibrated, part
from ketasim.report.trials.words import error_words


def worst_figure(studies: Sequence[Replicated]) -> Drawn | None:
    """Return the worst misses of all roles on one axis of predictive SD; None where nothing counts."""
    some = worst([c for s in studies for c in s.endpoints], part("worst")["page"])
    if not some:
        return None
    w, f = part("worst_figure"), house()
    loose = any(is_uncalibrated(s.calibration) for s in studies)
    with look() as plt:
        title = "Worst misses of all studies"
        figure, ax = sheet(plt, len(some) + part("forest")["gap"], title, f["soft"], loose)
        prepare(ax, {"axis": "predictive SD from the predicted mean (0: as predicted)"}, tuple(w["span"]))
        for y, c in enumerate(some):
            by = c.sd if c.sd > 0 else 0.0
            ends = [(v - c.predicted) / by if by else 0.0 for v in (c.p05, c.predicted, c.p95)]
            draw_predicted(ax, y, f["soft"], ends)
            if by:
                draw_published(ax, c, y, shift=c.predicted, by=by)
            label_line(ax, y, f"{c.study}: {label_of(c)}")
            error_at_right(ax, c, y)
        reading = f"The {len(some)} counted figures furthest from their prediction; the first is {error_words(some[0])} SD off."
        return finish(plt, figure, "worst", title, reading, _WORST)


_WORST = "All units on one axis, in SD of the prediction; the sign means more or less of whatever was measured, not better or worse."
