"""Powers in JAX whose derivatives are numbers where the base is 0: no drug yet is a place like any other."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


@jax.custom_jvp
def power(base: Any, exponent: Any) -> Any:
    """Return base**exponent, to the bit what `jax.numpy.power` gives.

    At base 0 the slope by the base is that of the formula for exponents of 1 and more. Below 1 no finite slope exists and 0 stands for
    it: what has not begun to move stays at 0. The slope by the exponent is 0 there, the limit for every exponent above 0. JAX would
    give infinity, and not a number as soon as that meets the 0 by which the base moves.
    """
    return jnp.power(base, exponent)


@power.defjvp
def _moved(given: tuple[Any, Any], moves: tuple[Any, Any]) -> tuple[Any, Any]:
    base, exponent = given
    nothing = base == 0
    steep = nothing & (exponent < 1)
    value = power(base, exponent)
    by_base = jnp.where(steep, 0.0, exponent * power(jnp.where(steep, 1.0, base), exponent - 1))
    by_exponent = jnp.where(nothing, 0.0, jnp.where(nothing, 0.0, value) * jnp.log(jnp.where(nothing, 1.0, base)))
    return value, by_base * moves[0] + by_exponent * moves[1]
