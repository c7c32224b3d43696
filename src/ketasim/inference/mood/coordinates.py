"""The coordinates of the fit: standard normal numbers, one for each parameter that is moved, and what they stand for.

All rival explanations share one set of coordinates. A rival holds some of them at a value (what it denies is held at 0), so that
one compiled posterior serves them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.slow import terms
from ketasim.parameters import Parameter, builtin_table

Floats = NDArray[np.float64]


class Held(NamedTuple):
    """Which coordinates a rival holds, (K,) bool, and at which values of their parameters (K,)."""

    held: Any
    value: Any


@dataclass(frozen=True)
class Coordinates:
    """Parameters in the order of the coordinates, the others' fixed values, and ranges of those drawn evenly."""

    names: tuple[str, ...]
    fixed: Mapping[str, float]
    even: Mapping[str, tuple[float, float]]

    @cached_property
    def _parts(self) -> tuple[Any, ...]:
        table = builtin_table()
        family, location, scale, low, high = [], [], [], [], []
        for name in self.names:
            p = table.resolve(name)
            family.append("even" if name in self.even else p.prior()[0])  # type: ignore[index]
            a, b = self.even[name] if name in self.even else p.prior()[1:]  # type: ignore[index]
            location.append(a)
            scale.append(b - a if name in self.even else b)
            ends = p.bounds or (-np.inf, np.inf)
            low.append(ends[0])
            high.append(ends[1])
        return np.array(family), *(np.array(x, dtype=float) for x in (location, scale, low, high))

    def moved(self, z: Any) -> Any:
        """Return the parameters at coordinates z (K,) or (N, K), each in its own unit, in the same shape; differentiable."""
        family, location, scale, low, high = self._parts
        x = location + scale * z
        x = jnp.where(family == "lognormal", jnp.exp(jnp.where(family == "lognormal", x, 0.0)), x)
        x = jnp.where(family == "logitnormal", jax.nn.sigmoid(x), x)
        x = jnp.where(family == "even", location + scale * ndtr(z), x)
        return jnp.clip(x, low, high)

    def values(self, z: Any, held: Held | None = None) -> dict[str, Any]:
        """Return every parameter that the fit reads, in its own unit, for coordinates z (K,); differentiable."""
        x = self.moved(z)
        if held is not None:
            x = jnp.where(held.held, held.value, x)
        return dict(self.fixed) | {name: x[k] for k, name in enumerate(self.names)}


def coordinates() -> Coordinates:
    """Return the coordinates of the fit: of all parameters of the slow layers and of trials that any rival moves."""
    s, table = settings(), builtin_table()
    free = {n: tuple(r) for entry in s["rival"].values() for n, r in entry.get("free", {}).items()}
    bases = set(s["moved"]["trial"]) | set(terms()[1])
    names, even = [], dict(free)
    for p in table:
        if p.name.split(".")[0] not in bases or p.name in s["moved"]["never"]:
            continue
        prior = p.prior()
        if p.name in free or (prior is not None and prior[2] > 0):
            names.append(p.name)
            if p.name not in free and p.low is not None and p.high is not None and p.se is None and _touches(p):
                even[p.name] = (p.low, p.high)
    fixed = {p.name: p.value for p in table if p.name not in names}
    return Coordinates(tuple(names), fixed, even)  # type: ignore[arg-type]


def held(rival: str, of: Coordinates) -> Held:
    """Return what a rival explanation holds: what it denies at 0, what only others free at its usual value.

    Raises
    ------
    InputError
        For an unknown rival.
    """
    rivals = settings()["rival"]
    if rival not in rivals:
        raise InputError("unknown rival", key="rival", value=rival, expected=nearest(rival, rivals))
    entry, table = rivals[rival], builtin_table()
    given = dict.fromkeys(entry.get("off", ()), 0.0) | dict(entry.get("hold", {}))
    for other in rivals.values():
        for n in set(other.get("free", {})) - set(entry.get("free", {})):
            given.setdefault(n, table.resolve(n).value)
    return Held(np.array([n in given for n in of.names]), np.array([given.get(n, 0.0) for n in of.names]))


def _touches(p: Parameter) -> bool:
    """Return whether a range reaches the border of its scale: such a number is drawn evenly (`parameters.draws`)."""
    return (p.scale == "log" and p.low <= 0) or (p.scale == "logit" and (p.low <= 0 or p.high >= 1))  # type: ignore[operator]
