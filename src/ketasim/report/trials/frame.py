"""The frame of both pages: three depths, one file that opens without a network, and the loud sentence on top."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from string import Template

import ketasim.report.html as html
from ketasim.report.package import data_text
from ketasim.report.qualification.plot import Drawn
from ketasim.report.trials.settings import part


def frame(
    kind: str, title: str, *, notice: str, listener: str, one_page: str, everything: str, sources: str, reproduce: str
) -> str:
    """Return a page. `kind`, `title` and `listener` are plain text, the other parts HTML; `notice` is that of `loud`, or ""."""
    return Template(data_text("trials.html")).substitute(
        kind=escape(kind),
        title=escape(title),
        style=data_text("style.css") + data_text("trials.css"),
        loud=notice,
        listener=escape(listener),
        one_page=one_page,
        everything=everything,
        sources=sources,
        reproduce=reproduce,
    )


def loud(kind: str = "") -> str:
    """Return what stands above everything else while the mood layer is uncalibrated; `kind` "_trial" for a designed trial."""
    w = part("words")
    return f'<div class="loud" role="note"><strong>{escape(w["loud" + kind])}</strong> {escape(w["why" + kind])}</div>'


def figure_html(d: Drawn | None) -> str:
    """Return a figure with its reading and note; "" for none. Its title stands in the drawing."""
    if d is None:
        return ""
    return (
        f'<figure class="curves" id="figure-{escape(d.name, quote=True)}"><div class="scroll" tabindex="0">\n{d.svg}</div>\n'
        f'<figcaption><p class="reading">{escape(d.reading)}</p><p>{escape(d.note)}</p></figcaption></figure>'
    )


def made_by(pairs: Sequence[tuple[str, str]], files: Sequence[str], command: str) -> str:
    """Return the command, version and what else made the report, and the files beside it."""
    from ketasim import __version__

    cells = [(escape(k), f"<code>{escape(v)}</code>") for k, v in (("ketasim", __version__), *pairs)]
    names = "".join(f"<li><code>{escape(f)}</code></li>" for f in files)
    return (
        f"<p>The same command gives the same numbers:</p>\n<pre>{escape(command)}</pre>\n"
        f"{html.table('What made this report', ('Name', 'Value'), cells, kind='made')}\n"
        f"<p>Written beside this report:</p>\n<ul>{names}</ul>"
    )
