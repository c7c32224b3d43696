"""The figure of the habenula network: one cell let go, cells of the population, rasters, omission and reward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ketasim.networks.habenula.run import record
from ketasim.networks.habenula.signal import disappointment
from ketasim.networks.habenula.single import rebound

_STATES: tuple[tuple[str, dict[str, float], str], ...] = (
    ("healthy", {"stress": 0}, "#0072B2"),
    ("depressed", {}, "#D55E00"),
    ("depressed, NMDA block 0.35", {"block_habenula": 0.35}, "#009E73"),
)


def _single(axes: Any) -> None:
    shown = (
        ("NMDA and T-type", 1, 1, "#D55E00"),
        ("without NMDA", 0, 1, "#009E73"),
        ("without T-type", 1, 0, "#999999"),
    )
    for name, nmda, t_type, colour in shown:
        course = rebound(nmda, t_type)
        axes.plot(course.t, course.v, color=colour, lw=1, label=name)
    axes.set(
        xlim=(-100, 300), xlabel="time after the step (ms)", ylabel="voltage (mV)", title="one depressed cell let go"
    )
    axes.legend(fontsize=7, frameon=False)


def _trace(axes: Any, seed: int) -> None:
    """The depressed cell that spikes most in bursts, in three conditions (same cell, same input)."""
    conditions: tuple[tuple[str, dict[str, float]], ...] = (
        ("depressed", {}),
        ("NMDA block 0.35", {"block_habenula": 0.35}),
        ("T-type removed", {"t_block": 1}),
    )
    colours = ("#D55E00", "#009E73", "#999999")
    chosen = None
    for k, ((name, condition), colour) in enumerate(zip(conditions, colours, strict=True)):
        run = record(condition, seed, duration=2)
        if chosen is None:
            cell, time = run.spikes["habenula"]
            order = np.lexsort((time, cell))
            close = (np.diff(cell[order]) == 0) & (np.diff(time[order]) <= 2 * run.t[1] * 2 * 2)
            chosen = int(np.argmax(np.bincount(cell[order][1:][close], minlength=run.n["habenula"])))
        axes.plot(run.t, run.v[:, chosen] - 60 * k, color=colour, lw=0.7)
        axes.text(run.t[-1], run.v[-1, chosen] - 60 * k + 12, name, color=colour, fontsize=7, ha="right")
    axes.set(xlabel="time (s)", ylabel="voltage (mV), rows 60 mV apart", title="one cell of the population, same input")


def _rasters(row: Any, seed: int) -> None:
    for axes, (name, condition, colour) in zip(row, _STATES, strict=True):
        run = record(condition, seed, duration=4)
        base = 0
        for kind, shade in (("dopamine", "#CC79A7"), ("rmtg", "#555555"), ("habenula", colour)):
            cell, time = run.spikes[kind]
            axes.plot(time, cell + base, "|", ms=1.5, mew=0.6, color=shade)
            base += run.n[kind]
        axes.set(title=name, xlabel="time (s)", ylim=(0, base), xlim=(0, 4))
    row[0].set_ylabel("cell: dopamine, RMTg, habenula")


def _signals(pair: Any, seed: int) -> None:
    for name, condition, colour in _STATES:
        response = disappointment(seed, condition)
        for axes, kind in zip(pair, ("habenula", "dopamine"), strict=True):
            axes.plot(response.t, response.omission[kind], color=colour, label=f"omission, {name}")
            axes.plot(response.t, response.reward[kind], color=colour, ls="--", lw=0.8)
    for axes, kind in zip(pair, ("habenula", "dopamine"), strict=True):
        axes.axvspan(0, 0.2, color="#eeeeee", zorder=0)
        axes.set(
            xlabel="time after the signal (s)", ylabel="rate (Hz per cell)", title=f"{kind}: omission, reward (dashed)"
        )
    pair[0].legend(fontsize=6, frameon=False)


def draw(path: str | Path, seed: int = 1) -> None:
    """Draw the figure into `path` (PNG or SVG)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 11), layout="constrained")
    layout: Any = [["single"] * 3 + ["trace"] * 3, ["r0"] * 2 + ["r1"] * 2 + ["r2"] * 2, ["s0"] * 3 + ["s1"] * 3]
    grid: Any = figure.subplot_mosaic(layout)
    _single(grid["single"])
    _trace(grid["trace"], seed)
    _rasters([grid["r0"], grid["r1"], grid["r2"]], seed)
    _signals([grid["s0"], grid["s1"]], seed)
    figure.savefig(path, dpi=110)
