"""Sums over people by pattern of missing visits: all that the likelihood of a repeated-measures model needs of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.trial.statistics.estimate import Floats
from ketasim.trial.statistics.linear import definite, inverse
from ketasim.trial.statistics.people import Bools


@dataclass(frozen=True)
class Sums:
    """Sums over the people of each pattern, for R trials, P patterns, V visits and k columns of the design.

    `seen` (P, V) is 1 for a rated visit; `n` (R, P) people; `xx` (R, P, k, k), `xy` (R, P, k, V) and `yy` (R, P, V, V) are
    cross products with 0 for missing values, of outcomes less the least-squares fit of each visit, `first` (R, V, k).
    """

    seen: Floats
    n: Floats
    xx: Floats
    xy: Floats
    yy: Floats
    first: Floats

    @property
    def both(self) -> Floats:
        """Which pairs of visits a pattern has, (P, V, V)."""
        return np.asarray(self.seen[:, :, None] * self.seen[:, None, :])

    def take(self, rows: NDArray[np.int64]) -> Sums:
        """Return the sums of some trials."""
        return Sums(self.seen, self.n[rows], self.xx[rows], self.xy[rows], self.yy[rows], self.first[rows])


def sums(y: Floats, x: Floats, seen: Bools) -> tuple[Sums, Bools]:
    """Return the `Sums` of outcomes `y` (R, n, V) and design `x` (R, n, k), and which trials can be fitted (R,).

    `seen` (R, n, V) marks ratings that count; `y` and `x` are finite. A trial can be fitted if at each visit the columns are
    independent and more people than columns were rated, and each pair of visits was rated in more people than columns.
    """
    k, mark = x.shape[-1], seen.astype(float)
    gram = np.einsum("rnv,rnk,rnl->rvkl", mark, x, x, optimize=True)
    pairs = np.einsum("rnu,rnv->ruv", mark, mark)
    fine = definite(gram).all(axis=-1) & (pairs > k).all(axis=(-2, -1))
    over = np.nan_to_num(inverse(gram, definite(gram)))
    first = (over @ np.einsum("rnv,rnk->rvk", y * mark, x)[..., None])[..., 0]
    rest = (y - x @ np.swapaxes(first, -1, -2)) * mark
    patterns, index = np.unique(seen.reshape(-1, seen.shape[-1]), axis=0, return_inverse=True)
    index = index.reshape(seen.shape[:-1])
    kept = [p for p in range(len(patterns)) if patterns[p].any()]
    table = np.concatenate([x, rest], axis=-1)
    cross = np.stack([_cross(table, index == p) for p in kept], axis=1) if kept else np.zeros((len(y), 0, 1, 1))
    n = np.stack([(index == p).sum(axis=-1) for p in kept], axis=1) if kept else np.zeros((len(y), 0))
    found = Sums(patterns[kept].astype(float), n.astype(float), cross[..., :k, :k], cross[..., :k, k:],
                 cross[..., k:, k:], first)  # fmt: skip
    return found, fine


def _cross(table: Floats, who: Bools) -> Floats:
    part = table * who[..., None]
    return np.asarray(np.swapaxes(part, -1, -2) @ part)


def start(data: Sums) -> Floats:
    """Return a covariance (R, V, V) to begin from: of residuals over the people who have each pair of visits.

    Its diagonal alone where that is not positive definite. With nobody missing it is the restricted maximum itself.
    """
    pairs = np.einsum("rp,puv->ruv", data.n, data.both)
    whole = data.yy.sum(axis=1) / np.maximum(pairs - data.xx.shape[-1], 1)
    eye = np.eye(whole.shape[-1])
    return np.where(definite(whole)[:, None, None], whole, whole * eye)
