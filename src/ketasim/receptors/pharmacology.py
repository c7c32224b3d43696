"""What the scheme predicts in a dish: opening, steady block, IC50, trapping, onset. Units: umol/L, mmol/L (Mg), mV, s.

Every function takes `values`, canonical parameter names to numbers in the tables' units, which replace the shipped ones
(for draws of uncertainty). Drugs are those of `drugs()` or the racemates "ketamine" and "norketamine". All raise
`InputError` for unknown names and negative concentrations.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.optimize import brentq

from ketasim.errors import InputError
from ketasim.receptors.numbers import RACEMATES, Numbers, blocker, drug_entry, free_fraction, setting, split
from ketasim.receptors.scheme import Array, assemble, gating, generator, parts
from ketasim.receptors.solve import course, cycle, poisson, steady, train_steady

Values = Mapping[str, float] | None


def open_probability(
    glutamate_umol: float,
    voltage_mV: float,
    subunit: str = "glun2b",
    mg: float | None = None,
    concentrations: Mapping[str, float] | None = None,
    values: Values = None,
) -> float:
    """Return the steady probability (0..1) that a channel conducts: agonist bound and gate open, no Mg2+, no drug."""
    q, free = _system(Numbers(values), subunit, voltage_mV, mg, glutamate_umol, split(concentrations or {}))
    return max(float(parts(steady(q))["open"]), 0.0) * free


def unblocked(voltage_mV: float, subunit: str = "glun2b", mg: float | None = None, values: Values = None) -> float:
    """Return the share (0..1) of open channels that hold no Mg2+ (Jahr & Stevens 1990)."""
    return free_fraction(Numbers(values), subunit, voltage_mV, mg)


def steady_block(
    concentrations: Mapping[str, float],
    subunit: str = "glun2a",
    voltage: float = -66.0,
    mg: float | None = None,
    glutamate: float | None = None,
    values: Values = None,
) -> dict[str, float]:
    """Return the share of channels with each drug inside (0..1) in steady agonist (umol/L, None: saturating).

    Without `escape` it does not depend on agonist; the fall of the current is the sum of the shares. Racemates come back
    split into their enantiomers.
    """
    shares = split(concentrations)
    q, _ = _system(Numbers(values), subunit, voltage, mg, _agonist(glutamate), shares)
    return dict(zip(shares, map(float, parts(steady(q))["block"]), strict=True))


def ic50(
    drug: str,
    subunit: str = "glun2a",
    voltage: float = -66.0,
    mg: float | None = None,
    glutamate: float | None = None,
    values: Values = None,
) -> float:
    """Return the concentration (umol/L) that halves the steady current in agonist (None: saturating).

    Of a racemate it is the total concentration of both enantiomers.
    """
    n, unit = Numbers(values), split({drug: 1.0})
    agonist = _agonist(glutamate)

    def log_odds(log_c: float) -> float:
        shares = {d: c * np.exp(log_c) for d, c in unit.items()}
        q, _ = _system(n, subunit, voltage, mg, agonist, shares)
        blocked = float(parts(steady(q))["block"].sum())
        return float(np.log(blocked / (1 - blocked)))

    middle = -log_odds(0.0)  # block follows one-site binding nearly exactly, so that this is nearly the root
    return float(np.exp(brentq(log_odds, middle - 1, middle + 1)))


def trapped_fraction(
    drug: str,
    subunit: str = "glun2a",
    voltage: float = -66.0,
    mg: float = 0.0,
    wash: float | None = None,
    values: Values = None,
) -> float:
    """Return the share of block (0..1) that is left when agonist returns: block to steady state, wash both, agonist again.

    Nothing is set: it follows from koff, the gating of a channel that loses its agonist, and the drug's escape.
    `wash` in s (None: of the settings).
    """
    n = Numbers(values)
    level = setting("excess") * ic50(drug, subunit, voltage, mg, values=values)
    shares = split({drug: level})
    q, _ = _system(n, subunit, voltage, mg, setting("saturating_glutamate"), shares)
    loaded = steady(q)
    rest, _ = _system(n, subunit, voltage, mg, 0.0, dict.fromkeys(shares, 0.0))
    after = course(rest, loaded, [setting("wash") if wash is None else wash])[-1]
    return float(parts(after)["block"].sum() / parts(loaded)["block"].sum())


def onset(
    concentrations: Mapping[str, float],
    subunit: str = "glun2a",
    voltage: float = -66.0,
    mg: float | None = None,
    glutamate: float | None = None,
    rate: float | None = None,
    values: Values = None,
) -> dict[str, float]:
    """Return `block` (0..1, all drugs, at steady state) and `time` (s) in which 1 - 1/e of it is reached from none.

    In constant agonist (umol/L, None: saturating), or with `rate` (1/s) in an irregular train of synaptic pulses.
    """
    if rate is not None and not rate > 0:
        raise InputError("not a rate", key="rate", value=rate, expected="above 0 per second")
    n, shares = Numbers(values), split(concentrations)
    q, _ = _system(n, subunit, voltage, mg, _agonist(glutamate), shares)
    if rate is not None:
        q = poisson(q, _system(n, subunit, voltage, mg, 0.0, shares)[0], setting("pulse_width"), rate)
    final = float(parts(steady(q))["block"].sum())
    times = np.linspace(0, 2 * 2 / _slowest(q), int(setting("fine")))
    blocked = parts(course(q, np.eye(len(q))[0], times))["block"].sum(axis=-1)
    return {"block": final, "time": float(np.interp(final * (1 - np.exp(-1.0)), blocked, times))}


def pulse_train(
    concentrations: Mapping[str, float],
    rate: float,
    subunit: str = "glun2a",
    voltage: float = -66.0,
    mg: float | None = None,
    regular: bool = False,
    values: Values = None,
) -> dict[str, float]:
    """Return what a settled train of synaptic pulses holds, on average over time.

    `block` is the share of channels with any drug inside, `gate` the fraction of time that the gate is open, `rate` the
    rate (1/s) at which block settles. Pulses come at `rate` per s, at random (Poisson) or at equal intervals (`regular`).
    """
    if not rate > 0:
        raise InputError("not a rate", key="rate", value=rate, expected="above 0 per second")
    n, shares = Numbers(values), split(concentrations)
    on, _ = _system(n, subunit, voltage, mg, setting("saturating_glutamate"), shares)
    off, _ = _system(n, subunit, voltage, mg, 0.0, shares)
    if regular:
        step, mean = cycle(on, off, setting("pulse_width"), rate)
        held, settles = parts(train_steady(step) @ mean), -np.log(np.sort(np.abs(np.linalg.eigvals(step)))[-2]) * rate
    else:
        train = poisson(on, off, setting("pulse_width"), rate)
        held, settles = parts(steady(train)), _slowest(train)
    return {"block": float(held["block"].sum()), "gate": float(held["gate"]), "rate": float(settles)}


def macroscopic_off(drug: str, voltage: float = -66.0, values: Values = None) -> float:
    """Return the rate (1/s) at which block is relieved in saturating agonist: koff times the share of open channels.

    Of a racemate, the mean over the shares with which its enantiomers block.
    """
    n = Numbers(values)
    rates = [blocker(n, d, "glun2a", voltage) for d in RACEMATES.get(drug, (drug,))]
    weights = np.array([b.on / b.off for b in rates])
    return float(weights @ np.array([b.off for b in rates]) / weights.sum() * gating(n).largest_open)


def macroscopic_on(drug: str, values: Values = None) -> float:
    """Return the rate constant (L/umol/s) at which block sets in, in saturating agonist without Mg2+."""
    n = Numbers(values)
    return n(drug_entry(RACEMATES.get(drug, (drug,))[0])["kon"]) * gating(n).largest_open


def _agonist(glutamate: float | None) -> float:
    value = setting("saturating_glutamate") if glutamate is None else glutamate
    if not value >= 0:
        raise InputError("a negative concentration", key="glutamate", value=value, expected="0 or more umol/L")
    return value


def _system(
    n: Numbers, subunit: str, voltage: float, mg: float | None, glutamate: float, shares: Mapping[str, float]
) -> tuple[Array, float]:
    gate, free, blockers, levels = assemble(n, subunit, voltage, mg, shares)
    return generator(gate, _agonist(glutamate), free, blockers, levels), free


def _slowest(q: Array) -> float:
    """Return the slowest rate (1/s) of a generator, zero aside."""
    return float(np.sort(np.abs(np.linalg.eigvals(q).real))[1])
