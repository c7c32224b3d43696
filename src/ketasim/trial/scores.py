"""Virtual trials: people enrolled from the pool, their true severity over time, and what raters write down.

Random numbers are keyed (`keyed.py`): by what they are for, never by the order of work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError
from ketasim.trial import course
from ketasim.trial.acute import background
from ketasim.trial.classes import classes_of
from ketasim.trial.people import People
from ketasim.trial.pool import Pool
from ketasim.trial.scales import Scale, points_of, rated, rated_own, remaining, scale
from ketasim.trial.settings import settings
from ketasim.trial.spec import Design, TrialArm
from ketasim.trial.wander import wandering
from ketasim.units import convert

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """The trials of one parameter draw: `scores[arm][scale]` (R, n, V) at `times_h` with NaN where missing, baseline first.

    `peak` maps an arm to the largest CADSS (R, n). `failed` maps an arm to who counts as a failure at a visit, (R, n, V), where rescue
    does that. `treated` holds, for each visit of a rescue that treats, the same trials with everybody treated from that visit on.
    """

    times_h: Floats
    scores: Mapping[str, Mapping[str, Floats]]
    peak: Mapping[str, Floats]
    failed: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    treated: tuple[Block, ...] = ()


class Trials(People):
    """Virtual trials of a design.

    Parameters
    ----------
    design, pool : what is done, and the drug's effect on simulated people. scales : that are rated. seed : of everything drawn here.
    """

    def __init__(self, design: Design, pool: Pool, scales: Sequence[str], seed: int) -> None:
        super().__init__(design, pool, seed)
        self.scales = tuple(dict.fromkeys((design.people.scale, *scales)))

    def block(self, k: int, trials: int) -> Block:
        """Return `trials` virtual trials of part `k`; parts take the draws in turn, and more trials begin with the same ones."""
        rule, arms = self.design.rescue, self.design.arms
        helped = set(rule.get("arms", ()))
        if self.design.titrate.get("arm") in helped:  # who was raised is rescued there
            helped.add(self.design.titrate["to"])
        later = []
        for at in rule["at_h"] if "add" in rule else ():
            more = replace(rule["add"], start_h=at)
            treated = [replace(a, added=(*a.added, more)) if a.name in helped else a for a in arms]
            later.append(self._block(treated, k, trials))
        return replace(self._block(arms, k, trials), treated=tuple(later))

    def _block(self, arms: Sequence[TrialArm], k: int, trials: int) -> Block:
        courses = {a.name: self._course(a, i, k, trials) for i, a in enumerate(arms)}
        scores = {a.name: self._rated(a, courses[a.name], k, trials) for a in arms}
        return Block(self.pool.times_h, scores, {n: c.peak for n, c in courses.items()})

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        s = settings()
        return s["most_worse"], s["most_improved"]

    def _course(self, arm: TrialArm, place: int, k: int, trials: int) -> _Course:
        """Return expected and true improvement of an arm's people."""
        d, v, pool = self.design, self.values[k % len(self.values)], self.pool
        shape, who = (trials, arm.n), self.who(arm)
        index = self.generator(f"pool/{who}", k).integers(0, pool.severity[arm.name].shape[-2], shape)
        period = np.zeros(shape, dtype=int)
        if d.crossover:  # who gets which sequence, evenly; the period in which this arm comes follows
            turn = (np.arange(arm.n) + self.generator("turn", k).integers(0, len(d.arms), (trials, 1))) % len(d.arms)
            period = (place - turn) % len(d.arms)
        draw = k % len(self.values)
        pick = (period, draw, index) if d.crossover else (draw, index)
        left, peak, felt = pool.severity[arm.name][pick], pool.peak[arm.name][pick], pool.cadss[arm.name][pick]
        drug = 1 - left
        start = drug[..., :1] if d.crossover and d.period_baseline else 0.0
        drug = (drug - start) / np.maximum(1 - start, np.finfo(float).eps) * self.factor(arm, k, shape)[..., None]
        shift = v["study_sd"] * self.normal("study", k, (trials, 1))
        # lognormal between trials, with a mean of 1
        size = np.exp(v["effect_sd"] * self.normal("effect", k, (trials, 1)) - v["effect_sd"] ** 2 / 2)
        drug = drug * size[..., None]
        t = pool.times_h
        there = course.kept(arm, t, v)
        resisted = self.resisted(arm, k, shape, drug=False)[..., None]
        best = np.maximum.accumulate(np.maximum(drug, 0), axis=-1)
        controlled = course.control(d.setting, t, v, shift) * resisted
        hoped = course.expectancy(course.known(d, arm), peak, v)[..., None]
        rest = course.remains(drug, there, controlled, hoped, course.natural(d.people, t, v), t, v)
        for treatment in arm.added:
            share = course.added(treatment, t, v, best, inpatient=d.people.inpatient, psychotic=d.people.psychotic)
            if treatment.kind in settings()["antidepressants"]:
                share = np.minimum(share * resisted, 1)
            rest = rest * (1 - share)
        low, high = self._bounds
        expected = np.clip(1 - rest, low, high)
        trait, place_in = (self._trait(purpose, arm, k, shape) for purpose in ("trait", "class"))
        rank = np.broadcast_to(_rank(trait)[..., None], expected.shape)
        true = classes_of(v).improvement(expected, rank, np.broadcast_to(place_in[..., None], expected.shape))
        true = np.where(t > 0, np.clip(true, low, high), 0.0)
        return _Course(true, peak, felt, period)

    def _trait(self, purpose: str, arm: TrialArm, k: int, shape: tuple[int, ...]) -> Floats:
        """Return standard normal numbers (R, n) that a person keeps from one treatment to another with the stated correlation."""
        rho = self.values[k % len(self.values)]["trait_persistence"]
        own = self.normal(f"{purpose}/{self.treatment(arm)}/own", k, shape)
        return np.sqrt(rho) * self.normal(f"{purpose}/{self.who(arm)}", k, shape) + np.sqrt(1 - rho) * own

    def _rated(self, arm: TrialArm, c: _Course, k: int, trials: int) -> dict[str, Floats]:
        d, v = self.design, self.values[k % len(self.values)]
        shape, who = (trials, arm.n), self.who(arm)
        main = self.baseline(arm, d.people.scale, k)
        at_entry = self.enrolled(main, d.people.scale, who, k, shape)
        state = self._state(arm, c, k, shape)
        kind = scale(d.people.scale).kind
        base = (
            points_of(d.people.scale, at_entry)
            if kind == "depression"
            else np.full(shape, v[f"baseline_mean.{d.people.diagnosis}"])
        )
        points = self._points(base, c, state, k)
        found = {}
        for name in self.scales:
            z = self._by_visit(f"rater/{arm.name}/{name}", k, shape)
            own, first = points, base
            if name in d.people.baselines and scale(name).kind == "depression":
                rated_first = self.enrolled(d.people.baselines[name], name, f"{who}/{name}", k, shape)
                first = points_of(name, rated_first)
                own = self._points(first, c, state, k)
            found[name] = self._scale(name, arm, own, first, at_entry, c, z, k)
        return self._missing(arm, found, k, shape)

    def _points(self, base: Floats, c: _Course, state: Floats, k: int) -> Floats:
        """Return true severity in points, (R, n, V), for rated baselines `base` (R, n) in points."""
        true = np.maximum(base - self.values[k % len(self.values)][f"inflation.{self.design.setting}"], 0)
        return np.maximum(true[..., None] * (1 - c.true) + state, 0)

    def _state(self, arm: TrialArm, c: _Course, k: int, shape: tuple[int, ...]) -> Floats:
        """Return the fluctuation of severity in points, (R, n, V): wandering that goes on from period to period, and visits' own."""
        v, t = self.values[k % len(self.values)], self.pool.times_h
        periods = len(self.design.arms) if self.design.crossover else 1
        all_times = np.concatenate([t + p * self.design.washout_h for p in range(periods)])
        tau = v["wander_tau"] * convert(1.0, "week", "h")
        slow = wandering(lambda week: self.normal(f"wander/{self.who(arm)}/{week}", k, shape), all_times, tau)
        slow = slow.reshape(*shape, periods, len(t))
        slow = np.take_along_axis(slow, c.period[..., None, None], axis=-2)[..., 0, :]
        visit = self._by_visit(f"state/{arm.name}", k, shape)
        share = np.clip(v["wander_share"], 0, 1)
        return v["state_sd"] * (np.sqrt(share) * slow + np.sqrt(1 - share) * visit)

    def _by_visit(self, purpose: str, k: int, shape: tuple[int, ...]) -> Floats:
        """Return standard normal numbers (R, n, V), each visit's by its own time: further visits change nothing."""
        return np.stack([self.normal(f"{purpose}/{t:.9g}", k, shape) for t in self.pool.times_h], axis=-1)

    def _scale(
        self, name: str, arm: TrialArm, points: Floats, base: Floats, at_entry: Floats, c: _Course, z: Floats, k: int
    ) -> Floats:
        d, entry = self.design, scale(name)
        if entry.kind == "acute":
            if name != "cadss":
                raise InputError(
                    "no quantity of the model stands for this scale", key="scale", value=name, expected="another scale"
                )
            # The drug's own points were read in people who rate a background too, so the larger of both is written down.
            return np.clip(
                np.maximum(np.round(c.felt), self._background(entry, arm, len(c.felt), k)), entry.low, entry.high
            )
        start = np.isclose(self.pool.times_h, 0)
        if entry.kind == "own":
            own = (
                at_entry
                if name == d.people.scale
                else self.enrolled(self.baseline(arm, name, k), name, f"{self.who(arm)}/{name}", k, base.shape)
            )
            scores = rated_own(name, own[..., None], remaining(entry, 1 - c.true, self.values[k % len(self.values)]), z)
            return np.where(start, np.clip(np.round(own), entry.low, entry.high)[..., None], scores)
        scores = rated(name, points, z)
        if name == d.people.scale:
            return np.where(start, np.clip(np.round(at_entry), entry.low, entry.high)[..., None], scores)
        first = rated(name, np.broadcast_to(base[..., None], z.shape), z)
        if (
            name == d.people.include and d.people.at_least is not None
        ):  # asked for at entry, so nobody is rated below it
            first = np.maximum(first, np.ceil(d.people.at_least))
        return np.where(start, first, scores)

    def _background(self, of: Scale, arm: TrialArm, trials: int, k: int) -> Floats:
        """Return the points that people rate without a drug, (R, n, V): partly a person's own, partly the visit's."""
        v, shape = self.values[k % len(self.values)], (trials, arm.n)
        group = "volunteer" if self.design.people.diagnosis in settings()["well"] else "patient"
        keeps = np.clip(v["background_persistence"], 0, 1)
        own = self.normal(f"background/{self.who(arm)}", k, shape)[..., None]
        z = np.sqrt(keeps) * own + np.sqrt(1 - keeps) * self._by_visit(f"background/{arm.name}", k, shape)
        return background(of, v[f"cadss_background.{group}"], v["cadss_background_shape"], z)

    def _missing(self, arm: TrialArm, scores: dict[str, Floats], k: int, shape: tuple[int, ...]) -> dict[str, Floats]:
        """Blank the ratings after drop-out (at an even rate over the trial), or carry the last one forward."""
        d = self.design
        if not d.dropout.share:
            return scores
        last = self.pool.times_h[-1]
        when = self.generator(f"dropout/{arm.name}", k).random(shape) / d.dropout.share * last
        gone = self.pool.times_h > np.maximum(when, 0)[..., None]
        gone[..., 0] = False
        if d.dropout.handling == "completers":
            gone = np.broadcast_to(gone.any(axis=-1, keepdims=True), gone.shape)
        found = {n: np.where(gone, np.nan, v) for n, v in scores.items()}
        return {n: carried(v) for n, v in found.items()} if d.dropout.handling == "locf" else found


@dataclass(frozen=True)
class _Course:
    """True improvement (R, n, V) as a share of baseline, felt CADSS (R, n, V), its peak (R, n), the period in a crossover."""

    true: Floats
    peak: Floats
    felt: Floats
    period: NDArray[np.int_]


def _rank(z: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(z))


def carried(values: Floats) -> Floats:
    """Return ratings (..., V) with each missing one replaced by the last before it."""
    at = np.where(np.isnan(values), 0, np.arange(values.shape[-1]))
    return np.take_along_axis(values, np.maximum.accumulate(at, axis=-1), axis=-1)
