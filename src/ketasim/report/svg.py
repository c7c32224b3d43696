"""A Matplotlib figure as an SVG element for a page: the same bytes for the same figure, nothing loaded from elsewhere."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING, Any

from ketasim.report.package import settings
from ketasim.report.thin import with_fewer_digits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*"|(<svg[^>]*?) height="[^"]*"')


def style() -> Any:
    """Return the Matplotlib settings under which figures are drawn: text stays text, in fonts that readers have."""
    f = settings("figure")
    return {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.sans-serif": f["fonts"],
        "font.size": f["text_size"],
        "axes.unicode_minus": True,
        "path.simplify": True,
        "hatch.linewidth": 0.5,
        "text.color": f["ink"],
        "axes.labelcolor": f["ink"],
        "xtick.color": f["ink"],
        "ytick.color": f["ink"],
    }


def to_svg(figure: Figure, name: str, alt: str) -> str:
    """Return the figure as an `<svg>` element.

    Parameters
    ----------
    name : keeps the ids inside apart from those of other figures of the page.
    alt : what the figure shows, for readers who do not see it.
    """
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({**style(), "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = _METADATA.sub("", _HEAD.sub("", buffer.getvalue(), count=1), count=1)
    for _ in range(2):  # width and height give way to the view box, so that the page decides the size
        text = _SIZE.sub(lambda m: m[1] or m[2], text, count=1)
    text = text.replace("<svg", f'<svg role="img" aria-label="{escape(alt, quote=True)}"', 1)
    return re.sub(r'(id|xlink:href|clip-path)="(#|url\(#)?', lambda m: f"{m[0]}{name}-", with_fewer_digits(text))
