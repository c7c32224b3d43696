"""Who is enrolled: rated baselines, and covariates that hang together (a Gaussian copula).

Covariates are drawn for everybody from standard normal numbers whose rank correlations are data (`baseline_rank` in
parameters/data/trial.toml). Severity comes first, so that it does not depend on which covariates a trial's file names.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.parameters import builtin_table
from ketasim.trial.keyed import Keyed
from ketasim.trial.pool import Pool
from ketasim.trial.scales import expected, points_of, scale
from ketasim.trial.settings import settings
from ketasim.trial.spec import Baseline, Design, TrialArm

Floats = NDArray[np.float64]
TRAITS = ("baseline", "age", "failed", "genotype")  # severity at entry first
_PAIRS = {(0, 1): "severity_age", (0, 2): "severity_failed", (1, 2): "age_failed"}


class People(Keyed):
    """The people of a design, for each part of its virtual trials.

    Parameters
    ----------
    design, pool : what is done, and the drug's effect on simulated people. seed : of everything drawn here.
    """

    def __init__(self, design: Design, pool: Pool, seed: int) -> None:
        super().__init__(seed, design.study)
        self.design, self.pool = design, pool
        table = builtin_table()
        self.values = [{p.name: d.get(p.name, p.value) for p in table} for d in pool.values]

    def who(self, arm: TrialArm) -> str:
        """Return the key of an arm's people: in a crossover all arms have the same, and so have the arms of a titration."""
        same = self.design.crossover or arm.name in (self.design.titrate.get("arm"), self.design.titrate.get("to"))
        return "everyone" if same else arm.name

    def treatment(self, arm: TrialArm) -> str:
        """Return the key of what differs between treatments of one person; a raised dose is the same treatment going on."""
        rule = self.design.titrate
        return str(rule["arm"]) if arm.name == rule.get("to") else arm.name

    def latent(self, trait: str, arm: TrialArm, k: int, shape: tuple[int, ...]) -> Floats:
        """Return the standard normal number behind a trait (one of `TRAITS`) of an arm's people in part `k`."""
        place = TRAITS.index(trait)
        root = np.linalg.cholesky(self._correlations(k))[place]
        parts = [root[j] * self.normal(f"{TRAITS[j]}/{self.who(arm)}", k, shape) for j in range(place + 1) if root[j]]
        return np.sum(parts, axis=0)

    def _correlations(self, k: int) -> Any:
        """Return the correlations of the numbers behind the traits, (4, 4), from the rank correlations (Pearson 1907)."""
        v = self.values[k % len(self.values)]
        ranks = np.eye(len(TRAITS))
        for (i, j), name in _PAIRS.items():
            ranks[i, j] = ranks[j, i] = v[f"baseline_rank.{name}"]
        ranks[-1, :-1] = ranks[:-1, -1] = v["baseline_rank.met"]
        return 2 * np.sin(np.arcsin(1 / 2) * ranks)

    def age(self, arm: TrialArm, k: int, shape: tuple[int, ...]) -> Floats | None:
        """Return ages in years, None where the file tells none."""
        given = self.design.people.age
        return None if given is None else given[0] + given[1] * self.latent("age", arm, k, shape)

    def failed(self, arm: TrialArm, k: int, shape: tuple[int, ...]) -> NDArray[np.int_] | None:
        """Return how many treatments have failed in each person, 1 and above; None where the file tells nothing."""
        from scipy.special import ndtr

        shares = self.design.people.failed
        if not shares:
            return None
        return 1 + np.searchsorted(np.cumsum(shares)[:-1], ndtr(self.latent("failed", arm, k, shape)))

    def resisted(self, arm: TrialArm, k: int, shape: tuple[int, ...], *, drug: bool) -> Floats:
        """Return what failed treatments make of each person's response to the drug, or to controls and antidepressants: a factor."""
        v, failed = self.values[k % len(self.values)], self.failed(arm, k, shape)
        if failed is None:
            return np.ones(shape)
        usual = v["failed_usual.drug" if drug else f"failed_usual.{self.design.setting}"]
        return np.asarray(v["failed_factor.drug" if drug else "failed_factor.control"] ** (failed - usual), dtype=float)

    def factor(self, arm: TrialArm, k: int, shape: tuple[int, ...]) -> Floats:
        """Return each person's drug effect relative to a typical adult: diagnosis, age, genotype, failed treatments."""
        people, v = self.design.people, self.values[k % len(self.values)]
        found = v[f"effect_factor.{people.diagnosis}"] * self.resisted(arm, k, shape, drug=True)
        age = self.age(arm, k, shape)
        if age is not None and people.diagnosis != "elderly":
            found = found * np.where(age >= settings()["elderly_years"], v["effect_factor.elderly"], 1)
        if people.met is not None:
            from scipy.special import ndtri

            carrier = self.latent("genotype", arm, k, shape) < ndtri(people.met)
            # The typical person of the drug model is a mixture itself: the factor is relative to the mean of this trial's people.
            found = found * np.where(carrier, v["met_factor"], 1)
        return found

    def baseline(self, arm: TrialArm, name: str, k: int) -> Baseline:
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

    def enrolled(self, b: Baseline, name: str, who: str, k: int, shape: tuple[int, ...]) -> Floats:
        """Return rated baselines with the mean and SD given, cut at the score asked for and at the scale's ends."""
        people, entry = self.design.people, scale(name)
        z = self.normal(f"baseline/{who}", k, shape)
        sd = self._usual_sd(name, k) if b.sd is None else b.sd
        least = entry.low
        if people.at_least is not None:
            asked = scale(people.include)
            if asked.name == entry.name:
                least = max(least, people.at_least)
            elif entry.name == people.scale and asked.kind == entry.kind == "depression":
                least = max(least, float(expected(entry.name, points_of(asked.name, np.array(people.at_least)))))
        return truncated(b.mean, sd, least, entry.high, z)

    def _usual_sd(self, name: str, k: int) -> float:
        """Return the usual SD of a baseline, brought to the scale; on the scale of another disorder in proportion to its length."""
        v, entry = self.values[k % len(self.values)], scale(name)
        if entry.kind != "depression":
            return float(v["baseline_sd"] * (entry.high - entry.low) / scale("madrs").high)
        mean = v[f"baseline_mean.{self.design.people.diagnosis}"]
        sd = min(v["baseline_sd"], mean)  # near the floor no wider than the mean
        ends = expected(name, np.array([mean - sd, mean + sd]))
        return float((ends[1] - ends[0]) / 2)


@cache
def _probe() -> Floats:
    from scipy.special import ndtri

    return ndtri((np.arange(settings()["probe"]) + 1 / 2) / settings()["probe"])


def stages(mean: float) -> Sequence[float]:
    """Return shares of people by number of failed treatments, 1 to `most_failed`, with this mean: one, and more by chance."""
    from scipy.stats import binom

    more = settings()["most_failed"] - 1
    return [float(p) for p in binom.pmf(np.arange(more + 1), more, (mean - 1) / more)]


def truncated(mean: float, sd: float, low: float, high: float, z: Floats) -> Floats:
    """Return values of a normal cut at `low` and `high` for standard normal `z`, with the mean and SD given as those after cutting.

    Location and spread before cutting are found by repeated correction; a mean at or beyond an end, which no cut normal
    has, is taken as that before cutting.
    """
    from scipy.special import ndtr, ndtri

    if sd == 0:
        return np.full(z.shape, mean)

    def cut(location: float, spread: float, at: Floats) -> Floats:
        a, b = ndtr((low - location) / spread), ndtr((high - location) / spread)
        tiny = np.finfo(float).eps
        return np.clip(location + spread * ndtri(np.clip(a + ndtr(at) * (b - a), tiny, 1 - tiny)), low, high)

    location, spread = mean, sd
    if low < mean < high:
        for _ in range(settings()["rounds"]):
            got = cut(location, spread, _probe())
            location += mean - float(got.mean())
            spread = min(spread * sd / max(float(got.std()), np.finfo(float).eps), high - low)
    return cut(location, spread, z)
