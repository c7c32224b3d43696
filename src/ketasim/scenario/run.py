"""Run a scenario: bind, schedule, draw people, solve in chunks, and gather the result."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from ketasim.dosing import Schedule
from ketasim.engine.choose import Grid, choose_grid
from ketasim.engine.compiled import Program
from ketasim.engine.forcing import joined
from ketasim.engine.settings import settings
from ketasim.engine.solve import Floats, refuse_failures, scale_outputs, solve
from ketasim.engine.structure import analyse, prune
from ketasim.errors import InputError, nearest
from ketasim.kept import fingerprint, kept
from ketasim.parameters import ParameterTable, builtin_table
from ketasim.population import Individuals, individuals
from ketasim.scenario.events import forcing_of, schedule_of
from ketasim.scenario.load import (
    check_lesions,
    check_seed,
    check_size,
    check_switches,
    check_weights,
    default_times,
    limits,
    load_scenario,
    parse_times,
)
from ketasim.scenario.provenance import provenance
from ketasim.scenario.spec import Arm, Scenario
from ketasim.system.bind import system_fingerprint, whole_system
from ketasim.system.drugs import find_drug
from ketasim.system.interactions import with_comedication
from ketasim.system.result import Result
from ketasim.system.species import HUMAN, check_dose, species_table
from ketasim.system.switches import switched

Progress = Callable[[int, int], None]


def configured(
    scenario: Scenario | str,
    *,
    size: int | None = None,
    seed: int | None = None,
    until_h: float | None = None,
    quantities: Sequence[str] | None = None,
    times: Sequence[str] | None = None,
    without: Sequence[str] = (),
    hypotheses: Mapping[str, float] | None = None,
) -> Scenario:
    """Return a scenario (or the one of that name or path) with the given settings replaced. Raises `InputError`.

    `without` and `hypotheses` are added to those of the scenario.
    """
    s = load_scenario(scenario) if isinstance(scenario, str) else scenario
    if until_h is not None:
        if until_h > limits()["longest_horizon_h"]:
            raise InputError("out of bounds", key="until", value=f"{until_h:g} h", expected="at most 20 years")
        starts = [d.start_h for a in s.arms for d in a.doses]
        if not until_h > max([0.0, *starts]):
            raise InputError(
                "the horizon ends before the last dose starts",
                key="until",
                value=f"{until_h:g} h",
                expected="a later time",
            )
        kept = None if s.times_h is None else tuple(t for t in s.times_h if t <= until_h) or (until_h,)
        s = replace(s, horizon_h=until_h, times_h=kept)
    if size is not None:
        s = replace(s, size=check_size(size, "size"))
    if seed is not None:
        s = replace(s, seed=check_seed(seed, "seed"))
    if quantities is not None:
        s = replace(s, quantities=tuple(quantities))
    if times is not None:
        s = replace(s, times_h=parse_times(list(times), s.horizon_h, "times"))
    if without or hypotheses:
        lesions = check_lesions([*s.without, *without], "without")
        s = replace(s, without=lesions, hypotheses=check_weights({**s.hypotheses, **(hypotheses or {})}, "hypotheses"))
        check_switches(s)
    return replace(s, quantities=_checked(s))


def _checked(s: Scenario) -> tuple[str, ...]:
    """Return the quantities asked for; asked for none, all but those of drugs that no arm is given."""
    known = whole_system(s.species).quantities
    for name in s.quantities:
        if name not in known:
            problem = "unknown quantity" if s.species == HUMAN else f"unknown quantity in a {s.species}"
            raise InputError(problem, file=s.file or None, key="quantities", value=name, expected=nearest(name, known))
    given = {"", *given_drugs(s)}
    return tuple(dict.fromkeys(s.quantities)) or tuple(n for n, q in known.items() if q.drug in given)


def given_drugs(s: Scenario) -> set[str]:
    """Return the canonical names of the drugs that any arm of a scenario is given."""
    return {find_drug(d.drug).name for a in s.arms for d in a.doses}


def run(
    scenario: Scenario | str,
    *,
    size: int | None = None,
    seed: int | None = None,
    until_h: float | None = None,
    quantities: Sequence[str] | None = None,
    times: Sequence[str] | None = None,
    without: Sequence[str] = (),
    hypotheses: Mapping[str, float] | None = None,
    tolerance: float | None = None,
    chunk: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Simulate a scenario.

    Parameters
    ----------
    scenario : a `Scenario`, the name of a bundled one, or a path.
    size, seed, until_h (h), quantities, times (such as "40 min") : replace the scenario's own.
    without, hypotheses : lesions, and weights (0 to 1) of rival explanations, added to the scenario's (`system.switches`).
    tolerance : relative error aimed at. chunk : subjects solved at a time; it does not change the result.
    progress : called with (subjects done, subjects in all), counting each arm.

    Returns
    -------
    Result; every arm holds the same people, so arms differ by treatment alone.

    Raises
    ------
    InputError
        If the scenario or an argument is wrong.
    RunError
        If a subject could not be solved; the message names the subject, the bound and the remedy.
    """
    s = configured(
        scenario, size=size, seed=seed, until_h=until_h, quantities=quantities, times=times,
        without=without, hypotheses=hypotheses,
    )  # fmt: skip
    ready = prepare(s, tolerance)
    count = _Counter(s.size * len(s.arms), progress)
    arms = [ready.solve(a, 1, s.size, chunk=chunk, progress=count) for a in range(len(s.arms))]
    stacked = np.stack(arms)  # (arm, time, output, subject)
    values = {n: np.ascontiguousarray(stacked[:, :, k].transpose(0, 2, 1)) for k, n in enumerate(s.quantities)}
    return ready.result(values)


@dataclass(frozen=True)
class Prepared:
    """A checked scenario, ready to be solved for any people of any arm; `times_h` are the output times (h)."""

    scenario: Scenario
    tolerance: float
    tables: tuple[ParameterTable, ...]
    schedules: tuple[Schedule, ...]
    times_h: Floats

    @cached_property
    def program(self) -> Program:
        """The compiled system for the doses of all arms."""
        inputs = tuple(sorted({c for schedule in self.schedules for c in schedule.compartments}))
        return program_for(inputs, self.scenario.quantities, self.scenario.species)

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """The steps of each arm, chosen from the tolerance on its first people, however many the run has.

        Arms with events at the same times share their steps, so that what their treatments leave alone is equal to the bit.
        """
        alike: dict[tuple[tuple[float, float], ...], list[int]] = {}
        for a, schedule in enumerate(self.schedules):
            alike.setdefault(tuple((s.start_h, s.length_h) for s in schedule.segments), []).append(a)
        found = {
            a: grid for arms in alike.values() for a, grid in zip(arms, [self._grid(arms)] * len(arms), strict=True)
        }
        return tuple(found[a] for a in range(len(self.schedules)))

    def _grid(self, arms: Sequence[int]) -> Grid:
        s, program, flat = self.scenario, self.program, self.program.structure.flat
        params, events = [], []
        for a in arms:
            probes = max(1, settings().lanes // len(arms))
            if s.people.people is not None:
                probes = min(probes, s.people.people.size)
            people = individuals(self.tables[a], s.seed, 1, probes, spread=s.spread, population=s.people)
            params.append(people.matrix(flat.params))
            events.append(forcing_of(self.schedules[a], flat.inputs, people, self.tables[a]))
        return choose_grid(program, np.concatenate(params, axis=1), joined(events), self.tolerance, len(self.times_h))

    def solve(
        self,
        arm: int,
        first: int,
        count: int,
        *,
        chunk: int | None = None,
        threads: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Floats:
        """Return the quantities of subjects `first` to `first + count - 1` of an arm (its index), (time, quantity, subject).

        Parameters
        ----------
        chunk : subjects solved at a time (None: all); threads : of the solver (None: one for each core); neither changes
            the result.
        progress : called with the number of subjects just solved.

        Raises
        ------
        RunError
            If a subject could not be solved.
        """
        s, table, parts = self.scenario, self.tables[arm], []
        step = check_size(chunk, "chunk") if chunk is not None else count
        for start in range(first, first + count, step):
            ids = min(step, first + count - start)
            people = individuals(table, s.seed, start, ids, spread=s.spread, population=s.people)
            parts.append(_solved(self, arm, people, threads, progress))
        return np.concatenate(parts, axis=2)

    def result(
        self, values: Mapping[str, Floats], *, whole: Mapping[str, Mapping[str, Floats]] | None = None
    ) -> Result:
        """Return the run's `Result` from `values` (quantity to (arm, subject, time), subjects from the first on).

        Parameters
        ----------
        whole : the statistics of everybody, where `values` hold only the first of the people (see `Result`).
        """
        s, known = self.scenario, whole_system(self.scenario.species).quantities
        held = next(iter(values.values())).shape[1]
        return Result(
            title=s.title,
            arms=tuple(a.name for a in s.arms),
            ids=np.arange(1, held + 1),
            times_h=self.times_h,
            quantities={n: known[n].given(given_drugs(s)) for n in s.quantities},
            values=values,
            seed=s.seed,
            controls=tuple(a.control for a in s.arms),
            doses={a.name: a.dose_texts for a in s.arms},
            dose_times_h={a.name: dose_times([a], s.horizon_h) for a in s.arms},
            drug_times_h={a.name: _by_drug(a, s.horizon_h, {q.drug for q in known.values()}) for a in s.arms},
            provenance=provenance(s, self.tolerance),
            total=None if whole is None else s.size,
            whole=whole,
            species=s.species,
            scenario=s,
        )


def prepare(s: Scenario, tolerance: float | None = None) -> Prepared:
    """Check what is left to check of a configured scenario and lay out its doses and times. Raises `InputError`."""
    tolerance = settings().check_tolerance(s.tolerance if tolerance is None else tolerance)
    s.people.check_size(s.size)
    tables = tuple(arm_table(s, arm) for arm in s.arms)
    schedules = tuple(_placed(s, arm, table) for arm, table in zip(s.arms, tables, strict=True))
    times = np.array(s.times_h or default_times(s.horizon_h, dose_times(s.arms, s.horizon_h)))
    return Prepared(s, tolerance, tables, schedules, times)


@lru_cache(maxsize=32)
def program_for(inputs: tuple[str, ...], quantities: tuple[str, ...], species: str = HUMAN) -> Program:
    """Return the compiled system of a species for doses into `inputs`, reporting `quantities`; kept for the process."""
    key = f"{system_fingerprint()} {fingerprint('engine')} {inputs} {quantities}"
    if species != HUMAN:
        key = f"{species} {key}"
    structure = kept("structure", key, lambda: analyse(prune(whole_system(species).flat, quantities, inputs)))
    return Program(structure, settings(), quantities)


def arm_table(s: Scenario, arm: Arm) -> ParameterTable:
    """Return the parameters of an arm: the package's, then the scenario's, then the arm's own, then those of lesions
    and weighed hypotheses, then times its co-medication's.

    Raises `InputError`.
    """
    table = species_table(builtin_table(), s.species).with_values(s.parameters, file=s.file or None)
    table = table.with_values(arm.parameters, file=s.file or None, key=f"arm {arm.name}.parameters")
    try:
        table = table.with_values(switched(table, s.lesions(arm), s.weights(arm)))
        return with_comedication(table, arm.comedication)
    except InputError as error:
        raise error.at(file=s.file or None) from None


def _placed(s: Scenario, arm: Arm, table: ParameterTable) -> Schedule:
    try:
        for dose in arm.doses:
            check_dose(dose, table, s.species)
        return schedule_of(arm, s.horizon_h, table)
    except InputError as error:
        raise error.at(file=s.file or None, key=f"arm {arm.name}") from None


def dose_times(arms: Sequence[Arm], horizon_h: float) -> list[float]:
    """Return the times (h) within the horizon at which an active dose is given, sorted."""
    times = {d.start_h + k * (d.every_h or 0.0) for a in arms for d in a.doses if d.amount > 0 for k in range(d.count)}
    return sorted(t for t in times if t < horizon_h)


def _by_drug(arm: Arm, horizon_h: float, others: Collection[str]) -> dict[str, list[float]]:
    """Return the times (h) of an arm's active doses by drug: of `others` each by name, of ketamine's family under the empty name."""
    names = [find_drug(d.drug).name for d in arm.doses]
    keys = [n if n in others else "" for n in names]
    return {
        key: dose_times(
            [replace(arm, doses=tuple(d for d, k in zip(arm.doses, keys, strict=True) if k == key))], horizon_h
        )
        for key in dict.fromkeys(keys)
    }


class _Counter:
    """Adds up solved subjects over chunks and arms for the caller's progress."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def __call__(self, solved: int) -> None:
        self.done += solved
        if self.progress is not None:
            self.progress(self.done, self.total)


def _solved(
    ready: Prepared, arm: int, people: Individuals, threads: int | None, progress: Callable[[int], None] | None
) -> Floats:
    """Return the quantities of these people in one arm, (time, quantity, person), in the units of the quantities."""
    program, flat = ready.program, ready.program.structure.flat
    forcing = forcing_of(ready.schedules[arm], flat.inputs, people, ready.tables[arm])
    params = people.matrix(flat.params)
    solution = solve(
        program,
        params,
        forcing,
        ready.times_h,
        tolerance=ready.tolerance,
        grid=ready.grids[arm],
        threads=threads,
        progress=progress,
    )
    refuse_failures(program, solution, people.ids.tolist(), ready.tolerance)
    return scale_outputs(program, solution.outputs)
