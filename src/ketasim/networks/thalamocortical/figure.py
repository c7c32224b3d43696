"""Figure: spectra by region at rest and under drugs, with the analytic curve at rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ketasim.networks.thalamocortical.analytic import cross_spectrum
from ketasim.networks.thalamocortical.regions import REGIONS
from ketasim.networks.thalamocortical.simulate import record

_SUB = {"block_interneuron": 0.1, "block_pyramidal": 0.05, "block_thalamic": 0.08}  # blocks near 0.5 mg/kg over 40 min
CONDITIONS = {
    "rest": {},
    "0.5 mg/kg over 40 min": _SUB,
    "anaesthetic ketamine": {"block_interneuron": 0.8, "block_pyramidal": 0.6, "block_thalamic": 0.6},
    "HCN1 block alone": {"hcn": 1.0},
    "0.5 mg/kg and propofol": {**_SUB, "gaba": 1.0},
}
_COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7")


def draw(path: Path, *, seed: int = 1, duration: float | None = None) -> None:
    """Write the figure: five regions and the layer-5 rate, 1-50 Hz. duration : s of model time a condition."""
    import matplotlib.pyplot as plt

    sheet, axes = plt.subplots(2, 3, figsize=(12, 7), sharex=True, layout="constrained")
    for (name, condition), colour in zip(CONDITIONS.items(), _COLOURS, strict=True):
        one = record(condition, seed, duration=duration)
        shown = (one.frequency >= 1) & (one.frequency <= 50)
        x = one.frequency[shown]
        for panel, region in zip(axes.flat, REGIONS, strict=False):
            style = "--" if name == "rest" else "-"
            panel.plot(x, 10 * np.log10(one.power(region)[shown]), style, color=colour, lw=1.2, label=name)
        axes.flat[-1].plot(x, 10 * np.log10(one.layer5[shown]), color=colour, lw=1.2)
        if name == "rest":
            exact = cross_spectrum(one.circuit, x)
            for k, panel in enumerate(axes.flat[:-1]):
                panel.plot(
                    x, 10 * np.log10(np.real(exact[:, k, k])), color="#999999", lw=3, zorder=0, label="rest, analytic"
                )
    for panel, title in zip(axes.flat, (*REGIONS, "layer 5, posteromedial (firing rate)"), strict=True):
        panel.set_title(title.capitalize())
        panel.set_xscale("log")
        panel.set_xticks([1, 2, 4, 8, 12, 30, 50], ["1", "2", "4", "8", "12", "30", "50"])
        panel.set_xticks([], minor=True)
        panel.set_ylabel("power density (dB re 1/s²/Hz)")
    for panel in axes[1]:
        panel.set_xlabel("frequency (Hz)")
    axes.flat[0].legend(fontsize=8)
    sheet.savefig(path, dpi=110)
    plt.close(sheet)
