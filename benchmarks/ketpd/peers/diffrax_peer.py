"""diffrax: Tsit5 or Kvaerno5, vmapped over a batch of subjects, told of the times at which the input jumps."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

os.environ.setdefault("EQX_ON_ERROR", "nan")  # no host callback in the compiled program; NaN is looked for below

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.ketpd.peers.base import Failed, Floats, rate_constants, volume
from benchmarks.ketpd.problem import Problem

jax.config.update("jax_enable_x64", True)
_MOST_STEPS = 10**6
_SOLVERS = {
    "Tsit5": diffrax.Tsit5,
    "Dopri8": diffrax.Dopri8,
    "Kvaerno5": diffrax.Kvaerno5,
    "Kvaerno3": diffrax.Kvaerno3,
}


class Peer:
    """Setting: `method` (a key of _SOLVERS), `rtol`, `atol`, `batch` (subjects side by side)."""

    def __init__(self, problem: Problem, setting: dict[str, Any]) -> None:
        self.problem, self.setting = problem, setting
        edges = np.array([end for _, end, _ in problem.segments])
        inputs = jnp.array([rate for _, _, rate in problem.segments])
        jumps = jnp.array(edges[:-1])
        control = diffrax.ClipStepSizeController(
            diffrax.PIDController(rtol=setting["rtol"], atol=setting["atol"]), jump_ts=jumps
        )
        solver, first = _SOLVERS[setting["method"]](), jnp.array(problem.initial)

        def rate(t, u, p):
            return _rate(u, p, inputs[jnp.searchsorted(jumps, t, side="right")])

        def one(p, times):
            solution = diffrax.diffeqsolve(
                diffrax.ODETerm(rate), solver, 0.0, problem.horizon_h, None, first, args=p,
                saveat=diffrax.SaveAt(ts=times, fn=lambda t, u, args: jnp.stack([u[0], u[-1]])),
                stepsize_controller=control, max_steps=_MOST_STEPS,
            )  # fmt: skip
            return solution.ys

        self.run = jax.jit(jax.vmap(one, in_axes=(0, None)))

    def solve(self, subjects: dict[str, Floats], times: Floats) -> tuple[Floats, Floats]:
        """See base.Peer."""
        constants = rate_constants(self.problem, subjects)
        count, batch = len(constants), self.setting["batch"]
        out = np.empty((2, count, len(times)))
        for first in range(0, count, batch):
            who = np.minimum(np.arange(first, first + batch), count - 1)
            found = np.asarray(self.run(constants[who], times))[: count - first]
            out[:, first : first + batch] = np.moveaxis(found, 2, 0)
        if not np.isfinite(out).all():
            raise Failed("not finite")
        out[0] /= volume(self.problem, subjects)[:, None]
        return out[0], out[1]

    def version(self) -> str:
        """See base.Peer."""
        return f"diffrax {version('diffrax')}, JAX {jax.__version__}"


def _rate(u, p, R):
    A1, A2, A3, N1, N2, H, Ce, B, G = (u[k] for k in range(9))
    chain, S, M = u[9:-2], u[-2], u[-1]
    before = jnp.concatenate([u[8:9], chain[:-1]])
    return jnp.concatenate([
        jnp.stack([
            R - p[1] * A1 + p[4] * A2 + p[5] * A3, p[2] * A1 - p[4] * A2, p[3] * A1 - p[5] * A3,
            p[6] * A1 - p[7] * N1 + p[9] * N2, p[8] * N1 - p[9] * N2, p[10] * N1 - p[11] * H,
            p[12] * A1 - p[13] * Ce, p[14] * Ce * (1 - B) - p[15] * B, p[16] * (1 + p[17] * B * B / (p[18] + B * B) - G),
        ]),
        p[19] * (before - chain),
        jnp.stack([p[20] * (chain[-1] - 1) * (1 - S) - p[21] * S, p[22] - p[23] * S - p[24] * M]),
    ])  # fmt: skip
