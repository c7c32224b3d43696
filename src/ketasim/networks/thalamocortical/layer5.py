"""Layer-5 cells of posteromedial cortex as a mean-field burster: T-type and HCN currents, adaptation, recurrent excitation.

Quiet while local interneurons, which the column drives in part through NMDA receptors, hold it hyperpolarised; with less
inhibition the T-type current, then adaptation, then HCN and de-inactivation take turns at 1-3 Hz (the rhythm of
doi:10.1038/s41586-020-2731-9). Conductances are relative to the leak, currents therefore in mV.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_MS = 1e-3  # seconds in a millisecond


class Layer5:
    """The oscillator under one condition, several realisations side by side; Euler-Maruyama steps.

    Parameters
    ----------
    condition : full condition (axes 0..1). numbers : full parameters.
    column : (lanes,) rate of the column at the start, 1/s; inhibition starts at the value that belongs to it.
    """

    def __init__(self, condition: Mapping[str, float], numbers: Mapping[str, float], column: Array) -> None:
        own = {name.removeprefix("layer5_"): value for name, value in numbers.items() if name.startswith("layer5_")}
        self._n = own
        resistance = 1 + numbers["hcn_charge"] * condition["hcn"]
        self._excitation = (1 - numbers["nmda_pyramidal"] * condition["block_pyramidal"]) * resistance
        self._onto_inhibitory = 1 - own["nmda_interneuron"] * condition["block_interneuron"]
        self._inhibition = own["inhibition"] * (1 + numbers["gaba_charge"] * condition["gaba"])
        self._inhibition_time = own["inhibition_time"] * (1 + numbers["gaba_decay"] * condition["gaba"]) * _MS
        self._hcn = own["hcn"] * (1 - condition["hcn"])
        self.potential = np.full_like(column, own["leak"])
        self._opened = _logistic((own["hcn_half"] - self.potential) / own["hcn_slope"])
        self._ready = _logistic((own["inactivation_half"] - self.potential) / own["inactivation_slope"])
        self._adapted, self._recurrent, self._noise = (np.zeros_like(column) for _ in range(3))
        self._heard = column
        self._inhibited = self._inhibitory()

    def rate(self) -> Array:
        """Return the firing rate of each realisation, 1/s."""
        n = self._n
        return n["rate_max"] * _logistic((self.potential - n["threshold"]) / n["spread"])

    def _inhibitory(self) -> Array:
        """Firing rate of the local interneurons, 1/s."""
        n = self._n
        heard = (
            n["interneuron_tonic"]
            + n["interneuron_column"] * self._heard
            + n["interneuron_recurrent"] * self._recurrent
        )
        drive = n["interneuron_input"] * self._onto_inhibitory * heard
        return n["interneuron_max"] * _logistic((drive - n["interneuron_threshold"]) / n["interneuron_spread"])

    def step(self, column: Array, dt: float, normal: Array) -> None:
        """Move on by `dt` seconds. column : rate of the column's field, 1/s. normal : standard normal numbers."""
        n, v, rate = self._n, self.potential, self.rate()
        inhibitory = self._inhibitory()
        calcium = n["calcium"] * _logistic((v - n["calcium_half"]) / n["calcium_slope"]) * self._ready
        current = (
            self._hcn * self._opened * (n["hcn_reversal"] - v)
            + calcium * (n["calcium_reversal"] - v)
            + n["potassium"] * self._adapted * (n["potassium_reversal"] - v)
            + n["leak"]
            - v
            + self._excitation * (n["recurrent"] * self._recurrent + n["from_column"] * column)
            - self._inhibition * self._inhibited
            + n["drive"]
            + self._noise
        )
        opened = _logistic((n["hcn_half"] - v) / n["hcn_slope"])
        ready = _logistic((n["inactivation_half"] - v) / n["inactivation_slope"])
        self.potential = v + dt * current / (n["tau"] * _MS)
        self._opened = self._opened + dt * (opened - self._opened) / (n["hcn_time"] * _MS)
        self._ready = self._ready + dt * (ready - self._ready) / (n["inactivation_time"] * _MS)
        full = rate / (rate + n["potassium_half"])
        self._adapted = self._adapted + dt * (full - self._adapted) / (n["potassium_time"] * _MS)
        self._recurrent = self._recurrent + dt * (rate - self._recurrent) / (n["recurrent_time"] * _MS)
        self._inhibited = self._inhibited + dt * (inhibitory - self._inhibited) / self._inhibition_time
        self._heard = self._heard + dt * (column - self._heard) / (n["interneuron_time"] * _MS)
        share = dt / (n["noise_time"] * _MS)
        self._noise = self._noise - share * self._noise + n["noise"] * np.sqrt(2 * share) * normal


def _logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))
