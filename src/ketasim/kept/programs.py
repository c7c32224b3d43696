"""Compiled programs, kept whole: a warm process neither traces nor compiles them.

JAX's own cache is asked with the traced and lowered program, and making that takes longer than a small run. Here the key
is what the program is made from. The files are machine code of this user's own machine, as JAX's are; a file is believed
only if it carries the hash of its content, and it is keyed by processor, libraries and flags.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import threading
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ketasim.errors import KetasimError
from ketasim.files import atomic_path
from ketasim.kept.store import folder, prune, settings


class KeptProgram:
    """A jitted function of arrays whose compiled form is kept on disk, one for each set of shapes.

    Parameters
    ----------
    jitted : what `jax.jit` returned. key : everything that its trace depends on besides the shapes of its arguments.
    """

    def __init__(self, jitted: Any, key: str) -> None:
        self._jitted, self._key = jitted, key
        self._ready: dict[Any, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, *args: Any) -> Any:
        """Call the program; inside a transformation of JAX (a gradient, say) it is traced as ever."""
        leaves, tree = jax.tree.flatten(args)
        if any(isinstance(x, jax.core.Tracer) for x in leaves):
            return self._jitted(*args)
        shapes = (
            tree,
            tuple(
                (x.shape, x.dtype.str) if hasattr(x, "dtype") else (np.shape(x), np.result_type(x).str) for x in leaves
            ),
        )
        program = self._ready.get(shapes)
        if program is None:
            with self._lock:  # threads that want the same program wait for one of them
                program = self._ready.get(shapes)
                if program is None:
                    program = self._ready[shapes] = self._program(args, str(shapes))
        return program(*args)

    def _program(self, args: Any, shapes: str) -> Callable[..., Any]:
        digest = hashlib.sha256("\n".join((self._key, shapes, _machine())).encode()).hexdigest()
        path = folder() / "programs" / f"{digest[: settings()['key_digits']]}.bin"
        found = _read(path)
        if found is not None:
            return found
        compiled: Callable[..., Any] = self._jitted.lower(*args).compile()
        _write(path, compiled, args)
        return compiled


def _read(path: Path) -> Callable[..., Any] | None:
    from jax.experimental.serialize_executable import deserialize_and_load

    try:
        told, _, body = path.read_bytes().partition(b"\n")
        if told.decode("ascii") != hashlib.sha256(body).hexdigest():
            return None
        return deserialize_and_load(*pickle.loads(body))  # type: ignore[no-any-return]
    except Exception:  # whatever is wrong with a file, the program is compiled anew
        return None


def _write(path: Path, compiled: Any, args: Any) -> None:
    """Keep a program that, read back, gives the same answer to the last bit; one that does not is compiled every time."""
    from jax.experimental.serialize_executable import deserialize_and_load, serialize

    try:
        body = pickle.dumps(serialize(compiled))
        again = jax.tree.leaves(deserialize_and_load(*pickle.loads(body))(*args))
        same = all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(jax.tree.leaves(compiled(*args)), again, strict=True)
        )
    except Exception:  # a backend that cannot serialise
        return
    if not same:
        return
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(hashlib.sha256(body).hexdigest().encode("ascii") + b"\n" + body)
        prune(path.parent, "*.bin", settings()["most_programs"])
    except (OSError, KetasimError):  # a full or read-only disk costs time only
        return


@cache
def _machine() -> str:
    """Return what machine code depends on: processor and its abilities, libraries, flags, precision."""
    device = jax.devices()[0]
    versions = f"{jax.__version__} {version('jaxlib')} {platform.python_version()} {np.__version__}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} {jax.config.read('jax_enable_x64')}"
    return f"{device.platform} {device.device_kind} {_processor()} {versions} {flags}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    telling = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    return " ".join(sorted({line for line in lines if line.startswith(telling)}))
