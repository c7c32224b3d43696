"""How the figures of a qualification are drawn: the same look for all, one drawing for the page (SVG) and for a file (PNG)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

from ketasim.errors import missing
from ketasim.report.qualification.groups import said, settings

FRONT = 2 + 1  # drawing order: above bars and lines
_ISOMER = {"s": "S-", "r": "R-"}


@dataclass(frozen=True)
class Drawn:
    """A finished figure: file name without ending, title, one-sentence reading, notes, SVG text and PNG bytes."""

    name: str
    title: str
    reading: str
    note: str
    svg: str
    png: bytes


@contextmanager
def look() -> Iterator[Any]:
    """Yield matplotlib's pyplot, set to the house's look, drawing to memory alone. Raises `RunError` if it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise missing("matplotlib", "figures") from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    f = settings("figure")
    with plt.rc_context(
        {
            "font.family": "sans-serif", "font.sans-serif": f["fonts"], "font.size": f["font"], "svg.fonttype": "none",
            "axes.titlesize": f["title"], "axes.titleweight": "bold", "axes.titlelocation": "left",
            "axes.spines.top": False, "axes.spines.right": False, "axes.linewidth": f["edge"], "axes.edgecolor": f["ink"],
            "xtick.labelsize": f["small"], "ytick.labelsize": f["small"], "legend.fontsize": f["small"],
            "legend.frameon": False, "text.color": f["ink"], "savefig.dpi": f["dpi"], "svg.hashsalt": "ketasim",
        }
    ):  # fmt: skip
        yield plt


def finish(plt: Any, figure: Any, name: str, title: str, reading: str, note: str) -> Drawn:
    """Return the figure as SVG and PNG, and let go of it. Its ids carry its name, so that pages hold many."""
    png, svg = io.BytesIO(), io.StringIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = svg.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="|url\()#', rf"\1#{name}-", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace("<svg ", f'<svg role="img" aria-label="{escape(f"{title}. {reading}", quote=True)}" ', 1)
    return Drawn(name, title, reading, note, text, png.getvalue())


def route_colour(route: str) -> str:
    """Return the colour of a route."""
    r = settings("routes")
    return str(r["colour"].get(route, r["other"]))


def analyte_words(analyte: str) -> str:
    """Return "S-norketamine" of "s_norketamine"; a sum keeps its bare name."""
    head, _, rest = analyte.partition("_")
    return _ISOMER[head] + said(rest) if head in _ISOMER and rest else said(analyte)


def log_axis(axis: Any, ticks: Sequence[float]) -> None:
    """Label a logarithmic axis (`ax.xaxis` or `ax.yaxis`) at these values alone, as plain numbers."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.set_minor_locator(NullLocator())


def plain_decades(axis: Any) -> None:
    """Label the decades of a logarithmic axis, and where few are in view also 2 and 5, as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    few = high < low * settings("figure")["few_decades"]
    axis.set_major_locator(LogLocator(subs=settings("figure")["subs"] if few else [1]))
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 1 else f"{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def role_mark(role: str, colour: str) -> dict[str, str]:
    """Return the fill and edge of a mark: filled where a study may be fitted, open where it is held out."""
    return {"facecolors": colour if role == "calibrate" else "white", "edgecolors": colour}


def legend_marks(routes: Sequence[str]) -> list[Any]:
    """Return the entries of a legend: routes by colour, then what filled, open and square marks mean."""
    from matplotlib.lines import Line2D

    f = settings("figure")
    dot = {"linestyle": "", "marker": "o", "markersize": f["font"] / 2 + 1}
    entries = [Line2D([], [], color=route_colour(r), label=said(r), **dot) for r in routes]
    filled = Line2D([], [], color=f["ink"], label="may be fitted (calibrate)", **dot)
    hollow = Line2D([], [], color=f["ink"], markerfacecolor="white", label="held out (validate)", **dot)
    square = Line2D([], [], color=f["ink"], linestyle="", marker="s", markersize=f["font"] / 2, label="AUC, ng h/mL")
    return [*entries, filled, hollow, square]
