"""Predicted figures of all studies at once, and the variance of what trials of their size would report; differentiable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from numpy.typing import NDArray

from ketasim.inference.mood.cases import Case
from ketasim.inference.mood.settings import settings
from ketasim.trial.expectation import Arms, Rated, held, rated
from ketasim.trial.scales import scale
from ketasim.trial.spec import Endpoint

Values = Mapping[str, Any]
Ints = NDArray[np.int_]
_TINY = 1e-9
_EDGE = 1e-3
_HALF = 1 / 2
LEVELS, RELAPSES = ("level", "sd_level"), ("relapse", "relapse_median")
SHARES = ("response", "remission", "threshold", "ever_response")
COMPARED = ("risk_difference", "nnt", "risk_ratio", "odds_ratio")


class Figures:
    """The fitted figures of studies, (E,) in the order of cases and their endpoints, each of one or two arms.

    Sides: the first of every endpoint, then the second of those that compare arms, (M,).
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = tuple(cases)
        self.keys = [(c.name, a.name) for c in cases for a in c.arms]
        people = [c.enrolled[a.name] for c in cases for a in c.arms]
        most = max(len(c.times_h) for c in cases)
        times = [np.pad(c.times_h, (0, most - len(c.times_h)), mode="edge") for c in cases for _ in c.arms]
        self.arms = Arms(people, np.stack(times))
        self.endpoints = [(c, e) for c in cases for e in c.endpoints]
        self.study = np.array([k for k, c in enumerate(cases) for _ in c.endpoints])
        self.trial = np.array([k for k, c in enumerate(cases) for _ in c.arms])
        self.first = np.array([self.keys.index((c.name, e.arm)) for c, e in self.endpoints])
        both = [k for k, (_, e) in enumerate(self.endpoints) if e.versus]
        self.both = np.array(both, dtype=int)
        second = [self.keys.index((self.endpoints[k][0].name, self.endpoints[k][1].versus)) for k in both]
        self.side = np.concatenate([self.first, np.array(second, dtype=int)])
        self.of = [*range(len(self.endpoints)), *both]
        self.n = np.array(
            [
                _seen(self.endpoints[k][0], self.endpoints[k][1], self.keys[a][1])
                for k, a in zip(self.of, self.side, strict=True)
            ]
        )
        self._rows()

    def _rows(self) -> None:
        """Lay out which arm is rated on which scale at which time, and where each side finds its ratings."""
        ends = [self.endpoints[k][1] for k in self.of]
        self.special = [
            k for k, e in enumerate(ends) if "days" in e.options or e.measure in ("ever_response", *RELAPSES)
        ]
        asked: list[list[float]] = []
        for k, (e, a) in enumerate(zip(ends, self.side, strict=True)):
            own = {e.at_h, float(e.options.get("from", 0.0)), *e.options.get("days", ())}
            if k in self.special:
                own |= {t for t in self.arms.times_h[a].tolist() if 0 < t <= e.at_h}
            asked.append(sorted(own))
        triples = sorted({(e.scale, int(a), t) for e, a, own in zip(ends, self.side, asked, strict=True) for t in own})
        self.scales = sorted({s for s, _, _ in triples})
        self.where = {key: k for k, key in enumerate(triples)}
        self.rows = {s: [(a, t) for name, a, t in triples if name == s] for s in self.scales}
        self.end = self._find(ends, [e.at_h for e in ends])
        self.start = self._find(ends, [float(e.options.get("from", 0.0)) for e in ends])
        self.started = np.array([float(e.options.get("from", 0.0)) > 0 for e in ends])
        self.low = _deep([scale(e.scale).low for e in ends])
        self.level = _deep([e.measure in LEVELS for e in ends])
        self.relative = _deep([e.measure == "percent_change" for e in ends])
        self.never = _deep([e.at_h == 0 for e in ends])
        before = [self.arms.people[a].rated[e.scale] for e, a in zip(ends, self.side, strict=True)]
        self.before = np.stack(before)  # (M, B)
        self.limit = np.stack([limit(e, b) for e, b in zip(ends, self.before, strict=True)])
        failure = [
            1 - c.design.dropout.share * e.at_h / max(c.times_h[-1], 1.0)
            if c.design.dropout.handling == "failure"
            else 1.0
            for c, e in (self.endpoints[k] for k in self.of)
        ]
        self.still = np.array(failure)
        self.base_sd = np.array([self.arms.people[a].sd[e.scale] for e, a in zip(ends, self.side, strict=True)])

    def _find(self, ends: Sequence[Endpoint], times_h: Sequence[float]) -> Ints:
        return np.array([self.where[e.scale, int(a), t] for e, a, t in zip(ends, self.side, times_h, strict=True)])

    def predict(self, drug: Any, peak: Any, v: Values, shift: Any, size: Any) -> tuple[Any, Any]:
        """Return the figures (E,) and the sampling variance of their first and second side, (2, E).

        drug : (A, P, V). peak : (A, P). shift, size : numbers, as `Arms.hoped` has them for each arm.
        """
        many = jnp.ones(len(self.keys))
        improved = self.arms.hoped(drug, peak, v, shift * many, size * many)
        s = settings()["nodes"]
        found = []
        for name in self.scales:
            arms, times = (np.array(x) for x in zip(*self.rows[name], strict=True))
            at = np.array([_place(self.arms.times_h[a], t) for a, t in zip(arms, times, strict=True)])
            people = [self.arms.people[a] for a in arms]
            found.append(rated(people, name, improved[arms, at], times, v, s["ranks"], s["places"]))
        seen = Rated(*(jnp.concatenate([getattr(r, n) for r in found]) for n in ("score", "sd", "share")))
        mean, spread = self._moments(seen)
        return self._figures(mean, spread, self._shares(seen), seen)

    def _moments(self, seen: Rated) -> tuple[Any, Any]:
        """Return mean and SD of change, level or relative change of each side, (M,)."""
        before = self.before[:, :, None, None]
        unit = jnp.where(self.relative, jnp.maximum(before, 1), 1.0)
        weight = _weight(seen, self.end)
        after = jnp.where(self.never, before, held(seen.score[self.end], seen.sd[self.end], self.low))
        gap = (after - jnp.where(self.level, 0.0, before)) / unit
        mean = jnp.sum(weight * gap, axis=(1, 2, 3))
        own = jnp.where(self.never, 0.0, seen.sd[self.end] ** 2) / unit**2
        variance = jnp.sum(weight * ((gap - mean[:, None, None, None]) ** 2 + own), axis=(1, 2, 3))
        late = np.flatnonzero(self.started & ~self.level.ravel())
        if len(late):  # change from a visit: people keep baseline, rank and place
            found = self._from_visit(late, seen)
            mean, variance = mean.at[late].set(found[0]), variance.at[late].set(found[1])
        return mean, jnp.sqrt(variance)

    def _from_visit(self, late: Ints, seen: Rated) -> tuple[Any, Any]:
        """Return mean and variance of the change between two visits of the sides `late`."""
        totals = []
        for rows in (self.end[late], self.start[late]):
            score, sd, weight = (
                held(seen.score[rows], seen.sd[rows], self.low[late]),
                seen.sd[rows],
                _weight(seen, rows),
            )
            mean = jnp.sum(weight * score, axis=(1, 2, 3))
            spread = jnp.sum(weight * (score**2 + sd**2), axis=(1, 2, 3)) - mean**2
            totals.append((mean, spread, jnp.einsum("mkc,mbcz->mbkz", seen.share[rows], score)))
        (end, end_var, a), (start, start_var, b) = totals
        return end - start, end_var + start_var - 2 * (jnp.mean(a * b, axis=(1, 2, 3)) - end * start)

    def _shares(self, seen: Rated) -> Any:
        """Return the share of success of each side, (M,)."""
        limits = self.limit[:, :, None, None]
        good = norm.cdf((limits + _HALF - seen.score[self.end]) / seen.sd[self.end])
        shares = jnp.sum(_weight(seen, self.end) * good, axis=(1, 2, 3)) * self.still
        for k in self.special:
            e = self.endpoints[self.of[k]][1]
            if e.measure not in RELAPSES:
                shares = shares.at[k].set(self._repeated(k, e, seen))
        return jnp.clip(shares, _EDGE, 1 - _EDGE)

    def chances(self, k: int, times_h: Sequence[float], seen: Rated, *, loss: bool = False) -> Any:
        """Return the chance of success (or of loss) of a side's people of a baseline, rank and place at times, (T, N)."""
        e = self.endpoints[self.of[k]][1]
        at = np.array([self.where[e.scale, int(self.side[k]), t] for t in times_h])
        limits = limit(e, self.before[k], loss=loss)[:, None, None]
        good = norm.cdf((limits + _HALF - seen.score[at]) / seen.sd[at])
        good = jnp.einsum("tkc,tbcz->tbkz", seen.share[at], 1 - good if loss else good)
        return good.reshape(len(at), -1)

    def _repeated(self, k: int, e: Endpoint, seen: Rated) -> Any:
        if e.measure == "ever_response":
            times = sorted({t for t in self.arms.times_h[self.side[k]].tolist() if 0 < t <= e.at_h})
            return 1 - jnp.mean(jnp.prod(1 - self.chances(k, times, seen), axis=0))
        return jnp.mean(_at_least(list(self.chances(k, e.options["days"], seen)), int(e.options.get("least", 1))))

    def _figures(self, mean: Any, spread: Any, share: Any, seen: Rated) -> tuple[Any, Any]:
        count = len(self.endpoints)
        n, n2 = self.n[:count], np.ones(count)
        n2[self.both] = self.n[count:]
        second = [x[:count].at[self.both].set(x[count:]) for x in (mean, spread, share)]
        m1, s1, p1 = mean[:count], spread[:count], share[:count]
        m2, s2, p2 = second
        figures, first_var, second_var = m1, s1**2 / n, jnp.zeros(count)

        def put(measures: Sequence[str], value: Any, one: Any, other: Any = 0.0) -> None:
            nonlocal figures, first_var, second_var
            chosen = np.array([e.measure in measures for _, e in self.endpoints])
            figures = jnp.where(chosen, value, figures)
            first_var, second_var = jnp.where(chosen, one, first_var), jnp.where(chosen, other, second_var)

        put(["sd_change", "sd_level"], s1, s1**2 / (2 * n))
        base = self.base_sd[:count]
        put(["smd_within"], m1 / base, (s1 / base) ** 2 / n + (m1 / base) ** 2 / (2 * n))
        put(["difference"], m1 - m2, s1**2 / n, s2**2 / n2)
        pooled = jnp.sqrt((s1**2 * n + s2**2 * n2) / (n + n2))
        g = (m1 - m2) / pooled
        put(["smd"], g, (s1 / pooled) ** 2 / n + g**2 / (4 * (n + n2)), (s2 / pooled) ** 2 / n2 + g**2 / (4 * (n + n2)))
        v1, v2 = p1 * (1 - p1) / n, p2 * (1 - p2) / n2
        put(SHARES, p1, v1)
        put(["risk_difference"], p1 - p2, v1, v2)
        gap = jnp.maximum(p1 - p2, _EDGE)
        put(["nnt"], -jnp.log(gap), v1 / gap**2, v2 / gap**2)
        put(["risk_ratio"], jnp.log(p1 / p2), v1 / p1**2, v2 / p2**2)
        odds = jnp.log(p1 / (1 - p1)) - jnp.log(p2 / (1 - p2))
        put(["odds_ratio"], odds, v1 / (p1 * (1 - p1)) ** 2, v2 / (p2 * (1 - p2)) ** 2)
        for k in self.special:
            e = self.endpoints[self.of[k]][1]
            if e.measure in RELAPSES:
                value, variance = self._lost(k, e, seen)
                figures, first_var = figures.at[k].set(value), first_var.at[k].set(variance)
        return figures, jnp.stack([first_var, second_var])

    def _lost(self, k: int, e: Endpoint, seen: Rated) -> tuple[Any, Any]:
        """Return the share of responders that relapses, or the log of the median time (h), and its variance."""
        start = float(e.options["from"])
        times = sorted({t for t in self.arms.times_h[self.side[k]].tolist() if start < t <= e.at_h})
        began = self.chances(k, [start], seen)[0]
        stays = jnp.cumprod(1 - self.chances(k, times, seen, loss=True), axis=0)
        lost = 1 - jnp.mean(began * stays, axis=1) / jnp.mean(began)
        people = jnp.maximum(self.n[k] * jnp.mean(began), 1)
        if e.measure == "relapse":
            return lost[-1], lost[-1] * (1 - lost[-1]) / people
        shares, after = jnp.concatenate([jnp.zeros(1), lost]), np.concatenate([[0.0], np.array(times) - start])
        # Beyond the last visit the median goes on at the mean rate of loss, so that the fit is led back from there.
        rate = -jnp.log(jnp.clip(1 - shares[-1], _EDGE, 1 - _EDGE)) / after[-1]
        median = jnp.where(shares[-1] > _HALF, jnp.interp(_HALF, shares, after), jnp.log(2) / rate)
        return jnp.log(jnp.maximum(median, 1)), 1 / (jnp.log(2) ** 2 * people)


def _weight(seen: Rated, rows: Ints) -> Any:
    """Return the weights of the nodes of rows, (M, 1, 3, 1); over all nodes they sum to 1."""
    _, many, _, places = seen.score.shape
    return (jnp.mean(seen.share[rows], axis=1) / (many * places))[:, None, :, None]


def _deep(values: Sequence[Any]) -> Any:
    return np.array(values)[:, None, None, None]


def _place(times_h: Any, at_h: float) -> int:
    return int(np.argmin(np.abs(np.asarray(times_h) - at_h)))


def _seen(case: Case, e: Endpoint, arm: str) -> float:
    """Return how many people of an arm are still rated at the endpoint."""
    d, n = case.design, case.design.arm(arm).n
    if not d.dropout.share or d.dropout.handling in ("locf", "failure"):
        return float(n)
    gone = d.dropout.share * (1.0 if d.dropout.handling == "completers" else e.at_h / max(case.times_h[-1], 1.0))
    return max(2.0, n * (1 - gone))


def limit(e: Endpoint, before: Any, *, loss: bool = False) -> Any:
    """Return the highest score that counts as success by an endpoint's own definition (or as still well, by its criterion)."""
    rule = e.options.get("criterion") or {}
    if loss and "at_least" in rule:
        return np.full_like(before, np.ceil(rule["at_least"]) - 1)
    if loss and "response" in rule:
        return np.floor((1 - rule["response"]) * before + _TINY)
    if "fall" in e.options:
        return before - e.options["fall"]
    if "at_most" in e.options and e.options.get("of", "remission") == "remission":
        return np.full_like(before, e.options["at_most"])
    return np.floor((1 - e.options.get("response", _HALF)) * before + _TINY)


def _at_least(chances: Sequence[Any], least: int) -> Any:
    """Return the chance of at least so many of independent events."""
    ways = [jnp.ones_like(chances[0])] + [jnp.zeros_like(chances[0]) for _ in chances]
    for p in chances:
        ways = [ways[0] * (1 - p)] + [ways[j] * (1 - p) + ways[j - 1] * p for j in range(1, len(ways))]
    return sum(ways[least:], jnp.zeros_like(chances[0]))


def direction(e: Endpoint) -> float:
    """Return 1 where the figure rises with severity, -1 where it falls."""
    rising = ("change", "difference", "smd", "smd_within", "level", "percent_change", "relapse")
    return 1.0 if e.measure in rising else -1.0
