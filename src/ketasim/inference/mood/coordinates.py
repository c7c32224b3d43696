"""The coordinates of the fit: standard normal numbers, one for each parameter that is moved, and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.slow import terms
from ketasim.parameters import ParameterTable, builtin_table


@dataclass(frozen=True)
class Coordinates:
    """Parameters in the order of the coordinates, the others' fixed values, and ranges of those drawn evenly."""

    names: tuple[str, ...]
    fixed: Mapping[str, float]
    even: Mapping[str, tuple[float, float]]

    def values(self, z: Any) -> dict[str, Any]:
        """Return every parameter that the fit reads, in its own unit, for coordinates z (P,); differentiable."""
        table = builtin_table()
        found: dict[str, Any] = dict(self.fixed)
        for k, name in enumerate(self.names):
            found[name] = self._value(table, name, z[k])
        return found

    def _value(self, table: ParameterTable, name: str, z: Any) -> Any:
        p = table.resolve(name)
        if name in self.even:
            low, high = self.even[name]
            return low + (high - low) * norm.cdf(z)
        prior = p.prior()
        assert prior is not None
        family, location, scale = prior
        x = location + scale * z
        if family == "lognormal":
            x = jnp.exp(x)
        elif family == "logitnormal":
            x = jax.nn.sigmoid(x)
        return x if p.bounds is None else jnp.clip(x, *p.bounds)


def coordinates(rival: str = "all", *, only: Sequence[str] | None = None) -> Coordinates:
    """Return the coordinates of a rival explanation. `only` : keep these of them (the others stay at their values)."""
    s, table = settings(), builtin_table()
    entry = s["rival"][rival]
    free = {n: tuple(r) for n, r in entry.get("free", {}).items()}
    bases = set(s["moved"]["trial"]) | set(terms()[1])
    names, even = [], dict(free)
    fixed = {p.name: p.value for p in table}
    for p in table:
        if p.name.split(".")[0] not in bases or p.name in s["moved"]["never"]:
            continue
        prior = p.prior()
        if p.name in entry.get("off", ()):
            fixed[p.name] = 0.0
        elif p.name in free or (prior is not None and prior[2] > 0):
            names.append(p.name)
            if p.name not in free and p.low is not None and p.high is not None and p.se is None and _touches(p):
                even[p.name] = (p.low, p.high)
    kept = tuple(n for n in names if only is None or n in only)
    return Coordinates(kept, {n: v for n, v in fixed.items() if n not in kept}, even)  # type: ignore[arg-type]


def _touches(p: Any) -> bool:
    """Return whether a range reaches the border of its scale: such a number is drawn evenly (`parameters.draws`)."""
    return (p.scale == "log" and p.low <= 0) or (p.scale == "logit" and (p.low <= 0 or p.high >= 1))
