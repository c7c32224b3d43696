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
from ketasim.parameters import builtin_table
from ketasim.trial import course
from ketasim.trial.classes import classes_of
from ketasim.trial.keyed import Keyed
from ketasim.trial.pool import Pool
from ketasim.trial.scales import expected, points_of, rated, rated_own, scale
from ketasim.trial.settings import settings
from ketasim.trial.spec import Baseline, Design, TrialArm
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


class Trials(Keyed):
    """Virtual trials of a design.

    Parameters
    ----------
    design, pool : what is done, and the drug's effect on simulated people. scales : that are rated. seed : of everything drawn here.
    """

    def __init__(self, design: Design, pool: Pool, scales: Sequence[str], seed: int) -> None:
        super().__init__(seed, design.study)
        self.design, self.pool = design, pool
        self.scales = tuple(dict.fromkeys((design.people.scale, *scales)))
        table = builtin_table()
        self.values = [{p.name: d.get(p.name, p.value) for p in table} for d in pool.values]

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

    def who(self, arm: TrialArm) -> str:
        """Return the key of an arm's people: in a crossover all arms have the same, and so have the arms of a titration."""
        same = self.design.crossover or arm.name in (self.design.titrate.get("arm"), self.design.titrate.get("to"))
        return "everyone" if same else arm.name

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
        drug = (drug - start) / np.maximum(1 - start, np.finfo(float).eps) * self._factor(arm, k, shape)[..., None]
        shift = v["study_sd"] * self.normal("study", k, (trials, 1))
        t = pool.times_h
        there = course.kept(arm, t, v)
        best = np.maximum.accumulate(np.maximum(drug, 0), axis=-1)
        rest = (1 - drug) * (1 - there * course.control(d.setting, t, v, shift))
        rest = rest * (1 - course.natural(d.people, t, v))
        rest = rest * np.where(t > 0, 1 - there * course.expectancy(d, arm, peak, v)[..., None], 1)
        for treatment in arm.added:
            rest = rest * (
                1 - course.added(treatment, t, v, best, inpatient=d.people.inpatient, psychotic=d.people.psychotic)
            )
        low, high = self._bounds
        hoped = np.clip(1 - rest, low, high)
        rho = v["trait_persistence"]
        trait = np.sqrt(rho) * self.normal(f"trait/{who}", k, shape) + np.sqrt(1 - rho) * self.normal(
            f"trait/{arm.name}/own", k, shape
        )
        place_in = np.sqrt(rho) * self.normal(f"class/{who}", k, shape) + np.sqrt(1 - rho) * self.normal(
            f"class/{arm.name}/own", k, shape
        )
        rank = np.broadcast_to(_rank(trait)[..., None], hoped.shape)
        true = classes_of(v).improvement(hoped, rank, np.broadcast_to(place_in[..., None], hoped.shape))
        true = np.where(t > 0, np.clip(true, low, high), 0.0)
        return _Course(true, peak, felt, period)

    def _factor(self, arm: TrialArm, k: int, shape: tuple[int, ...]) -> Floats:
        """Return each person's drug effect relative to a typical adult: diagnosis, age, genotype."""
        people, v = self.design.people, self.values[k % len(self.values)]
        found = np.full(shape, v[f"effect_factor.{people.diagnosis}"])
        if people.age is not None and people.diagnosis != "elderly":
            mean, sd = people.age
            age = mean + sd * self.normal(f"age/{self.who(arm)}", k, shape)
            found = found * np.where(age >= settings()["elderly_years"], v["effect_factor.elderly"], 1)
        if people.met is not None:
            carrier = self.generator(f"genotype/{self.who(arm)}", k).random(shape) < people.met
            # The typical person of the drug model is a mixture itself: the factor is relative to the mean of this trial's people.
            found = found * np.where(carrier, v["met_factor"], 1)
        return found

    def _rated(self, arm: TrialArm, c: _Course, k: int, trials: int) -> dict[str, Floats]:
        d, v = self.design, self.values[k % len(self.values)]
        shape, who = (trials, arm.n), self.who(arm)
        main = self._baseline(arm, d.people.scale, k)
        at_entry = self._enrolled(main, d.people.scale, who, k, shape)
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
                rated_first = self._enrolled(d.people.baselines[name], name, f"{who}/{name}", k, shape)
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
            return np.clip(np.round(c.felt), entry.low, entry.high)
        start = np.isclose(self.pool.times_h, 0)
        if entry.kind == "own":
            own = (
                at_entry
                if name == d.people.scale
                else self._enrolled(self._baseline(arm, name, k), name, f"{self.who(arm)}/{name}", k, base.shape)
            )
            scores = rated_own(name, own[..., None], 1 - c.true, z)
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

    def _baseline(self, arm: TrialArm, name: str, k: int) -> Baseline:
        """Return the rated baseline of a scale: the arm's, the trial's, or the diagnosis' usual one, brought to the scale."""
        people, v = self.design.people, self.values[k % len(self.values)]
        if name == people.scale and (arm.baseline or people.baseline):
            return arm.baseline or people.baseline or Baseline(0, None)
        if name in people.baselines:
            return people.baselines[name]
        entry = scale(name)
        if entry.kind != "depression":  # the file gives no figure for it
            return Baseline(entry.low + v["own_baseline"] * (entry.high - entry.low), None)
        return Baseline(float(expected(name, np.array(v[f"baseline_mean.{people.diagnosis}"]))), None)

    def _usual_sd(self, name: str, k: int) -> float:
        """Return the usual SD of a baseline, brought to the scale; on the scale of another disorder in proportion to its length."""
        v, entry = self.values[k % len(self.values)], scale(name)
        if entry.kind != "depression":
            return float(v["baseline_sd"] * (entry.high - entry.low) / scale("madrs").high)
        mean = v[f"baseline_mean.{self.design.people.diagnosis}"]
        sd = min(v["baseline_sd"], mean)  # near the floor no wider than the mean
        ends = expected(name, np.array([mean - sd, mean + sd]))
        return float((ends[1] - ends[0]) / 2)

    def _enrolled(self, b: Baseline, entry_name: str, who: str, k: int, shape: tuple[int, ...]) -> Floats:
        """Return rated baselines with the mean and SD given, cut at the score asked for and at the scale's ends."""
        people = self.design.people
        z = self.normal(f"baseline/{who}", k, shape)
        sd = self._usual_sd(entry_name, k) if b.sd is None else b.sd
        entry = scale(entry_name)
        least = entry.low
        if people.at_least is not None:
            asked = scale(people.include)
            if asked.name == entry.name:
                least = max(least, people.at_least)
            elif entry.name == people.scale and asked.kind == entry.kind == "depression":
                least = max(least, float(expected(entry.name, points_of(asked.name, np.array(people.at_least)))))
        return truncated(b.mean, sd, least, entry.high, z)

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


def truncated(mean: float, sd: float, low: float, high: float, z: Floats) -> Floats:
    """Return values of a normal cut at `low` and `high` for standard normal `z`, with the mean and SD given as those after cutting.

    Location and spread before cutting are found by repeated correction; a mean at or beyond an end, which no cut normal
    has, is taken as that before cutting.
    """
    from scipy.special import ndtr, ndtri

    if sd == 0:
        return np.full(z.shape, mean)
    probe = ndtri((np.arange(settings()["probe"]) + 1 / 2) / settings()["probe"])

    def cut(location: float, spread: float, at: Floats) -> Floats:
        a, b = ndtr((low - location) / spread), ndtr((high - location) / spread)
        tiny = np.finfo(float).eps
        return np.clip(location + spread * ndtri(np.clip(a + ndtr(at) * (b - a), tiny, 1 - tiny)), low, high)

    location, spread = mean, sd
    if low < mean < high:
        for _ in range(settings()["rounds"]):
            got = cut(location, spread, probe)
            location += mean - float(got.mean())
            spread = min(spread * sd / max(float(got.std()), np.finfo(float).eps), high - low)
    return cut(location, spread, z)


def _rank(z: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(ndtr(z))


def carried(values: Floats) -> Floats:
    """Return ratings (..., V) with each missing one replaced by the last before it."""
    at = np.where(np.isnan(values), 0, np.arange(values.shape[-1]))
    return np.take_along_axis(values, np.maximum.accumulate(at, axis=-1), axis=-1)
