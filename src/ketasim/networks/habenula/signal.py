"""What an expected reward that does not come, and one that comes unexpected, do to habenula and dopamine cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.networks.given import condition_of, numbers_of
from ketasim.networks.habenula.cells import KINDS, NAME, counts
from ketasim.networks.habenula.drive import Signal
from ketasim.networks.habenula.run import record

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Response:
    """Rates around a signal that begins at 0.

    `t`: middles of bins (s), (bins,). `omission[kind]`, `reward[kind]`: Hz per cell, (bins,), means over cells and trials.
    `summary`: baseline and change of each kind in the window of the response (Hz), and its length for the habenula (s).
    """

    t: Array
    omission: dict[str, Array]
    reward: dict[str, Array]
    summary: dict[str, float]


def _signal(p: Mapping[str, float], stress: float, trials: int, late: Array) -> tuple[Signal, Array, Array, float]:
    """Omissions and rewards in turn, one every `signal_interval` ms; returns also their onsets and the whole time, in s.

    `late` (s), shape (habenula cells,): the latency of each cell.
    """
    every, length = p["signal_interval"] / 1e3, p["signal_length"] / 1e3
    # the omission comes in over the synapses that stress strengthens; reward reaches the habenula as inhibition
    more = p["signal_glutamate"] * (1 + stress * (p["gain_stress"] - 1))
    less = p["signal_gaba"]
    first = every / 2
    onset: Array = first + every * np.arange(2 * trials, dtype=np.float64)

    def signal(t: float) -> tuple[Array, Array] | None:
        trial, since = divmod(t - first, every)
        if not (0 <= trial < 2 * trials and since < length + late.max()):
            return None
        on = ((since >= late) & (since < late + length)).astype(float)
        return (more * on, 0 * on) if trial % 2 == 0 else (0 * on, less * on)

    return signal, onset[::2], onset[1::2], float(2 * trials * every)


def _around(time: Array, onset: Array, edges: Array, n: int) -> Array:
    """Rate (Hz per cell) in bins with `edges` (s) around each onset, mean over onsets."""
    width = edges[1] - edges[0]
    counted = sum((np.histogram(time - at, edges)[0] for at in onset), start=np.zeros(edges.size - 1))
    return counted / (n * onset.size * width)


def _length(t: Array, rate: Array, baseline: float, bin_s: float) -> float:
    """Time (s) after the onset for which the rate stays above the middle between baseline and its peak."""
    after = rate[t > 0]
    return float(np.sum(after > (baseline + after.max()) / 2) * bin_s)


def disappointment(
    seed: int,
    condition: Mapping[str, float] | None = None,
    *,
    trials: int = 10,
    step: float | None = None,
    scale: float = 1.0,
    parameters: Mapping[str, float] | None = None,
) -> Response:
    """Rates around brief omission signals (glutamate onto the habenula) and rewards (inhibition of it).

    Both last 200 ms (`signal_length`) and take turns in one run of `trials` each; other arguments as for `simulate`.
    After Matsumoto & Hikosaka 2007 (10.1038/nature05860): habenula cells rise, dopamine cells pause, and the reverse on reward.
    """
    condition, p = condition_of(NAME, condition or {}), numbers_of(NAME, parameters)
    late = np.random.default_rng([seed, len(KINDS) + 1]).random(counts(scale)["habenula"]) * p["signal_spread"] / 1e3
    signal, omitted, rewarded, duration = _signal(p, condition["stress"], trials, late)
    run = record(condition, seed, duration=duration, step=step, scale=scale, parameters=parameters, signal=signal)
    bin_s, half = p["signal_bin"] / 1e3, p["signal_interval"] / 2e3
    edges: Any = np.arange(-round(half / bin_s), round(half / bin_s) + 1) * bin_s
    t: Array = (edges[1:] + edges[:-1]) / 2
    omission = {kind: _around(run.spikes[kind][1], omitted, edges, run.n[kind]) for kind in KINDS}
    reward = {kind: _around(run.spikes[kind][1], rewarded, edges, run.n[kind]) for kind in KINDS}
    before, within = t < 0, (t > 0) & (t < p["signal_window"] / 1e3)
    summary = {}
    for name, course in (("omission", omission), ("reward", reward)):
        for kind, rate in course.items():
            summary[f"{name}_{kind}_baseline"] = float(rate[before].mean())
            summary[f"{name}_{kind}_change"] = float(rate[within].mean() - rate[before].mean())
    summary["omission_length"] = _length(t, omission["habenula"], summary["omission_habenula_baseline"], bin_s)
    return Response(t, omission, reward, summary)
