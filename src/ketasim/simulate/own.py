"""Simulate a user's own model for a population."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Break, Observation, Primitive, Schedule, Segment, build, expand
from ketasim.engine.compiled import Program
from ketasim.engine.forcing import Forcing
from ketasim.engine.settings import settings
from ketasim.engine.solve import Solution, refuse_failures, scale_outputs, solve
from ketasim.engine.structure import Structure, analyse
from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.model import ModelSpec, evaluate, flatten_one, load_model, symbol
from ketasim.model.derive import Differentiator
from ketasim.parameters import ParameterTable, read_table
from ketasim.simulate.covariates import Course, check_rule
from ketasim.simulate.doses import Dosing, amount_factor, read_dosing
from ketasim.simulate.people import People, read_people
from ketasim.simulate.pieces import Piece, pieces_of, solve_pieces
from ketasim.units import coherent_factor, is_compatible

Floats = NDArray[np.float64]
_NEGLIGIBLE = 1e-12  # of a steady state's approach that may be left
_SETTINGS = {"F": "bioavailability", "lag": "lag", "D": "duration", "R": "modelled_rate"}


@dataclass(frozen=True)
class OwnRun:
    """The outcome of a user's model: `values[output]` is (subject, time) in the output's unit.

    `ignored` and `ignored_events` name the columns of the population and of the event table that were not used.
    """

    title: str
    calibration: str
    ids: tuple[str, ...]
    times_h: Floats
    units: Mapping[str, str]
    values: Mapping[str, Floats]
    ignored: tuple[str, ...] = ()
    ignored_events: tuple[str, ...] = ()


def simulate(
    model: str | Path,
    parameters: str | Path,
    dosing: str | Path,
    population: str | Path | None = None,
    *,
    times_h: Sequence[float] | Floats | None = None,
    outputs: Sequence[str] | None = None,
    covariates: str | None = None,
    tolerance: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> OwnRun:
    """Simulate a model file.

    Parameters
    ----------
    model : a model file (docs/model_files.md) whose inputs all receive doses.
    parameters : a parameter table, or plain quantities (`CL = "79 L/h"`). `F_`, `lag_`, `D_` or `R_` before an input's name
        give its bioavailability, lag, modelled duration (RATE -2) and modelled rate (RATE -1).
    dosing : an event table (CSV) or a regimen (TOML).
    population : a CSV whose columns override parameters; None: the subjects of the event table, typical but for its columns.
    covariates : when a column of the event table that is a parameter takes its next value: "locf" or "nocb" (`RULES`).
    times_h : output times (h), by default the observations (EVID 0) of the event table.

    Raises
    ------
    InputError
        For a wrong file, with its place.
    RunError
        If a subject could not be solved.
    """
    spec, table = _model_and_table(Path(model), Path(parameters))
    inputs = _dose_inputs(spec, model)
    absorbed = {n: table.resolve(n) for n in sorted(table.bases()) if n.partition("_")[2] in spec.inputs}
    known = dict(spec.params) | {n: p.unit for n, p in absorbed.items()}
    doses = read_dosing(Path(dosing), inputs, table, known, check_rule(covariates))
    people = _people(population, dosing, known, table, doses, absorbed)
    times = np.asarray(doses.observations_h if times_h is None else times_h, dtype=float)
    _check_times(times)
    wanted = _outputs(spec, outputs)
    program = Program(analyse(flatten_one(spec)), settings(), wanted)
    values = np.empty((len(times), len(wanted), len(people.ids)))
    done = 0
    for owner, members in _groups(doses, people, absorbed):
        group = _Group(program, spec, table, people, members, doses, owner)
        values[:, :, members] = group.solve(times, tolerance)
        done += len(members)
        if progress is not None:
            progress(done, len(people.ids))
    return OwnRun(
        title=spec.title,
        calibration=spec.calibration or "the user's own model",
        ids=people.ids,
        times_h=times,
        units={n: spec.outputs[n].unit for n in wanted},
        values={n: np.ascontiguousarray(values[:, k].T) for k, n in enumerate(wanted)},
        ignored=people.ignored,
        ignored_events=doses.ignored,
    )


def _model_and_table(model: Path, parameters: Path) -> tuple[ModelSpec, ParameterTable]:
    data = read_toml(model)
    listed = data.get("params", {})
    table = read_table(parameters, listed if isinstance(listed, dict) else None)
    try:
        spec = load_model(data, name=model.stem, file=model, unit_of=table.unit)
        for name, unit in spec.params.items():
            found = table.resolve(name)
            if not is_compatible(found.unit, unit):
                raise InputError(
                    "unit slip", file=parameters, key=name, value=found.unit, expected=f"[{unit}], as the model says"
                )
    except InputError as error:
        raise error.at(file=parameters) from None
    return spec, table


def _dose_inputs(spec: ModelSpec, model: str | Path) -> Mapping[str, str]:
    for name, unit in spec.inputs.items():
        if not (is_compatible(unit, "mg/h") or is_compatible(unit, "umol/h")):
            raise InputError(
                "this input cannot receive a dose",
                file=model,
                key=f"inputs.{name}",
                value=unit,
                expected="amount per time",
            )
    if not spec.inputs:
        raise InputError(
            "the model has no dose input", file=model, key="inputs", expected='for example [inputs] R1 = "mg/h"'
        )
    return spec.inputs


def _check_times(times: Floats) -> None:
    if times.size == 0:
        raise InputError(
            "no output times", key="times", expected="--times, or observations (EVID 0) in the event table"
        )
    if not np.isfinite(times).all() or times.min() < 0:
        raise InputError("not an output time", key="times", value=float(times.min()), expected="times of 0 h or later")


def _outputs(spec: ModelSpec, outputs: Sequence[str] | None) -> tuple[str, ...]:
    for name in outputs or ():
        if name not in spec.outputs:
            raise InputError("unknown output", key="outputs", value=name, expected=nearest(name, spec.outputs))
    return tuple(outputs or spec.outputs)


def _people(
    population: str | Path | None,
    dosing: str | Path,
    known: Mapping[str, str],
    table: ParameterTable,
    doses: Dosing,
    absorbed: Mapping[str, object],
) -> People:
    """Return the subjects; covariates of the event table that do not change are columns of theirs. Raises `InputError`."""
    if population is None:
        people = People(tuple(str(n) for n in doses.records if n is not None) or ("1",), {})
    else:
        people = read_people(Path(population), known, table)
    for name in doses.covariates:
        if name in people.columns:
            raise InputError(
                "stands in the event table too",
                file=population,
                line=1,
                key=name,
                expected="each covariate in one file",
            )
        if name in doses.changing and name in absorbed:
            raise InputError(
                "changes, and it shapes the times of doses",
                file=dosing,
                line=1,
                key=name,
                expected="one value a subject",
            )
    columns = dict(people.columns)
    shared = doses.records.keys() == {None}
    owned = [doses.courses.get(None if shared else i) for i in people.ids]
    for name in set(doses.covariates) - doses.changing:
        columns[name] = np.array([np.nan if c is None else c.values[name][0] for c in owned])
    return replace(people, columns=columns)


def _groups(
    doses: Dosing, people: People, absorbed: Mapping[str, object]
) -> list[tuple[str | None, NDArray[np.int64]]]:
    """Subjects who share records and whatever shapes the times of their events; each group has one schedule."""
    if doses.records.keys() == {None}:
        who: dict[str | None, list[int]] = {None: list(range(len(people.ids)))}
    else:
        who = {}
        for k, name in enumerate(people.ids):
            if name not in doses.records:
                raise InputError(
                    "a subject without dosing records",
                    key="ID",
                    value=name,
                    expected=nearest(name, [str(n) for n in doses.records]),
                )
            who.setdefault(name, []).append(k)
    groups: list[tuple[str | None, NDArray[np.int64]]] = []
    shaping = [people.columns[n] for n in absorbed if n in people.columns]
    for owner, members in who.items():
        split: dict[tuple[float, ...], list[int]] = {}
        for k in members:
            split.setdefault(tuple(float(c[k]) for c in shaping), []).append(k)
        groups += [(owner, np.array(part)) for part in split.values()]
    return groups


@dataclass(frozen=True)
class _Group:
    """Subjects who share one schedule, solved together."""

    program: Program
    spec: ModelSpec
    table: ParameterTable
    people: People
    members: NDArray[np.int64]
    doses: Dosing
    owner: str | None

    def solve(self, times: Floats, tolerance: float | None) -> Floats:
        """Return the outputs (times, outputs, members) in the units of the outputs."""
        program, ids = self.program, [self.people.ids[k] for k in self.members]
        course = self._course()

        def advance(piece: Piece, local: Floats, start: Floats | None) -> Solution:
            forcing = _forcing(piece.segments, self.spec, len(ids))
            params = self._parameters(piece.values)
            solution = solve(program, params, forcing, local, start=start, tolerance=tolerance)
            refuse_failures(program, solution, ids, tolerance)
            return solution

        last_h = float(times.max())
        if course is None or len(course.starts_h) == 1:
            values = {} if course is None else {n: v[0] for n, v in course.values.items()}
            whole = Piece(0.0, self._schedule(values, (), last_h).segments, values, True, True)
            return scale_outputs(program, advance(whole, times, None).outputs)
        schedule = self._schedule({}, course.starts_h, last_h)
        return scale_outputs(program, solve_pieces(pieces_of(schedule, course), times, advance))

    def _course(self) -> Course | None:
        """Return the covariates that change in somebody, None where there are none."""
        changing = sorted(self.doses.changing)
        return self.doses.courses[self.owner].only(changing) if changing else None

    def _parameters(self, now: Mapping[str, float]) -> Floats:
        """Return (parameters, members) in coherent units, with the covariates of the present piece."""
        rows, count = [], len(self.members)
        for name in self.program.structure.flat.params:
            if name in now:
                rows.append(np.full(count, now[name] * coherent_factor(self.spec.params[name])))
            elif name in self.people.columns:
                rows.append(self.people.columns[name][self.members] * coherent_factor(self.spec.params[name]))
            else:
                rows.append(np.full(count, self.table.resolve(name).coherent))
        return np.array(rows).reshape(len(rows), count)

    def _schedule(self, now: Mapping[str, float], cuts: Sequence[float], last_h: float) -> Schedule:
        """Return the schedule to the last output, with a break at each of `cuts` (h); `now`: covariates of a steady state."""
        records, structure = self.doses.records[self.owner], self.program.structure
        steady = any(r.ss for r in records)
        primitives: list[Primitive] = expand(
            records, run_in_h=_run_in_h(structure, self._parameters(now)[:, 0]) if steady else None,
            linear=not structure.rest, compartments=list(self.spec.inputs), **self._given(),  # type: ignore[arg-type]
        )  # fmt: skip
        due = [p for p in primitives if not isinstance(p, Observation) or p.time <= last_h]
        due += [Break(c, (0, 0, 0)) for c in cuts]
        return build(due, max(last_h, settings().first_step_h))

    def _given(self) -> dict[str, dict[str, float]]:
        """Return bioavailability, lag, modelled duration and rate of the inputs that have them, as `expand` takes them."""
        given: dict[str, dict[str, float]] = {}
        for prefix, argument in _SETTINGS.items():
            for name, unit in self.spec.inputs.items():
                column = f"{prefix}_{name}"
                if column in self.people.columns:
                    own = float(self.people.columns[column][self.members[0]])
                    value = own * coherent_factor(self.table.resolve(column).unit)
                elif column in self.table.bases():
                    value = self.table.resolve(column).coherent
                else:
                    continue
                # A modelled rate stands beside amounts in the table's own unit.
                value = value / amount_factor(unit) if prefix == "R" else value
                given.setdefault(argument, {})[name] = value
        return given


def _run_in_h(structure: Structure, params: Floats) -> float:
    """How long a steady state is approached: until the slowest decay of the typical subject has died away."""
    flat = structure.flat
    values = {symbol(n): v for n, v in zip(flat.params, params, strict=True)}
    start = evaluate(flat.initial, values, np)
    values |= dict(zip(flat.state_symbols, start, strict=True)) | {symbol(n): 0.0 for n in flat.inputs}
    helper = Differentiator()
    jacobian = np.array(
        [[float(evaluate([helper.diff(r, s)], values, np)[0]) for s in flat.state_symbols] for r in flat.rates]
    )
    decays = -np.linalg.eigvals(jacobian).real
    slow = decays[decays > np.abs(decays).max(initial=0.0) * _NEGLIGIBLE]
    if len(slow) == 0:
        raise InputError("this model has no steady state", key="SS", expected="a model in which everything decays")
    return math.log(1 / _NEGLIGIBLE) / float(slow.min())


def _forcing(segments: Sequence[Segment], spec: ModelSpec, count: int) -> Forcing:
    names = list(spec.inputs)
    factors = {n: amount_factor(u) for n, u in spec.inputs.items()}
    bolus = np.zeros((len(segments), len(names), count))
    rate = np.zeros_like(bolus)
    for k, segment in enumerate(segments):
        for target, given in ((bolus, segment.impulses), (rate, segment.rates)):
            for cmt, amount, _ in given:
                target[k, names.index(cmt)] += amount * factors[cmt]
    return Forcing.of(Schedule(tuple(segments), (), 0.0), bolus, rate)
