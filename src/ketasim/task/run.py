"""A task, a circuit, a seed: the figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ketasim.errors import InputError, nearest
from ketasim.task.agent import agent
from ketasim.task.context import play_context, score_context
from ketasim.task.effort import play_effort, score_effort
from ketasim.task.omission import omission, score_omission
from ketasim.task.reversal import play_reversal, score_reversal
from ketasim.task.reward import play_reward, score_reward
from ketasim.task.settings import number

_PLAYS: dict[str, tuple[Callable[..., Any], Callable[[Any], dict[str, float]]]] = {
    "reward": (play_reward, score_reward),
    "effort": (play_effort, score_effort),
    "reversal": (play_reversal, score_reversal),
    "context": (play_context, score_context),
    "omission": (omission, score_omission),
}
TASKS = tuple(_PLAYS)


def run(
    task: str,
    circuit: Mapping[str, float],
    seed: int,
    trials: int | None = None,
    agents: int | None = None,
    *,
    values: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Simulate agents with the same circuit on a task and return its figures (pure numbers; see the `score_` functions).

    Parameters
    ----------
    task : "reward", "effort", "reversal", "context" or "omission". circuit : as for `agent`.
    seed : a whole number of at least 0; the same seed gives every circuit the same luck. trials, agents : default as in
        tasks.toml. values : numbers of agent.toml to replace.

    Raises
    ------
    InputError
        For an unknown task, a bad circuit, fewer than two trials or one agent, or a bad seed.
    """
    if task not in _PLAYS:
        raise InputError("unknown task", value=task, expected=nearest(str(task), TASKS))
    trials = int(number("trials", task)) if trials is None else _whole("trials", trials, 2)
    agents = int(number("agents")) if agents is None else _whole("agents", agents, 1)
    play, score = _PLAYS[task]
    rng = np.random.default_rng(_whole("seed", seed, 0))
    return score(play(agent(circuit, values), rng, trials, agents))


def _whole(key: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError("not a whole number in range", key=key, value=value, expected=f"at least {least}")
    return int(value)
