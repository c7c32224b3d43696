"""The joint fit of a design: which figures enter, the model as a function of the coordinates, the spread between people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ketasim.inference.coordinates import Coordinates, coordinates, specification
from ketasim.inference.mode import VariancePrior
from ketasim.inference.summary import Data
from ketasim.parameters import ParameterTable, builtin_table
from ketasim.qualify.errors import kind_of, substance, timed
from ketasim.qualify.observed import Observed, observed
from ketasim.qualify.predict import Predictor
from ketasim.qualify.spec import Design, StudyArm, Target, design
from ketasim.qualify.spread import spreads

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Entry:
    """One figure of the fit: its arm, target and reported side."""

    arm: StudyArm
    index: int
    target: Target
    observed: Observed


class Problem:
    """A fit, as its data file describes it.

    Parameters
    ----------
    name : of the data file. roles : which rows enter; the fit itself takes `calibrate` alone.
    """

    def __init__(self, name: str = "exposure", roles: Sequence[str] = ("calibrate",)) -> None:
        self.name, self.spec = name, specification(name)
        self.table: ParameterTable = builtin_table()
        self.design: Design = design(self.spec["design"])
        self.coordinates: Coordinates = coordinates(self.spec, self.table)
        self.entries = self._entries(roles)
        used = {e.arm.id for e in self.entries} | {e.arm.reference for e in self.entries}
        self.predictor = Predictor([a for a in self.design.arms.values() if a.id in used], self.table)

    def _entries(self, roles: Sequence[str]) -> list[Entry]:
        found = []
        for arm in self.design.arms.values():
            for k, target in enumerate(arm.targets):
                seen = observed(arm, target, self.table)
                if seen.role in roles and not seen.recalled:
                    found.append(Entry(arm, k, target, seen))
        return found

    @cached_property
    def data(self) -> Data:
        """The reported figures as arrays."""
        e, rules = self.entries, self.spec["likelihood"]
        kinds = sorted({kind_of(x.arm, x.target.figure) for x in e})
        blocks = [
            (x.arm.study, kind_of(x.arm, x.target.figure), substance(x.target.figure), x.target.assay, _effect(x)[0])
            for x in e
        ]
        number = {b: i for i, b in enumerate(dict.fromkeys(blocks))}
        width = [(x.observed.high - x.observed.low) / 2 for x in e]
        se = [np.nan if x.observed.se is None else x.observed.se for x in e]
        return Data(
            value=np.array([x.observed.value for x in e]),
            se=np.array([w if w > 0 else s for w, s in zip(width, se, strict=True)]),
            n=np.array([x.observed.n for x in e]),
            mean=np.array([x.observed.mean and not timed(x.target.figure) for x in e]),
            kind=np.array([kinds.index(kind_of(x.arm, x.target.figure)) for x in e]),
            block=np.array([number[b] for b in blocks]),
            sign=np.array([_effect(x)[1] for x in e]),
            reading=np.array([x.observed.reading for x in e]),
            inflation=np.array([float(rules["curve_inflation"]) if x.target.label else 1.0 for x in e]),
            kinds=kinds,
        )

    @property
    def variances(self) -> VariancePrior:
        """The prior of the error SDs."""
        rules = self.spec["likelihood"]
        return VariancePrior(float(rules["tau"]), float(rules["rho"]), float(rules["variance_sd"]))

    def typical(self, values: Mapping[str, Floats]) -> Floats:
        """Return the logs of the figures of a typical person, (J, L), for parameters (L,)."""
        figures = self.predictor.figures(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(np.array([figures[e.arm.id][e.index] for e in self.entries]))

    def model(self, z: Floats, shift: Floats | float = 0.0) -> Floats:
        """Return the logs of what the studies would report, (J, L), at whitened coordinates (K, L)."""
        lanes = int(self.spec["mode"]["lanes"])
        parts = [self.typical(self.coordinates.values(z[:, k : k + lanes])) for k in range(0, z.shape[1], lanes)]
        return (
            np.concatenate(parts, axis=1)
            + np.broadcast_to(np.asarray(shift, dtype=float), (len(self.entries),))[:, None]
        )

    def medians(self, z: Floats) -> dict[str, float]:
        """Return the posterior median of each parameter from draws of the coordinates, (draws, K)."""
        return {n: float(np.median(v)) for n, v in self.coordinates.values(z.T).items()}

    def spread(self, values: Mapping[str, float]) -> Floats:
        """Return the log SD between people of each figure, (J), at typical parameters."""
        found = spreads(self.predictor, values)
        return np.array([found[e.arm.id][e.index] for e in self.entries])


def _effect(entry: Entry) -> tuple[str, float]:
    """Return which of a study's effects a figure carries, and its sign.

    What makes all concentrations of a study high makes its clearances and volumes low; availabilities and ratios
    have an effect of their own.
    """
    verb = entry.target.figure.verb
    if verb in ("cl", "cl_app", "cl_met", "cl_sys", "vss", "vz"):
        return "level", -1.0
    return ("level", 1.0) if verb in ("conc", "cmax", "auc", "auc_inf") else (verb, 1.0)
