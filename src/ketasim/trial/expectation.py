"""What trials' figures are on average over virtual trials, in closed form: for fits, which need a smooth answer at once.

People are represented by nodes: quantiles of the rated baseline, the three response classes, and the place inside a class. A figure
is a mean over nodes weighed by the classes' shares, so that all is smooth in the parameters; where visits hang together, people keep
their rank, whose bins hold the classes by length. Ratings add noise of raters and of the visit. All arms of all trials are
computed side by side, on arrays of JAX: the functions of `trial.course` see one setting, whose values are arrays over arms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from numpy.typing import NDArray
from scipy.special import ndtri

from ketasim.trial import course
from ketasim.trial.classes import classes_of
from ketasim.trial.pool import Pool
from ketasim.trial.scales import expected, noise_sd, points_of, remaining, scale
from ketasim.trial.scores import Trials
from ketasim.trial.settings import settings
from ketasim.trial.spec import Design, TrialArm

Floats = NDArray[np.float64]
Values = Mapping[str, Any]
_ONE = "any"  # the setting or diagnosis that stands for all: its values are arrays over arms
_BY_SETTING = ("control_fast", "control_surge", "control_slow")
_HALF = 1 / 2
_TRIALS = 40  # virtual trials whose people stand for those enrolled


@dataclass(frozen=True)
class Enrolled:
    """What of an arm's people does not depend on what is fitted.

    `rated` maps a scale to rated baselines at its quantile nodes (B,), `sd` to their SD; `resisted` is what failed treatments make of
    control response, `failed` of the drug's effect; `old` the share of elderly people.
    """

    design: Design
    arm: TrialArm
    rated: Mapping[str, Floats]
    sd: Mapping[str, float]
    resisted: float
    failed: float
    old: float


def enrolled(design: Design, arm: TrialArm, scales: Sequence[str], nodes: int) -> Enrolled:
    """Sample an arm's people as virtual trials enrol them, and keep the quantiles of their baselines."""
    s = settings()
    lead = (len(design.arms),) if design.crossover else ()
    ones = {a.name: np.ones((*lead, 1, 1, 1)) for a in design.arms}
    peak = {a.name: np.zeros((*lead, 1, 1)) for a in design.arms}
    plain = replace(design, dropout=type(design.dropout)())
    trials = Trials(plain, Pool(np.zeros(1), ones, {n: 0 * x for n, x in ones.items()}, peak, [{}]), scales, s["seed"])
    block, people = trials.block(0, _TRIALS), (_TRIALS, arm.n)
    found = {n: block.scores[arm.name][n][..., 0].ravel() for n in trials.scales}
    middle = (np.arange(nodes) + _HALF) / nodes
    age = trials.age(arm, 0, people)
    return Enrolled(
        design,
        arm,
        {n: np.asarray(np.quantile(v, middle), dtype=float) for n, v in found.items()},
        {n: float(v.std()) for n, v in found.items()},
        float(trials.resisted(arm, 0, people, drug=False).mean()),
        float(trials.resisted(arm, 0, people, drug=True).mean()),
        0.0 if age is None or design.people.diagnosis == "elderly" else float((age >= s["elderly_years"]).mean()),
    )


class Arms:
    """Arms of trials side by side.

    Parameters
    ----------
    people : one entry an arm. times_h : (A, V), each arm's ratings, its last time repeated where it has fewer.
    """

    def __init__(self, people: Sequence[Enrolled], times_h: Floats) -> None:
        self.people, self.times_h = tuple(people), times_h
        self.settings = [p.design.setting for p in people]
        self.diagnoses = [p.design.people.diagnosis for p in people]

    def _column(self, of: Any) -> Floats:
        return np.array([float(of(p)) for p in self.people])[:, None]

    @cached_property
    def _known(self) -> course.Known:
        """Return what people of each arm may know of their treatment, each (A, 1)."""
        known = [astuple(course.known(p.design, p.arm)) for p in self.people]
        return course.Known(*np.array(known, dtype=float).T[..., None])

    def _of(self, v: Values, base: str, keys: Sequence[str]) -> Any:
        """Return a parameter's variants by arm, (A, 1)."""
        names = sorted(set(keys))
        return jnp.stack([jnp.asarray(v[f"{base}.{n}"], dtype=float) for n in names])[
            np.array([names.index(k) for k in keys])
        ][:, None]

    def hoped(self, drug: Any, peak: Any, v: Values, shift: Any, size: Any) -> Any:
        """Return the expected improvement of each arm, (A, V), a share of baseline.

        drug : (A, P, V), what the drug alone takes of severity in typical adults with depression. peak : (A, P), largest CADSS felt.
        shift, size : of each arm's trial, (A,): added to the fast control response, and a factor of the drug's effect.
        """
        t = self.times_h
        values = dict(v) | {f"{b}.{_ONE}": self._of(v, b, self.settings) for b in _BY_SETTING}
        there = course.kept(SimpleNamespace(stop_h=self._column(lambda p: p.arm.stop_h)), t, v, xp=jnp)  # type: ignore[arg-type]
        resisted = self._column(lambda p: p.resisted)
        controlled = course.control(_ONE, t, values, jnp.asarray(shift), xp=jnp) * resisted
        first = self._column(lambda p: p.design.people.first_episode)
        episode = v["natural_size.first_episode"]
        natural = self._of(v, "natural_size", self.diagnoses)
        values[f"natural_size.{_ONE}"] = natural + first * (episode - natural)
        who = SimpleNamespace(diagnosis=_ONE, first_episode=0.0)
        by_time = course.natural(who, t, values, xp=jnp)  # type: ignore[arg-type]
        hoped = course.expectancy(self._known, peak, v, xp=jnp)[:, :, None]
        drug = drug * (self._factor(v) * size[:, None])[:, :, None]
        best = jnp.maximum(jnp.max(drug, axis=-1, keepdims=True), 0)
        there, controlled, by_time, t = (x[:, None, :] for x in (there, controlled, by_time, t))
        rest = course.remains(drug, there, controlled, hoped, by_time, t, v, xp=jnp) * self._others(best, v, resisted)
        s = settings()
        return jnp.mean(jnp.clip(1 - rest, s["most_worse"], s["most_improved"]), axis=1)

    def _factor(self, v: Values) -> Any:
        old, failed = self._column(lambda p: p.old), self._column(lambda p: p.failed)
        met = self._column(lambda p: p.design.people.met or 0.0)
        own = self._of(v, "effect_factor", self.diagnoses) * failed
        return own * (1 + old * (v["effect_factor.elderly"] - 1)) * (1 + met * (v["met_factor"] - 1))

    def _others(self, best: Any, v: Values, resisted: Floats) -> Any:
        """Return what added treatments leave, (A, P, V) or broadcasting to it."""
        left: Any = jnp.ones((len(self.people), 1, 1))
        for kind, placement in sorted({(a.kind, a.placement) for p in self.people for a in p.arm.added}):
            mine = [[a for a in p.arm.added if (a.kind, a.placement) == (kind, placement)] for p in self.people]
            for k in range(max(len(m) for m in mine)):
                given = [m[k] if k < len(m) else None for m in mine]
                t = self.times_h[:, None, :]
                treatment = SimpleNamespace(
                    kind=kind,
                    placement=placement,
                    start_h=_deep([g.start_h if g else 0.0 for g in given]),
                    sessions=_deep([g.sessions if g else 0 for g in given]),
                    per_week=_deep([g.per_week if g else 0.0 for g in given]),
                )
                share = course.added(
                    treatment,  # type: ignore[arg-type]
                    t,
                    v,
                    jnp.broadcast_to(best, (*best.shape[:2], t.shape[-1])),
                    inpatient=_deep([p.design.people.inpatient for p in self.people]),  # type: ignore[arg-type]
                    psychotic=_deep([p.design.people.psychotic for p in self.people]),  # type: ignore[arg-type]
                    xp=jnp,
                )
                if kind in settings()["antidepressants"]:
                    share = jnp.minimum(share * resisted[:, :, None], 1)
                left = left * (1 - share * _deep([g is not None for g in given]))
        return left


def _deep(values: Sequence[Any]) -> Floats:
    return np.array(values, dtype=float)[:, None, None]


@dataclass(frozen=True)
class Rated:
    """Ratings on a scale at nodes of baseline, response class and place in it.

    `score` and `sd` are the expected score and the SD of one rating, (R, B, 3, Z); `share` is the share of each class, (R, K, 3), in K
    bins of the rank that people keep from visit to visit.
    """

    score: Any
    sd: Any
    share: Any


def rated(
    people: Sequence[Enrolled], name: str, improvement: Any, times_h: Floats, v: Values, ranks: int, places: int
) -> Rated:
    """Return ratings on a scale, one row for each of R arms at one time: for its expected improvement (R,) at `times_h` (R,)."""
    entry, s = scale(name), settings()
    score: Any
    mixture = classes_of(v, xp=jnp)
    x = _improvements(mixture, improvement, places)
    x = jnp.where((times_h > 0)[:, None, None], jnp.clip(x, s["most_worse"], s["most_improved"]), 0.0)[:, None]
    if entry.kind == "own":
        before = np.stack([p.rated[name] for p in people])  # (R, B)
        score = entry.low + (before[:, :, None, None] - entry.low) * remaining(entry, 1 - x, v)
        state: Any = 0.0
    else:
        base = np.stack([_points(p, name) for p in people])
        settings_of = [p.design.setting for p in people]
        names = sorted(set(settings_of))
        inflation = jnp.stack([jnp.asarray(v[f"inflation.{n}"], dtype=float) for n in names])
        true = jnp.maximum(base - inflation[np.array([names.index(n) for n in settings_of])][:, None], 0)
        points = jnp.maximum(true[:, :, None, None] * (1 - x), 0)
        score = expected(name, points, xp=jnp)
        state = v["state_sd"] * (expected(name, points + 1, xp=jnp) - score)
    score = jnp.clip(score, entry.low, entry.high)
    sd = jnp.sqrt(noise_sd(name, score, xp=jnp) ** 2 + state**2)
    return Rated(score, sd, _shares(mixture.weights(improvement), ranks))


def _improvements(mixture: Any, improvement: Any, places: int) -> Any:
    """Return improvement at the nodes of class and place, (R, 3, Z)."""
    z = ndtri((np.arange(places) + _HALF) / places)
    z = z / np.sqrt(np.mean(z**2))
    beyond = improvement - jnp.clip(improvement, mixture.level[0], mixture.level[2])
    return mixture.level[None, :, None] + beyond[:, None, None] + mixture.sd * z


def _shares(weights: Any, ranks: int) -> Any:
    """Return the share of each class (minimal first) in bins of rank, (R, K, 3), for its share of all, (R, 3).

    Low ranks respond first.
    """
    tops = jnp.cumsum(weights[:, ::-1], axis=-1)
    low = np.arange(ranks) / ranks
    bottom = jnp.concatenate([jnp.zeros_like(tops[:, :1]), tops[:, :-1]], axis=-1)
    inside = jnp.minimum(tops[:, None], low[:, None] + 1 / ranks) - jnp.maximum(bottom[:, None], low[:, None])
    return jnp.clip(inside, 0, None)[..., ::-1] * ranks


def _points(p: Enrolled, name: str) -> Floats:
    """Return severity in points at the nodes of an arm's baseline, by the scale's own baseline or by that of the main scale."""
    main = p.design.people.scale
    own = name == main or name in p.design.people.baselines
    which = name if own or scale(main).kind != "depression" else main
    return np.asarray(points_of(which, p.rated[which]))


def held(score: Any, sd: Any, low: Any) -> Any:
    """Return the mean of ratings that cannot fall below the low end: a normal cut there."""
    gap = (score - low) / sd
    return low + (gap * norm.cdf(gap) + norm.pdf(gap)) * sd
