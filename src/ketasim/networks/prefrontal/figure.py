"""Draws the microcircuit at rest, at a block like that of 0.5 mg/kg, and at one like anaesthesia: rasters and spectra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ketasim.errors import missing
from ketasim.networks import spectrum
from ketasim.networks.prefrontal.read import NAME
from ketasim.networks.prefrontal.run import Recording, record, summary
from ketasim.networks.spec import spec

NAMES = {"pyramidal": "pyramidal", "pv": "PV", "sst": "SST"}


def draw(path: str | Path, seed: int = 1) -> Path:
    """Run the conditions of `[figure]` in `networks/data/prefrontal.toml` and write the figure to `path` (PNG, SVG, PDF).

    Raises
    ------
    RunError : Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:  # pragma: no cover
        raise missing("matplotlib", "figures") from error
    style = spec(NAME).figure
    shown = style["condition"]
    runs = {name: record(entry["at"], seed) for name, entry in shown.items()}
    figure = Figure(figsize=style["size"], layout="constrained")
    grid = figure.add_gridspec(2, len(runs), height_ratios=style["rows"])
    for k, (name, got) in enumerate(runs.items()):
        _raster(figure.add_subplot(grid[0, k]), got, shown[name]["title"], k == 0)
    axis = figure.add_subplot(grid[1, :])
    for name, got in runs.items():
        _spectrum(axis, got, shown[name])
    axis.set_xlim(1, style["ticks"][-1])
    axis.set_xticks(style["ticks"], [str(tick) for tick in style["ticks"]], minor=False)
    axis.set_xticks([], minor=True)
    axis.set_xlabel("frequency (Hz)")
    axis.set_ylabel("power density of the synaptic current\nof pyramidal cells (dB re 1 pA$^2$/Hz)")
    for band, (low, high) in ((b, spec(NAME).bands[b]) for b in spec(NAME).bands if b in spec(NAME).outputs):
        axis.axvspan(low, high, color="0.94" if band in ("delta", "beta") else "0.88", zorder=0)
        axis.text((low * high) ** (1 / 2), 1, band, ha="center", va="bottom", transform=axis.get_xaxis_transform())
    axis.legend(frameon=False)
    figure.savefig(path, dpi=style["dpi"])
    return Path(path)


def _raster(axis: Any, got: Recording, title: str, first: bool) -> None:
    style = spec(NAME).figure
    begin, length = style["raster_from"], style["raster_length"]
    seen = (got.times >= begin) & (got.times < begin + length)
    values = summary(got)
    base = 0
    ticks = []
    for name, where in got.slices.items():
        shown = style["raster_cells"][name]
        mine = seen & (got.cells >= where.start) & (got.cells < where.start + shown)
        axis.plot(
            got.times[mine] - begin, base + got.cells[mine] - where.start, "|", color=style["colour"][name],
            markersize=style["mark"], markeredgewidth=1,
        )  # fmt: skip
        ticks.append((base + shown / 2, f"{NAMES[name]}\n" * first + f"{values['rate_' + name]:.1f} Hz"))
        base += shown
    axis.set_title(title)
    axis.set_yticks([t for t, _ in ticks], [label for _, label in ticks])
    axis.set_ylim(0, base)
    axis.set_xlim(0, length)
    axis.set_xlabel("time (s)")


def _spectrum(axis: Any, got: Recording, entry: dict[str, Any]) -> None:
    n = got.circuit.numbers
    frequency, power = spectrum.welch(got.current, got.step, n["welch_window"])
    use = frequency >= 1
    decibel = spectrum.decibel(power[use])
    axis.set_xscale("log")
    axis.plot(frequency[use], decibel, color=entry["colour"], label=entry["title"].replace("\n", ", "))
