"""The figures: cost against subjects, horizon and number of states, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.ketpd.config import config, tools
from benchmarks.ketpd.measure import Row
from benchmarks.ketpd.scaling import ALL, EXTRAPOLATED, SIX
from ketasim.files import atomic_path

mpl.use("Agg")


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG and SVG."""
    for kind in ("png", "svg"):
        with atomic_path(folder / f"{name}.{kind}") as part:
            figure.savefig(part, format=kind, metadata={"Date": None} if kind == "svg" else None)


def _figure(panels: int) -> tuple[Figure, list[Axes]]:
    look = config()["figure"]
    figure = Figure(figsize=(look["width_in"][panels - 1], look["height_in"]), dpi=look["dpi"], layout="constrained")
    return figure, list(figure.subplots(1, panels, sharey=True, squeeze=False)[0])


def _curve(axes: Axes, name: str, rows: list[Row], scale: float) -> None:
    """One tool: filled markers measured, hollow ones extrapolated or not tight; its name stands at its last point."""
    look = tools()[name]
    good = [r for r in rows if r.get("cpu_s")]
    if not good:
        return
    x, y = [r["x"] for r in good], [r["cpu_s"] * scale for r in good]
    first = next((k for k, r in enumerate(good) if r["how"] == EXTRAPOLATED), len(good))
    axes.plot(x[:first], y[:first], "-", color=look["colour"], lw=look["line"])
    axes.plot(x[max(0, first - 1) :], y[max(0, first - 1) :], ":", color=look["colour"], lw=look["line"])
    for px, py, r in zip(x, y, good, strict=True):
        solid = r["how"] != EXTRAPOLATED and r["tight"]
        marker = look["marker"] if r["tight"] else "x"
        axes.plot(
            px,
            py,
            marker,
            color=look["colour"],
            mfc=look["colour"] if solid else "white",
            ms=config()["figure"]["mark"],
        )
    axes.plot([], [], marker=look["marker"], color=look["colour"], lw=look["line"], label=look["label"])


def _dress(axes: Axes, x_label: str, title: str, ticks: list[float]) -> None:
    axes.set(xscale="log", yscale="log", xlabel=x_label)
    axes.set_title(title, loc="left", fontsize=config()["figure"]["text"])
    axes.set_xticks(ticks, [f"{t:,.0f}" for t in ticks])
    axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
    axes.yaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.grid(True, which="major", color="0.88", lw=config()["figure"]["grid"])
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=config()["figure"]["text"])


def subjects_figure(rows: list[Row], folder: Path) -> None:
    """CPU seconds against number of subjects."""
    figure, (axes,) = _figure(1)
    mine = [r for r in rows if r["figure"] == "subjects" and "x" in r]
    for name in tools():
        _curve(axes, name, [r for r in mine if r["tool"] == name], 1)
    _dress(
        axes,
        "subjects (log)",
        "12 visits over 77 days, six doses; dotted and hollow: extrapolated",
        config()["scaling"]["subjects"],
    )
    axes.set_ylabel("CPU time of one thread, s (log)")
    _legend(figure, axes)
    save(figure, folder, "ketpd_subjects")


def horizon_figure(rows: list[Row], folder: Path) -> None:
    """CPU seconds for 1,000 trajectories against the horizon: six doses only, and doses to the end."""
    figure, panels = _figure(2)
    for axes, variant in zip(panels, (SIX, ALL), strict=True):
        mine = [r for r in rows if r["figure"] == "horizon" and r["variant"] == variant]
        for name in config()["scaling"]["tools"]:
            _curve(axes, name, [r for r in mine if r["tool"] == name], config()["figure"]["trajectories"])
        title = "six doses at most, then none" if variant == SIX else "a dose every 84 h to the end"
        _dress(axes, "horizon, days (log)", title, config()["scaling"]["horizon_days"])
    panels[0].set_ylabel("CPU s for 1,000 trajectories, weekly visits (log)")
    _legend(figure, panels[0])
    save(figure, folder, "ketpd_horizon")


def states_figure(rows: list[Row], folder: Path) -> None:
    """CPU seconds for 1,000 trajectories against the number of states."""
    figure, (axes,) = _figure(1)
    mine = [r for r in rows if r["figure"] == "states"]
    for name in config()["scaling"]["tools"]:
        _curve(axes, name, [r for r in mine if r["tool"] == name], config()["figure"]["trajectories"])
    _dress(
        axes,
        "states of the model (log); ketpd has 14",
        "12 visits; the transit chain is lengthened",
        sorted({r["x"] for r in mine}),
    )
    axes.set_ylabel("CPU s for 1,000 trajectories (log)")
    _legend(figure, axes)
    save(figure, folder, "ketpd_states")


def draw(rows: list[Row], folder: Path) -> None:
    """Draw all three."""
    with mpl.rc_context({"font.size": config()["figure"]["text"], "svg.hashsalt": "ketpd"}):
        subjects_figure(rows, folder)
        horizon_figure(rows, folder)
        states_figure(rows, folder)
