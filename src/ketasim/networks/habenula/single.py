"""One habenula cell without noise: what follows a hyperpolarising step, with and without NMDA and T-type channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.networks.given import numbers_of, numeric_of
from ketasim.networks.habenula.cells import CELL_UNITS, EQUATIONS, NAME, SHARED_UNITS, held
from ketasim.networks.habenula.run import quantity

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rebound:
    """Voltage (mV) at times `t` (ms from the end of the step), both (samples,); `spikes` (ms) after the end of the step."""

    t: Array
    v: Array
    spikes: Array


def rebound(
    nmda: float = 1.0, t_type: float = 1.0, *, step: float | None = None, parameters: Mapping[str, float] | None = None
) -> Rebound:
    """Hold a cell down by a current step and let go; glutamate is steady and has no noise.

    `nmda` and `t_type` (0..1) are the shares of channels left; `step` in ms. As in slices (yang2018habenula): a rebound burst
    that is lost without either. Raises InputError for a step not positive or an unknown parameter.
    """
    import brian2 as b2

    p = numbers_of(NAME, parameters)
    step = numeric_of(NAME, "step", "ms", step)
    # steady glutamate: the gate is held at the mean that the network's events give it, and the step current comes in as leak
    equations = EQUATIONS.replace("ds/dt = opening*held_glutamate*x*(1 - s) - s/tau_NMDA : 1", "s : 1 (constant)")
    cell = b2.NeuronGroup(
        1,
        equations,
        threshold="v > v_peak",
        reset="v = v_reset; g_AHP += step_AHP",
        refractory=p["refractory"] * b2.ms,
        method="exponential_euler",
        dt=step * b2.ms,
        name="rebound_cell",
        namespace={name: quantity(p[name], unit) for name, unit in SHARED_UNITS.items()} | held(p, step),
    )
    own = {name: p.get(f"{name}_habenula", 0.0) for name in CELL_UNITS}
    own |= {"E_leak": p["rebound_rest"], "g_T": p["g_T"] * t_type, "g_NMDA": own["g_NMDA"] * nmda}
    for name, unit in CELL_UNITS.items():
        setattr(cell, name, quantity(own[name], unit))
    cell.s = p["rebound_glutamate"] * p["tau_NMDA"] / 1e3 / p["synapses_habenula"]
    cell.v, cell.h_T = own["E_leak"] * b2.mV, 0
    trace = b2.StateMonitor(cell, "v", record=True, name="rebound_trace")
    spikes = b2.SpikeMonitor(cell, name="rebound_spikes")
    network = b2.Network(cell, trace, spikes)
    hold = p["rebound_hold"]
    cell.E_leak = (own["E_leak"] - p["rebound_depth"]) * b2.mV
    network.run(hold * b2.ms)
    cell.E_leak = own["E_leak"] * b2.mV
    network.run(p["rebound_free"] * b2.ms)
    at = np.asarray(spikes.t / b2.ms) - hold
    return Rebound(np.asarray(trace.t / b2.ms) - hold, np.asarray(trace.v[0] / b2.mV), at[at >= 0])
