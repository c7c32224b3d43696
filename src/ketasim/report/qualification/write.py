"""Write what a qualification leaves behind: page, table, JSON document and figures."""

from __future__ import annotations

from pathlib import Path

from ketasim.files import atomic_path
from ketasim.qualify.compare import Qualification
from ketasim.report.files import to_json, write_text
from ketasim.report.qualification.courses import course_figure, courses
from ketasim.report.qualification.document import comparison_csv, document
from ketasim.report.qualification.forest import forests
from ketasim.report.qualification.page import qualification_page
from ketasim.report.qualification.plot import Drawn
from ketasim.report.qualification.ratios import nasal_figure, ratio_figure
from ketasim.report.qualification.scatter import observed_predicted
from ketasim.report.qualification.vpc import vpc_figure


def qualification_figures(q: Qualification) -> list[Drawn]:
    """Return every figure that the comparisons allow, in the order of the page. Raises `RunError` without matplotlib."""
    found = courses(q)
    drawn = [
        observed_predicted(q),
        *forests(q),
        course_figure(q, found),
        vpc_figure(q, found),
        ratio_figure(q),
        nasal_figure(q),
    ]
    return [d for d in drawn if d is not None]


def write_qualification(q: Qualification, folder: str | Path, *, command: str = "") -> dict[str, str]:
    """Write qualification.html, qualification.csv, summary.json and a PNG for each figure; return their paths by kind.

    Raises
    ------
    RunError
        If the folder cannot be written or matplotlib is missing. Nothing half-written keeps a final name.
    """
    target, figures = Path(folder), qualification_figures(q)
    names = {"report": "qualification.html", "table": "qualification.csv", "summary": "summary.json"}
    names |= {d.name: f"{d.name}.png" for d in figures}
    paths = {kind: target / name for kind, name in names.items()}
    for d in figures:
        with atomic_path(paths[d.name]) as temporary:
            temporary.write_bytes(d.png)
    write_text(paths["table"], comparison_csv(q.comparisons))
    write_text(paths["summary"], to_json(document(q)) + "\n")
    beside = [n for n in names.values() if not n.endswith(".html")]
    write_text(paths["report"], qualification_page(q, figures, beside, command) + "\n")
    return {kind: str(p) for kind, p in paths.items()}
