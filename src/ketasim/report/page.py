"""Put the page together: three depths of reading, one file, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import ketasim.report.html as html
from ketasim.report.anchors import Anchor
from ketasim.report.axis import TimeAxis, time_axis
from ketasim.report.compare import comparisons
from ketasim.report.figures import Observed, layer_figure
from ketasim.report.flow import flow_picture
from ketasim.report.given import said_doses
from ketasim.report.kinetics import kinetics
from ketasim.report.kinetics_tables import kinetics_section, ways_section
from ketasim.report.observed import observed_points
from ketasim.report.package import data_table, data_text
from ketasim.report.reading import alt_text, calibration_sentence, figure_sentence, listener_paragraph
from ketasim.report.safety import blocked_html, blocked_text, panel_html, panel_of, spoken
from ketasim.report.sources import Sources, all_ids, of_layer, reproduce, short_names, source_list
from ketasim.report.tables import everything_table, key_figures, layer_table
from ketasim.report.view import UNCALIBRATED, Layer, all_doses_h, is_uncalibrated, layers, lead_arm
from ketasim.report.ways import ways
from ketasim.report.ways_figure import ways_figure
from ketasim.report.words import say_time
from ketasim.system.result import Result


def page(result: Result, anchors: Sequence[Anchor], files: Sequence[str | Path], sources: Sources) -> str:
    """Return the whole report as HTML; the same result gives the same text."""
    first, last = float(result.times_h[0]), float(result.times_h[-1])
    # A run with one output time is shown from zero, so that the axis has a length.
    axis = time_axis(first if last > first else 0.0, last if last > 0 else 1.0, all_doses_h(result))
    compared = comparisons(result, anchors)
    observed = observed_points(result, anchors, compared)
    shown = layers(result)
    panel = panel_of(result)
    safety = None if panel is None else panel.document()
    return Template(data_text("page.html")).substitute(
        title=escape(result.title),
        style=data_text("style.css"),
        arms=_arms(result),
        listener=_listener(result, safety),
        flow=flow_picture(result, axis, forbidden=panel is not None and bool(panel.blocked)),
        blocked=blocked_html(safety),
        safety=_NO_PANEL if safety is None else panel_html(safety),
        key=key_figures(result, compared),
        routes=_routes(result),
        calibration=_calibration(result, shown),
        contents="".join(
            f'<li><a href="#layer-{escape(n.name, quote=True)}">{escape(n.plain)}</a></li>' for n in shown
        ),
        axis=_axis_words(axis),
        layers="\n".join([*(_layer(result, layer, axis, observed, sources) for layer in shown), _no_benefit(safety)]),
        kinetics=kinetics_section(result, kinetics(result)),
        sources=source_list(
            list(dict.fromkeys([*all_ids(sources), *(r.study_id for c in compared for r in c.published.rows)]))
        ),
        reproduce=reproduce(result, files),
    )


_NO_PANEL = "<p>This run carries no scenario: neither readings of its arms nor rules of labels can be told.</p>"


def _listener(result: Result, safety: Mapping[str, Any] | None) -> str:
    """Return the paragraph, with what forbids the benefit before it and the risk of the first drug arm after it."""
    if safety is None:
        return listener_paragraph(result)
    first = "".join(f"{escape(t)} " for t in blocked_text(safety))
    return f"{first}{listener_paragraph(result)} {escape(spoken(safety, result.arms[lead_arm(result)]))}".strip()


def _no_benefit(safety: Mapping[str, Any] | None) -> str:
    """Return what stands in place of the layer of benefit where a rule forbids the treatment, "" elsewhere."""
    box = blocked_html(safety)
    mood = next(e["plain"] for e in data_table("layers")["layer"] if e["name"] == "mood")
    return f'<section aria-label="{escape(mood, quote=True)}">\n<h3>{escape(mood)}</h3>\n{box}</section>' if box else ""


def _routes(result: Result) -> str:
    found = ways(result)
    return ways_section(result, found, ways_figure(result, found))


def _arms(result: Result) -> str:
    rows = []
    for a, arm in enumerate(result.arms):
        control = a < len(result.controls) and result.controls[a]
        given = said_doses(result, a)
        rows.append(
            (
                escape(arm),
                escape(given),
                "control, drawn dashed" if control else "drug, drawn solid",
                f"{result.size:,}",
            )
        )
    return html.table("The arms of this run", ("Arm", "Given", "Kind", "Subjects"), rows)


def _axis_words(axis: TimeAxis) -> str:
    names = [f"{p.unit} ({say_time(p.start_h)} to {say_time(p.end_h)})" for p in axis.panels]
    late = f" The first dose is given {say_time(axis.origin_h)} into the run." if axis.origin_h else ""
    breaks = (
        "" if len(names) == 1 else " Slanted strokes mark where the scale changes; each part is even within itself."
    )
    return f"Time is counted from the first dose: {escape('; '.join(names))}.{breaks}{late}"


def _layer(result: Result, layer: Layer, axis: TimeAxis, observed: Sequence[Observed], sources: Sources) -> str:
    own = [q for q, about in result.quantities.items() if about.layer == layer.name and q in result.values]
    names = of_layer(sources, layer.name)
    origin = f"Sources: {short_names(names)}." if names else 'Sources: see <a href="#sources">the list</a>.'
    points = [o for o in observed if o.quantity in layer.draw]
    seen = (
        " Points are published means with their SD and n, filled for the drug, open for the control." if points else ""
    )
    mark = f" {html.badge()}" if all(is_uncalibrated(result, q) for q in layer.draw) else ""
    return f"""<section id="layer-{escape(layer.name, quote=True)}" aria-label="{escape(layer.plain, quote=True)}">
<h3>{escape(layer.plain)} <span class="term">{escape(layer.term)}</span>{mark}</h3>
<p>{escape(layer.says)}</p>
<figure class="curves"><div class="scroll" tabindex="0">
{layer_figure(result, layer, axis, observed, alt_text(result, layer))}</div>
<figcaption><p class="reading">{escape(figure_sentence(result, layer))}</p>
<p>{escape(calibration_sentence(result, layer))}{seen} {origin}</p></figcaption></figure>
{layer_table(result, layer)}
{html.details(f"Every quantity of this layer ({len(own)})", everything_table(result, own))}
</section>"""


def _calibration(result: Result, shown: Sequence[Layer]) -> str:
    rows = []
    for layer in shown:
        own = [q for q, about in result.quantities.items() if about.layer == layer.name and q in result.values]
        states = sorted({result.quantities[q].calibration for q in own})
        rows.append(
            (
                f'{escape(layer.plain)} <span class="term">{escape(layer.term)}</span>',
                " ".join(html.badge() if s == UNCALIBRATED else escape(s) for s in states),
                escape(_meaning(result, own)),
            )
        )
    return html.table("How far each layer can be trusted", ("Layer", "State", "What that means"), rows)


def _meaning(result: Result, own: Sequence[str]) -> str:
    loose = sum(is_uncalibrated(result, q) for q in own)
    if not loose:
        return "Parameters as published, the studies' own estimates; not yet estimated jointly in this model."
    part = "Uncalibrated" if loose == len(own) else f"{loose} of {len(own)} quantities are uncalibrated"
    return f"{part}: assumed, or fitted without passing the check on studies that nobody fitted. Read the shape, not the size."
