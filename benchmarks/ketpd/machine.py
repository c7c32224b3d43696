"""Name the machine on which the figures were measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("ketasim", "jax", "numpy", "numba", "numbalsoda", "libroadrunner", "python-copasi", "scipy", "diffrax")
_KIB_PER_GIB = 2**20


def machine_lines() -> list[str]:
    """Return lines of plain text: processor, cores, memory, system, Python, packages, load, day."""
    packages = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return [
        f"Processor: {_first('/proc/cpuinfo', 'model name') or platform.processor() or 'unknown'}, "
        f"{os.cpu_count()} cores ({platform.machine()}), {_memory()}",
        f"System: {_first('/etc/os-release', 'PRETTY_NAME').strip(chr(34)) or platform.system()}, {platform.release()}; "
        f"Python {platform.python_version()}",
        f"Packages: {packages}",
        f"Load when it began: {os.getloadavg()[0]:.1f} (other work on the machine shows in the spread); "
        f"measured {datetime.now(UTC):%d %B %Y}",
    ]


def _first(path: str, key: str) -> str:
    """The value of a key in a file of `key: value` or `key=value` lines; empty if there is none."""
    try:
        lines = Path(path).read_text("utf-8").splitlines()
    except OSError:
        return ""
    found = (line.replace("=", ":", 1).split(":", 1)[1].strip() for line in lines if line.startswith(key))
    return next(found, "")


def _memory() -> str:
    total = _first("/proc/meminfo", "MemTotal").split()
    return f"{int(total[0]) / _KIB_PER_GIB:.0f} GiB" if total else "memory unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
