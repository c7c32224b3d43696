"""Compile kernels once per structure and shape, and keep them on disk between processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

import jax

from ketasim.engine.adjoint import Adjoint
from ketasim.engine.frame import Plan
from ketasim.engine.kernel import Answer, Kernel
from ketasim.engine.settings import Settings
from ketasim.engine.structure import Structure
from ketasim.kept import fingerprint
from ketasim.kept.codec import described
from ketasim.kept.programs import KeptProgram

# The step loop is thousands of small vector operations. XLA's CPU compiler makes one function of a loop, and one pass over
# the lanes of many results, only when told to; without, a step costs some ten times as much.
_XLA_OPTIONS = "xla_cpu_use_multi_output_fusion,xla_cpu_small_while_loop_byte_threshold=1000000000000"


@cache
def configure() -> None:
    """Set JAX to 64 bits. Compiled programs are kept by `KeptProgram`, not by JAX's own cache, which would trace first."""
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:  # read when JAX starts its backend
        os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_extra_options={_XLA_OPTIONS}".strip()
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # else threads wait for one another


class Program:
    """The compiled solver of one structure: parameters and plan in, outputs at the output times out.

    With `states` every state follows the outputs.
    """

    def __init__(
        self, structure: Structure, settings: Settings, outputs: Sequence[str], *, states: bool = False
    ) -> None:
        configure()
        self.structure, self.settings, self.outputs = structure, settings, tuple(outputs)
        flat = structure.flat
        trees = [flat.outputs[n].expr for n in self.outputs] + (list(flat.state_symbols) if states else [])
        self.width = len(trees)
        self._kernel = Kernel(structure, settings, tuple(trees))
        self._key = f"{fingerprint('engine', 'model')} {self.outputs} {states} {described(structure)} {settings}"
        self.run: Callable[[Any, Plan], Answer] = self._kept("run", self._kernel.__call__)

    def _kept(self, name: str, function: Callable[..., Any]) -> Any:
        return KeptProgram(jax.jit(function), f"{name} {self._key}")

    @cached_property
    def remember(self) -> Callable[[Any, Plan], tuple[Any, Any]]:
        """Parameters and plan in; outputs, and the states at the start of every step."""
        return self._kept("remember", lambda params, plan: Adjoint(self._kernel, params, plan).remembered())  # type: ignore[no-any-return]

    @cached_property
    def pull(self) -> Callable[[Any, Plan, Any, Any], Any]:
        """Parameters, plan, those states and cotangents of the outputs in; cotangents of the parameters out."""

        def pull(params: Any, plan: Plan, memory: Any, bar: Any) -> Any:
            return Adjoint(self._kernel, params, plan).pulled(params, memory, bar)

        return self._kept("pull", pull)  # type: ignore[no-any-return]
