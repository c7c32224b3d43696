"""The fit from data file to draws, in stages that are kept, so that a run that dies goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import missing
from ketasim.inference.mode import Mode, Model, find_mode
from ketasim.inference.problem import Problem
from ketasim.inference.sample import Chains, State, begin, run_chains
from ketasim.inference.stages import claim, stage
from ketasim.kept import fingerprint

Floats = NDArray[np.float64]
Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fit:
    """A finished fit.

    Attributes
    ----------
    mode : where the chains started from. z, tau, rho : kept draws, (draws, K) and (draws, C). rhat : largest split R-hat of the
        coordinates and of the log posterior's parts. ess : smallest effective sample size. accepted : share of accepted steps.
    """

    mode: Mode
    z: Floats
    tau: Floats
    rho: Floats
    rhat: float
    ess: float
    accepted: float


def start_values(problem: Problem) -> tuple[Floats, Floats]:
    """Return the sampling errors and the shifts of reported means, (J) each, from the spread between people at the prior centres."""
    centre = problem.coordinates.values(np.zeros((len(problem.coordinates.names), 1)))
    spread = problem.spread({n: float(v[0]) for n, v in centre.items()})
    return problem.data.sampling(spread, float(problem.spec["likelihood"]["unknown_n"])), problem.data.shift(spread)


def mode_of(
    problem: Problem,
    se: Floats,
    shift: Floats,
    told: Told | None = None,
    *,
    data: Any = None,
    fresh: int | None = None,
    model: Model | None = None,
) -> Mode:
    """Return the posterior mode of a problem.

    `data` replaces the reported figures and `model` the problem's own (for simulated studies); `fresh` as for `find_mode`.
    """
    rules = problem.spec["mode"]
    rounds = int(rules["rounds"])
    return find_mode(
        model or (lambda z: problem.model(z, shift)),
        data or problem.data,
        se,
        np.zeros(len(problem.coordinates.names)),
        problem.variances,
        rounds=rounds,
        step=float(rules["step"]),
        small=float(rules["small"]),
        fresh=fresh,
        told=None if told is None else lambda k, _: told("mode", k, rounds),
    )


def fit(problem: Problem, folder: Path, told: Told | None = None) -> Fit:
    """Run the fit and return it; stages that `folder` holds from an earlier run of the same fit are not repeated.

    Raises
    ------
    RunError
        If the folder holds stages of another fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    claim(folder, _identity(problem), "fit")
    rules = problem.spec["sample"]
    se, shift = stage(
        folder / "errors.npz", lambda: dict(zip(("se", "shift"), start_values(problem), strict=True))
    ).values()
    mode = _mode(stage(folder / "mode.npz", lambda: _unmode(mode_of(problem, se, shift, told))))
    chains = _chains(problem, folder, mode, se, shift, told)
    burn, wanted = int(rules["burn"]), int(rules["draws"])
    kept = chains.z[burn:].transpose(0, 2, 1)  # (steps, chains, K)
    rhat, ess = diagnose(kept)
    pick = np.linspace(0, kept.shape[0] * kept.shape[1] - 1, wanted).round().astype(int)
    flat = [x[burn:].transpose(0, 2, 1).reshape(-1, x.shape[1])[pick] for x in (chains.z, chains.tau, chains.rho)]
    return Fit(mode, flat[0], flat[1], flat[2], rhat, ess, chains.accepted)


def _chains(problem: Problem, folder: Path, mode: Mode, se: Floats, shift: Floats, told: Told | None) -> Chains:
    """Run the chains in pieces, each kept with the state at its end.

    During the burn-in the normal distribution that the steps leave unchanged is set anew from the chains before each piece; the draws
    that are kept all come from one.
    """
    rules = problem.spec["sample"]
    steps, piece = int(rules["steps"]), int(rules["piece"])
    model = lambda z: problem.model(z, shift)  # noqa: E731
    parts: list[dict[str, Floats]] = []
    state: State | None = None
    for k, first in enumerate(range(0, steps, piece)):

        def run(k: int = k, first: int = first) -> dict[str, Floats]:
            nonlocal state
            seed = int(rules["seed"]) + k  # each piece has its own numbers, so that it can be run again alone
            if state is None and parts:
                state = _state(parts[-1], model, seed)
            elif state is None:
                state = begin(model, mode, int(rules["chains"]), seed)
            reference = _reference(mode, parts[: int(rules["burn"]) // piece], int(rules["memory"]) // piece)
            state.generator = np.random.Generator(np.random.Philox(key=seed))
            done = run_chains(
                model, problem.data, se, reference, problem.variances, state, steps=min(piece, steps - first),
                beta=float(rules["beta"]), told=None if told is None else lambda _: told("chains", 1, steps),
            )  # fmt: skip
            return {"z": done.z, "tau": done.tau, "rho": done.rho, "accepted": np.array(done.accepted)}

        parts.append(stage(folder / f"chains-{k:03d}.npz", run))
    joined = {n: np.concatenate([p[n] for p in parts]) for n in ("z", "tau", "rho")}
    return Chains(joined["z"], joined["tau"], joined["rho"], float(np.mean([p["accepted"] for p in parts])))


def _reference(mode: Mode, parts: list[dict[str, Floats]], memory: int) -> Mode:
    """Return the mode with centre and factor of the last `memory` pieces, a little wider; the mode itself before there are so many."""
    if len(parts) < memory:
        return mode
    z = np.concatenate([p["z"] for p in parts[-memory:]]).transpose(0, 2, 1).reshape(-1, len(mode.z))
    covariance = np.cov(z, rowvar=False) + np.diag(z.var(axis=0)) / 2**4
    return replace(mode, z=z.mean(axis=0), factor=np.asarray(np.linalg.cholesky(covariance), dtype=float))


def _state(part: dict[str, Floats], model: Callable[[Floats], Floats], seed: int) -> State:
    z = part["z"][-1].copy()
    return State(
        z, part["tau"][-1].copy(), part["rho"][-1].copy(), model(z), np.random.Generator(np.random.Philox(key=seed))
    )


def diagnose(kept: Floats) -> tuple[float, float]:
    """Return the largest split R-hat and the smallest effective sample size of draws (steps, chains, K), by NumPyro.

    Raises
    ------
    RunError
        If NumPyro is not installed.
    """
    try:
        from numpyro.diagnostics import effective_sample_size, split_gelman_rubin  # type: ignore[import-untyped]
    except ImportError:
        raise missing("numpyro", "fit") from None
    by_chain = kept.transpose(1, 0, 2)
    return float(split_gelman_rubin(by_chain).max()), float(effective_sample_size(by_chain).min())


def _identity(problem: Problem) -> str:
    return fingerprint("inference", "qualify", "layers", "parameters", "system", "engine") + problem.name


def _unmode(m: Mode) -> dict[str, Floats]:
    return {
        "z": m.z, "factor": m.factor, "tau": m.tau, "rho": m.rho, "jacobian": m.jacobian, "predicted": m.predicted,
        "rounds": np.array(m.rounds),
    }  # fmt: skip


def _mode(held: dict[str, Floats]) -> Mode:
    return Mode(rounds=int(held["rounds"]), **{n: v for n, v in held.items() if n != "rounds"})
