"""The agent's parameters from choices: the mode of likelihood and a weak prior, all agents at once.

Each agent is fitted alone (no pooling). On each parameter's own scale (log, logit or linear) the prior is normal about the
value of agent.toml. The sum over agents is climbed by L-BFGS-B (Byrd 1995, doi 10.1137/0916069); its gradient comes from
central differences of one vectorised likelihood, in which every shifted copy of every agent is a lane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from ketasim.errors import InputError, nearest
from ketasim.task.agent import AgentParameters, Values
from ketasim.task.belief import Floats
from ketasim.task.likelihood import LIKELIHOODS
from ketasim.task.settings import number, table


@dataclass(frozen=True)
class Fit:
    """Fitted parameters by name, log likelihood at them and log posterior (up to a constant), each of shape (agents,)."""

    values: dict[str, Floats]
    log_likelihood: Floats
    log_posterior: Floats
    converged: bool


def own_scale(name: str, value: Values) -> Floats:
    """Return a parameter's value on the scale of agent.toml (log, logit or linear)."""
    scale, given = table("agent").resolve(name).scale, np.asarray(value, dtype=float)
    return np.log(given) if scale == "log" else np.asarray(logit(given) if scale == "logit" else given)


def from_scale(name: str, x: Values) -> Floats:
    """Return the value of a parameter from its own scale; the inverse of `own_scale`."""
    scale, given = table("agent").resolve(name).scale, np.asarray(x, dtype=float)
    return np.exp(given) if scale == "log" else np.asarray(expit(given) if scale == "logit" else given)


def _prior(name: str) -> tuple[float, float]:
    p = table("agent").resolve(name)
    return float(own_scale(name, p.value)), number("prior_sd", p.scale)


def from_prior(rng: np.random.Generator, free: Sequence[str], agents: int) -> dict[str, Floats]:
    """Return parameters drawn from the prior of a fit, by name, each of shape (agents,)."""
    drawn = {}
    for name in free:
        mean, sd = _prior(name)
        drawn[name] = from_scale(name, mean + sd * rng.standard_normal(agents))
    return drawn


def fit(task: str, play: Any, free: Sequence[str], known: AgentParameters, *, starts: int = 1) -> Fit:
    """Fit parameters of each agent of a session.

    Parameters
    ----------
    task : "reversal", "reward" or "effort". play : what its `play_` function returns, or the same from an experiment.
    free : names of the parameters to fit. known : the others. starts : starting points; the first is the prior's mean.

    Raises
    ------
    InputError
        For an unknown task or parameter, or none.
    """
    if task not in LIKELIHOODS:
        raise InputError("no likelihood of this task", value=task, expected=nearest(str(task), LIKELIHOODS))
    names = {f.name for f in fields(known)} & {p.name for p in table("agent")}
    for name in free:
        if name not in names:
            raise InputError("unknown parameter of the agent", value=name, expected=nearest(name, names))
    if not free:
        raise InputError("nothing to fit", key="free", expected=f"one or more of {', '.join(sorted(names))}")
    return _Problem(task, play, tuple(free), known, starts).solve()


class _Problem:
    """Lanes are ordered (shift, start, agent): shift 0 none, then each parameter up, then each down."""

    def __init__(self, task: str, play: Any, free: tuple[str, ...], known: AgentParameters, starts: int) -> None:
        self.likelihood, self.free, self.known = LIKELIHOODS[task], free, known
        self.agents, self.starts, size = play.choice.shape[1], starts, len(free)
        self.play = _tiled(play, starts * (2 * size + 1))
        self.mean = np.array([_prior(name)[0] for name in free])
        self.sd, self.step = np.array([_prior(name)[1] for name in free]), number("difference", "fit")
        self.shifts = np.concatenate([np.zeros((1, size)), self.step * np.eye(size), -self.step * np.eye(size)])

    def posterior(self, x: Floats) -> tuple[Floats, Floats]:
        """Return log posterior and log likelihood, (shift, start, agent), about x, (start, agent, parameter)."""
        lanes = x[None] + self.shifts[:, None, None, :]
        flat = lanes.reshape(-1, len(self.free))
        p = self.known.having({name: from_scale(name, flat[:, k]) for k, name in enumerate(self.free)})
        found = self.likelihood(p, self.play).reshape(lanes.shape[:-1])
        return found - (((lanes - self.mean) / self.sd) ** 2).sum(axis=-1) / 2, found

    def objective(self, flat: Floats) -> tuple[float, Floats]:
        """Return minus the log posterior summed over agents and starts, and its gradient."""
        found = self.posterior(flat.reshape(self.starts, self.agents, -1))[0]
        size = len(self.free)
        gradient = (found[1 : size + 1] - found[size + 1 :]) / (2 * self.step)
        return -float(found[0].sum()), -np.moveaxis(gradient, 0, -1).ravel()

    def solve(self) -> Fit:
        """Climb from all starting points and keep each agent's best end."""
        turns = (np.arange(self.starts) + 1) // 2 * (-1) ** np.arange(self.starts)
        begin = self.mean + number("start", "fit") * self.sd * turns[:, None, None] * np.ones(
            (self.starts, self.agents, len(self.free))
        )
        done = minimize(
            self.objective,
            begin.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": int(number("iterations", "fit"))},
        )
        ends = done.x.reshape(begin.shape)
        top, found = (part[0] for part in self.posterior(ends))
        best, who = top.argmax(axis=0), np.arange(self.agents)
        values = {name: from_scale(name, ends[best, who, k]) for k, name in enumerate(self.free)}
        return Fit(values, found[best, who], top[best, who], bool(done.success))


def _tiled(play: Any, copies: int) -> Any:
    """Return a session in which every agent stands `copies` times; only arrays over (trials, agents) are read in a fit."""
    arrays: Mapping[str, Any] = vars(play)
    return replace(play, **{name: np.tile(a, (1, copies)) if a.ndim == 2 else a for name, a in arrays.items()})


@dataclass(frozen=True)
class Recovery:
    """True and fitted parameters on their own scales by name, (agents,) each; correlation, and bias (fitted - true, mean)."""

    true: dict[str, Floats]
    fitted: dict[str, Floats]
    correlation: dict[str, float]
    bias: dict[str, float]


def recovery(found: Fit, true: Mapping[str, Floats]) -> Recovery:
    """Compare a fit with the parameters that made the choices."""
    truth = {name: own_scale(name, values) for name, values in true.items()}
    fitted = {name: own_scale(name, found.values[name]) for name in true}
    together = {name: float(np.corrcoef(truth[name], fitted[name])[0, 1]) for name in true}
    return Recovery(truth, fitted, together, {name: float((fitted[name] - truth[name]).mean()) for name in true})
