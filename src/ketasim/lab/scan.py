"""How many signs of a table's calibrate rows are right over values of one parameter: how a free number of a read-out is chosen.

    python -m ketasim.lab.scan preclinical relief_scale 0.01 0.02 0.05

Rows held out are not computed, so that nothing can be chosen by them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from ketasim.errors import KetasimError
from ketasim.lab.judge import judge, reported
from ketasim.lab.tables import Table, answer, table
from ketasim.parameters import builtin_table


def scan(asked: Table, parameter: str, values: Sequence[float]) -> Iterator[tuple[float, int, int]]:
    """Yield (value, signs right, signs asked) of the calibrate rows, at the shipped numbers but for this one parameter.

    Parameters
    ----------
    asked : a table of evidence. parameter : canonical name. values : in the unit of the parameters' tables.

    Raises
    ------
    InputError
        For an unknown parameter. RunError, if an experiment could not be computed.
    """
    name = builtin_table().find(parameter)[0].name
    rows = [r for r in asked.rows if r.experiment and r.role == "calibrate" and r.observed.verified == "read"]
    for value in values:
        signs = []
        for row in rows:
            found = answer(row, {name: value}, 0)
            low, high = reported(row.observed, row.entry)
            signs.append(judge(str(row.entry["judge"]), found, [found], low, high, row.entry)["sign"])
        asked_for = [s for s in signs if s is not None]
        yield value, sum(asked_for), len(asked_for)


def main(arguments: Sequence[str]) -> int:
    """Print a line for each value; return 0, or 2 after one line on what is wrong."""
    try:
        name, parameter, *texts = arguments
        for value, right, total in scan(table(name), parameter, [float(t) for t in texts]):
            sys.stdout.write(f"{parameter} = {value:g}: {right} of {total} signs of calibrate rows right\n")
    except (KetasimError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
