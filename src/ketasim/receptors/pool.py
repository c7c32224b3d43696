"""The pool equation: the scheme averaged over activations, as the weeks-long model uses it (`layers/receptors/pool.toml`).

Drug moves slowly beside one activation, so an activation maps the blocked share b of a drug to
    b' = (1 - e) [b_inf + (b - b_inf)/(1 + T kappa)],  kappa = on + koff,  b_inf = on/kappa:
relaxation while the gate is open (T on average, exponentially distributed in effect), then release with probability
e = escape/(escape + unbind) as the agonists leave. With nu activations a second and s = 1/(1 + T kappa)
    db/dt = nu { (1 - e) s T [on (1 - sum b) - koff b] - e b }.
What an activation retains of a drug that is gone from outside, its trapped share, is (1 - e)/(1 + T koff). Several drugs share
`sum b` exactly and kappa approximately (each counts its own entry); activations that overlap are not described, which
costs some per cent at 0.5 activations per s and up to a quarter at 2 (docs/receptors.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from ketasim.receptors.numbers import Numbers, blocker, split
from ketasim.receptors.scheme import assemble, gating


def retained(drug: str, *, voltage: float = -66.0, values: Mapping[str, float] | None = None) -> float:
    """Return the share (0..1) of blocked channels that keep a drug (no racemate) through one activation at `voltage` mV."""
    n = Numbers(values)
    b, g = blocker(n, drug, "glun2a", voltage), gating(n)
    return g.unbind / (b.escape + g.unbind) / (1 + g.open_time * b.off)


def pool_steady(
    concentrations: Mapping[str, float],
    activations: float,
    *,
    subunit: str = "glun2b",
    voltage: float = -66.0,
    mg: float | None = None,
    values: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return the steady block by drug (0..1) of the pool equation, and its slowest `rate` (1/s) with one drug.

    `concentrations` in umol/L, `activations` per second, `voltage` in mV, `mg` in mmol/L (None: the table's).
    """
    n, shares = Numbers(values), split(concentrations)
    gate, free, blockers, levels = assemble(n, subunit, voltage, mg, shares)
    ratio = {}
    rate = 0.0
    for drug, b, c in zip(shares, blockers, levels, strict=True):
        e = b.escape / (b.escape + gate.unbind)
        kept = (1 - e) / (1 + gate.open_time * (b.off + b.on * c * free))
        entry, loss = kept * gate.open_time * b.on * c * free, kept * gate.open_time * b.off + e
        ratio[drug] = entry / loss
        rate = activations * (entry + loss)
    total = sum(ratio.values())
    return {d: r / (1 + total) for d, r in ratio.items()} | {"rate": rate}
