"""Restricted (or plain) maximum likelihood of a covariance without structure, from sums by pattern; many trials at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ketasim.trial.statistics.estimate import Floats
from ketasim.trial.statistics.linear import definite, inverse
from ketasim.trial.statistics.patterns import Sums, start
from ketasim.trial.statistics.people import Bools
from ketasim.trial.statistics.settings import setting


@dataclass(frozen=True)
class State:
    """The model at a covariance `sigma` (R, V, V).

    `weight` (R, P, V, V) is its inverse over the visits of each pattern, 0 elsewhere; `phi` (R, V, k, V, k) and `beta`
    (R, V, k) are covariance and value of the generalised least-squares coefficients; `rr` (R, P, V, V) and `rx` (R, P, V, k)
    are sums of products of residuals with themselves and with the design; `lost` (R, P, V, V) is what estimating `beta` takes
    from `rr`, 0 if not restricted; `loglik` (R,).
    """

    sigma: Floats
    weight: Floats
    phi: Floats
    beta: Floats
    rr: Floats
    rx: Floats
    lost: Floats
    loglik: Floats


def evaluate(data: Sums, sigma: Floats, restricted: bool) -> State:
    """Return the `State` at a positive definite `sigma` (R, V, V)."""
    v, k, both = sigma.shape[-1], data.xx.shape[-1], data.both
    part = sigma[:, None] * both + np.eye(v) * (1 - data.seen)[:, None, :]
    weight = np.linalg.inv(part) * both
    total = np.einsum("rpuv,rpkl->rukvl", weight, data.xx, optimize=True).reshape(-1, v * k, v * k)
    phi = np.linalg.inv(total)
    right = np.einsum("rpuv,rpkv->ruk", weight, data.xy, optimize=True).reshape(-1, v * k, 1)
    beta = (phi @ right).reshape(-1, v, k)
    phi = phi.reshape(-1, v, k, v, k)
    of_x = beta[:, None] @ data.xx
    with_y = beta[:, None] @ data.xy
    rr = both * (data.yy - with_y - np.swapaxes(with_y, -1, -2) + of_x @ np.swapaxes(beta, -1, -2)[:, None])
    rx = data.seen[:, :, None] * (np.swapaxes(data.xy, -1, -2) - of_x)
    lost = both * np.einsum("rukvl,rpkl->rpuv", phi, data.xx, optimize=True) * restricted
    loglik = _loglik(data, part, weight, rr, total if restricted else None)
    return State(sigma, weight, phi, beta, rr, rx, lost, loglik)


def _loglik(data: Sums, part: Floats, weight: Floats, rr: Floats, total: Floats | None) -> Floats:
    """Return the log-likelihood (R,); restricted if the information `total` on the coefficients is given."""
    ratings = np.einsum("rp,pv->r", data.n, data.seen)
    minus = np.einsum("rp,rp->r", data.n, np.linalg.slogdet(part)[1]) + np.einsum("rpuv,rpuv->r", weight, rr)
    if total is not None:
        ratings = ratings - total.shape[-1]
        minus = minus + np.linalg.slogdet(total)[1]
    return np.asarray(-(minus + ratings * np.log(2 * np.pi)) / 2)


def pull(state: State, data: Sums) -> Floats:
    """Return K (R, V, V): the score by element is half of it on the diagonal, all of it beside; sigma K sigma / n is an EM step."""
    w = state.weight
    return np.asarray((w @ (state.rr + state.lost) @ w - data.n[..., None, None] * w).sum(axis=1))


def score(k: Floats) -> Floats:
    """Return the derivative of the log-likelihood by each free element (R, a) from `pull`."""
    rows, columns, f = _elements(k.shape[-1])
    return np.asarray(f * k[:, rows, columns])


def information(state: State, data: Sums, restricted: bool) -> tuple[Floats, Floats]:
    """Return the observed and the average information (R, a, a) on the free elements of the covariance.

    Observed: y'P E_a P E_b P y - tr(P E_a P E_b) / 2, with P = W - W X phi X' W restricted, P = W in the trace if not. Average:
    half of its first term, never negative; Gilmour, Thompson & Cullis (1995), doi:10.2307/2533274.
    """
    w, v, k = state.weight, state.sigma.shape[-1], data.xx.shape[-1]
    phi = state.phi.reshape(-1, v * k, v * k)
    h = _between(w, w @ state.rx)
    h = h.reshape(len(h), -1, v * k)
    first = _traces(w @ state.rr @ w, w) - h @ phi @ np.swapaxes(h, -1, -2)
    found = first + _traces(w @ state.lost @ w - (data.n / 2)[..., None, None] * w, w)
    if restricted:
        pg = phi[:, None] @ _spread(w, data.xx)
        turned = np.swapaxes(pg, -1, -2)
        found = found - pg.reshape(*pg.shape[:2], -1) @ np.swapaxes(turned.reshape(*pg.shape[:2], -1), 1, 2) / 2
    return (found + np.swapaxes(found, -1, -2)) / 2, (first + np.swapaxes(first, -1, -2)) / (2 * 2)


def _elements(v: int) -> tuple[np.ndarray, np.ndarray, Floats]:
    """Return row u and column v of each free element, and f, with E_a = f (e_u e_v' + e_v e_u')."""
    rows, columns = np.triu_indices(v)
    return rows, columns, np.where(rows == columns, 1 / 2, 1.0)


def _over_patterns(left: Floats, right: Floats) -> Floats:
    """Return the sum over patterns of left_ij right_kl, (R, i, j, k, l), from (R, P, i, j) and (R, P, k, l)."""
    r, p = left.shape[:2]
    product = np.swapaxes(left.reshape(r, p, -1), 1, 2) @ right.reshape(r, p, -1)
    return np.asarray(product.reshape(r, *left.shape[2:], *right.shape[2:]))


def _between(w: Floats, z: Floats) -> Floats:
    """Return the sum over patterns of w E_a z, (R, a, V, k), from w (R, P, V, V) and z (R, P, V, k)."""
    rows, columns, f = _elements(w.shape[-1])
    all_four = np.moveaxis(_over_patterns(w, z), 1, 3)  # (R, u, v, i, k)
    return np.asarray(f[:, None, None] * (all_four[:, rows, columns] + all_four[:, columns, rows]))


def _traces(m: Floats, w: Floats) -> Floats:
    """Return the sum over patterns of tr(m E_a w E_b), (R, a, b), for symmetric m and w (R, P, V, V)."""
    rows, columns, f = _elements(w.shape[-1])
    c = _over_patterns(m, w)
    u, v, s, t = rows[:, None], columns[:, None], rows[None], columns[None]
    return np.asarray(f[:, None] * f * (c[:, t, u, v, s] + c[:, t, v, u, s] + c[:, s, u, v, t] + c[:, s, v, u, t]))


def _spread(w: Floats, xx: Floats) -> Floats:
    """Return the sum over people of X'W E_a W X, (R, a, V k, V k)."""
    rows, columns, f = _elements(w.shape[-1])
    one, other = (np.swapaxes(w[..., at], -1, -2) for at in (rows, columns))  # (R, P, a, V)
    both = one[..., :, None] * other[..., None, :]
    wew = f[:, None, None] * (both + np.swapaxes(both, -1, -2))
    r, a, v, k = len(w), len(f), w.shape[-1], xx.shape[-1]
    parts = _over_patterns(wew.reshape(r, w.shape[1], a * v, v), xx).reshape(r, a, v, v, k, k)
    return np.asarray(np.moveaxis(parts, 4, 3).reshape(r, a, v * k, v * k))


def fit(data: Sums, restricted: bool) -> tuple[State, Floats, Bools]:
    """Return the state at the maximum, the inverse information (R, a, a) there, and which trials reached it (R,).

    Newton steps by the observed information; an EM step (Dempster, Laird & Rubin 1977) where that would leave the positive
    definite matrices or lower the likelihood.
    """
    state = evaluate(data, start(data), restricted)
    size = _elements(state.sigma.shape[-1])[0].size
    cov = np.full((len(data.n), size, size), np.nan)
    reached, reach = np.zeros(len(data.n), bool), np.ones(len(data.n))
    active = np.arange(len(data.n))
    for _ in range(int(setting("iterations"))):
        some, now = data.take(active), _take(state, active)
        slope = score(k := pull(now, some))
        observed, average = information(now, some, restricted)
        fine = definite(observed)
        cov[active] = inverse(observed, fine)
        known = np.where(fine[:, None, None], cov[active], inverse(average, definite(average)))
        step = np.einsum("rab,rb->ra", np.nan_to_num(known), slope)
        reached[active] = fine & (np.einsum("ra,ra->r", slope, step) <= setting("converged"))
        after, newton, valid = _advance(some, now, k, step * reach[active][:, None], restricted)
        reach[active] = np.where(newton, np.minimum(2 * reach[active], 1), reach[active] / 2)
        left = ~reached[active] & valid
        _put(state, active[left], after, left)
        active = active[left]
        if not active.size:
            break
    return state, cov, reached


def _advance(data: Sums, now: State, k: Floats, step: Floats, restricted: bool) -> tuple[State, Bools, Bools]:
    """Return the state after a Newton or else an EM step, which it was, and whether its covariance is definite, (R,) each."""
    rows, columns, _ = _elements(now.sigma.shape[-1])
    far = now.sigma.copy()
    far[:, rows, columns] += step
    far[:, columns, rows] = far[:, rows, columns]
    near = now.sigma + now.sigma @ k @ now.sigma / data.n.sum(axis=1)[:, None, None]
    near = (near + np.swapaxes(near, -1, -2)) / 2
    valid, far_fine = definite(near), definite(far) & step.any(axis=-1)
    mark = far_fine[:, None, None]
    first = evaluate(data, np.where(mark, far, now.sigma), restricted)
    good = far_fine & (first.loglik >= now.loglik - setting("slack"))
    if good.all():
        return first, good, good
    target = np.where(good[:, None, None], far, np.where(valid[:, None, None], near, now.sigma))
    return evaluate(data, target, restricted), good, good | valid


def _take(state: State, rows: np.ndarray) -> State:
    return State(*(getattr(state, f.name)[rows] for f in fields(State)))


def _put(state: State, rows: np.ndarray, new: State, of: Bools) -> None:
    """Write the trials `of` a new state into `rows` of a state."""
    for f in fields(State):
        getattr(state, f.name)[rows] = getattr(new, f.name)[of]
