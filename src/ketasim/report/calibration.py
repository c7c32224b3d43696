"""Two pictures of the calibration of mood: priors beside posterior draws, and studies left out beside what was published.

`python -m ketasim.report.calibration --work FOLDER` writes docs/pictures/mood_priors.png and mood_left_out.png from the stages of
`ketasim calibrate mood`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.inference.mood.calibrate import Calibration, Drawn
from ketasim.inference.mood.settings import settings
from ketasim.inference.mood.slow import ANIMALS, terms
from ketasim.inference.mood.tables import kept_calibration
from ketasim.report.package import data_table
from ketasim.report.qualification.plot import look
from ketasim.trial.measures import MEASURES

Floats = NDArray[np.float64]
_NINETY = 1.645
_PANELS = (("point", "points"), ("fraction", "shares"), ("", "ratios (log), standardised"))
_TINT = {
    "all": "black",
    "H1": "vermilion",
    "H2": "blue",
    "H3": "purple",
    "H4": "ochre",
    "H5": "brown",
    "H6": "green",
    "H7": "sky",
}


def priors(found: Calibration, drawn: Drawn, path: Path) -> None:
    """Draw each slow parameter's prior (5th to 95th percentile) and its shipped draws, by rival, in SDs of the prior."""
    with look() as plt:
        target = found.posterior.target
        names = target.coordinates.names
        slow = (set(terms()[1]) | set(terms(ANIMALS)[1])) & set(names)
        places = [k for k, n in enumerate(names) if n in slow]
        colours = data_table("colours")["colour"]
        figure, axes = plt.subplots(figsize=(7.5, 0.24 * len(places) + 1.4))
        rows = np.arange(len(places))[::-1]
        axes.barh(rows, 2 * _NINETY, left=-_NINETY, height=0.72, color="#e3e3e3", label="prior, 90 %")
        jitter = np.random.default_rng(0).uniform(-0.22, 0.22, len(drawn.z))
        for rival in dict.fromkeys(drawn.rival):
            own = [i for i, r in enumerate(drawn.rival) if r == rival]
            free = ~np.asarray(found.condition_held(rival).held)
            points = [
                (drawn.z[i, k], row + jitter[i]) for row, k in zip(rows, places, strict=True) if free[k] for i in own
            ]
            x, y = zip(*points, strict=True)
            axes.plot(x, y, ".", ms=4.5, alpha=0.8, color=colours[_TINT[rival]], label=f"draws, {rival}")
        axes.set_yticks(rows, [names[k] for k in places], fontsize=8)
        axes.set_xlabel("SDs of the prior from its middle")
        axes.set_xlim(-3.5, 3.5)
        axes.set_ylim(-0.8, len(places) - 0.2)
        axes.axvline(0, color="#777777", lw=0.7)
        axes.set_title("Plasticity and mood: prior and posterior draws", fontsize=11, loc="left")
        axes.legend(
            fontsize=8,
            loc="upper center",
            bbox_to_anchor=(0.4, -0.5 / (0.24 * len(places) + 1.4)),
            ncols=4,
            frameon=False,
        )
        _save(plt, figure, path)


def left_out(found: Calibration, path: Path) -> None:
    """Draw every fitted figure against its prediction from the other studies, by kind, and where in its prediction each lies."""
    with look() as plt:
        checked, target = found.check(), found.posterior.target
        unit = np.array([MEASURES[e.measure].unit for _, e in target.figures.endpoints])
        kinds = np.where(np.isin(unit, ["point", "fraction"]), unit, "")
        figure, axes = plt.subplots(2, 2, figsize=(8.6, 8.2))
        for ax, (kind, words) in zip(axes.flat, _PANELS, strict=False):
            own = kinds == kind
            _scatter(ax, target.y[own], checked.mean[own], checked.sd[own], checked.inside[own])
            ax.set_title(f"{words}: {checked.inside[own].sum()} of {own.sum()} inside", fontsize=10, loc="left")
            ax.set_xlabel("published")
            ax.set_ylabel("predicted from the other studies")
        last, bins = axes.flat[-1], np.linspace(0, 1, 11)
        last.hist(checked.level, bins=bins, color=data_table("colours")["colour"]["blue"], rwidth=0.92)
        last.axhline(len(checked.level) / 10, color="#333333", lw=1, ls="--")
        last.set_title("where published figures lie in predictions", fontsize=10, loc="left")
        last.set_xlabel("share of the prediction below it (even: as the dashed line)")
        last.set_ylabel("figures")
        figure.tight_layout()
        _save(plt, figure, path)


def _scatter(ax: Any, y: Floats, mean: Floats, sd: Floats, inside: NDArray[np.bool_]) -> None:
    colours = data_table("colours")["colour"]
    for chosen, colour, words in ((inside, "blue", "inside 90 %"), (~inside, "vermilion", "outside")):
        c = colours[colour]
        ax.errorbar(
            y[chosen], mean[chosen], _NINETY * sd[chosen], fmt=".", ms=5, lw=0.7, color=c, ecolor=c + "66", label=words
        )
    ends = [min(y.min(), mean.min()), max(y.max(), mean.max())]
    ax.plot(ends, ends, color="#333333", lw=0.8)
    ax.legend(fontsize=8, frameon=False, loc="lower right")


def _save(plt: Any, figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Write both pictures."""
    found, out = kept_calibration(argv, "ketasim.report.calibration", main.__doc__, "docs/pictures")
    left_out(found, out / "mood_left_out.png")
    priors(found, found.draws(settings()["draws"]), out / "mood_priors.png")


if __name__ == "__main__":
    main()
