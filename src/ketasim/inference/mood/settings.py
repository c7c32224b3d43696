"""Settings of the calibration: which parameters it moves, rival hypotheses, numbers of people, draws and steps."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np


@cache
def settings() -> dict[str, Any]:
    """Return the settings of inference/data/mood.toml."""
    return tomllib.loads(files("ketasim.inference").joinpath("data", "mood.toml").read_text("utf-8"))


def generator(number: int) -> np.random.Generator:
    """Return random numbers under the calibration's seed: a stream of its own for each number."""
    return np.random.Generator(np.random.Philox(key=[settings()["seed"], number]))


def smoked() -> None:
    """Cut the settings of this process down to a run for tests: every stage, with few rounds, rivals and draws."""
    s = settings()
    few = s["smoke"]
    s["rival"] = {r: s["rival"][r] for r in few["rivals"]}
    s["posterior"] |= few["posterior"]
    s["draws"], s["studies"], s["animals"]["tables"] = few["draws"], few["studies"], few["tables"]
