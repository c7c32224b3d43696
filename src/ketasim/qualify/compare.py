"""Observed against predicted, for every target of a design: what a study of that size would report, with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable, builtin_table
from ketasim.parameters.draws import draws
from ketasim.qualify.errors import Errors, fitted_errors, kind_of, timed
from ketasim.qualify.observed import Observed, observed, unit_of
from ketasim.qualify.predict import Predictor, Values
from ketasim.qualify.spec import Design, StudyArm, Target, design, settings
from ketasim.qualify.spread import spreads

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """One figure, observed and predicted.

    Attributes
    ----------
    arm, row, study, role, route, drug, analyte, figure, unit, setting : what it is and where it comes from.
    observed, low, high : the reported figure and its 90 % interval (from the reported spread, or the
        predicted one and n; or the printed range).
    n : people, 0 where not known.
    predicted, p05, p95 : median and 90 % interval of what a study of this size would report: parameters,
        study effect, model error and sampling.
    typical05, typical95 : the part of that interval that comes from the parameters alone.
    time_h : where the figure is one point of a course. recalled : nobody has read it in the source; kept out of every summary.
    """

    arm: str
    row: str
    study: str
    role: str
    route: str
    drug: str
    analyte: str
    figure: str
    unit: str
    setting: str
    kind: str
    observed: float
    low: float
    high: float
    n: int
    predicted: float
    p05: float
    p95: float
    typical05: float
    typical95: float
    time_h: float | None
    recalled: bool
    ranged: bool = False

    @property
    def log_fold(self) -> float:
        """The log of predicted over observed; against a printed range, of predicted over its nearer end (0 inside)."""
        if not self.ranged:
            return math.log(self.predicted / self.observed)
        return math.log(self.predicted / min(max(self.predicted, self.low), self.high))

    @property
    def inside(self) -> bool:
        """Whether the report lies in the 90 % predictive interval (a printed range: whether the two meet)."""
        low, high = (self.low, self.high) if self.ranged else (self.observed, self.observed)
        return self.p05 <= high and low <= self.p95


def of_study(whole: Design, study: str) -> Design:
    """Return a design of one study's arms; the arms of others that they are compared with stay, without figures of their own.

    Raises
    ------
    InputError
        If no arm is of that study; names the nearest.
    """
    studies = {a.study for a in whole.arms.values()}
    if study not in studies:
        raise InputError("no arm of this study", key="only", value=study, expected=nearest(study, studies))
    references = {a.reference for a in whole.arms.values() if a.study == study}
    arms = {i: a if a.study == study else replace(a, targets=()) for i, a in whole.arms.items()}
    return Design({i: a for i, a in arms.items() if a.study == study or i in references}, whole.left_out)


class _Lanes(Predictor):
    """A predictor each of whose figures has a value for every draw, also those that no draw changes ("cl_sys" returns one value)."""

    def figures(self, values: Values, *, progress: Callable[[int], None] | None = None) -> dict[str, list[Floats]]:
        lanes = len(next(iter(values.values())))
        found = super().figures(values, progress=progress)
        return {a: [np.broadcast_to(x, lanes) for x in figures] for a, figures in found.items()}


class Qualification:
    """The comparison of a design with the model's predictions.

    Parameters
    ----------
    name : of the design ("exposure"). count : parameter draws. seed : of the draws. table : parameters (default: the package's).
    only : a study id; the arms of this study alone. progress : called with the number of arms just solved.
    """

    def __init__(
        self,
        name: str = "exposure",
        *,
        count: int | None = None,
        seed: int = 1,
        table: ParameterTable | None = None,
        only: str | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.name, self.seed, self.progress = name, seed, progress
        self.count = int(settings()["draws"]) if count is None else count
        self.table = table or builtin_table()
        self.design: Design = design(name) if only is None else of_study(design(name), only)
        self.predictor = _Lanes(list(self.design.arms.values()), self.table)

    @cached_property
    def values(self) -> dict[str, Floats]:
        """The parameter draws, (count,) by canonical name."""
        rows = draws(self.table, self.seed, self.count)
        return {n: np.array([r[n] for r in rows]) for n in rows[0] if n in self.predictor.needed}

    @cached_property
    def figures(self) -> dict[str, list[Floats]]:
        """The figures of the typical person for each draw."""
        return self.predictor.figures(self.values, progress=self.progress)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every target, compared, in the order of the design."""
        between = spreads(self.predictor, {n: float(np.median(v)) for n, v in self.values.items()})
        errors = fitted_errors(self.count)
        generator = np.random.Generator(np.random.Philox(key=self.seed))
        found = []
        for arm in self.design.arms.values():
            for k, target in enumerate(arm.targets):
                seen = observed(arm, target, self.table)
                noise = generator.standard_normal((3, self.count))
                spread = float(between[arm.id][k])
                found.append(_compared(arm, target, seen, np.log(self.figures[arm.id][k]), spread, errors, noise))
        return tuple(found)


def _compared(
    arm: StudyArm, target: Target, seen: Observed, log: Floats, spread: float, errors: Errors, noise: Floats
) -> Comparison:
    f = target.figure
    kind = kind_of(arm, f)
    n = seen.n or int(settings()["unknown_n"])
    se = math.hypot(seen.se if seen.se is not None else spread / math.sqrt(n), seen.reading)
    typical = log + (spread**2 / 2 if seen.mean and not timed(f) else 0.0)
    tau, rho = errors.of(kind)
    study = typical + tau * noise[0] + rho * noise[1] + se * noise[2]
    # 90 %: the normal quantile, as for every interval here.
    reach = 0.0 if seen.ranged else float(settings()["z90"]) * se
    return Comparison(
        arm=arm.id,
        row=seen.row,
        study=seen.study,
        role=seen.role,
        route=arm.route,
        drug=arm.drug,
        analyte=f.analyte,
        figure=f.kind,
        unit=unit_of(f),
        setting=arm.setting,
        kind=kind,
        observed=math.exp(seen.value),
        low=math.exp(seen.low - reach),
        high=math.exp(seen.high + reach),
        n=seen.n,
        predicted=_quantile(typical, 1 / 2),
        p05=_quantile(study, _LOW),
        p95=_quantile(study, 1 - _LOW),
        typical05=_quantile(typical, _LOW),
        typical95=_quantile(typical, 1 - _LOW),
        time_h=f.start_h if f.verb == "conc" else None,
        recalled=seen.recalled,
        ranged=seen.ranged,
    )


_LOW = float(settings()["tail"])


def _quantile(logs: Floats, share: float) -> float:
    """Return a quantile of draws of logs as a number."""
    return float(np.exp(np.nanquantile(logs, share)))


@dataclass(frozen=True)
class Summary:
    """How far predictions lie from reports, over some comparisons.

    gmfe : geometric mean fold error, each arm counted once; low, high : its 90 % interval (studies
        resampled). bias : geometric mean of
    predicted over observed. covered : share of reports inside the 90 % predictive interval. arms, figures : how many.
    """

    gmfe: float
    low: float
    high: float
    bias: float
    covered: float
    arms: int
    figures: int
    studies: int


def summarise(some: Sequence[Comparison], seed: int = 1) -> Summary | None:
    """Return the summary of some comparisons, None if none may be used. Recalled figures never count."""
    used = [c for c in some if not c.recalled and math.isfinite(c.log_fold)]
    if not used:
        return None
    arms: dict[tuple[str, str], list[Comparison]] = {}
    for c in used:
        arms.setdefault((c.study, c.arm), []).append(c)
    error = np.array([np.mean([abs(c.log_fold) for c in group]) for group in arms.values()])
    bias = np.array([np.mean([c.log_fold for c in group]) for group in arms.values()])
    covered = np.array([np.mean([c.inside for c in group]) for group in arms.values()])
    names = [study for study, _ in arms]
    studies = sorted(set(names))
    index = [np.flatnonzero([n == s for n in names]) for s in studies]
    generator = np.random.Generator(np.random.Philox(key=seed))
    picked = generator.integers(len(studies), size=(int(settings()["resamples"]), len(studies)))
    again = [error[np.concatenate([index[i] for i in row])].mean() for row in picked]
    low, high = np.exp(np.quantile(again, [_LOW, 1 - _LOW]))
    return Summary(
        gmfe=float(np.exp(error.mean())),
        low=float(low),
        high=float(high),
        bias=float(np.exp(bias.mean())),
        covered=float(covered.mean()),
        arms=len(arms),
        figures=len(used),
        studies=len(studies),
    )


def group(some: Sequence[Comparison], key: Callable[[Comparison], Any]) -> Mapping[Any, list[Comparison]]:
    """Return the comparisons by key, in order of first appearance."""
    found: dict[Any, list[Comparison]] = {}
    for c in some:
        found.setdefault(key(c), []).append(c)
    return found
