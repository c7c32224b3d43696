"""Run virtual trials of a design: endpoints by trial, and p values of comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ketasim.trial import statistics as st
from ketasim.trial.compute import figure, tested, times_of
from ketasim.trial.pool import Pool, make_pool
from ketasim.trial.rules import applied, first_people
from ketasim.trial.scores import Block, Trials
from ketasim.trial.settings import settings
from ketasim.trial.spec import Design

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Virtual:
    """Virtual trials of a design: for each endpoint by name its figure in every trial (R,), and p values where arms are compared.

    `means` maps an arm to its mean score on the trial's scale at each of its visits, (R, V). `pool` is that of the drug's effects.
    """

    design: Design
    figures: Mapping[str, Floats]
    p: Mapping[str, Floats]
    means: Mapping[str, Floats]
    pool: Pool | None = None


def virtual_trials(
    design: Design,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    pool: Pool | None = None,
    draws: int | None = None,
    people: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Virtual:
    """Simulate trials of a design.

    Parameters
    ----------
    replicates : virtual trials. seed : of all random numbers. draws, people : parameter draws and simulated people of each in the
        pool (None: the settings'). pool : of the drug's effects, where it was simulated before. progress : called with people solved.

    Raises
    ------
    InputError, RunError
        As `make_pool` does.
    """
    s = settings()
    total, seed = replicates or s["replicates"], s["seed"] if seed is None else seed
    made = prepared(design, seed=seed, pool=pool, draws=draws, people=people, progress=progress)
    parts = [made.part(k, size) for k, size in parts_of(total)]
    return replace(joined(design, parts), pool=made.trials.pool)


@dataclass(frozen=True)
class Part:
    """Trials that share a parameter draw: figures and p values by endpoint, (R,) each; mean scores by arm, (R, V)."""

    figures: Mapping[str, Floats]
    p: Mapping[str, Floats]
    means: Mapping[str, Floats]


@dataclass(frozen=True)
class Ready:
    """A design with its pool, from which any part of the virtual trials can be had alone."""

    design: Design
    trials: Trials

    def part(self, k: int, size: int) -> Part:
        """Return the first `size` trials of part `k`."""
        d = self.design
        block = applied(d, self.trials.block(k, size))
        early, stopped = _interim(d, block)
        figures, p = {}, {}
        for e in d.endpoints:
            figures[e.name] = np.where(stopped, figure(d, early, e), figure(d, block, e))
            if e.versus:
                p[e.name] = np.where(stopped, tested(d, early, e), tested(d, block, e))
        seen = {a: found[d.people.scale].swapaxes(1, 2) for a, found in block.scores.items()}
        return Part(figures, p, {a: np.asarray(st.moments(x).mean) for a, x in seen.items()})


def prepared(
    design: Design,
    *,
    seed: int,
    pool: Pool | None = None,
    draws: int | None = None,
    people: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Ready:
    """Return a design ready for virtual trials; arguments as `virtual_trials`."""
    cut = capped(design)
    pool = pool or make_pool(cut, times_of(cut), count=draws, people=people, seed=seed, progress=progress)
    scales = [e.scale for e in cut.endpoints]
    scales += [rule["scale"] for rule in (cut.enrich, cut.rescue) if rule]
    scales += [e.options["with"] for e in cut.endpoints if e.options.get("with", "cadss") != "cadss"]
    return Ready(cut, Trials(cut, pool, scales, seed))


def parts_of(total: int) -> list[tuple[int, int]]:
    """Return (part, trials in it) for so many trials: each part but the last is full."""
    size = settings()["part"]
    return [(k, min(size, total - k * size)) for k in range(-(-total // size))]


def joined(design: Design, parts: Sequence[Part]) -> Virtual:
    """Return the trials of all parts together."""
    figures = {e.name: np.concatenate([x.figures[e.name] for x in parts]) for e in design.endpoints}
    p = {e.name: np.concatenate([x.p[e.name] for x in parts]) for e in design.endpoints if e.versus}
    means = {a.name: np.concatenate([x.means[a.name] for x in parts]) for a in design.arms}
    return Virtual(design, figures, p, means)


def _interim(design: Design, block: Block) -> tuple[Block, Bools]:
    """Return the block at the early look and which trials stop there, (R,): those whose p of the endpoint named is small."""
    rule = design.interim
    if not rule:
        return block, np.zeros(next(iter(block.peak.values())).shape[0], dtype=bool)
    early = first_people(block, rule["share"])
    e = next(e for e in design.endpoints if e.name == rule["endpoint"])
    return early, tested(design, early, e) < rule["p"]


def capped(design: Design) -> Design:
    """Return the design with arms of at most `most_people`: beyond, chance in sampling people is no longer what matters."""
    most = settings()["most_people"]
    return replace(design, arms=tuple(replace(a, n=min(a.n, most)) for a in design.arms))
