"""`ketasim fit`: estimate the parameters of a layer from published summaries, and check that the estimate is honest."""

from __future__ import annotations

import sys
from pathlib import Path

from ketasim.cli.bar import Bar
from ketasim.errors import InputError


def fit_and_store(name: str, *, work: str, check: int | None, dry: bool) -> None:
    """Run a fit (or go on with one), write what it found into the package's data, and print it.

    Parameters
    ----------
    work : folder of the stages already done. check : number of simulated data sets for the recovery check instead of the fit.
    dry : print and write nothing into the package.

    Raises
    ------
    InputError
        For an unknown fit.
    RunError
        If the folder belongs to another fit, or the package's data cannot be written.
    """
    from ketasim.inference.problem import Problem

    problem = Problem(name)
    folder = Path(work)
    if check is not None:
        _check(problem, folder, check)
        return
    from ketasim.inference.between import fit_between
    from ketasim.inference.fit import fit
    from ketasim.inference.store import package_folder, store

    package = None if dry else package_folder()
    with Bar(f"fit {name}: chains", "steps") as bar:
        done = 0

        def told(stage: str, k: int, total: int) -> None:
            nonlocal done
            if stage == "mode":
                bar.say(f"mode: round {k} of at most {total}")
                return
            done += 1
            bar(done, total)

        found = fit(problem, folder, told)
    values = {n: float(v) for n, v in problem.medians(found.z).items()}
    between = fit_between(problem, values)
    _print(problem, found, between)
    if package is not None:
        for path in store(problem, found, between, package):
            print(f"written: {path}")


def _print(problem, found, between) -> None:  # type: ignore[no-untyped-def]
    """Print estimates beside their priors, the errors by class, and how well the chains agree."""
    import numpy as np

    from ketasim.cli.printing import print_rows

    draws = problem.coordinates.values(found.z.T)
    rows = []
    for n, v in draws.items():
        low, mid, high = np.quantile(v, [1 / 20, 1 / 2, 19 / 20])
        prior = problem.spec["prior"][n]["value"]
        rows.append(
            {"parameter": n, "prior": f"{prior:.4g}", "median": f"{mid:.4g}", "p05": f"{low:.4g}", "p95": f"{high:.4g}"}
        )
    print("Estimates")
    print_rows(rows)
    kinds = problem.data.kinds
    print("Errors (log SD, medians)")
    print_rows(
        [
            {
                "class": k,
                "study effect": f"{np.median(found.tau[:, i]):.3f}",
                "model error": f"{np.median(found.rho[:, i]):.3f}",
            }
            for i, k in enumerate(kinds)
        ],
    )
    print("Between people (SD)")
    print_rows([{"parameter": n, "sd": f"{s:.3f}", "log SE": f"{e:.2f}"} for n, (s, e) in between.spreads.items()])
    agree = f"R-hat at most {found.rhat:.3f}; effective draws at least {found.ess:.0f}; {found.accepted:.0%} accepted"
    print(f"{len(problem.entries)} figures; {agree}")


def _check(problem, folder: Path, count: int) -> None:  # type: ignore[no-untyped-def]
    """Run the recovery check and print how uniform the ranks are."""
    if count < 1:
        raise InputError("not a number of data sets", key="check", value=count, expected="1 or more")
    from ketasim.cli.printing import print_rows
    from ketasim.inference.recovery import check_recovery

    folder.mkdir(parents=True, exist_ok=True)
    with Bar(f"fit {problem.name}: recovery", "data sets") as bar:
        ranks = check_recovery(problem, count, folder / "ranks.csv", lambda k: bar(k, count))
    p, inside = ranks.uniformity(), ranks.coverage(9 / 10)
    print("Recovery")
    print_rows(
        [
            {"quantity": n, "p (uniform ranks)": f"{p[n]:.3f}", "90 % interval holds": f"{inside[n]:.0%}"}
            for n in ranks.names
        ]
    )
    sys.stdout.write(f"{len(ranks.ranks)} data sets; ranks among {ranks.among} draws; kept in {folder / 'ranks.csv'}\n")
