"""The AND gate drawn: open probability over glutamate and voltage, without and with ketamine, from the kinetic scheme."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.files import write_durably
from ketasim.receptors import open_probability
from ketasim.report.package import data_table

FORMATS = (".png", ".svg")


def and_gate_values() -> tuple[NDArray[np.float64], NDArray[np.float64], list[float], NDArray[np.float64]]:
    """Return glutamate (umol/L), voltage (mV), ketamine (umol/L) and probabilities, shape (ketamine, voltage, glutamate)."""
    s = data_table("and_gate")
    (g_low, g_high), (v_low, v_high), points = s["glutamate"], s["voltage"], int(s["points"])
    glutamate, voltage = np.geomspace(g_low, g_high, points), np.linspace(v_low, v_high, points)
    levels = [float(c) for c in s["ketamine"]]
    values = [
        [[open_probability(g, v, s["subunit"], concentrations={"ketamine": c}) for g in glutamate] for v in voltage]
        for c in levels
    ]
    return glutamate, voltage, levels, np.array(values)


def and_gate_figure(out: Path) -> str:
    """Write the figure (PNG or SVG, by the name's ending) and return the sentence that reads it.

    Raises
    ------
    InputError
        For another ending, or where matplotlib is missing.
    """
    if out.suffix.lower() not in FORMATS:
        raise InputError("unknown kind of figure", key="--out", value=str(out), expected=" or ".join(FORMATS))
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("matplotlib is not installed", key="figure", expected="pip install ketasim[figures]") from None
    s = data_table("and_gate")
    figure = Figure(figsize=s["size"], layout="constrained")
    FigureCanvasAgg(figure)
    _draw(figure, s)
    kind, drawn = out.suffix.lower()[1:], io.BytesIO()
    figure.savefig(drawn, format=kind, dpi=s["dots"], metadata={"Date": None} if kind == "svg" else None)
    write_durably(out, drawn.getvalue())
    return str(s["reading"])


def _draw(figure: Any, s: dict[str, Any]) -> None:
    glutamate, voltage, levels, values = and_gate_values()
    axes = figure.subplots(1, len(levels), sharey=True)
    for ax, level, panel in zip(axes, levels, values, strict=True):
        mesh = ax.pcolormesh(
            glutamate, voltage, panel, vmin=0, vmax=values.max(), cmap=s["cmap"], shading="gouraud", rasterized=True
        )
        lines = ax.contour(glutamate, voltage, panel, levels=s["contours"], colors="white", linewidths=0.8)
        ax.clabel(lines, fmt="%g", fontsize="small")
        ax.set_xscale("log")
        ax.set_xlabel(s["axis_glutamate"])
        ax.set_title(f"{level:g} umol/L ketamine" if level else "no drug", fontsize="medium")
    axes[0].set_ylabel(s["axis_voltage"])
    figure.colorbar(mesh, ax=list(axes), label=s["scale"])
    figure.suptitle(s["title"])
    half = s["reading"].rfind(" ", 0, len(s["reading"]) // 2)
    figure.supxlabel(s["reading"][:half] + "\n" + s["reading"][half + 1 :], fontsize="small")
