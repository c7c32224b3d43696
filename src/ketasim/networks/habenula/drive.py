"""What arrives from outside the three nuclei: random glutamate and GABA events, in bins of fixed width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.networks.habenula.cells import Cells

Array = NDArray[np.float64]
Signal = Callable[[float], tuple[Array, Array] | None]


@dataclass(frozen=True)
class Rates:
    """Events per second of every cell, each of shape (n,): glutamate, GABA, and volleys from the prefrontal cortex."""

    glutamate: Array
    gaba: Array
    volley: Array


def rates_of(condition: Mapping[str, float], p: Mapping[str, float], cells: Cells) -> Rates:
    """Event rates under a condition.

    Stress raises the glutamate drive of the habenula (li2011lhb: presynaptic). Prefrontal activity drives dopamine cells with
    single events and volleys, and a small part of the habenula's input.
    """
    stress, prefrontal = condition["stress"], condition["pyramidal"]
    rates = Rates(np.zeros(cells.n), np.zeros(cells.n), np.zeros(cells.n))
    habenula = p["glutamate_habenula"] * (1 + stress * (p["gain_stress"] - 1))
    part = p["prefrontal_habenula"]
    rates.glutamate[cells.of["habenula"]] = habenula * (1 + part * (prefrontal - 1))
    rates.glutamate[cells.of["rmtg"]] = p["glutamate_rmtg"]
    part = p["prefrontal_dopamine"]
    rates.glutamate[cells.of["dopamine"]] = p["glutamate_dopamine"] * (1 + part * (prefrontal - 1))
    rates.glutamate[:] *= cells.drive
    rates.gaba[cells.of["habenula"]] = p["gaba_habenula"]
    rates.gaba[cells.of["dopamine"]] = p["gaba_dopamine"]
    rates.volley[cells.of["dopamine"]] = p["volley_dopamine"] * prefrontal
    return rates


class Drive:
    """Adds the events of one bin to the cells' synapses. Draws depend on the seed and the bin alone, never on the step.

    `signal(t)`, where given, returns at time t (s) the extra glutamate and GABA events per second of every habenula cell,
    or None where there are none.
    """

    def __init__(
        self,
        cells: Cells,
        rates: Rates,
        p: Mapping[str, float],
        rng: np.random.Generator,
        bin_s: float,
        signal: Signal | None = None,
    ) -> None:
        self.cells, self.rng, self.bin_s, self.signal = cells, rng, bin_s, signal
        self.mean = Rates(rates.glutamate * bin_s, rates.gaba * bin_s, rates.volley * bin_s)
        self.events = p["events_of_volley"]
        self.w_AMPA, self.w_GABA = cells.w_AMPA * 1e-9, cells.w_GABA * 1e-9  # nS to S

    def add(self, t: float, ampa: Array, gaba: Array, glutamate: Array) -> None:
        """Add the events of the bin that begins at `t` (s) to `ampa`, `gaba` (S) and `glutamate` (share), all (n,), in place."""
        extra = None if self.signal is None else self.signal(t)
        habenula = self.cells.of["habenula"]
        wanted, damped = self.mean.glutamate, self.mean.gaba
        if extra is not None:
            wanted, damped = wanted.copy(), damped.copy()
            wanted[habenula] += extra[0] * self.bin_s
            damped[habenula] += extra[1] * self.bin_s
        excited = self.rng.poisson(wanted) + self.events * self.rng.poisson(self.mean.volley)
        ampa += excited * self.w_AMPA
        glutamate += excited * self.cells.w_NMDA
        gaba += self.rng.poisson(damped) * self.w_GABA
