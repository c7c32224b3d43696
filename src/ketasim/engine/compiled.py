"""Compile kernels once per structure and shape, and keep them on disk between processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from ketasim.engine.kernel import Answer, Kernel, Plan
from ketasim.engine.settings import Settings
from ketasim.engine.structure import Structure
from ketasim.model import evaluate, symbol


@cache
def configure() -> None:
    """Set JAX to 64 bits and give it a persistent cache of compiled programs (KETASIM_CACHE, default ~/.cache/ketasim)."""
    jax.config.update("jax_enable_x64", True)
    root = os.environ.get("KETASIM_CACHE") or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "ketasim")
    try:
        Path(root, "jax").mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a read-only home costs compile time, nothing else
    jax.config.update("jax_compilation_cache_dir", str(Path(root, "jax")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


class Program:
    """The compiled solver of one structure: parameters and plan in, outputs at the output times out."""

    def __init__(
        self, structure: Structure, settings: Settings, outputs: Sequence[str], *, states: bool = False
    ) -> None:
        configure()
        self.structure, self.settings, self.outputs = structure, settings, tuple(outputs)
        kernel = Kernel(structure, settings)
        flat = structure.flat

        def run(params: Any, plan: Plan) -> tuple[Any, Answer]:
            answer = kernel(params, plan)
            values = {symbol(n): params[k] for k, n in enumerate(flat.params)}
            values |= {s: answer.states[:, i] for i, s in enumerate(flat.state_symbols)}
            shape = (answer.states.shape[0], params.shape[1])
            results = evaluate([flat.outputs[n].expr for n in self.outputs], values, jnp)
            stacked = jnp.stack([jnp.broadcast_to(jnp.asarray(v, dtype=float), shape) for v in results], axis=1)
            if not states:
                answer = answer._replace(states=jnp.zeros((0,)))
            return stacked, answer

        self.run: Callable[[Any, Plan], tuple[Any, Answer]] = jax.jit(run)
