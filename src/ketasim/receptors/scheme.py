"""The kinetic scheme of the NMDA receptor with drugs in its pore, as a generator matrix.

    C0 <-> C1 <-> C2 <-> O        two agonists bind one after the other, the channel desensitises (D) or opens (O)
                   |              (Lester & Jahr 1992; form and constants of Destexhe, Mainen & Sejnowski 1998)
                   D
Every drug adds a copy of these five states with the drug inside. The copies join the free scheme at O alone: a drug
enters where agonist is bound (open) *and* Mg2+ is expelled, and leaves the open channel. A blocked channel closes and
loses agonist as a free one does, which traps the drug. One leak remains: while one agonist is still bound (C1) the closed
channel may let its drug go (`escape`); once both agonists have left it is sealed. Escape in C1 gives a trapped share
that does not depend on how long one waits, as seen (partial trapping, blanpied1997), and leaves block in the
presence of agonist as it was ("similar kinetics of block", mealing1999trap).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.receptors.numbers import Blocker, Numbers, blocker, free_fraction

Array = NDArray[np.float64]
STATES = ("C0", "C1", "C2", "D", "O")
_C0, _C1, _C2, _D, _O = range(len(STATES))


@dataclass(frozen=True)
class Gating:
    """Rates of the undrugged scheme: binding in L/umol/s, the others in 1/s."""

    bind: float
    unbind: float
    desensitise: float
    resensitise: float
    open: float
    close: float

    @property
    def largest_open(self) -> float:
        """Fraction of receptors with an open gate in saturating agonist."""
        closed_per_open = self.close / self.open
        return 1 / (1 + closed_per_open * (1 + self.desensitise / self.resensitise))

    @property
    def open_time(self) -> float:
        """Mean time (s) for which the gate is open in one activation: from both agonists bound to one of them lost."""
        return self.open / (self.unbind * self.close)


def gating(n: Numbers) -> Gating:
    """Return the rates of gating from the tables."""
    return Gating(
        bind=n("glu_bind"),
        unbind=n("glu_unbind"),
        desensitise=n("glu_desensitise"),
        resensitise=n("glu_resensitise"),
        open=n("gate_open"),
        close=n("gate_close"),
    )


def generator(
    gate: Gating, glutamate: float, free: float, blockers: Sequence[Blocker], concentrations: Sequence[float]
) -> Array:
    """Return the generator Q of dp/dt = p Q, shape (5(1 + drugs), same), 1/s; every row sums to zero.

    `glutamate` and `concentrations` in umol/L; `free` is the fraction of open channels without Mg2+, which is in rapid
    equilibrium. States come in the order of `STATES`, first without drug, then drug by drug.
    """
    width = len(STATES)
    q = np.zeros((width * (1 + len(blockers)),) * 2)
    for k in range(1 + len(blockers)):
        at = k * width
        for start, end, rate in (
            (_C0, _C1, gate.bind * glutamate),
            (_C1, _C0, gate.unbind),
            (_C1, _C2, gate.bind * glutamate),
            (_C2, _C1, gate.unbind),
            (_C2, _D, gate.desensitise),
            (_D, _C2, gate.resensitise),
            (_C2, _O, gate.open),
            (_O, _C2, gate.close),
        ):
            q[at + start, at + end] = rate
    for k, (b, c) in enumerate(zip(blockers, concentrations, strict=True), start=1):
        q[_O, k * width + _O] = b.on * c * free
        q[k * width + _O, _O] = b.off
        q[k * width + _C1, _C1] = b.escape
    np.fill_diagonal(q, -q.sum(axis=1))
    return q


def parts(p: Array) -> dict[str, Array]:
    """Return shares of a state vector (last axis): `open` (undrugged, Mg2+ not counted), `gate` (open with or without
    drug), `block` by drug, shape (..., drugs).
    """
    shaped = p.reshape(*p.shape[:-1], -1, len(STATES))
    return {"open": shaped[..., 0, _O], "gate": shaped[..., _O].sum(axis=-1), "block": shaped[..., 1:, :].sum(axis=-1)}


def assemble(
    n: Numbers, subunit: str, voltage: float, mg: float | None, concentrations: Mapping[str, float]
) -> tuple[Gating, float, list[Blocker], list[float]]:
    """Return gating, Mg-free fraction, blockers and concentrations (umol/L) for a subunit, voltage (mV) and Mg (mmol/L)."""
    free = free_fraction(n, subunit, voltage, mg)
    return gating(n), free, [blocker(n, d, subunit, voltage) for d in concentrations], list(concentrations.values())
