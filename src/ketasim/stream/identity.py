"""Which program this is: two processes that agree on it give the same bytes for the same part."""

from __future__ import annotations

from functools import cache

from ketasim.scenario.provenance import text_hash, versions

_ROOMS = (
    "layers", "parameters", "system", "engine", "scenario", "population", "dosing", "model", "units", "stream",
)  # fmt: skip
_SUFFIXES = (".toml", ".py", ".c", ".h")


@cache
def identity() -> dict[str, str]:
    """Return the version of ketasim, a hash of its equations, numbers and code, the machine type and the libraries."""
    found = versions()
    named = {f"library {name}": str(version) for name, version in found["libraries"].items()}
    return {
        "ketasim": str(found["ketasim"]),
        "program": text_hash(_ROOMS, _SUFFIXES),
        "machine": str(found["machine"]),
    } | named


def difference(other: dict[str, str]) -> str | None:
    """Return in words how another process differs from this one, None where it does not."""
    for name, here in identity().items():
        there = other.get(name, "nothing")
        if there != here:
            return f"{name} {there[:16]} there, {here[:16]} here"
    return None
