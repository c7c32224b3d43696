"""Simulate a user's own model for a population."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Observation, Record, Schedule, build, expand
from ketasim.engine.compiled import Program
from ketasim.engine.settings import settings
from ketasim.engine.solve import Forcing, refuse_failures, scale_outputs, solve
from ketasim.engine.structure import Structure, analyse
from ketasim.errors import InputError, nearest
from ketasim.files import read_toml
from ketasim.model import FlatModel, ModelSpec, evaluate, flatten_one, load_model, symbol
from ketasim.model.derive import Differentiator
from ketasim.parameters import ParameterTable, read_table
from ketasim.simulate.doses import Dosing, amount_factor, read_dosing
from ketasim.simulate.people import People, read_people
from ketasim.units import coherent_factor, is_compatible

Floats = NDArray[np.float64]
_NEGLIGIBLE = 1e-12  # of a steady state's approach that may be left
_SETTINGS = {"F": "bioavailability", "lag": "lag", "D": "duration", "R": "modelled_rate"}


@dataclass(frozen=True)
class OwnRun:
    """The outcome of a user's model: `values[output]` is (subject, time) in the output's unit."""

    title: str
    calibration: str
    ids: tuple[str, ...]
    times_h: Floats
    units: Mapping[str, str]
    values: Mapping[str, Floats]
    ignored: tuple[str, ...] = ()


def simulate(
    model: str | Path,
    parameters: str | Path,
    dosing: str | Path,
    population: str | Path | None = None,
    *,
    times_h: Sequence[float] | Floats | None = None,
    outputs: Sequence[str] | None = None,
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
    population : a CSV whose columns override parameters; None: one typical subject.
    times_h : output times (h), by default the observations (EVID 0) of the event table.

    Raises
    ------
    InputError
        For a wrong file, with its place.
    RunError
        If a subject could not be solved.
    """
    spec, table = _model_and_table(Path(model), Path(parameters))
    doses = read_dosing(Path(dosing), _dose_inputs(spec, model))
    absorbed = {n: table.resolve(n) for n in sorted(table.bases()) if n.partition("_")[2] in spec.inputs}
    known = dict(spec.params) | {n: p.unit for n, p in absorbed.items()}
    people = People(("1",), {}) if population is None else read_people(Path(population), known)
    times = np.asarray(doses.observations_h if times_h is None else times_h, dtype=float)
    _check_times(times)
    wanted = _outputs(spec, outputs)
    program = Program(analyse(flatten_one(spec)), settings(), wanted)
    values = np.empty((len(times), len(wanted), len(people.ids)))
    done = 0
    for members, records in _groups(doses, people, absorbed, spec):
        values[:, :, members] = _group(program, spec, table, people, members, records, times, tolerance)
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


def _groups(
    doses: Dosing, people: People, absorbed: Mapping[str, object], spec: ModelSpec
) -> list[tuple[NDArray[np.int64], Sequence[Record]]]:
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
    groups = []
    shaping = [people.columns[n] for n in absorbed if n in people.columns]
    for owner, members in who.items():
        split: dict[tuple[float, ...], list[int]] = {}
        for k in members:
            split.setdefault(tuple(float(c[k]) for c in shaping), []).append(k)
        groups += [(np.array(part), doses.records[owner]) for part in split.values()]
    return groups


def _group(
    program: Program,
    spec: ModelSpec,
    table: ParameterTable,
    people: People,
    members: NDArray[np.int64],
    records: Sequence[Record],
    times: Floats,
    tolerance: float | None,
) -> Floats:
    flat = program.structure.flat
    params = _parameters(flat, spec, table, people, members)
    schedule = _schedule(program.structure, records, params, table, people, members, spec, float(times.max()))
    forcing = _forcing(schedule, spec, len(members))
    solution = solve(program, params, forcing, times, tolerance=tolerance)
    refuse_failures(program, solution, [people.ids[k] for k in members], tolerance)
    return scale_outputs(program, solution.outputs)


def _parameters(
    flat: FlatModel, spec: ModelSpec, table: ParameterTable, people: People, members: NDArray[np.int64]
) -> Floats:
    rows = []
    for name in flat.params:
        if name in people.columns:
            rows.append(people.columns[name][members] * coherent_factor(spec.params[name]))
        else:
            rows.append(np.full(len(members), table.resolve(name).coherent))
    return np.array(rows).reshape(len(rows), len(members))


def _schedule(
    structure: Structure,
    records: Sequence[Record],
    params: Floats,
    table: ParameterTable,
    people: People,
    members: NDArray[np.int64],
    spec: ModelSpec,
    last_h: float,
) -> Schedule:
    given: dict[str, dict[str, float]] = {}
    for prefix, argument in _SETTINGS.items():
        for name in spec.inputs:
            column = f"{prefix}_{name}"
            if column in people.columns:
                value = float(people.columns[column][members[0]]) * coherent_factor(table.resolve(column).unit)
            elif column in table.bases():
                value = table.resolve(column).coherent
            else:
                continue
            # A modelled rate stands beside amounts in the table's own unit.
            value = value / amount_factor(spec.inputs[name]) if prefix == "R" else value
            given.setdefault(argument, {})[name] = value
    steady = any(r.ss for r in records)
    primitives = expand(
        records, run_in_h=_run_in_h(structure, params[:, 0]) if steady else None, linear=not structure.rest,
        compartments=list(spec.inputs), **given,  # type: ignore[arg-type]
    )  # fmt: skip
    due = [p for p in primitives if not isinstance(p, Observation) or p.time <= last_h]
    return build(due, max(last_h, settings().first_step_h))


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


def _forcing(schedule: Schedule, spec: ModelSpec, count: int) -> Forcing:
    names = list(spec.inputs)
    factors = {n: amount_factor(u) for n, u in spec.inputs.items()}
    bolus = np.zeros((len(schedule.segments), len(names), count))
    rate = np.zeros_like(bolus)
    for k, segment in enumerate(schedule.segments):
        for target, given in ((bolus, segment.impulses), (rate, segment.rates)):
            for cmt, amount, _ in given:
                target[k, names.index(cmt)] += amount * factors[cmt]
    return Forcing.of(schedule, bolus, rate)
