"""`ketasim simulate`: a user's own model, its files and its table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ketasim.cli.bar import Bar
from ketasim.cli.run import check_folder, command_line, need_run_extra, real_number, split

if TYPE_CHECKING:
    from ketasim.simulate import OwnRun
    from ketasim.system.result import Result

_MOST_ROWS = 40  # printed in the terminal; the files hold everything


def simulate_and_write(
    model: str,
    parameters: str,
    dosing: str,
    population: str | None,
    *,
    covariates: str | None,
    times: str | None,
    tolerance: str | None,
    individuals: bool,
    out: str,
    as_json: bool,
) -> None:
    """Simulate, write summary.json, timecourse.parquet and run.json, print a table or JSON."""
    need_run_extra()
    from ketasim.report.files import summary_document, to_json, write_tables
    from ketasim.scenario.load import duration_h
    from ketasim.simulate import simulate

    folder = Path(out)
    check_folder(folder)
    texts = split(times, "times")
    times_h = None if texts is None else sorted({duration_h(t, "--times") for t in texts})
    with Bar(Path(model).stem) as bar:
        own = simulate(
            model,
            parameters,
            dosing,
            population,
            times_h=times_h,
            covariates=covariates,
            tolerance=real_number(tolerance, "tolerance"),
            progress=bar,
        )
    given = {"model": model, "parameters": parameters, "dosing": dosing, "population": population}
    result = as_result(own, given, {"covariates": covariates})
    files = write_tables(result, folder, individuals=individuals, command=command_line())
    for file, unused in ((population, own.ignored), (dosing, own.ignored_events)):
        for name in unused:
            print(f"ketasim: the column {name!r} of {file} names no parameter and was not used", file=sys.stderr)
    if as_json:
        sys.stdout.write(to_json(summary_document(result, files)) + "\n")
        return
    from ketasim.cli.printing import print_rows

    print_rows([{k: v for k, v in row.items() if k != "calibrated"} for row in result.summary()][:_MOST_ROWS])
    print(f"Files: {', '.join(files.values())}")


def as_result(own: OwnRun, files: dict[str, str | None], settings: dict[str, str | None]) -> Result:
    """Return a user's run as a `Result` with one arm, so that it is summarised and written like any other.

    `files` and `settings` are what it was made from; both go into its provenance.
    """
    import hashlib

    import numpy as np

    from ketasim.scenario.provenance import versions
    from ketasim.system.bind import Quantity
    from ketasim.system.result import Result

    hashes = {kind: hashlib.sha256(Path(name).read_bytes()).hexdigest() for kind, name in files.items() if name}
    return Result(
        title=own.title,
        arms=("all",),
        ids=np.arange(1, len(own.ids) + 1),
        times_h=own.times_h,
        quantities={n: Quantity(n, u, n, "model", own.calibration) for n, u in own.units.items()},
        values={n: v[None] for n, v in own.values.items()},
        seed=0,
        provenance=versions() | {"files": files, "sha256": hashes, "settings": settings, "ids": list(own.ids)},
    )
