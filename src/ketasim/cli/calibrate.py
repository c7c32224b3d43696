"""`ketasim calibrate mood`: fit plasticity, mood and what trials add to published trials, and check it on studies left out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ketasim.cli.bar import Bar
from ketasim.errors import InputError

if TYPE_CHECKING:
    from ketasim.inference.mood.calibrate import Calibration

_FITS = ("mood",)
_ALONE = ("--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1")
# To compile sooner: the smoke run evaluates little.
_QUICK = ("--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true")


def calibrate_and_print(name: str, *, work: str, check: bool, smoke: bool, dry: bool) -> None:
    """Run a calibration (or go on with one), print it, and write what it found into the package's data.

    Parameters
    ----------
    work : folder of the stages already done. check : only predict each study from the others. smoke : a few rounds of everything, for
        tests; writes nothing. dry : print and write nothing into the package.

    Raises
    ------
    InputError
        For an unknown calibration. RunError : the folder belongs to another one, or the package's data cannot be written.
    """
    if name not in _FITS:
        raise InputError("unknown calibration", value=name, expected=", ".join(_FITS))
    if "jax" not in sys.modules:  # many small arrays: threads of the numerical libraries only wait for each other
        wanted = (*_ALONE, *(_QUICK if smoke else ()))
        # What a calling process set for the engine comes in again later; read at once, it breaks the compiler on this posterior.
        given = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if "xla_backend_extra_options" not in flag]
        os.environ["XLA_FLAGS"] = " ".join([*given, *(flag for flag in wanted if flag not in given)])
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ketasim.inference.mood.calibrate import Calibration, designs
    from ketasim.inference.mood.settings import settings, smoked
    from ketasim.inference.store import package_folder

    if smoke:
        smoked()
    package = None if dry or smoke or check else package_folder()
    with Bar(f"calibrate {name}", "steps") as bar:
        found = Calibration(designs(), Path(work), told=lambda stage, k, n: _tell(bar, stage, k, n))
        found.check()
        drawn = None if check else found.draws(settings()["draws"])
        chains = None if check else found.chains()
    _print(found)
    if chains is not None:
        limits = settings()["posterior"]
        print(
            f"chains of {chains.rival}, {chains.states} states: R-hat at most {chains.rhat:.3f} ({limits['rhat']} wanted), "
            f"bulk ESS at least {chains.ess:.0f} ({limits['ess']} wanted), {chains.taken:.0%} of moves taken; "
            f"SDs {chains.spread:.2f} (median; up to {chains.widest:.2f}) times the normal approximation's"
        )
    if package is not None and drawn is not None:
        from ketasim.inference.mood.store import store

        for path in store(found, drawn, package):
            print(f"written: {path}")


def _tell(bar: Bar, stage: str, done: int, total: int) -> None:
    if done == 0:
        bar.say(stage)
    bar(done, total)


def _print(found: Calibration) -> None:
    import numpy as np

    from ketasim.cli.printing import print_rows

    checked, target = found.check(), found.posterior.target
    error = (checked.mean - target.y) / checked.sd
    print(f"{len(found.cases)} studies, {len(target.y)} figures, {found.posterior.count} parameters")
    print("Rival explanations: weight, and how well each predicts studies left out (sum of log densities)")
    print_rows(
        [
            {"rival": r, "weight": f"{w:.3f}", "left out": f"{found.left(r).density.sum():.1f}"}
            for r, w in found.weights.items()
        ]
    )
    print("Each study predicted by all the others")
    rows = []
    for k, c in enumerate(found.cases):
        own = target.figures.study == k
        rows.append(
            {
                "study": c.name,
                "figures": int(own.sum()),
                "inside": int(checked.inside[own].sum()),
                "mean error/SD": f"{error[own].mean():+.2f}",
            }
        )
    print_rows(rows)
    print(
        f"inside 90 % intervals: {checked.inside.mean():.1%} of {len(error)} (80 to 97 % wanted); "
        f"(predicted - observed) / SD: mean {np.mean(error):+.2f} (within 0.25), SD {np.std(error):.2f} (0.8 to 1.25)"
    )
