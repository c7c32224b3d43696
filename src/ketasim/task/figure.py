"""The figure of the tasks: the same agent under four circuits. Needs Matplotlib (`pip install ketasim[figures]`)."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ketasim.errors import missing
from ketasim.task.agent import AgentParameters, agent
from ketasim.task.belief import Floats, Ints
from ketasim.task.context import ContextPlay, play_context
from ketasim.task.effort import play_effort
from ketasim.task.omission import omission
from ketasim.task.reversal import play_reversal
from ketasim.task.settings import condition, number


def draw(path: Path) -> None:
    """Write the figure: reversal, effort, omission and change of context under the illustrative circuits of conditions.toml.

    Raises
    ------
    RunError
        If Matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("Matplotlib", "figures") from None
    how = tomllib.loads(files("ketasim.task").joinpath("data", "figure.toml").read_text("utf-8"))
    figure = Figure(figsize=tuple(how["size"]), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2).ravel()
    for name, (colour, label) in how["conditions"].items():
        p = agent(condition(name))
        for axes, panel in zip(panels, (_reversal, _effort, _omission, _context), strict=True):
            panel(axes, p, how, {"color": colour, "label": label})
    _best(panels[-1], agent(condition("depressed")), how)
    for axes, letter in zip(panels, "abcd", strict=True):
        axes.set_title(f"{letter}  {axes.get_title()}", loc="left", fontsize="medium")
        axes.set_title("", loc="center")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False, fontsize="small")
    panels[-1].legend(frameon=False, fontsize="small", loc="lower right")
    figure.savefig(path, dpi=how["dpi"], metadata={"Software": None})


def _rng(how: dict[str, Any]) -> np.random.Generator:
    return np.random.default_rng(how["seed"])


def _by(age: Ints, right: Any, last: int, which: Any) -> Floats:
    """Return the mean of `right` at each number of trials 0 to `last` since a change."""
    return np.array([right[which & (age == k)].mean() for k in range(last + 1)])


def _reversal(axes: Any, p: AgentParameters, how: dict[str, Any], style: dict[str, Any]) -> None:
    trials, block = int(number("trials", "reversal")), int(number("block", "reversal"))
    play = play_reversal(p, _rng(how), trials, how["agents"], block=block)
    axes.plot(
        range(how["after"] + 1), _by(play.since, play.choice == play.better, how["after"], play.rule > 0), **style
    )
    axes.set(title="Reversal of the rule", xlabel="trials since the reversal", ylabel="better action chosen (share)")
    axes.set_ylim(0, 1)


def _effort(axes: Any, p: AgentParameters, how: dict[str, Any], style: dict[str, Any]) -> None:
    play = play_effort(p, _rng(how), int(number("trials", "effort")), how["agents"])
    offers = np.unique(play.offer)
    axes.plot(offers, [play.choice[play.offer == o].mean() for o in offers], marker="o", **style)
    axes.set(
        title="Effort for reward", xlabel="reward of the hard action (easy = 1)", ylabel="hard action chosen (share)"
    )
    axes.set_ylim(0, 1)


def _omission(axes: Any, p: AgentParameters, how: dict[str, Any], style: dict[str, Any]) -> None:
    play = omission(p, _rng(how), int(number("trials", "omission")), how["agents"])
    axes.plot(play.habenula_omission.mean(axis=1), **style)
    axes.plot(play.habenula_delivery.mean(axis=1), color=style["color"], linestyle=":")
    axes.set(
        title="Habenula: reward omitted (solid), delivered (dotted)",
        xlabel="trials with the cue",
        ylabel="habenula rate (depressed at rest = 1)",
    )
    axes.set_ylim(bottom=0)


def _followed(play: ContextPlay, choice: Ints, last: int) -> Floats:
    changed = (play.context != play.context[0]).cumsum(axis=0) > 0
    return _by(play.since, choice == play.context, last, changed)


def _context(axes: Any, p: AgentParameters, how: dict[str, Any], style: dict[str, Any]) -> None:
    play = play_context(p, _rng(how), int(number("trials", "context")), how["agents"])
    axes.plot(range(how["after"] + 1), _followed(play, play.choice, how["after"]), **style)
    axes.set(
        title="Change of context", xlabel="trials since the change", ylabel="strategy of the new context chosen (share)"
    )
    axes.set_ylim(0, 1)


def _best(axes: Any, p: AgentParameters, how: dict[str, Any]) -> None:
    play = play_context(p, _rng(how), int(number("trials", "context")), how["agents"])
    best = _followed(play, play.best, how["after"])
    axes.plot(range(how["after"] + 1), best, color=how["optimal"], linestyle="--", label="best possible observer")
