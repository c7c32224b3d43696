"""Small multiples of a network's maps: each output against each axis, with band and the sweep's runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim.errors import missing
from ketasim.files import atomic_path
from ketasim.maps.axis import Axis
from ketasim.maps.evaluate import change
from ketasim.maps.link import forward
from ketasim.maps.settings import map_settings
from ketasim.maps.spec import NetworkMap, OutputMap

READING = (
    "Each curve is the map along one axis with the others at rest, as a change from rest on the scale of the output's link (band: "
    "90 % of its error); each point is one run of the network: the curve there, plus what the whole map left unexplained of that run."
)


def draw(
    network: NetworkMap, path: Path, columns: Mapping[str, ArrayLike], outputs: Sequence[str] | None = None
) -> None:
    """Draw the maps of a network to a file (its ending says which kind).

    Parameters
    ----------
    columns : the sweep: axis and output names to values, shape (runs,); an empty mapping draws curves alone.
    outputs : which to draw (default: all).

    Raises
    ------
    RunError
        If matplotlib is not installed or the file cannot be written.
    InputError
        For an unknown output.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("matplotlib", "figures") from None
    s = map_settings()["figure"]
    names = list(outputs or network.outputs)
    rows, across = len(names), len(network.axes)
    figure = Figure(figsize=(s["panel"] * across, s["panel"] * rows), layout="constrained", dpi=s["dpi"])
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, across, squeeze=False, sharey="row", sharex="col")
    for row, name in zip(panels, names, strict=True):
        for panel, axis in zip(row, network.axes, strict=True):
            _panel(panel, network, network.output(name), axis, columns, s)
        row[0].set_ylabel(_label(network.output(name)), fontsize=s["font"])
    for panel, axis in zip(panels[-1], network.axes, strict=True):
        panel.set_xlabel(
            fill(f"{axis.title}{f' ({axis.unit})' if axis.unit else ''}", s["letters"]), fontsize=s["font"]
        )
    figure.suptitle(f"{network.title}: maps", fontsize=s["font"] * 2)
    kind = path.suffix.lstrip(".") or "png"
    with atomic_path(path) as part:
        figure.savefig(part, format=kind, metadata={"Date": None} if kind == "svg" else {})


def _label(m: OutputMap) -> str:
    scale = {
        "log": "log ratio to rest",
        "logit": "change in logit",
        "linear": f"change{f' ({m.unit})' if m.unit else ''}",
    }
    return f"{fill(m.title, map_settings()['figure']['letters'])}\n{scale[m.link]}"


def _panel(
    panel: Any, network: NetworkMap, m: OutputMap, axis: Axis, columns: Mapping[str, ArrayLike], s: Mapping[str, Any]
) -> None:
    x = np.linspace(axis.low, axis.high, s["grid"])
    value, se = change(network, m.name, {axis.name: x})
    width = NormalDist().inv_cdf(s["quantile"]) * se
    panel.axhline(0, color=s["point"], linewidth=s["band"])
    panel.axvline(axis.rest, color=s["point"], linewidth=s["band"])
    if columns:
        at, shown = partial_residuals(network, m, axis, columns)
        panel.scatter(at, shown, s=s["size"], color=s["point"], linewidths=0)
    panel.fill_between(x, value - width, value + width, color=s["curve"], alpha=s["band"], linewidth=0)
    panel.plot(x, value, color=s["curve"])
    panel.tick_params(labelsize=s["font"], colors=s["ink"])
    panel.spines[["top", "right"]].set_visible(False)


def partial_residuals(
    network: NetworkMap, m: OutputMap, axis: Axis, columns: Mapping[str, ArrayLike]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the runs' values on an axis, and there the map along that axis plus each run's residual (link scale)."""
    condition = {a.name: np.asarray(columns[a.name], dtype=np.float64) for a in network.axes}
    seen = forward(m.link, np.asarray(columns[m.name], dtype=np.float64), m.floor) - forward(m.link, m.rest)
    residual = seen - change(network, m.name, condition)[0]
    at = condition[axis.name]
    return at, change(network, m.name, {axis.name: at})[0] + residual
