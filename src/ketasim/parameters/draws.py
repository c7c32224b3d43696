"""What is known of the typical person, as draws: a fit's joint posterior where there is one, else each number's own prior.

A draw is a set of values for `ParameterTable.with_values`. It depends on the seed, its own number and the parameter's
name alone, so that draw 7 is the same whether ten or a thousand are asked for.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from statistics import NormalDist

import numpy as np

from ketasim.errors import InputError, nearest
from ketasim.files import read_text
from ketasim.parameters.parameter import Parameter
from ketasim.parameters.random import standard_normal
from ketasim.parameters.table import ParameterTable

_NORMAL = NormalDist()
_UPSTREAM = (
    "upstream"  # column of a fit that was made draw by draw given the parameters before it: the number of that draw
)
_FITTED = 1  # and the seed of those draws


def draws(table: ParameterTable, seed: int, count: int, *, posterior: Path | None = None) -> list[dict[str, float]]:
    """Return draws 1 to `count` of the uncertain parameters, each a map from canonical name to a value in the table's unit.

    Parameters
    ----------
    table : the parameters; those with a standard error or a range have a prior (`Parameter.prior`).
    seed : a whole number. count : how many draws.
    posterior : a CSV file of joint draws (header: canonical names; a row: one draw in the table's units). Its parameters
        move together, row by row in an order set by the seed, and come back to the first row when all have been used. By
        default the package's own, one for each fit that has written one; those of different fits move apart, but for a fit that was
        made given draws of what comes before it (column `upstream`): its draws stay with those.

    Raises
    ------
    InputError
        For a posterior with an unknown name, a cell that is no number in the parameter's range, or no rows: file and line.
    """
    joint = _posteriors(table, posterior)
    chained = {n: rows for n, rows in joint.items() if _UPSTREAM in rows[0]}
    apart = {n: rows for n, rows in joint.items() if n not in chained}
    given = {name for rows in chained.values() for name in rows[0]}
    if not chained:
        return _drawn_apart(table, seed, count, apart, given)
    ((purpose, rows),) = chained.items()
    order = np.argsort(standard_normal(seed, purpose, 1, len(rows)), kind="stable").tolist()
    if seed == _FITTED:
        order = sorted(order)
    # Draws of a later fit hold beside the draws that it was given; when they have all been used, what came before moves on alone.
    numbers = [int(rows[k][_UPSTREAM]) for k in order]
    before = _drawn_apart(table, _FITTED, max(numbers), apart, given)
    found = [before[n - 1] for n in numbers[:count]]
    if count > len(found):
        found += _drawn_apart(table, seed, count, apart, given)[len(found) :]
    return [
        {**values, **{n: v for n, v in rows[order[k % len(order)]].items() if n != _UPSTREAM}}
        for k, values in enumerate(found)
    ]


def _drawn_apart(
    table: ParameterTable, seed: int, count: int, joint: Mapping[str, list[dict[str, float]]], without: set[str]
) -> list[dict[str, float]]:
    """Return draws 1 to `count` of what does not rest on another fit's draws, of all parameters but those `without`."""
    found: list[dict[str, float]] = [{} for _ in range(count)]
    together = set(without)
    for purpose, rows in joint.items():
        order = np.argsort(standard_normal(seed, purpose, 1, len(rows)), kind="stable").tolist()
        for k, values in enumerate(found):
            values.update(rows[order[k % len(rows)]])
        together |= set(rows[0])
    for p in table:
        if p.name in together:
            continue
        prior = p.prior()
        if prior is None or prior[2] == 0:
            continue
        for values, z in zip(found, standard_normal(seed, f"prior/{p.name}", 1, count).tolist(), strict=True):
            values[p.name] = _drawn(p, prior, z)
    return found


def _drawn(p: Parameter, prior: tuple[str, float, float], z: float) -> float:
    """Return the prior's value at the standard normal number z, within the parameter's bounds.

    A range that touches the border of the scale (0 of a log scale; 0 or 1 of a logit) has no normal on that scale: it is
    drawn evenly.
    """
    family, location, scale = prior
    if p.se is None and p.low is not None and p.high is not None and _touches(p):
        value = p.low + (p.high - p.low) * _NORMAL.cdf(z)
    elif family == "lognormal":
        value = math.exp(location + scale * z)
    elif family == "logitnormal":
        value = 1 / (1 + math.exp(-(location + scale * z)))
    else:
        value = location + scale * z
    return value if p.bounds is None else min(max(value, p.bounds[0]), p.bounds[1])


def _touches(p: Parameter) -> bool:
    low, high = p.low or 0.0, p.high or 0.0
    return (p.scale == "log" and low <= 0) or (p.scale == "logit" and (low <= 0 or high >= 1))


def _posteriors(table: ParameterTable, path: Path | None) -> dict[str, list[dict[str, float]]]:
    """Return the joint draws by the purpose of the random numbers that order them; files without draws are left out."""
    if path is not None:
        return {"posterior": _read(table, path)}
    found = {}
    folder = files("ketasim.parameters").joinpath("data", "posterior")
    if folder.is_dir():
        for resource in sorted((f for f in folder.iterdir() if f.name.endswith(".csv")), key=lambda f: f.name):
            with as_file(resource) as inside:
                purpose = "posterior" if resource.name == "exposure.csv" else f"posterior/{resource.name}"
                found[purpose] = _read(table, inside, strict=False)
    return {purpose: joint for purpose, joint in found.items() if joint}


def _read(table: ParameterTable, path: Path, *, strict: bool = True) -> list[dict[str, float]]:
    """Return the draws of a file; without `strict`, none for a table that lacks any of its parameters."""
    header, *rows = list(csv.reader(io.StringIO(read_text(path))))
    if not strict and any(name not in table and name != _UPSTREAM for name in header):
        return []  # a table of one's own, even where it has a name of the package's fit
    names = [name.strip() for name in header]
    for name in names:
        if name not in table and name != _UPSTREAM:
            known = [p.name for p in table]
            raise InputError("unknown parameter", file=path, line=1, value=name, expected=nearest(name, known))
    if len(set(names)) < len(names) or not any(rows):
        raise InputError("not a set of draws", file=path, expected="each name once, and a row for each draw")
    found = [(line, _row(names, cells, path, line)) for line, cells in enumerate(rows, start=2) if cells]
    try:  # bounds are intervals: all is well if the ends of each column are
        for end in (min, max):
            table.with_values({name: end(values[name] for _, values in found) for name in names if name != _UPSTREAM})
    except InputError:
        _refuse(table, found, path)
    return [values for _, values in found]


def _row(names: list[str], cells: list[str], path: Path, line: int) -> dict[str, float]:
    if len(cells) != len(names):
        raise InputError(
            "wrong number of cells", file=path, line=line, value=len(cells), expected=f"{len(names)} cells"
        )
    try:
        values = {name: float(cell) for name, cell in zip(names, cells, strict=True)}
    except ValueError as error:
        raise InputError(f"not a number ({error})", file=path, line=line, expected="numbers") from None
    if not all(map(math.isfinite, values.values())):
        raise InputError("not a finite number", file=path, line=line, expected="finite numbers")
    return values


def _refuse(table: ParameterTable, found: list[tuple[int, dict[str, float]]], path: Path) -> None:
    """Raise the error of the first row that leaves a parameter's bounds."""
    for line, values in found:
        try:
            table.with_values({n: v for n, v in values.items() if n != _UPSTREAM})
        except InputError as error:
            raise error.at(file=path, line=line) from None
