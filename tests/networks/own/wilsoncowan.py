"""A Wilson-Cowan pair (Wilson and Cowan 1972, doi:10.1016/S0006-3495(72)86068-5) with noise: Euler-Maruyama in numpy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ketasim.networks.spec import check_condition, read_network

FILE = Path(__file__).with_suffix(".toml")


def simulate(
    condition: Mapping[str, float],
    seed: int,
    *,
    duration: float | None = None,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return rates (Hz), swing (Hz) and share of time above the limit; `duration` in s, `step` in ms."""
    network = read_network(FILE)
    c = check_condition(network, condition)
    p = network.values | dict(parameters or {})
    h = network.numeric("step", "ms") if step is None else step
    whole = (network.numeric("duration", "s") if duration is None else duration) * 1000
    steps, skip = round(whole / h), round(network.numeric("warmup", "ms") / h)
    rng = np.random.default_rng(seed)
    # Noise of the drive is an Ornstein-Uhlenbeck process, exact in its step; it shrinks with the root of the number of cells.
    keep = np.exp(-h / p["tau"])
    kicks = rng.standard_normal((steps + skip, 2)) * p["noise"] * np.sqrt((1 - keep**2) / scale)
    e = i = noise_e = noise_i = 0.0
    seen = np.empty((steps + skip, 2))
    for k, (kick_e, kick_i) in enumerate(kicks.tolist()):
        drive_e = p["threshold"] + c["drive"] - 1 + p["w_ee"] * e - p["w_ei"] * i + noise_e
        drive_i = (1 - c["block"]) * p["w_ie"] * e + noise_i
        noise_e, noise_i = keep * noise_e + kick_e, keep * noise_i + kick_i
        to_e = p["rate_max"] / (1 + np.exp(2 * (p["threshold"] - drive_e)))
        to_i = p["rate_max"] / (1 + np.exp(2 * (p["threshold"] - drive_i)))
        e, i = e + h / p["tau"] * (to_e - e), i + h / p["tau"] * (to_i - i)
        seen[k] = e, i
    rates = seen[skip:]
    return {
        "rate_e": float(rates[:, 0].mean()),
        "rate_i": float(rates[:, 1].mean()),
        "swing": float(rates[:, 0].std()),
        "high": float((rates[:, 0] > p["limit"]).mean()),
    }


def draw(path: Path) -> None:
    """Draw the excitatory rate over the block."""
    from matplotlib.figure import Figure

    figure = Figure()
    blocks = np.linspace(0, 1, 3)
    figure.subplots().plot(blocks, [simulate({"block": b}, 1)["rate_e"] for b in blocks])
    figure.savefig(path)
