"""Strengths, rates and operating point of the five columns under a condition (Robinson et al. 2002, doi:10.1103/PhysRevE.65.041924).

Populations: excitatory (e) and inhibitory (i) cortex, reticular (r) and relay (s) nuclei. Each potential is a sum of filtered
inputs, L = [(1 + D/alpha)(1 + D/beta)]^-1; firing rates are Q = Qmax / (1 + exp[-(V - threshold) / spread]); the cortical
field obeys (1 + D/gamma)^2 phi = Q_e. Here excitatory and inhibitory inputs have filters of their own, because drugs change
them separately: eight filters a column, in the order of `FILTERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import root

from ketasim.errors import InputError, RunError
from ketasim.networks.thalamocortical.regions import CORTEX, NAME, REGIONS

Array = NDArray[np.float64]
FILTERS = ("e_excited", "e_inhibited", "i_excited", "i_inhibited", "r_excited", "s_excited", "s_inhibited", "field")
SOURCES = ("phi", "q_e", "q_i", "q_r", "q_s", "phi_late", "q_s_late", "far", "constant")
POPULATIONS = ("e", "i", "r", "s")
_MS = 1e-3  # seconds in a millisecond


@dataclass(frozen=True)
class Circuit:
    """Five columns under one condition.

    Attributes
    ----------
    weights : (5, 8, 9) strengths from `SOURCES` to `FILTERS`, mV s (the row `field` is the rate Q_e itself; `constant` is in mV).
    decay, rise : (5, 8) rates of the filters, 1/s.
    far : (5, 5) shares by which the delayed field of one region (column) enters another (row).
    offset : (5, 4) constant added to the potentials, mV: HCN block.
    adaptation : (4,) fall of potential per rise of rate above `rest`, mV s, with time constant `adaptation_time`, s.
    noise : (5,) strength of afferent noise, mV s times its amplitude density.
    rest : (5, 4) firing rates of the undrugged circuit; operating : (5, 4) firing rates of this one, 1/s.
    sigmoid : largest rate (1/s), threshold and spread (mV). shared : share of noise common to all regions.
    delay, delay_far : s.
    """

    weights: Array
    decay: Array
    rise: Array
    far: Array
    offset: Array
    adaptation: Array
    adaptation_time: float
    noise: Array
    rest: Array
    operating: Array
    sigmoid: tuple[float, float, float]
    shared: float
    delay: float
    delay_far: float

    def rates(self, potentials: Array) -> Array:
        """Return firing rates (1/s) of mean potentials (mV), any shape."""
        return _sigmoid(potentials, self.sigmoid)

    def slopes(self) -> Array:
        """Return dQ/dV at the operating point, (5, 4), 1/s/mV."""
        largest, _, spread = self.sigmoid
        return self.operating * (1 - self.operating / largest) / spread


def summing() -> Array:
    """Return the (4, 8) matrix that adds filtered inputs to the potentials of e, i, r, s."""
    matrix = np.zeros((len(POPULATIONS), len(FILTERS)))
    for row, population in enumerate(POPULATIONS):
        for column, name in enumerate(FILTERS):
            matrix[row, column] = float(name.startswith(f"{population}_"))
    return matrix


def build(condition: Mapping[str, float], numbers: Mapping[str, float]) -> Circuit:
    """Return the circuit under a full condition (axes 0..1) with full parameters.

    NMDA block multiplies the NMDA share of each excitatory input; what remains decays faster. The mean rates of the drugged
    circuit are held near rest by slow adaptation, as the file's `adaptation` says.

    Raises
    ------
    InputError
        If an NMDA share times its decay time exceeds the mean dendritic decay time.
    RunError
        If no operating point is found.
    """
    undrugged = dict.fromkeys(condition, 0.0)
    still = np.zeros((len(REGIONS), len(POPULATIONS)))
    sigmoid = (numbers["rate_max"], numbers["threshold"], numbers["threshold_spread"])
    far = _far(numbers)
    rest = _operating(_weights(undrugged, numbers), far, still, still, still[0], sigmoid)
    weights, hcn = _weights(condition, numbers), still.copy()
    hcn[:, 0] = -numbers["hcn_potential"] * condition["hcn"]
    adaptation = np.full(len(POPULATIONS), numbers["adaptation"])
    adaptation[POPULATIONS.index("i")] = 0.0  # fast-spiking cells hardly adapt
    operating = _operating(weights, far, hcn, rest, adaptation, sigmoid)
    decay, rise = _filters(condition, numbers)
    strength = numbers["nu_sn"] * np.array([numbers[f"afferent.{region}"] for region in REGIONS])
    return Circuit(
        weights=weights,
        decay=decay,
        rise=rise,
        far=far,
        offset=hcn,
        adaptation=adaptation,
        adaptation_time=numbers["adaptation_time"],
        noise=strength * np.sqrt(numbers["input_power"]),
        rest=rest,
        operating=operating,
        sigmoid=sigmoid,
        shared=numbers["input_shared"],
        delay=numbers["delay_thalamic"] * _MS,
        delay_far=numbers["delay_long"] * _MS,
    )


def _sigmoid(potentials: Array, sigmoid: tuple[float, float, float]) -> Array:
    largest, threshold, spread = sigmoid
    return largest / (1 + np.exp((threshold - potentials) / spread))


def _far(numbers: Mapping[str, float]) -> Array:
    count, last = len(CORTEX), len(REGIONS) - 1
    far = np.zeros((len(REGIONS), len(REGIONS)))
    far[:count, :count] = numbers["long_cortex"] / (count - 1)
    np.fill_diagonal(far, 0.0)
    far[:count, last] = numbers["long_from_hippocampus"]
    far[last, :count] = numbers["long_to_hippocampus"] / count
    return far


def _weights(condition: Mapping[str, float], numbers: Mapping[str, float]) -> Array:
    block_e, block_i, block_t = (condition[f"block_{name}"] for name in ("pyramidal", "interneuron", "thalamic"))
    left_e = 1 - numbers["nmda_pyramidal"] * block_e
    left_i = 1 - numbers["nmda_interneuron"] * block_i
    left_s = 1 - numbers["nmda_relay"] * block_t
    left_r = 1 - numbers["nmda_reticular"] * block_t
    resistance = 1 + numbers["hcn_charge"] * condition["hcn"]
    inhibition = 1 + numbers["gaba_charge"] * condition["gaba"]
    from_far = _far(numbers).sum(axis=1)
    own = np.ones(len(REGIONS))
    own[-1] = numbers["strength_hippocampus"]
    loop = np.array([numbers[f"loop.{region}"] for region in REGIONS])
    afferent = np.array([numbers[f"afferent.{region}"] for region in REGIONS])
    weights = np.zeros((len(REGIONS), len(FILTERS), len(SOURCES)))

    def put(target: str, source: str, value: Array | float) -> None:
        weights[:, FILTERS.index(target), SOURCES.index(source)] = value

    far_i = numbers["long_onto_inhibitory"]
    shares = (numbers["nmda_long"], numbers["nmda_interneuron"])
    rows = (("e", left_e, block_e, resistance, 1.0, shares[0]), ("i", left_i, block_i, 1.0, far_i, shares[1]))
    for target, left, block, size, part, far_left in rows:
        put(f"{target}_excited", "phi", numbers["nu_ee"] * own * (1 - part * from_far) * left * size)
        put(f"{target}_excited", "q_s_late", numbers["nu_es"] * left * size)
        put(f"{target}_excited", "far", numbers["nu_ee"] * own * part * (1 - far_left * block) * size)
        put(f"{target}_inhibited", "q_i", numbers["nu_ei"] * inhibition)
    put("r_excited", "phi_late", numbers["nu_re"] * loop * left_r)
    put("r_excited", "q_s", numbers["nu_rs"] * left_r)
    put("s_excited", "phi_late", numbers["nu_se"] * loop * left_s)
    put("s_excited", "constant", numbers["nu_sn"] * afferent * numbers["input_mean"])
    put("s_inhibited", "q_r", numbers["nu_sr"] * inhibition)
    put("field", "q_e", 1.0)
    return weights


def _filters(condition: Mapping[str, float], numbers: Mapping[str, float]) -> tuple[Array, Array]:
    mean = 1 / numbers["decay_rate"]
    longer = 1 + numbers["hcn_decay"] * condition["hcn"]

    def left(name: str, block: float) -> float:
        """Mean decay time of the unblocked mixture of a fast and an NMDA part whose mean at rest is the published one."""
        share = numbers[f"nmda_{name}"]
        slow = numbers["nmda_decay_cortex" if name in ("pyramidal", "interneuron") else "nmda_decay_thalamus"] * _MS
        fast = (mean - share * slow) / (1 - share)
        if fast <= 0:
            raise InputError(
                "the NMDA part outlasts the mean dendritic decay", file=f"{NAME}.toml", key=f"nmda_{name}", value=share
            )
        remaining = share * (1 - block) / (1 - share * block)
        return (1 - remaining) * fast + remaining * slow

    inhibited = mean * (1 + numbers["gaba_decay"] * condition["gaba"])
    times = {
        "e_excited": left("pyramidal", condition["block_pyramidal"]) * longer,
        "e_inhibited": inhibited * longer,
        "i_excited": left("interneuron", condition["block_interneuron"]),
        "i_inhibited": inhibited,
        "r_excited": left("reticular", condition["block_thalamic"]),
        "s_excited": left("relay", condition["block_thalamic"]),
        "s_inhibited": inhibited,
        "field": 1 / numbers["damping_rate"],
    }
    decay = np.tile([1 / times[name] for name in FILTERS], (len(REGIONS), 1))
    rise = np.full_like(decay, numbers["rise_rate"])
    rise[:, -1] = numbers["damping_rate"]
    return decay, rise


def _operating(
    weights: Array, far: Array, offset: Array, rest: Array, adaptation: Array, sigmoid: tuple[float, float, float]
) -> Array:
    """Firing rates (5, 4) at which the potentials do not move; adaptation lowers them by `adaptation` times (rate - rest)."""
    adds = summing()

    def residual(potentials: Array) -> Array:
        v = potentials.reshape(len(REGIONS), len(POPULATIONS))
        q = _sigmoid(v, sigmoid)
        e, i, r, s = q.T
        sources = np.stack([e, e, i, r, s, e, s, far @ e, np.ones_like(e)], axis=1)
        inputs = np.einsum("kfs,ks->kf", weights, sources)
        return (inputs @ adds.T + offset - adaptation * (q - rest) - v).ravel()

    found = root(residual, np.zeros(len(REGIONS) * len(POPULATIONS)), method="hybr", tol=1e-12)
    if not np.all(np.abs(residual(found.x)) < 1e-6):
        raise RunError("the corticothalamic circuit has no operating point under this condition")
    return _sigmoid(found.x.reshape(len(REGIONS), len(POPULATIONS)), sigmoid)
