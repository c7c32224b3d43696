"""Fit the map of one output to a sweep: terms chosen by leave-one-out error, least squares, honest standard errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim.errors import InputError
from ketasim.maps.axis import Axis, scaled_condition
from ketasim.maps.basis import candidates, design
from ketasim.maps.link import forward, inverse, natural_floor
from ketasim.maps.settings import map_settings
from ketasim.maps.spec import OutputMap, strength_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Target:
    """An output to be mapped; `floor` (in `unit`) is the network's resolution, None: half the least value of the sweep."""

    name: str
    title: str
    unit: str
    link: str
    floor: float | None = None


def fit(
    axes: Sequence[Axis],
    target: Target,
    conditions: Mapping[str, ArrayLike],
    values: ArrayLike,
    *,
    degree: int = 2,
    near: float = 1.0,
) -> OutputMap:
    """Return the map of an output.

    The model is link(value) = link(rest) + sum of c_j x term_j(scaled axes) + error, with link(rest) the mean over the runs at
    rest. Candidate terms are products up to `degree` and each axis alone to one power more. They enter greedily by the
    leave-one-out error (PRESS: residuals over 1 - leverage; Allen 1974, doi:10.1080/00401706.1974.10489157), and the fewest
    whose error is near the path's least are kept. Errors within the inner box of half-width `near` around rest and outside it
    have their own size, estimated from leave-one-out residuals and used as weights, in rounds; outside it grows with the
    change itself (`strength_of`), so that conditions that silence a network do not bend the map where it works. The
    covariance of the coefficients is that of weighted least squares plus what the error of the mean at rest, common to all
    differences, adds.

    Parameters
    ----------
    axes : the network's axes. target : the output.
    conditions : axis name to values, shape (runs,); axes left out are at rest.
    values : the output of each run, shape (runs,), in the target's unit; runs without a finite value are left out.
    degree : of the products. near : in scaled axes; 1 makes no difference between inside and outside.

    Raises
    ------
    InputError
        With too few runs at rest or elsewhere, or a value on the link's border without a floor.
    """
    y_all = np.asarray(values, dtype=np.float64)
    z_all = np.broadcast_to(scaled_condition(axes, conditions), (len(y_all), len(axes)))
    keep = np.isfinite(y_all)
    z, raw = z_all[keep], y_all[keep]
    floor = natural_floor(target.link, raw) if target.floor is None else target.floor
    y = forward(target.link, raw, floor)
    at_rest = np.all(z == 0, axis=1)
    _enough(target, y, at_rest)
    rest = float(y[at_rest].mean())
    rest_se = float(y[at_rest].std(ddof=1) / np.sqrt(at_rest.sum()))
    options = candidates(len(axes), degree)
    inside = _inside(z[~at_rest], near)
    found = _rounds(design(z[~at_rest], options), y[~at_rest] - rest, rest_se, inside)
    return OutputMap(
        name=target.name,
        title=target.title,
        unit=target.unit,
        link=target.link,
        floor=floor,
        rest=float(inverse(target.link, rest)),
        rest_se=rest_se,
        terms=tuple(options[k] for k in found.chosen),
        coefficients=tuple(map(float, found.coefficients)),
        root=tuple(tuple(map(float, row[: k + 1])) for k, row in enumerate(found.root)),
        points=int((~at_rest).sum()),
        near=1.0 if inside.all() else near,
        loo_near=found.near,
        loo_far=found.far,
        growth=found.growth,
        noise_sd=_noise(z, y),
    )


@dataclass(frozen=True)
class _Found:
    """Columns chosen, their coefficients, the root of the covariance, leave-one-out errors inside and outside the inner
    box (outside: of a small change), and how the latter grows with the change.
    """

    chosen: list[int]
    coefficients: Array
    root: Array
    near: float
    far: float
    growth: float


def _inside(z: Array, near: float) -> NDArray[np.bool_]:
    """Say which points lie in the inner box; all, where either part would have too few for an error of its own."""
    inside = np.abs(z).max(1) <= near
    least = map_settings()["fit"]["least_points"]
    return inside if min(inside.sum(), (~inside).sum()) >= least else np.ones(len(z), dtype=bool)


def _rounds(options: Array, change: Array, rest_se: float, inside: NDArray[np.bool_]) -> _Found:
    near, far, growth = 1.0, 1.0, 0.0
    for _ in range(map_settings()["fit"]["rounds"]):
        sd = np.where(inside, near, far * strength_of(change, growth))
        chosen = sorted(select(options / sd[:, None], change / sd))
        c, root, left_out = _least_squares(options[:, chosen], change, sd, rest_se)
        near, far = _rms(left_out[inside]), _rms(left_out)
        if not inside.all():
            far, growth = _outside(left_out[~inside], change[~inside])
        if min(near, far) == 0:  # an output that does not move, or noise-free data of the map's own form
            break
    return _Found(chosen, c, root, near, far, growth)


def _outside(left_out: Array, change: Array) -> tuple[float, float]:
    """Return the error of a small change outside the inner box, and how it grows with the change: the likeliest of a few.

    Normal errors of SD a (1 + growth |change|); growth is told in units of the usual change there.
    """
    usual = _rms(change)
    found = []
    for relative in map_settings()["fit"]["growth"] if usual else [0.0]:
        growth = relative / usual if usual else 0.0
        strength = strength_of(change, growth)
        error = _rms(left_out / strength)
        found.append((float(np.log(np.maximum(error * strength, np.finfo(float).tiny)).sum()), error, growth))
    return min(found)[1:]


def _rms(x: Array) -> float:
    return float(np.sqrt((x**2).mean()))


def _enough(target: Target, y: Array, at_rest: NDArray[np.bool_]) -> None:
    key = f"output.{target.name}"
    if not np.isfinite(y).all():
        raise InputError(
            f"a value on the border of the {target.link} link", key=key, expected="values inside, or a floor"
        )
    if at_rest.sum() < 2:
        raise InputError(
            "too few runs at rest", key=key, value=int(at_rest.sum()), expected="2 or more, for their spread"
        )
    least = map_settings()["fit"]["least_points"]
    if (~at_rest).sum() < least:
        raise InputError("too few points", key=key, value=int((~at_rest).sum()), expected=f"{least} or more")


def select(options: Array, change: Array) -> list[int]:
    """Return the columns of `options`, shape (points, options), that a map of `change`, shape (points,), keeps."""
    s = map_settings()["fit"]
    n, left = len(change), options.copy()
    residual, leverage = change.copy(), np.zeros(n)
    whole = np.maximum((options**2).sum(0), np.finfo(float).tiny)
    chosen: list[int] = []
    path = [float((change**2).sum())]
    while len(chosen) < min(options.shape[1], n // s["points_per_term"]):
        size = (left**2).sum(0)
        usable = size > s["dependent"] * whole
        usable[chosen] = False
        if not usable.any():
            break
        q = left / np.sqrt(np.where(usable, size, 1.0))
        after = residual[:, None] - q * (q.T @ residual)
        press = ((after / np.maximum(1 - leverage[:, None] - q**2, s["leverage"])) ** 2).sum(0)
        best = int(np.argmin(np.where(usable, press, np.inf)))
        direction = q[:, best]
        chosen.append(best)
        path.append(float(press[best]))
        residual, leverage = after[:, best], leverage + direction**2
        left = left - np.outer(direction, direction @ left)
    good = min(path) * (1 + s["parsimony"]) ** 2
    return chosen[: next(k for k, p in enumerate(path) if p <= good)]


def _least_squares(x: Array, change: Array, sd: Array, rest_se: float) -> tuple[Array, Array, Array]:
    """Return coefficients, the root of their covariance, and leave-one-out residuals, with weights 1/sd^2.

    The errors' common size is estimated from the residuals; `sd` says how they compare.
    """
    n, p = x.shape
    if p == 0:
        return np.zeros(0), np.zeros((0, 0)), change
    q, r = np.linalg.qr(x / sd[:, None])
    back = np.linalg.inv(r)
    c = back @ (q.T @ (change / sd))
    residual = change - x @ c
    size = np.sqrt(((residual / sd) ** 2).sum() / (n - p))
    shared = back @ (q.T @ (1 / sd)) * rest_se  # how the coefficients move with the mean at rest
    stacked = np.hstack([back * size, shared[:, None]])
    root = np.asarray(np.linalg.qr(stacked.T, mode="r")).T
    return c, root, residual / np.maximum(1 - (q**2).sum(1), map_settings()["fit"]["leverage"])


def _noise(z: Array, y: Array) -> float:
    """Return the SD between seeds of one condition, pooled over the conditions that were run more than once."""
    _, group, count = np.unique(z, axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    mean = np.bincount(group, y) / count
    freedom = int((count - 1).sum())
    return float(np.sqrt(((y - mean[group]) ** 2).sum() / freedom)) if freedom else 0.0
