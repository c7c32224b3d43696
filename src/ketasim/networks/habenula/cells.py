"""The cells: one equation for all three kinds, which differ in their numbers (units of the file: mV, nS, pF, ms)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.networks.spec import spec

Array = NDArray[np.float64]
NAME = "habenula"
KINDS = ("habenula", "rmtg", "dopamine")

# Exponential integrate-and-fire with a refractory period (Fourcaud-Trocme 2003, 10.1523/JNEUROSCI.23-37-11628.2003) and the
# low-threshold calcium current of habenula cells (Huguenard, Gutnick & Prince 1993; activation immediate, m squared times h),
# NMDA channels with the magnesium block of Jahr & Stevens 1990, AMPA, GABA-A and an after-hyperpolarisation.
# What is not linear in v is held over a step, so that the exponential step stays stable whatever the conductances are;
# `held_` turns a decaying state at the beginning of a step into its mean over the step.
EQUATIONS = """
dv/dt = (g_leak*(E_leak - v) + I_spike + g_T*m_T**2*h_T*(E_Ca - v)
         + (g_NMDA*s*unblock + held_AMPA*g_AMPA)*(E_glutamate - v) + held_GABA*g_GABA*(E_GABA - v)
         + g_AHP*(E_K - v))/C : volt (unless refractory)
dh_T/dt = (h_inf - h_T)/((tau_inactivation + tau_recovery*h_inf)/phi_T) : 1
ds/dt = opening*held_glutamate*x*(1 - s) - s/tau_NMDA : 1
dx/dt = -x/tau_glutamate : 1
dg_AMPA/dt = -g_AMPA/tau_AMPA : siemens
dg_GABA/dt = -g_GABA/tau_GABA : siemens
dg_AHP/dt = -g_AHP/tau_AHP : siemens
I_spike = g_leak*sharpness*exp((v - v_spike)/sharpness) : amp (constant over dt)
m_T = 1/(1 + exp(-(v - V_activation)/slope_activation)) : 1 (constant over dt)
h_inf = 1/(1 + exp((v - V_inactivation)/slope_inactivation)) : 1 (constant over dt)
unblock = 1/(1 + Mg/K_Mg*exp(-v*slope_Mg)) : 1 (constant over dt)
C : farad (constant)
g_leak : siemens (constant)
E_leak : volt (constant)
v_spike : volt (constant)
v_reset : volt (constant)
g_T : siemens (constant)
g_NMDA : siemens (constant)
tau_AHP : second (constant)
step_AHP : siemens (constant)
"""

SHARED_UNITS = {
    "sharpness": "mV",
    "E_Ca": "mV",
    "E_glutamate": "mV",
    "E_GABA": "mV",
    "E_K": "mV",
    "tau_inactivation": "ms",
    "tau_recovery": "ms",
    "phi_T": "",
    "opening": "kHz",
    "tau_NMDA": "ms",
    "tau_glutamate": "ms",
    "tau_AMPA": "ms",
    "tau_GABA": "ms",
    "V_activation": "mV",
    "slope_activation": "mV",
    "V_inactivation": "mV",
    "slope_inactivation": "mV",
    "Mg": "",
    "K_Mg": "",
    "slope_Mg": "1/mV",
    "v_peak": "mV",
}
CELL_UNITS = {
    "C": "pF",
    "g_leak": "nS",
    "E_leak": "mV",
    "v_spike": "mV",
    "v_reset": "mV",
    "g_T": "nS",
    "g_NMDA": "nS",
    "tau_AHP": "ms",
    "step_AHP": "nS",
}


def held(p: Mapping[str, float], step: float) -> dict[str, float]:
    """Mean over a step (ms) of each fast decaying state of `EQUATIONS`, relative to its value at the step's beginning."""
    return {
        f"held_{name}": p[f"tau_{name}"] / step * -math.expm1(-step / p[f"tau_{name}"])
        for name in ("AMPA", "GABA", "glutamate")
    }


@dataclass(frozen=True)
class Cells:
    """Numbers of every cell, all kinds one behind the other (n cells).

    `of[kind]` is the slice of a kind; `number[name]` has shape (n,) for each name of `CELL_UNITS`; `w_AMPA`, `w_GABA` (nS),
    `w_NMDA` (share of the cell's channels) are the effect of one event of the background; `drive` multiplies the glutamate rate.
    """

    of: dict[str, slice]
    number: dict[str, Array]
    w_AMPA: Array
    w_GABA: Array
    w_NMDA: Array
    drive: Array

    @property
    def n(self) -> int:
        """Number of cells."""
        return self.w_AMPA.size


def counts(scale: float) -> dict[str, int]:
    """Number of cells of each kind at a `scale`; at least one."""
    return {kind: max(1, round(spec(NAME).size[kind] * scale)) for kind in KINDS}


def cells_of(condition: Mapping[str, float], p: Mapping[str, float], scale: float, rng: np.random.Generator) -> Cells:
    """Draw the cells of a network under a condition.

    Rest (leak reversal) is normal between cells, so that a population holds silent, tonic and bursting cells; stress moves its mean.
    """
    n = counts(scale)
    ends = np.cumsum([n[kind] for kind in KINDS])
    of = {kind: slice(int(end) - n[kind], int(end)) for kind, end in zip(KINDS, ends, strict=True)}
    stress = condition["stress"]
    gaba = 1 + p["gain_gaba"] * condition["gaba"]
    rest = {
        "habenula": (1 - stress) * p["E_leak_habenula_healthy"] + stress * p["E_leak_habenula_depressed"],
        "rmtg": p["E_leak_rmtg"],
        "dopamine": p["E_leak_dopamine"],
    }

    def each(name: str) -> Array:
        return np.concatenate([np.full(n[kind], p[f"{name}_{kind}"]) for kind in KINDS])

    number = {name: each(name) for name in ("C", "g_leak", "v_spike", "v_reset", "g_NMDA", "tau_AHP", "step_AHP")}
    number["E_leak"] = np.concatenate([rng.normal(rest[kind], p[f"spread_rest_{kind}"], n[kind]) for kind in KINDS])
    number["g_T"] = np.zeros(ends[-1])
    spread_T = rng.lognormal(0, p["spread_T"], n["habenula"])
    number["g_T"][of["habenula"]] = p["g_T"] * spread_T * (1 - condition["t_block"])
    number["g_NMDA"][of["habenula"]] *= 1 - condition["block_habenula"]
    spread = p["spread_glutamate_habenula"]
    drive = np.ones(ends[-1])
    drive[of["habenula"]] = rng.lognormal(-(spread**2) / 2, spread, n["habenula"])  # mean 1
    return Cells(of, number, each("w_AMPA"), each("w_GABA") * gaba, 1 / each("synapses"), drive)


def wiring(
    cells: Cells, p: Mapping[str, float], source: str, target: str, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    """Connections of two kinds: indices of source and target cells (all kinds counted), and the factor of the weight.

    Every target has the same number of sources, whatever the scale; where fewer sources exist, the weight makes up for it.
    """
    sources = np.arange(cells.of[source].start, cells.of[source].stop)
    targets = np.arange(cells.of[target].start, cells.of[target].stop)
    wanted = p[f"inputs_{target}"]
    k = min(sources.size, round(wanted))
    chosen = np.concatenate([rng.choice(sources, k, replace=False) for _ in targets])
    return chosen, np.repeat(targets, k), wanted / k
