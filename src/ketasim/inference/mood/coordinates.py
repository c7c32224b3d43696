"""The coordinates of the fit: standard normal numbers, one for each parameter that is moved, and what they stand for.

All rival explanations share one set of coordinates. A rival holds some of them at a value (what it denies is held at next to
nothing), so that one compiled posterior serves them all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.slow import terms
from ketasim.parameters import builtin_table

Floats = NDArray[np.float64]


class Held(NamedTuple):
    """Which coordinates a rival holds, (K,) bool, and at which values of their parameters (K,)."""

    held: Any
    value: Any


@dataclass(frozen=True)
class Coordinates:
    """Parameters in the order of the coordinates, their priors, and the others' fixed values.

    `family` (K,) is normal, lognormal, logitnormal or even; `location` and `scale` (K,) are of the normal number behind it (of an even
    one its low end and width); `low` and `high` are bounds.
    """

    names: tuple[str, ...]
    usual: Floats
    family: NDArray[np.str_]
    location: Floats
    scale: Floats
    low: Floats
    high: Floats
    fixed: Mapping[str, float]

    def moved(self, z: Any) -> Any:
        """Return the parameters at coordinates z (K,) or (N, K), each in its own unit, in the same shape; differentiable."""
        family, location, scale = self.family, self.location, self.scale
        x = location + scale * z
        x = jnp.where(family == "lognormal", jnp.exp(jnp.where(family == "lognormal", x, 0.0)), x)
        x = jnp.where(family == "logitnormal", jax.nn.sigmoid(x), x)
        x = jnp.where(family == "even", location + scale * ndtr(z), x)
        return jnp.clip(x, self.low, self.high)

    def values(self, z: Any, held: Held | None = None) -> dict[str, Any]:
        """Return every parameter that the fit reads, in its own unit, for coordinates z (K,); differentiable."""
        x = self.moved(z)
        if held is not None:
            x = jnp.where(held.held, held.value, x)
        return dict(self.fixed) | {name: x[k] for k, name in enumerate(self.names)}


@cache
def coordinates() -> Coordinates:
    """Return the coordinates of the fit: of all parameters of the slow layers and of trials that any rival moves.

    Their priors are those of inference/data/mood_prior.csv, the numbers of the tables before anything was fitted.
    """
    text = files("ketasim.inference").joinpath("data", "mood_prior.csv").read_text("utf-8")
    rows = [r for r in csv.DictReader(io.StringIO(text)) if r["name"].split(".")[0] in _moved()]

    def column(key: str, missing: float = np.nan) -> Floats:
        return np.array([float(r[key]) if r[key] else missing for r in rows])

    names = tuple(r["name"] for r in rows)
    return Coordinates(
        names,
        column("value"),
        np.array([r["family"] for r in rows]),
        column("location"),
        column("scale"),
        column("low", -np.inf),
        column("high", np.inf),
        {p.name: p.value for p in builtin_table() if p.name not in names},
    )


def _moved() -> set[str]:
    s = settings()["moved"]
    return (set(s["trial"]) | set(s["animals"]) | set(terms()[1])) - set(s["never"])


def held(rival: str, of: Coordinates) -> Held:
    """Return what a rival explanation holds: what it denies at the floor, what only others free at its usual value.

    Raises
    ------
    InputError
        For an unknown rival.
    """
    rivals = settings()["rival"]
    if rival not in rivals:
        raise InputError("unknown rival", key="rival", value=rival, expected=nearest(rival, rivals))
    entry, usual = rivals[rival], dict(zip(of.names, of.usual.tolist(), strict=True))
    given = dict.fromkeys(entry.get("off", ()), settings()["floor"]) | dict(entry.get("hold", {}))
    for other in rivals.values():
        for n in set(other.get("free", {})) - set(entry.get("free", {})):
            given.setdefault(n, usual[n])
    return Held(np.array([n in given for n in of.names]), np.array([given.get(n, 0.0) for n in of.names]))
