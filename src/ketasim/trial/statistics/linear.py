"""Small linear algebra for many trials at once: designs, least squares, inverses that do not stop at a singular matrix."""

from __future__ import annotations

import numpy as np

from ketasim.trial.statistics.estimate import Floats
from ketasim.trial.statistics.people import Bools, sample
from ketasim.trial.statistics.settings import setting


def definite(matrix: Floats) -> Bools:
    """Return whether symmetric matrices (..., k, k) are positive definite, judged at unit diagonal (setting "singular")."""
    scale = np.sqrt(np.maximum(np.diagonal(matrix, axis1=-2, axis2=-1), 0))
    fine = np.isfinite(matrix).all(axis=(-2, -1)) & (scale > 0).all(axis=-1)
    safe = np.where(fine[..., None], scale, 1.0)
    scaled = np.where(fine[..., None, None], matrix, 0.0) / (safe[..., :, None] * safe[..., None, :])
    return np.asarray(fine & (np.linalg.eigvalsh(scaled)[..., 0] > setting("singular")))


def inverse(matrix: Floats, fine: Bools) -> Floats:
    """Return inverses (..., k, k), NaN for the matrices that are not marked `fine` (...)."""
    eye = np.eye(matrix.shape[-1])
    mark = fine[..., None, None]
    return np.where(mark, np.linalg.inv(np.where(mark, matrix, eye)), np.nan)


def design(who: Bools, group: Floats, baseline: Floats | None = None) -> Floats:
    """Return columns 1, group and baseline at zero mean and unit SD, (..., n, 2 or 3); rows of 0 for people not in `who`.

    The scaling changes neither the coefficient of group nor its error, and keeps the equations well conditioned.
    """
    columns = [np.ones(who.shape), group]
    if baseline is not None:
        s = sample(baseline, who)
        sd = np.where(s.sd > 0, s.sd, 1.0)
        columns.append((baseline - s.mean[..., None]) / sd[..., None])
    return np.where(who[..., None], np.stack(columns, axis=-1), 0.0)


def least_squares(x: Floats, y: Floats, who: Bools) -> tuple[Floats, Floats, Floats, Floats]:
    """Return coefficients (..., k), inverse of X'X, residual sum of squares (...) and degrees of freedom (...).

    `x` (..., n, k) and `y` (..., n) are 0 for people not in `who`. NaN where columns are dependent.
    """
    gram = np.swapaxes(x, -1, -2) @ x
    over = inverse(gram, definite(gram))
    beta = (over @ (np.swapaxes(x, -1, -2) @ y[..., None]))[..., 0]
    rest = y - (x @ beta[..., None])[..., 0]
    df = who.sum(axis=-1) - float(x.shape[-1])
    return beta, over, (rest**2).sum(axis=-1), np.where(df > 0, df, np.nan)
