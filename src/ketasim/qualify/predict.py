"""Simulate published arms for given parameters: many people or parameter draws side by side, arms with the same events together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Schedule
from ketasim.engine.choose import Grid, choose_grid
from ketasim.engine.compiled import Program
from ketasim.engine.forcing import joined
from ketasim.engine.solve import refuse_failures, scale_outputs, solve
from ketasim.parameters import ParameterTable
from ketasim.population import Individuals
from ketasim.qualify.evaluate import evaluate
from ketasim.qualify.modify import modified
from ketasim.qualify.spec import StudyArm, settings
from ketasim.scenario.events import forcing_of, schedule_of
from ketasim.scenario.load import duration_h
from ketasim.scenario.run import program_for
from ketasim.system.drugs import factors
from ketasim.system.species import check_dose, species_table
from ketasim.units import coherent_factor, convert

Floats = NDArray[np.float64]
Values = Mapping[str, Floats]


@dataclass
class _Group:
    """Arms whose doses fall at the same times, and the steps that serve them all."""

    arms: list[StudyArm]
    times_h: Floats
    grid: Grid | None = None


class Predictor:
    """Predicts every target of some arms; keeps schedules, steps and compiled programs between calls.

    Parameters
    ----------
    arms : the arms; those they are compared with must be among them. table : parameters that a call does not give.
    """

    def __init__(self, arms: Sequence[StudyArm], table: ParameterTable) -> None:
        self.arms, self.table = tuple(arms), table
        self._people: dict[str, Individuals] = {}
        self.tables = {a.species: species_table(table, a.species) for a in arms}
        for a in arms:
            for dose in a.arm.doses:
                check_dose(dose, self.tables[a.species], a.species)
        self.schedules = {a.id: schedule_of(a.arm, a.horizon_h, self.tables[a.species]) for a in arms}
        self.programs = {kind: self._program(kind) for kind in self.tables}
        groups: dict[Any, list[StudyArm]] = {}
        for a in arms:
            key = a.species, tuple((s.start_h, s.length_h) for s in self.schedules[a.id].segments)
            groups.setdefault(key, []).append(a)
        self.groups = [_Group(g, _times(g, [self.schedules[a.id] for a in g])) for g in groups.values()]

    def _program(self, kind: str) -> Program:
        arms = [a for a in self.arms if a.species == kind]
        inputs = sorted({c for a in arms for c in self.schedules[a.id].compartments})
        quantities = sorted({q for a in arms for t in a.targets for q in t.figure.quantities})
        return program_for(tuple(inputs), tuple(quantities), kind)

    @cached_property
    def needed(self) -> frozenset[str]:
        """The canonical parameters that any course can depend on: of the equations, and of the shares that routes name."""
        shares = {str(x) for tree in factors().values() for x in tree.free_symbols}
        equations = {n for program in self.programs.values() for n in program.structure.flat.params}
        return frozenset(equations) | {p.name for p in self.table if p.base in shares}

    def courses(
        self, values: Values, *, progress: Callable[[int], None] | None = None
    ) -> dict[str, tuple[Floats, dict[str, Floats]]]:
        """Return for each arm the times (T, h) and the courses (T, L) of its quantities, in their units.

        Parameters
        ----------
        values : parameters by canonical name, (L,) in the units of the table; L people or draws. progress : called with the
            number of arms just solved.
        """
        found: dict[str, tuple[Floats, dict[str, Floats]]] = {}
        lanes = len(next(iter(values.values())))
        for group in self.groups:
            size = max(1, int(settings()["most_lanes"]) // lanes)
            for k in range(0, len(group.arms), size):
                part = group.arms[k : k + size]
                outputs = self._solve(group, part, values, lanes)
                for i, a in enumerate(part):
                    here = outputs[:, :, i * lanes : (i + 1) * lanes]
                    names = self.programs[a.species].outputs
                    found[a.id] = group.times_h, {q: here[:, j] for j, q in enumerate(names)}
                if progress is not None:
                    progress(len(part))
        return found

    def _solve(self, group: _Group, arms: Sequence[StudyArm], values: Values, lanes: int) -> Floats:
        kind = arms[0].species
        program, table = self.programs[kind], self.tables[kind]
        flat = program.structure.flat
        people = [self.people(a, values, lanes) for a in arms]
        self._people |= {a.id: p for a, p in zip(arms, people, strict=True)}
        params = np.concatenate([p.matrix(flat.params) for p in people], axis=1)
        forcing = joined(
            [forcing_of(self.schedules[a.id], flat.inputs, p, table) for a, p in zip(arms, people, strict=True)]
        )
        tolerance = float(settings()["tolerance"])
        if group.grid is None:
            group.grid = choose_grid(program, params, forcing, tolerance, len(group.times_h))
        solution = solve(program, params, forcing, group.times_h, tolerance=tolerance, grid=group.grid)
        refuse_failures(program, solution, [a.id for a in arms for _ in range(lanes)], tolerance)
        return scale_outputs(program, solution.outputs)

    def people(self, arm: StudyArm, values: Values, lanes: int) -> Individuals:
        """Return the parameters of an arm's people or draws: weight, covariates and co-medication applied, in coherent units."""
        # `relative_weight` spreads people about the weight that the study reports.
        weight = np.broadcast_to(np.asarray(values.get("relative_weight", 1.0), dtype=float) * arm.weight, lanes)
        table = self.tables[arm.species]
        relative = weight / table.resolve("weight_reference").value
        powers = {"": 0.0, "per_kg": 1.0}
        powers |= {s: table.resolve(f"allometric_{s}").value for s in ("clearance", "volume")}
        fixed = {p.name for name in arm.arm.parameters for p in table.find(name)}
        typical = table.with_values(arm.arm.parameters, key=f"{arm.id}.parameters")
        drawn = {p.name: p.value if p.name in fixed else values.get(p.name, p.value) for p in typical}
        own = modified(arm, table, {n: np.asarray(v, dtype=float) for n, v in drawn.items()})
        result = {"weight": weight * coherent_factor("kg")}
        for p in table:
            if p.name in self.needed and p.name != "weight":
                scaled = own[p.name] * relative ** powers[p.scaling] * coherent_factor(p.unit)
                result[p.name] = np.broadcast_to(scaled, lanes)
        return Individuals(np.arange(1, lanes + 1), result)

    def figures(self, values: Values, *, progress: Callable[[int], None] | None = None) -> dict[str, list[Floats]]:
        """Return for each arm the value of each of its targets, (L,), in ng/mL, h, L and the like (see `evaluate`)."""
        courses = self.courses(values, progress=progress)
        by_id = {a.id: a for a in self.arms}
        return {
            a.id: [evaluate(t.figure, a, by_id.get(a.reference), courses, self) for t in a.targets] for a in self.arms
        }

    def clearance(self, arm: StudyArm, analyte: str) -> Floats:
        """Return the clearance of norketamine (L/h, coherent) that the parameters of the last call give an arm, (L,)."""
        values = self._people[arm.id].values
        return values[f"CLN.{analyte[0]}"] * values["CLN_factor"]

    def dose_mass(self, arm: StudyArm) -> float:
        """Return all doses of an arm in mg of the base (weight of the arm)."""
        total = 0.0
        for dose in arm.arm.doses:
            total += convert(dose.amount, dose.unit, "mg") * dose.count * (arm.weight if dose.per_kg else 1.0)
        return total


def _times(arms: Sequence[StudyArm], schedules: Sequence[Schedule]) -> Floats:
    """Return the output times: the grid after each event, the moment after each bolus into a vein, and what figures name.

    The grid is laid out for the horizon of the settings: for a shorter one it is shrunk, for a longer one its last step goes on.
    """
    horizon = arms[0].horizon_h
    breaks = sorted({s.start_h for s in schedules[0].segments if s.start_h == s.start_h})
    grid = np.array(settings()["grid_min"]) / convert(1, "h", "min")
    grid = grid * min(1.0, horizon / duration_h(settings()["horizon"], "horizon"))
    grid = np.concatenate([grid, np.arange(grid[-1], horizon, grid[-1] - grid[-2])[1:]])
    # At the time of a bolus itself the level is that before it.
    segments = [s for one in schedules for s in one.segments]
    into_vein = {s.start_h for s in segments if any(cmt.endswith("_iv") for cmt, *_ in s.impulses)}
    times = {0.0, horizon} | {b + convert(settings()["after_bolus_min"], "min", "h") for b in into_vein}
    for b, after in zip(breaks, [*breaks[1:], np.inf], strict=True):
        times |= {b} | {float(x) for x in b + grid if x < min(after, horizon)}
    for a in arms:
        for target in a.targets:
            f = target.figure
            times |= {t for t in (f.start_h, f.end_h) if t is not None and t <= horizon}
    ordered = np.array(sorted(times))
    return ordered[np.concatenate([[True], np.diff(ordered) > 1e-7])]
