"""ketasim: an open, executable model of what ketamine does, from dose to mood. For research and teaching; no dosing advice.

import ketasim as ks
r = ks.run("landmark", size=200, seed=1)
r["plasma.ketamine"]        # xarray.DataArray (arm, id, time) with units
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ketasim.errors import InputError, KetasimError, RunError
    from ketasim.scenario import Scenario, load_scenario
    from ketasim.scenario.run import run
    from ketasim.system.result import Result

__version__ = "0.1.0"
__all__ = ["InputError", "KetasimError", "Result", "RunError", "Scenario", "__version__", "load_scenario", "run"]

_HOMES = {
    "InputError": "ketasim.errors",
    "KetasimError": "ketasim.errors",
    "RunError": "ketasim.errors",
    "Scenario": "ketasim.scenario",
    "load_scenario": "ketasim.scenario",
    "Result": "ketasim.system.result",
    "run": "ketasim.scenario.run",
}


def __getattr__(name: str) -> Any:
    """Import public names on first use: `import ketasim` stays light."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ketasim' has no attribute {name!r}")
