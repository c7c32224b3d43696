"""The calibration from studies to draws, in stages that are kept, so that a run that dies goes on where it was.

Kinetics, receptors and circuits are not fitted: they are solved once for each upstream draw, and the slow layers are fitted given
them (a cut posterior, so that trials of mood do not bend kinetics; Plummer 2015, doi 10.1007/s11222-014-9503-z). Each shipped draw
belongs to one upstream draw and to one rival explanation, rivals by their stacking weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import missing
from ketasim.inference.mood.animals import animal_drives, by_study
from ketasim.inference.mood.cases import Case, cases, wanted
from ketasim.inference.mood.coordinates import Held, coordinates, held
from ketasim.inference.mood.drives import Drives, all_drives
from ketasim.inference.mood.leaving import Check, LeftOut, check, leave_each_out, weighed
from ketasim.inference.mood.posterior import Condition, Laplace, Posterior
from ketasim.inference.mood.settings import generator, settings
from ketasim.inference.mood.target import Target
from ketasim.inference.stages import claim, stage
from ketasim.kept import fingerprint
from ketasim.studies.library import bundled_studies, load_study
from ketasim.trial.spec import Design

Floats = NDArray[np.float64]
Told = Callable[[str, int, int], None]
MAIN = "all"
# Where keys of random numbers of moves and of long chains begin (starts, first and last part); those of proposals begin at 1.
MOVED, WHITE, WARMED, CHAINED = 1000, 2000, 3000, 4000


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Drawn:
    """Shipped draws: coordinates (N, K), the upstream draw of each (N,), and its rival."""

    z: Floats
    upstream: tuple[int, ...]
    rival: tuple[str, ...]


class Calibration:
    """A calibration whose stages are kept in a folder.

    Parameters
    ----------
    designs : of published trials. folder : of the stages. told : called with a stage, done and total.

    Raises
    ------
    RunError
        If the folder holds stages of another model, other data or other settings.
    """

    def __init__(self, designs: Sequence[Design], folder: Path, *, told: Told = _silent) -> None:
        self.folder, self.told = folder, told
        only = settings().get("studies")
        self.cases: list[Case] = cases([d for d in designs if only is None or d.study in only])
        folder.mkdir(parents=True, exist_ok=True)
        claim(
            folder,
            fingerprint("inference", "trial", "studies", "layers", "engine") + f"/{len(self.cases)}",
            "calibration",
        )

    @property
    def rivals(self) -> tuple[str, ...]:
        """Return the names of the rivals, the explanation by all of them first."""
        return tuple(settings()["rival"])

    def drives(self, number: int, rival: str = MAIN) -> dict[tuple[str, str], Drives]:
        """Return every arm's drives for an upstream draw (0: the shipped numbers), with a rival's own upstream switches."""
        switches = settings()["rival"][rival].get("drives", {})
        tag = "".join(f"-{n}" for n in switches)
        arms = wanted(self.cases)
        done = 0

        def one() -> None:
            nonlocal done
            done += 1
            self.told(f"drives {number}{tag}", done, len(arms))

        return all_drives(arms, number, self.folder, hypotheses=switches, tag=tag, progress=one)

    def animals(self, number: int, rival: str = MAIN) -> dict[str, Floats]:
        """Return the drives of animals for an upstream draw, with a rival's own upstream switches."""
        switches = settings()["rival"][rival].get("drives", {})
        tag = "".join(f"-{n}" for n in switches)
        self.told(f"animals {number}{tag}", 0, 1)
        return animal_drives(number, self.folder, hypotheses=switches, tag=tag)

    @cached_property
    def posterior(self) -> Posterior:
        """Return the compiled posterior."""
        return Posterior(Target(self.cases, self.drives(0), coordinates()))

    def condition(self, rival: str, number: int = 0) -> Condition:
        """Return what is given: an upstream draw's drives, what a rival holds, all studies."""
        target = self.posterior.target
        given = target.given(self.drives(number, rival), self.animals(number, rival))
        return Condition(given, held(rival, target.coordinates), np.ones(len(self.cases)))

    def condition_held(self, rival: str) -> Held:
        """Return what a rival holds."""
        return held(rival, self.posterior.target.coordinates)

    def mode(self, rival: str) -> Laplace:
        """Return a rival's normal approximation with the shipped upstream numbers."""
        start = np.zeros(self.posterior.count) if rival == MAIN else self.mode(MAIN).z

        def run() -> dict[str, Floats]:
            self.told(f"mode of {rival}", 0, 1)
            found = self.posterior.laplace(self.condition(rival), start)
            return {"z": found.z, "factor": found.factor, "density": np.array(found.density)}

        kept = stage(self.folder / f"mode-{rival}.npz", run)
        return Laplace(kept["z"], kept["factor"], float(kept["density"]))

    def left(self, rival: str) -> LeftOut:
        """Return each study predicted by all the others under a rival."""

        def run() -> dict[str, Floats]:
            done = 0

            def one() -> None:
                nonlocal done
                done += 1
                self.told(f"studies left out, {rival}", done, len(self.cases))

            found = leave_each_out(self.posterior, self.mode(rival), self.condition(rival), one)
            return {"mean": found.mean, "sd": found.sd, "density": found.density}

        return LeftOut(**stage(self.folder / f"left-{rival}.npz", run))

    def found_in_animals(self, rival: str) -> Floats:
        """Return the log chance of each finding in animals as it was reported, (F,), at a rival's mode."""

        def run() -> dict[str, Floats]:
            return {"log": self.posterior.animals(self.mode(rival).z, self.condition(rival))}

        return stage(self.folder / f"animals-{rival}.npz", run)["log"]

    @cached_property
    def weights(self) -> dict[str, float]:
        """Return the stacking weights of the rivals, averaged over a bootstrap of the studies.

        Studies of animals count as those of people do. Their findings are not left out one by one: what a yes or no moves of 116
        parameters is little beside what rivals differ by.
        """
        rows = [
            np.concatenate([self.left(r).density, list(by_study(self.found_in_animals(r).tolist()).values())])
            for r in self.rivals
        ]
        found, _ = weighed(np.stack(rows))
        return dict(zip(self.rivals, found.tolist(), strict=True))

    def check(self) -> Check:
        """Return how the average over rivals predicts the studies that it did not see."""
        w = self.weights
        return check([self.left(r) for r in w], np.array(list(w.values())), self.posterior.target.y)

    def draws(self, count: int) -> Drawn:
        """Return draws, one for each upstream draw from 1 on, rivals in turn by their weights."""
        rivals = allotted(self.weights, count)
        z = []
        for number, rival in enumerate(rivals, start=1):
            self.told("draws", number - 1, count)
            z.append(stage(self.folder / f"draw-{number}-{rival}.npz", partial(self._draw, number, rival))["z"])
        self.told("draws", count, count)
        return Drawn(np.stack(z), tuple(range(1, count + 1)), rivals)

    def _draw(self, number: int, rival: str) -> dict[str, Floats]:
        """Draw from the posterior of an upstream draw and a rival.

        A short Hamiltonian chain starts from one of many proposals about the mode, chosen by importance; its last state is the draw.
        """
        s = settings()["posterior"]
        at, on = self.mode(rival), self.condition(rival, number)
        z, density = self.posterior.mode(on, at.z, rounds=s["moved_rounds"])
        random = generator(number)
        white = random.standard_normal((s["proposals"], len(z)))
        proposed = z + white @ at.factor.T
        log = np.array([self.posterior.density(x, on) for x in proposed]) - density + (white**2).sum(axis=1) / 2
        weight = np.exp(np.minimum(log, np.quantile(log, s["cut"])) - log.max())
        chosen = int(random.choice(len(log), p=weight / weight.sum()))
        around = Laplace(z, at.factor, density)
        moves, leaps = s["chain"]["moves"], s["chain"]["leaps"]
        moved = self.posterior.chain(around, on, proposed[chosen], moves, [settings()["seed"], MOVED + number], leaps)
        return {"z": moved.z[-1], "log": log, "taken": np.array(moved.taken), "path": moved.z}

    def chains(self) -> Diagnosed:
        """Return how well long chains of one posterior, that of the weightiest rival with the shipped upstream numbers, agree.

        Chains about the mode set the scales (where the normal approximation is too narrow they are slow); those that count follow.
        """
        s = settings()["posterior"]["long"]
        rival = max(self.weights, key=lambda r: self.weights[r])
        at, on = self.mode(rival), self.condition(rival)
        numbers = range(1, s["chains"] + 1)

        def warm(number: int) -> dict[str, Floats]:
            start = at.z + at.factor @ generator(WHITE + number).standard_normal(len(at.z))
            key = [settings()["seed"], WARMED + number]
            found = self.posterior.chain(at, on, start, s["rest"] + s["warm"], key, s["leaps"])
            return {"z": found.z[s["rest"] :]}

        def run(number: int) -> dict[str, Floats]:
            key = [settings()["seed"], CHAINED + number]
            found = self.posterior.chain(around, on, first[number - 1][-1], s["states"], key, s["leaps"])
            return {"z": found.z, "taken": np.array(found.taken)}

        first = [self._chain("warm", rival, k, warm)["z"] for k in numbers]
        around = at.scaled(np.concatenate(first))
        rows = [self._chain("chain", rival, k, run) for k in numbers]
        return diagnosed(at, rival, np.stack([r["z"] for r in rows]), float(np.mean([r["taken"] for r in rows])))

    def _chain(self, kind: str, rival: str, number: int, run: Callable[[int], dict[str, Floats]]) -> dict[str, Floats]:
        self.told(f"chains ({kind})", number - 1, settings()["posterior"]["long"]["chains"])
        return stage(self.folder / f"{kind}-{rival}-{number}.npz", partial(run, number))


@dataclass(frozen=True)
class Diagnosed:
    """Split R-hat and bulk effective sample size of each free coordinate, the worst of them; the share of moves taken.

    `spread` is the median over coordinates of the chains' SD over the normal approximation's, `widest` the largest.
    """

    rival: str
    states: int
    rhat: float
    ess: float
    taken: float
    spread: float
    widest: float


def diagnosed(at: Laplace, rival: str, z: Floats, taken: float) -> Diagnosed:
    """Return the diagnostics of chains z (C, N, K) by NumPyro. Raises `RunError` if it is not installed."""
    try:
        from numpyro.diagnostics import effective_sample_size, split_gelman_rubin  # type: ignore[import-untyped]
    except ImportError:
        raise missing("numpyro", "fit") from None
    wider = z.std(axis=(0, 1)) / np.sqrt((at.factor**2).sum(axis=1))
    return Diagnosed(
        rival,
        z.shape[0] * z.shape[1],
        float(np.max(split_gelman_rubin(z))),
        float(np.min(effective_sample_size(z))),
        taken,
        float(np.median(wider)),
        float(np.max(wider)),
    )


def designs() -> list[Design]:
    """Return the designs of the shipped trials."""
    return [d for d in map(load_study, bundled_studies()) if isinstance(d, Design)]


def allotted(weights: dict[str, float], count: int) -> tuple[str, ...]:
    """Return a rival for each of `count` draws, spread evenly, as often as its weight has it (largest remainders)."""
    names = list(weights)
    share = np.array([weights[n] for n in names]) * count
    number = np.floor(share).astype(int)
    for k in np.argsort(number - share, kind="stable")[: count - number.sum()]:
        number[k] += 1
    places = sorted(((i + 1 / 2) / n, k) for k, n in enumerate(number) for i in range(n))
    return tuple(names[k] for _, k in places)
